"""Published problems with no settings: solved, verified, proved, wrong but verified, time; by library and class.

    python benchmarks/libraries.py [FOLDER...]      models/libraries by default
        --seconds 60    at most for one problem
        --jobs 2        problems side by side
        --only TEXT     in the name of the file
        --json FILE     every problem with its numbers

Solved: the upper value is within 1 % of the reference or better, both levels feasible to 1e-6, and no answer of the
follower is better by more than 1e-6 of its value; where there is no point, that is said. The two before the last are checked
here, apart from the certificate: IPOPT on the follower, from the point and from `STARTS` others. Wrong but verified:
`verified`, and the follower's answer or feasibility does not stand this check or, for a global claim, the value is worse
than the reference.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter

import casadi as ca
import numpy as np

import bilevel_dsl as bl
from bilevel_dsl.model.bounds import with_bounds
from bilevel_dsl.model.structure import analyse

LIBRARIES = Path(__file__).parents[1] / "models" / "libraries"
STARTS = 12
NEAR = 1e-2  # of the reference
NO_POINT = "no bilevel-feasible point"  # how the source of a model begins that has no answer
FEASIBLE = 1e-6
QUIET = {
    "print_time": False,
    "ipopt": {"print_level": 0, "sb": "yes", "max_iter": 500, "tol": 1e-10, "bound_relax_factor": 0.0},
}


def follower_class(problem: bl.Problem) -> str:
    structure = analyse(problem)
    if structure.simple:
        return "simple"
    if structure.lower_linear:
        return "linear"
    return "convex" if structure.lower_convex in ("yes", "sampled") else "not convex"


def checked(problem: bl.Problem, solution) -> tuple[float, float]:
    """Violation of both levels, and how much better the follower can do, relative to its value."""
    oracles, problem = bl.functions_of(problem), with_bounds(problem)
    x = np.concatenate([np.ravel(solution[v.name], order="F") for v in problem.upper_variables] or [np.zeros(0)])
    y = np.concatenate([np.ravel(solution[v.name], order="F") for v in problem.lower_variables])
    point = [x, y, *oracles.data]
    worst = 0.0
    for name, project in (("c", "project_x"), ("h", "project_y")):
        rows = np.array(oracles[name](*point)).ravel()
        constraints = problem.upper_constraints if name == "c" else problem.lower_constraints
        kinds = [c.kind for c in constraints for _ in range(c.expression.numel())]
        broken = [abs(r) if k == "eq" else max(r, 0) for r, k in zip(rows, kinds)]
        v = x if name == "c" else y
        moved = np.array(oracles[project](v, *oracles.data)).ravel() - v if v.size else np.zeros(0)
        size = 1 + float(np.max(np.abs(np.concatenate([x, y])), initial=0.0))
        worst = max(worst, *(b / size for b in broken), *(np.abs(moved) / size), 0.0)
    return float(worst), _gap(problem, oracles, x, y)


def _gap(problem: bl.Problem, oracles, x: np.ndarray, y: np.ndarray) -> float:
    """(g(x, y) - the best found) / max(1, |g|): the follower solved anew from several starts."""
    symbol = ca.MX.sym("y", y.size)
    g = oracles["g"](x, symbol, *oracles.data)
    rows = oracles["h"](x, symbol, *oracles.data)
    low = [0.0 if c.kind == "eq" else -np.inf for c in problem.lower_constraints for _ in range(c.expression.numel())]
    projected = ca.Function("project", [symbol], [oracles["project_y"](symbol, *oracles.data)])
    solver = ca.nlpsol("follower", "ipopt", {"x": symbol, "f": ca.densify(g), "g": rows}, QUIET)
    here, rng = float(oracles["g"](x, y, *oracles.data)), np.random.default_rng(0)
    # sets that are boxes are bounds; other sets are left to the rows of the certificate
    far = np.array(projected(np.full(y.size, 1e20))).ravel()
    near = np.array(projected(np.full(y.size, -1e20))).ravel()
    best = here
    for k in range(1 + STARTS):
        start = y if k == 0 else np.clip(y + rng.normal(size=y.size) * (1 + np.abs(y)) * 3.0 ** (k % 3), near, far)
        try:
            found = solver(x0=start, lbx=near, ubx=far, lbg=low, ubg=0.0)
        except RuntimeError:
            continue
        z = np.array(found["x"]).ravel()
        values = np.array(oracles["h"](x, z, *oracles.data)).ravel()
        excess = max([abs(v) if b == 0.0 else v for v, b in zip(values, low)], default=0.0)
        distance = np.max(np.abs(np.array(projected(z)).ravel() - z), initial=0.0)
        if max(excess, distance) <= 1e-7 and float(found["f"]) < best:
            best = float(found["f"])
    return (here - best) / max(1.0, abs(here))


def one(path: Path, seconds: float) -> dict:
    problem = bl.load(path)
    began = perf_counter()
    solution = bl.solve(problem, time_limit=seconds)
    took = perf_counter() - began
    row = {
        "name": path.stem,
        "library": path.parent.name,
        "class": follower_class(problem),
        "method": solution.method,
        "status": solution.status,
        "verified": solution.verified,
        "proved": solution.certificate.proved,
        "scope": solution.certificate.scope,
        "upper": solution.upper,
        "reference": problem.reference.upper,
        "seconds": took,
        "attempts": len(solution.attempts),
        "violation": None,
        "gap": None,
    }
    if solution.upper is not None:
        row["violation"], row["gap"] = checked(problem, solution)
    return row | {"solved": solved(problem, row), "wrong": wrong(problem, row)}


def worse(problem: bl.Problem, row: dict) -> bool:
    """Than the reference, by more than is allowed."""
    if row["reference"] is None:
        return False
    away = problem.f.sense * (row["upper"] - row["reference"])
    return not away <= NEAR * max(abs(row["reference"]), 1e-2)


def stands(row: dict) -> bool:
    return row["violation"] is not None and row["violation"] <= FEASIBLE and row["gap"] <= FEASIBLE


def solved(problem: bl.Problem, row: dict) -> bool:
    if problem.reference.source.startswith(NO_POINT):
        return row["status"] == "infeasible"
    return row["upper"] is not None and stands(row) and not worse(problem, row)


def wrong(problem: bl.Problem, row: dict) -> bool:
    if not row["verified"]:
        return False
    return not stands(row) or ("proved" in row["scope"] and worse(problem, row))


def table(rows: list[dict]) -> str:
    lines = [
        "| | problems | solved | verified | proved | global | wrong but verified | median s | slowest s |",
        "|" + " --- |" * 9,
    ]
    groups = [
        (f"{name} ({key})", [r for r in rows if r[key] == name]) for key in ("library", "class") for name in names(rows, key)
    ]
    for name, group in [*groups, ("all", rows)]:
        times = [r["seconds"] for r in group]
        count = [sum(bool(r[k]) for r in group) for k in ("solved", "verified", "proved")]
        everywhere = sum(r["scope"] != "local" for r in group)
        cells = [
            name,
            len(group),
            *count,
            everywhere,
            sum(r["wrong"] for r in group),
            f"{median(times):.2f}",
            f"{max(times):.1f}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def names(rows: list[dict], key: str) -> list[str]:
    return sorted({r[key] for r in rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[LIBRARIES])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    paths = sorted(p for folder in given.folders for p in folder.rglob("*.bilevel") if given.only in p.stem)
    rows = []
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(one, path, given.seconds): path for path in paths}
        for future in as_completed(running):
            try:
                row = future.result()
            except Exception as error:  # noqa: BLE001  a fault of the program is a result too
                print(f"{running[future].stem}: {type(error).__name__}: {error}", flush=True)
                continue
            rows.append(row)
            words = ["solved" if row["solved"] else "NOT SOLVED", *(k for k in ("verified", "wrong") if row[k])]
            print(
                f"{row['library']}/{row['name']}: {', '.join(words)}: {row['upper']} for {row['reference']}, "
                f"{row['status']}, {row['method']}, {row['class']}, {row['seconds']:.1f} s, {row['attempts']} attempts",
                flush=True,
            )
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

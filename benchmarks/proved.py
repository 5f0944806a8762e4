"""Global answers of small linear and quadratic problems: how many are right, how many proved, in what time.

    python benchmarks/proved.py [--count 8] [--rival PYTHON] [--discopt PYTHON] [--pao PYTHON] [--big-m 10 --big-m 1e4]

The random problems of `tests/truth`, whose truth is found by enumeration, and the tolls, bids and markets of
`benchmarks/proved`. Each is solved by a process of its own, `bileveldsl solve MODEL` without a flag; seconds are of
the whole process, and in brackets of its processors. With --rival, a Python that has highspy, the same problems are solved
as a user would by hand: the follower's conditions, each pair with a binary and the constant M, by HiGHS; where the leader
is not linear that is not possible. With --discopt, a Python that has discopt, its `BilevelProblem` (conditions with
disjunctions) gets them, with each constant as the bound on multipliers, and on variables without one, that it asks for;
models that use `dual` are left out. With --pao, a Python that has pao and highspy (pao 1.0.2 wants numpy<2, pyomo==6.6.2
and pyutilib), its solver FA (Fortuny-Amat, with M) gets the linear ones of these. A wrong answer that is claimed to be
the optimum counts as "false".
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
FAMILIES = (
    "linear bilinear degenerate coupled leader_equations mixed_equations quadratic quadratic_leader quadratic_coupled"
).split()
COMMAND = "from bilevel_dsl.cli.process import command; command()"  # what is installed as bileveldsl
RIGHT = 1e-5  # relative to the range of f, or to the value

HIGHS = """
import json, sys, highspy, numpy as np
d = json.load(open(sys.argv[1])); M = float(sys.argv[2])
h = highspy.Highs(); h.setOptionValue("output_flag", False)
inf = highspy.kHighsInf
number = lambda v: inf if v is None else v
n = len(d["cost"])
for c, l, u in zip(d["cost"], d["low"], d["high"]):
    h.addCol(c, -inf if l is None else l, number(u), 0, [], [])
for row, l, u in zip(d["rows"], d["row_low"], d["row_high"]):
    h.addRow(-inf if l is None else l, number(u), len(row), [int(j) for j, _ in row], [a for _, a in row])
for k, (i, j) in enumerate(d["pairs"]):
    h.addCol(0.0, 0.0, 1.0, 0, [], []); h.changeColIntegrality(n + k, highspy.HighsVarType.kInteger)
    h.addRow(-inf, 0.0, 2, [i, n + k], [1.0, -M]); h.addRow(-inf, M, 2, [j, n + k], [1.0, M])
h.run()
ok = h.getModelStatus() == highspy.HighsModelStatus.kOptimal
print(json.dumps({"upper": h.getInfo().objective_function_value + d["constant"] if ok else None, "claimed": ok}))
"""

DISCOPT = """
import json, sys
from discopt.bilevel import BilevelProblem
from discopt.modeling.core import Model
d = json.load(open(sys.argv[1])); m = Model("m")
most = float(sys.argv[2])  # it asks for bounds of all variables, too
limits = lambda low, high: {"lb": -most if low is None else low, "ub": most if high is None else high}
v = [m.continuous(f"v{k}", **limits(low, high)) for k, (low, high) in enumerate(zip(d["low"], d["high"]))]
def value(q):
    terms = [c * v[i] for i, c in q["first"]] + [c * v[i] * v[j] for i, j, c in q["second"]]
    return sum(terms[1:], terms[0]) + q["constant"] if terms else 0 * v[0] + q["constant"]
rows = lambda key: [value(q) == 0 if q["equal"] else value(q) <= 0 for q in d[key]]
m.minimize(value(d["f"]))
for row in rows("c"):
    m.subject_to(row)
nx = d["nx"]
b = BilevelProblem(m, upper_vars=v[:nx], lower_vars=v[nx:], lower_objective=value(d["g"]), lower_constraints=rows("h"),
    multiplier_ub=most)
b.formulate(method="kkt", mpec_method="gdp")
r = m.solve(time_limit=60)
print(json.dumps({"upper": r.objective, "claimed": r.status == "optimal" and bool(r.gap_certified)}))
"""

PAO = """
import json, sys, contextlib, io
import pao, pyomo.environ as pe
from pao.pyomo import SubModel
from pao.pyomo.convert import convert_pyomo2MultilevelProblem
d = json.load(open(sys.argv[1])); m = pe.ConcreteModel(); nx = d["nx"]
limits = lambda m, k: (d["low"][k], d["high"][k])
m.x = pe.Var(range(nx), bounds=limits); m.y = pe.Var(range(nx, len(d["low"])), bounds=limits)
v = lambda k: m.x[k] if k < nx else m.y[k]
value = lambda q: sum(c * v(i) for i, c in q["first"]) + q["constant"]
m.o = pe.Objective(expr=value(d["f"])); m.L = SubModel(fixed=m.x); m.L.o = pe.Objective(expr=value(d["g"]))
for block, key in ((m, "c"), (m.L, "h")):
    block.rows = pe.ConstraintList()
    for q in d[key]:
        block.rows.add(value(q) == 0 if q["equal"] else value(q) <= 0)
with contextlib.redirect_stdout(io.StringIO()):
    problem, solution = convert_pyomo2MultilevelProblem(m)
    r = pao.Solver("pao.mpr.FA").solve(problem, mip_solver="appsi_highs", bigm=float(sys.argv[2]))
    solution.copy(From=problem, To=m)
print(json.dumps({"upper": pe.value(m.o), "claimed": str(r.solver.termination_condition).endswith("optimal")}))
"""


@dataclass
class Case:
    """A model with its global value, as written, and what counts as right."""

    family: str
    path: Path
    value: float
    near: float


@dataclass
class Run:
    upper: float | None
    claimed: bool  # to be the global optimum
    wall: float
    busy: float


def cases(folder: Path, count: int) -> list[Case]:
    """All problems, as files."""
    import bilevel_dsl as bl
    from tests.truth.families import instance

    found = []
    for family in FAMILIES:
        for seed in range(count):
            one = instance(family, seed)
            path = folder / f"{family}_{seed}.bilevel"
            path.write_text(one.text)
            problem = bl.load(path)
            value = problem.f.sense * one.judge(one.best).value
            found.append(Case(family, path, value, RIGHT * max(one.scale, abs(value))))
    for path in sorted((ROOT / "benchmarks" / "proved").glob("*.bilevel")):
        value = bl.load(path).reference.upper
        found.append(Case("tolls, bids, markets", path, value, RIGHT * max(1.0, abs(value))))
    return found


def ours(case: Case, folder: Path) -> Run:
    """`bileveldsl solve` as a process."""
    out = folder / "r.json"
    out.unlink(missing_ok=True)
    _, wall, busy = timed([sys.executable, "-c", COMMAND, "solve", case.path, "-q", "--json", out])
    made = json.loads(out.read_text()) if out.exists() else {"upper": None, "certificate": {"scope": ""}, "proved": False}
    claimed = made["proved"] and made["certificate"]["scope"] == "global (proved)"
    return Run(made["upper"], claimed, wall, busy)


def big_m(case: Case, folder: Path, python: str, M: float) -> Run | None:
    """The follower's conditions with binaries, by HiGHS; None where the leader is not linear."""
    data = written(case)
    if data is None:
        return None
    file = folder / "m.json"
    file.write_text(json.dumps(data))
    out, wall, busy = timed([python, "-c", HIGHS, file, str(M)])
    made = json.loads(out.splitlines()[-1]) if out.strip() else {"upper": None, "claimed": False}
    upper = None if made["upper"] is None else data["sense"] * made["upper"]
    return Run(upper, made["claimed"], wall, busy)


def written(case: Case) -> dict | None:
    """The conditions as plain numbers, in the model's own units."""
    import numpy as np

    import bilevel_dsl as bl
    from bilevel_dsl.certify.exact import Unproved, in_doubles

    problem = bl.load(case.path)
    try:
        paired = in_doubles(problem)
    except Unproved:
        return None
    low, high, matrix, row_low, row_high = paired.rows
    limits = {"low": low, "high": high, "row_low": row_low, "row_high": row_high}
    return {
        "sense": problem.f.sense,
        "cost": paired.f.c.tolist(),
        "constant": paired.f.constant,
        "rows": [[(int(j), float(row[j])) for j in np.flatnonzero(row)] for row in matrix],
        "pairs": paired.pairs,
        **{name: [float(v) if np.isfinite(v) else None for v in values] for name, values in limits.items()},
    }


def elsewhere(case: Case, folder: Path, python: str, script: str, bound: float) -> Run | None:
    """`script`, with this bound on the follower's multipliers or this M; None where its package does not take the model."""
    data = as_polynomials(case)
    levels = () if data is None else (data["f"], data["g"], *data["c"], *data["h"])
    if data is None or script is PAO and any(q["second"] for q in levels):
        return None
    file = folder / "d.json"
    file.write_text(json.dumps(data))
    out, wall, busy = timed([python, "-c", script, file, str(bound)])
    last = out.splitlines()[-1] if out.strip() else ""
    made = json.loads(last) if last.startswith("{") else {"upper": None, "claimed": False}
    upper = None if made["upper"] is None else data["sense"] * made["upper"]
    return Run(upper, made["claimed"], wall, busy)


def as_polynomials(case: Case) -> dict | None:
    """Both levels as coefficients of polynomials of second degree, in the model's own units."""
    import casadi as ca
    import numpy as np

    import bilevel_dsl as bl
    from bilevel_dsl.functions.oracles import Oracles
    from bilevel_dsl.methods.direct.system import Levels

    problem = bl.load(case.path)
    if problem.used_duals:
        return None
    levels = Levels(Oracles(problem))
    v = ca.SX.sym("v", levels.nx + levels.ny)
    f, g, h, e, c = levels.expressions(v[: levels.nx], v[levels.nx :])

    def polynomial(expression, equal=False) -> dict:
        second, first = ca.hessian(expression, v)
        at = ca.Function("at", [v], [expression, first, ca.densify(second)])
        constant, first, second = (np.array(a) for a in at(np.zeros(v.numel())))
        terms = [(int(i), int(j), float(second[i, j]) / (2 if i == j else 1)) for i, j in zip(*np.nonzero(np.triu(second)))]
        linear = [(int(i), float(first[i, 0])) for i in np.flatnonzero(first)]
        return {"first": linear, "second": terms, "constant": float(constant.item()), "equal": bool(equal)}

    ends = {"low": [*levels.x_low, *levels.y_low], "high": [*levels.x_high, *levels.y_high]}
    return {
        "sense": problem.f.sense,
        "nx": levels.nx,
        "f": polynomial(f),
        "g": polynomial(g),
        "c": [polynomial(c[k], levels.c_equal[k]) for k in range(levels.n_c)],
        "h": [*(polynomial(h[k]) for k in range(levels.n_h)), *(polynomial(e[k], True) for k in range(levels.n_e))],
        **{name: [float(x) if np.isfinite(x) else None for x in values] for name, values in ends.items()},
    }


def timed(command: list) -> tuple[str, float, float]:
    """Standard output, seconds, and seconds of processors."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    wall, after = perf_counter() - clock, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(name: str, all_cases: list[Case], runs: list[Run | None]) -> str:
    """A line of the table."""
    ran = [(c, r) for c, r in zip(all_cases, runs) if r is not None]
    right = [r.upper is not None and abs(r.upper - c.value) <= c.near for c, r in ran]
    proved = sum(good and r.claimed for good, (_, r) in zip(right, ran))
    false = sum(not good and r.claimed for good, (_, r) in zip(right, ran))
    if not ran:
        return f"| {name} | 0 | | | | |"
    wall, busy = (statistics.median(getattr(r, kind) for _, r in ran) for kind in ("wall", "busy"))
    return f"| {name} | {len(ran)} | {sum(right)} | {proved} | {false} | {wall:.2f} ({busy:.2f}) |"


def main() -> int:
    """Print the table; exit status 1 where an answer is proved and wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=8, help="random problems of each family")
    parser.add_argument("--rival", metavar="PYTHON", help="a Python with highspy")
    parser.add_argument(
        "--big-m", type=float, action="append", metavar="M", help="the constants of all three (default 10, 1e4, 1e8)"
    )
    parser.add_argument("--discopt", metavar="PYTHON", help="a Python with discopt")
    parser.add_argument("--pao", metavar="PYTHON", help="a Python with pao")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = cases(folder, given.count)
        found = [ours(case, folder) for case in every]
        print("| problems | ran | right | proved | false | median seconds (of processors) |")
        print("| --- | --- | --- | --- | --- | --- |")
        for family in dict.fromkeys(c.family for c in every):
            own = [k for k, c in enumerate(every) if c.family == family]
            print(row(family, [every[k] for k in own], [found[k] for k in own]))
        print(row("**all**", every, found))
        for case, run in zip(every, found):
            if run.upper is None or abs(run.upper - case.value) > case.near or not run.claimed:
                print(
                    f"  {case.path.stem}: {run.upper} for {case.value}, {'proved' if run.claimed else 'not proved'}",
                    file=sys.stderr,
                )
        for M in (given.big_m or (10, 1e4, 1e8)) if given.rival else ():
            print(row(f"big-M {M:g}, HiGHS", every, [big_m(case, folder, given.rival, M) for case in every]), flush=True)
        for name, python, script in (("discopt, bound", given.discopt, DISCOPT), ("PAO, M =", given.pao, PAO)):
            for M in (given.big_m or (10, 1e4, 1e8)) if python else ():
                found_there = [elsewhere(case, folder, python, script, M) for case in every]
                print(row(f"{name} {M:g}", every, found_there), flush=True)
    return int(any(r.claimed and (r.upper is None or abs(r.upper - c.value) > c.near) for c, r in zip(every, found)))


if __name__ == "__main__":
    sys.exit(main())

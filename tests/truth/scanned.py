"""Random small problems with curved levels and rows, and what a scan knows of them: `python -m tests.truth.scanned 300`.

With `convex` or `open` after the numbers, `... 0 300 convex`, followers are convex, in a box or without upper bounds, and
the default solve is judged.

A scan of the leader's box, the follower's answer at each decision by a dense grid made finer, gives points of both levels.
They know the truth in one direction each: a lower bound must not be above any of them, a problem with one is not infeasible,
and an upper value must not be far above the best of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import casadi as ca
import numpy as np

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods.registry import METHODS
from bilevel_dsl.runtime.direct import run_direct

X, Y, FINE = {1: 81, 2: 17}, {1: 1001, 2: 81}, 9  # points of the scans by variables, rounds of the finer grids
SAME = 1e-15  # of g: where all points of a grid have the same value, it is flat there
ROOM = 1e-6  # by which the leader's rows hold at points that a bound is held against


@dataclass(frozen=True)
class Scanned:
    """A model text, and the best point of both levels that the scan has seen; inf where it has seen none."""

    text: str
    best: float
    spread: float  # of f over the points


def term(rng: np.random.Generator, names: list[str]) -> str:
    """A random curved term."""
    u, v = rng.choice(names, 2)
    a = f"{rng.uniform(-2, 2):.2f}"
    forms = (
        f"{u} * {v}",
        f"{u}^2 * {v}",
        f"{u}^3",
        f"sin({rng.uniform(1, 4):.1f} * {u} + {v})",
        f"exp(-{u}^2) * {v}",
        f"{u}^4 - {v}^2",
        f"cos({u} * {v})",
        f"({u} - {rng.uniform(-1, 1):.1f})^2",
    )
    return f"{a} * {rng.choice(forms)}"


def sum_of(rng: np.random.Generator, names: list[str], count: int) -> str:
    return " + ".join(term(rng, names) for _ in range(count))


def text_of(seed: int) -> str:
    """A model with one leader's and one or two followers' variables, or two and one; rows on either level, or none."""
    rng = np.random.default_rng([7, seed])
    nx, ny = ((1, 1), (1, 1), (1, 2), (2, 1))[rng.integers(4)]
    xs, ys = [f"x[{i + 1}]" for i in range(nx)], [f"y[{i + 1}]" for i in range(ny)]
    upper, lower = "", ""
    if rng.random() < 0.4:
        upper = f"subject to {sum_of(rng, xs + ys, 2)} <= {rng.uniform(-0.3, 1):.2f};"
    if rng.random() < 0.5:
        lower = f"subject to {sum_of(rng, xs + ys, 1)} + {rng.uniform(-1, 1):.2f} * {ys[0]} <= {rng.uniform(0, 1):.2f};"
    return (
        f"upper {{ var x[{nx}] in [-1, 1]; "
        f"minimize {sum_of(rng, xs + ys, 3)} + {rng.uniform(-1, 1):.2f} * {ys[0]}; {upper} }}\n"
        f"lower {{ var y[{ny}] in [-1, 1]; minimize {sum_of(rng, xs + ys, 2)} + {sum_of(rng, ys, 1)}; {lower} }}\n"
    )


def convex_term(rng: np.random.Generator, xs: list[str], y: str) -> str:
    """Convex in y, whatever the leader does."""
    x, a, c = rng.choice(xs), rng.uniform(0.3, 2), rng.uniform(-2, 2)
    forms = (
        f"{a:.2f} * ({y} - {c:.2f} * {x}^2)^2",
        f"{a:.2f} * ({y} - sin({rng.uniform(1, 4):.1f} * {x}))^2",
        f"exp({c:.2f} * {y} + {x})",
        f"{a:.2f} * {y}^4",
        f"log(1 + exp({2 * c:.2f} * {y} - {x}))",
        f"{c:.2f} * {x} * {y}",
    )
    return str(rng.choice(forms))


def convex_text_of(seed: int) -> str:
    """The same with a follower that is strongly convex: exponentials, logarithms, fourth powers, rows affine in y."""
    rng = np.random.default_rng([11, seed])
    nx, ny = ((1, 1), (1, 2), (2, 1), (2, 2))[rng.integers(4)]
    xs, ys = [f"x[{i + 1}]" for i in range(nx)], [f"y[{i + 1}]" for i in range(ny)]
    terms = [convex_term(rng, xs, y) for y in ys for _ in range(2)] + [f"0.2 * {y}^2" for y in ys]
    terms += [f"{rng.uniform(0.1, 1):.2f} * (y[1] - y[2] + {xs[0]})^2"] if ny == 2 else []
    upper, lower = "", ""
    if rng.random() < 0.3:
        upper = f"subject to {sum_of(rng, xs + ys, 2)} <= {rng.uniform(-0.3, 1):.2f};"
    if rng.random() < 0.5:
        row = " + ".join(f"{rng.uniform(-1, 1):.2f} * {y}" for y in ys)
        lower = f"subject to {row} + {term(rng, xs)} <= {rng.uniform(0, 1):.2f};"
    return (
        f"upper {{ var x[{nx}] in [-1, 1]; "
        f"minimize {sum_of(rng, xs + ys, 3)} + {rng.uniform(-1, 1):.2f} * {ys[0]}; {upper} }}\n"
        f"lower {{ var y[{ny}] in [-1, 1]; minimize {' + '.join(terms)}; {lower} }}\n"
    )


def open_text_of(seed: int) -> str:
    """A follower of two variables that only its rows, or its objective, keep from growing: it may be unbounded."""
    rng = np.random.default_rng([13, seed])
    u = lambda low, high: f"{rng.uniform(low, high):.2f}"  # noqa: E731
    nx = int(rng.integers(1, 3))
    xs = [f"x[{i + 1}]" for i in range(nx)]
    rows = [f"{u(-2, 2)} * y[1] + {u(-2, 2)} * y[2] + {u(-1, 1)} * {rng.choice(xs)} <= {u(0.2, 2)}" for _ in range(2)]
    lower = f"{u(0.3, 2)} * y[1]^2 + {u(-5, 1)} * y[2]"
    if rng.random() < 0.5:
        lower += f" + {u(0.1, 1)} * y[2]^4 + exp({u(-1, 0)} * y[1]) + {u(-2, 2)} * {xs[-1]} * y[2]"
    else:
        lower += f" + {u(-1, 1)} * {xs[0]} * y[1]"
    upper = f"{sum_of(rng, xs, 2)} + {u(-4, 4)} * y[1] + {u(0.1, 1)} * y[2]^2 + {u(-3, 3)} * y[2]"
    return (
        f"upper {{ var x[{nx}] in [-1, 1]; minimize {upper}; }}\n"
        f"lower {{ var y[2] in nonneg; minimize {lower}; subject to {'; '.join(rows)}; }}\n"
    )


KINDS = {"": text_of, "convex": convex_text_of, "open": open_text_of}


def scan(oracles: Oracles, respond: Callable[[np.ndarray], list[np.ndarray]]) -> tuple[float, float]:
    """The best f at points of both levels that a scan sees, and how much f varies over them."""
    nx, f, c = oracles.nx, oracles.function("f"), oracles.function("c")
    sides = np.linspace(-1, 1, X[nx])
    decisions = np.array(np.meshgrid(*[sides] * nx)).reshape(nx, -1).T
    found = []
    for x in decisions:
        alike = respond(x)
        seen = []
        for y in alike:
            rows = np.array(c(x, y, *oracles.problem.data)).ravel()
            seen.append(float(f(x, y, *oracles.problem.data)) if np.all(rows <= -ROOM) else np.inf)
        if seen and np.isfinite(max(seen)):
            found.append(max(seen))
    return (min(found), float(np.ptp(found))) if found else (np.inf, 0.0)


def by_grids(oracles: Oracles) -> Callable[[np.ndarray], list[np.ndarray]]:
    """`answers` of a follower, by its decision."""
    g, h, ny = oracles.function("g"), oracles.function("h"), oracles.ny
    grid = np.array(np.meshgrid(*[np.linspace(-1, 1, Y[ny])] * ny)).reshape(ny, -1)
    return lambda x: answers(g, h, x, grid, oracles.problem.data)


def by_ipopt(oracles: Oracles, low: float = -1.0, high: float = 1.0) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The same of a convex follower: finer grids lose the way along a row."""
    x, y, data = ca.MX.sym("x", oracles.nx), ca.MX.sym("y", oracles.ny), oracles.problem.data
    nlp = {"x": y, "p": x, "f": oracles.function("g")(x, y, *data), "g": oracles.function("h")(x, y, *data)}
    solver = ca.nlpsol(
        "follower", "ipopt", nlp, {"print_time": False, "ipopt": {"print_level": 0, "sb": "yes", "tol": 1e-12}}
    )

    def respond(decision: np.ndarray) -> list[np.ndarray]:
        out = solver(x0=0, p=decision, lbx=low, ubx=high, ubg=0)
        return [np.array(out["x"]).ravel()] if solver.stats()["success"] else []

    return respond


def answers(g: ca.Function, h: ca.Function, x: np.ndarray, grid: np.ndarray, data) -> list[np.ndarray]:
    """The follower's best answer on a grid that is made finer around the best of its points; none where none is admissible.

    Several where its objective is so flat (y^4) that its values no longer tell the points of a grid apart.
    """
    found, width = [], 2.0 / (round(grid.shape[1] ** (1 / len(grid))) - 1)
    for _ in range(FINE):
        values = np.array(g(ca.repmat(ca.DM(x), 1, grid.shape[1]), ca.DM(grid), *data)).ravel()
        rows = np.array(h(ca.repmat(ca.DM(x), 1, grid.shape[1]), ca.DM(grid), *data)).reshape(-1, grid.shape[1])
        values = np.where(np.all(rows <= 0, 0), values, np.inf)
        if not np.isfinite(values).any():
            return found
        least = values.min()
        y = grid[:, int(np.argmin(values))]
        found = [y]
        if np.max(values, initial=least, where=np.isfinite(values)) <= least + SAME * max(1.0, abs(least)):
            return list(grid.T)
        steps = np.array(np.meshgrid(*[np.linspace(-1.5, 1.5, 13)] * len(y))).reshape(len(y), -1)
        grid = np.clip(y[:, None] + width * steps, -1, 1)
        width *= 0.25
    return found


def responses(oracles: Oracles, kind: str) -> Callable[[np.ndarray], list[np.ndarray]]:
    if kind == "open":
        return by_ipopt(oracles, 0.0, np.inf)
    return by_ipopt(oracles) if kind else by_grids(oracles)


def instance(seed: int, kind: str = "") -> tuple[Oracles, Scanned]:
    text = KINDS[kind](seed)
    oracles = Oracles(bl.load(bl.Source(f"scanned_{seed}", text)))
    return oracles, Scanned(text, *scan(oracles, responses(oracles, kind)))


def judged(seed: int, seconds: float | None = None) -> tuple[str, str]:
    """What `value` says of an instance, in a word: "right", "open" (no proof), or how it is wrong; and the numbers."""
    oracles, truth = instance(seed)
    run = run_direct(
        METHODS["value"],
        oracles,
        np.zeros(oracles.nx),
        np.zeros(oracles.ny),
        settings={"tol": 1e-6, "max_iter": 4000},
        time_limit=seconds,
    )
    bound = -np.inf if run.bound is None else run.bound[0]
    upper = run.measures.get("upper", np.inf)
    room = 1e-6 * max(1.0, truth.spread)
    numbers = f"bound {bound:.8g}, value {upper:.8g}, scan {truth.best:.8g}, {run.status.label}, {run.iterations} boxes"
    if bound > truth.best + room:
        return "WRONG bound", numbers
    if run.status.label == "converged" and upper > truth.best + room:
        return "WRONG value", numbers
    if np.isfinite(upper) and not follower_stays(oracles, run.state["x"], run.state["y"]):
        return "WRONG point", numbers
    return ("right" if run.status.label in ("converged", "infeasible") else "open"), numbers


def solved(seed: int, kind: str) -> tuple[str, str]:
    """The same of the default solve of an instance with a convex follower: "right" is proved."""
    oracles, truth = instance(seed, kind)
    found = bl.solve(bl.load(bl.Source(f"scanned_{seed}", truth.text)), compile="never")
    room, tried = 1e-6 * max(1.0, truth.spread), "+".join(a.method for a in found.attempts)
    numbers = f"{found.status}, {found.certificate.scope}, {found.upper}, scan {truth.best:.8g}, {tried}"
    if found.upper is None or not found.verified:
        wrong = np.isfinite(truth.best) and found.status == "infeasible"
        return ("WRONG infeasible" if wrong else "open"), numbers
    if not follower_stays(oracles, found["x"], found["y"], kind):
        return "WRONG point", numbers
    if found.certificate.details.get("bound", -np.inf) > truth.best + room:
        return "WRONG bound", numbers
    if found.certificate.scope != "global (proved)":
        return "local", numbers
    return ("WRONG value" if found.upper > truth.best + room else "right"), numbers


def follower_stays(oracles: Oracles, x: np.ndarray, y: np.ndarray, kind: str = "") -> bool:
    best, g, data = responses(oracles, kind)(x), oracles.function("g"), oracles.problem.data
    return not best or float(g(x, y, *data)) <= float(g(x, best[0], *data)) + (1e-5 if kind else 1e-6)


if __name__ == "__main__":
    span, kind = [int(v) for v in sys.argv[1:] if v not in KINDS], next((v for v in sys.argv[1:] if v in KINDS), "")
    counts: dict[str, int] = {}
    for number in range(*span):
        word, words = solved(number, kind) if kind else judged(number, 20.0)
        counts[word] = counts.get(word, 0) + 1
        if word != "right":
            print(number, word, words, KINDS[kind](number), flush=True)
    print(counts)

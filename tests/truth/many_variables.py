"""Twenty-five leader variables, a follower without constraints: closed form for it, projected Newton for the leader."""

from __future__ import annotations

import numpy as np

from . import texts
from .instance import FEASIBLE, GAP, VALUE, Instance, Judgement, Replaced, wrong_ones

N, M = 25, 5


def least_in_box(P: np.ndarray, p: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The minimum of x'Px/2 + p'x over [-1, 1]^n, by Newton steps in the free variables, projected."""
    f = lambda v: v @ P @ v / 2 + p @ v  # noqa: E731
    for _ in range(500):
        slope = P @ x + p
        free = ~((x <= -1) & (slope > 0) | (x >= 1) & (slope < 0))
        if not free.any() or abs(slope[free]).max() < 1e-11:
            return x
        step = np.zeros(len(x))
        step[free] = -np.linalg.solve(P[np.ix_(free, free)], slope[free])
        steps = [np.clip(x + t * step, -1, 1) for t in 0.5 ** np.arange(30)]
        steps += [np.clip(x - t * slope, -1, 1) for t in 0.5 ** np.arange(30)]
        best = min(steps, key=f)
        if f(best) >= f(x) - 1e-15 * (1 + abs(f(x))):
            return x
        x = best
    raise Replaced("no minimum found")


def many_variables(rng: np.random.Generator) -> Instance:
    """min |x - a|^2/2 + |y - c|^2/2 over the box, y = H^-1 (R x + r)."""
    root = rng.normal(size=(M, M))
    H = np.round(root @ root.T / M + np.eye(M), 2)
    R, r = np.round(rng.normal(size=(M, N)), 1), np.round(rng.normal(size=M), 1)
    a, c = np.round(rng.uniform(-1.5, 1.5, N), 1), np.round(rng.uniform(-3, 3, M), 1)
    T, t = np.linalg.solve(H, R), np.linalg.solve(H, r)
    P, p = np.eye(N) + T.T @ T, -a + T.T @ (t - c)
    f = lambda x, y: float(((x - a) @ (x - a) + (y - c) @ (y - c)) / 2)  # noqa: E731
    answer = lambda x: T @ x + t  # noqa: E731
    x = least_in_box(P, p, np.zeros(N))
    best = f(x, answer(x))
    scale = max(f(v, answer(v)) for v in rng.uniform(-1, 1, (200, N))) - best

    def judge(values: dict[str, object]) -> Judgement:
        """Convex in x: a local optimum is the global one."""
        v, y = (np.ravel(np.asarray(values[name], float)) for name in ("x", "y"))
        value, off = f(v, y), y - answer(v)
        if abs(v).max() > 1 + FEASIBLE:
            return Judgement("wrong", value, best, "outside of the box")
        gap = off @ H @ off / 2 / (np.trace(H) * (1 + abs(answer(v)).max()) ** 2)
        if gap > GAP:
            return Judgement("wrong", value, best, f"the follower could have {gap:.1e} more")
        if abs(value - best) > VALUE * scale:
            return Judgement("wrong", value, best, f"{(value - best) / scale:.1e} of the range from the best")
        return Judgement("global", value, best)

    names = [f"y[{k + 1}]" for k in range(M)]
    f_text = texts.total(
        [f"0.5 * (x[{k + 1}] - {texts.number(v)})^2" for k, v in enumerate(a)]
        + [f"0.5 * (y[{k + 1}] - {texts.number(v)})^2" for k, v in enumerate(c)]
    ).replace("- -", "+ ")
    mixed = [f"{texts.number(-R[i, j])} * y[{i + 1}] * x[{j + 1}]" for i in range(M) for j in range(N) if R[i, j]]
    g_text = texts.total([*texts.quadratic(H, names), *texts.linear(-r, "y"), *mixed])
    text = (
        f"problem many_variables;\n\nupper {{\n  var x[{N}] in [-1, 1];\n  minimize {f_text};\n}}\n\n"
        f"lower {{\n  var y[{M}];\n  minimize {g_text};\n}}\n"
    )
    points = []
    for size in (0.02, 0.06, 0.1):
        step = rng.normal(size=N)
        other = np.clip(x + size * step, -1, 1)
        points += [{"x": other, "y": answer(other)}, {"x": x, "y": answer(x) + size * rng.normal(size=M)}]
    return Instance("many_variables", 0, text, judge, {"x": x, "y": answer(x)}, wrong_ones(judge, points), scale)

"""Simple bilevel problems in closed form: no upper variables, a convex quadratic g with a singular Hessian."""

from __future__ import annotations

import numpy as np

from . import texts
from .instance import FEASIBLE, GAP, VALUE, Instance, Judgement, Replaced, wrong_ones

HALF = 5.0


def simple(rng: np.random.Generator) -> Instance:
    """min (w - t)'D(w - t)/2 over the minimisers of |C w - d|^2/2: an affine set, with the answer inside of the box."""
    n = int(rng.integers(2, 7))
    rank = int(rng.integers(1, n))
    C = np.round(rng.normal(size=(rank, n)), 1)
    C = np.where(C == 0, 0.3, C)
    if rng.random() < 0.5:
        C = np.vstack([C, C[0]])  # rows that contradict each other: g does not reach 0
    d = np.round(rng.uniform(-1, 1, len(C)), 1)
    D, t = np.round(rng.uniform(0.2, 3, n), 1), np.round(rng.uniform(-2, 2, n), 1)
    start = np.linalg.lstsq(C, d, rcond=None)[0]
    null = np.linalg.svd(C)[2][np.linalg.matrix_rank(C) :].T
    f = lambda w: float((w - t) ** 2 @ D / 2)  # noqa: E731
    g = lambda w: float((C @ w - d) @ (C @ w - d) / 2)  # noqa: E731
    w = start - null @ np.linalg.solve(null.T @ (D[:, None] * null), null.T @ (D * (start - t)))
    if abs(w).max() > 0.9 * HALF:
        raise Replaced("at the box")
    best, least = f(w), g(start)
    samples = rng.uniform(-HALF, HALF, (300, n))
    scale = max(map(f, samples)) - min(map(f, samples))
    spread = max(map(g, samples)) - least

    def judge(values: dict[str, object]) -> Judgement:
        """Convex: a local optimum is the global one."""
        v = np.ravel(np.asarray(values["w"], float))
        value = f(v)
        if abs(v).max() > HALF * (1 + FEASIBLE):
            return Judgement("wrong", value, best, "outside of the box")
        if g(v) - least > GAP * spread:
            return Judgement("wrong", value, best, f"the follower could have {(g(v) - least) / spread:.1e} more")
        if abs(value - best) > VALUE * scale:
            return Judgement("wrong", value, best, f"{(value - best) / scale:.1e} of the range from the best")
        return Judgement("global", value, best)

    left = [texts.total(texts.linear(row, "w")) for row in C]
    g_text = texts.total([f"0.5 * ({a} - {texts.number(v)})^2" for a, v in zip(left, d)]).replace("- -", "+ ")
    f_text = texts.total(
        [f"{texts.number(k / 2)} * (w[{j + 1}] - {texts.number(v)})^2" for j, (k, v) in enumerate(zip(D, t))]
    )
    text = (
        f"problem simple;\n\nupper {{\n  minimize {f_text.replace('- -', '+ ')};\n}}\n\n"
        f"lower {{\n  var w[{n}] in [{texts.number(-HALF)}, {texts.number(HALF)}];\n  minimize {g_text};\n}}\n"
    )
    points = []
    for size in (0.1, 0.3):
        along, any_way = null @ rng.normal(size=null.shape[1]), rng.normal(size=n)
        points += [{"w": w + size * v / np.linalg.norm(v)} for v in (along, any_way)]
    return Instance("simple", 0, text, judge, {"w": w}, wrong_ones(judge, points), scale)

"""Followers that have nothing to do with each other, each counted in its own size: a large one hides no small one.

The answers of  sum_k g_k(x, y_k)  are those of  sum_k g_k / s_k,  whatever the s_k > 0, where no row has variables of two
parts. What is compared with a tolerance of g is then compared in every part.
"""

from __future__ import annotations

from copy import copy

import casadi as ca
import numpy as np

from ..system import Levels

MOVES = 40  # of y, at as many decisions
ALIKE = 1e3  # ratio of sizes up to which the parts are left as they are


def balanced(levels: Levels) -> Levels:
    """The same levels with g as the sum of its parts, each divided by its change over moves of its variables."""
    x, y = ca.SX.sym("x", levels.nx), ca.SX.sym("y", levels.ny)
    f, g, h, e, c = levels.expressions(x, y)
    parts = _parts(_terms(g), y, ca.vertcat(h, e))
    if len(parts) < 2:
        return levels
    changes = _changes(levels, [x, y], parts)
    known = np.where(np.isfinite(changes) & (changes > 0), changes, 1.0)
    if known.max() <= ALIKE * known.min():
        return levels
    found = copy(levels)
    found.__dict__.pop("numbers", None)
    sums = [sum(part[1:], part[0]) / size for part, size in zip(parts, known)]
    found.base, found.columns = ca.Function("levels", [x, y], [f, sum(sums[1:], sums[0]), h, e, c]), []
    return found


def _terms(g: ca.SX) -> list[ca.SX]:
    """What is added, where factors of a sum are numbers."""
    waiting, found = [(ca.SX(1.0), g)], []
    while waiting:
        factor, e = waiting.pop()
        op = e.op()
        if op in (ca.OP_ADD, ca.OP_SUB):
            waiting += [(factor, e.dep(0)), (factor if op == ca.OP_ADD else -factor, e.dep(1))]
        elif op == ca.OP_NEG:
            waiting.append((-factor, e.dep(0)))
        elif op in (ca.OP_MUL, ca.OP_DIV) and e.dep(1).is_constant():
            waiting.append((factor * e.dep(1) if op == ca.OP_MUL else factor / e.dep(1), e.dep(0)))
        elif op == ca.OP_MUL and e.dep(0).is_constant():
            waiting.append((factor * e.dep(0), e.dep(1)))
        else:
            found.append(factor * e)
    return found


def _parts(terms: list[ca.SX], y: ca.SX, rows: ca.SX) -> list[list[ca.SX]]:
    """Terms by the variables of y that terms and rows bring together; those without any are left out."""
    together = [set(np.flatnonzero(ca.which_depends(t, y, 1, False)).tolist()) for t in (*terms, *ca.vertsplit(rows))]
    blocks: list[set[int]] = []
    for entries in filter(None, together):
        touched = [b for b in blocks if b & entries]
        blocks = [b for b in blocks if not b & entries] + [entries.union(*touched)]
    return [own for b in blocks if (own := [t for t, entries in zip(terms, together) if entries and entries <= b])]


def _changes(levels: Levels, symbols: list[ca.SX], parts: list[list[ca.SX]]) -> np.ndarray:
    """How much each part changes with y at decisions near the middle of things: the most over random moves by up to one."""
    values, rng = ca.Function("parts", symbols, [ca.vertcat(*(sum(p[1:], p[0]) for p in parts))]), np.random.default_rng(0)

    def drawn(middle: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.clip(middle[:, None] + rng.uniform(-1, 1, (middle.size, MOVES)), low[:, None], high[:, None])

    x0, y0 = levels.clipped(np.zeros(levels.nx), np.zeros(levels.ny))
    x = drawn(x0, levels.x_low, levels.x_high)
    y, other = (drawn(y0, levels.y_low, levels.y_high) for _ in range(2))
    changes = np.abs(np.array(values(x, other)) - np.array(values(x, y)))
    return np.nan_to_num(changes, nan=0.0, posinf=0.0).max(1)

"""The follower's multipliers at a point, computed apart from the method, with valid signs.

An entry of `dual(label)` is the change of the follower's optimal value, as written, per unit of the right-hand side.
Where several are valid, those nearest to what the method found are taken, else small ones.
"""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np

from ..functions.oracles import Oracles
from ..model.problem import Problem
from .certificate import Examination
from .follower import Response
from .local import DENSE_LIMIT, Local
from .optimal import polished
from .reaction import named


def multipliers(
    problem: Problem, x: np.ndarray, y: np.ndarray, claimed: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Every known `dual(...)` at (x, y), of its shape; empty where they cannot be computed.

    Args:
        claimed: values by label that the leader's expressions use; the nearest valid ones are returned.
    """
    if not problem.duals or problem.y.numel() > DENSE_LIMIT:
        return {}
    examined = Examination(Oracles(problem, recognise=False), x, y, claimed)
    if not examined.finite or not examined.region.describable:
        return {}
    answer = examined.follower.answer(x, y)
    if not answer.solved:
        return {}
    answer, _ = polished(examined.place, examined.region, examined.follower, examined.scales, answer, x)
    here = examined.local_of(answer)
    if here is not None and problem.used_duals and claimed is None and here.dependent:
        here = _leaders_choice(examined, answer, here)
    return named(examined.place, examined.region, here) if here is not None else {}


def _leaders_choice(examined: Examination, answer: Response, here: Local) -> Local:
    """Of several valid multipliers the ones that the leader likes best, to first order: one linear program."""
    place, region, m = examined.place, examined.region, here.multipliers.size
    used = place.problem.used_duals
    E = np.vstack([here.entries(d, region.first_constraint, region.count) for d in used])
    own = {d.name: v for d, v in zip(used, _split(used, E @ here.multipliers))}
    slope = place.with_multipliers(own).column("grad_duals_f", examined.x, answer.y) @ E
    most = 1e3 * max(1.0, float(np.max(np.abs(here.g_y), initial=0.0)))
    solver = ca.conic(
        "multipliers",
        "highs",
        {"h": ca.Sparsity(m, m), "a": ca.Sparsity.dense(here.A.shape[1], m)},
        {"error_on_fail": False, "highs": {"output_flag": False, "threads": 1}},
    )
    right = here.A.T @ here.multipliers
    out = solver(
        g=slope / max(1e-300, float(np.max(np.abs(slope), initial=0.0))),
        a=here.A.T,
        lba=right,
        uba=right,
        lbx=np.where(here.equal, -most, 0.0),
        ubx=np.full(m, most),
    )
    if not solver.stats()["success"] or not np.any(slope):
        return here
    chosen = E @ np.array(out["x"]).ravel()
    examined.claimed = {d.name: v for d, v in zip(used, _split(used, chosen))}
    return examined.local_of(answer) or here


def _split(duals, column: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([0] + [d.size for d in duals])
    return [np.reshape(column[a:b], d.shape, order="F") for d, a, b in zip(duals, ends, ends[1:])]


def with_values(problem: Problem, values: dict[str, np.ndarray]) -> Problem:
    """The problem with numbers for what stands for `dual(...)`; NaN where none is known."""
    return replace(
        problem,
        duals=tuple(
            d if d.symbol is None else replace(d, numbers=values.get(d.name, np.full(d.shape, np.nan)))
            for d in problem.duals
        ),
    )

"""Leaders that choose whole numbers, some of them continuous ones beside: every whole choice with its own polyhedra."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from itertools import product

import numpy as np

from .instance import FEASIBLE, VALUE, Instance, Judgement, Replaced, wrong_ones
from .linear_followers import _numbers, _plain
from .pieces import Pieces
from .polyhedral import Polyhedral
from .quadratic_followers import _model

WIDTH = 4.0  # of the leader's box: five values of each whole number
MOST = 4_000  # programs


class WholePieces:
    """The truth of a model whose first `whole` variables of the leader are whole numbers: n, the others x.

    Where all but them is held, the model is one of `Pieces`; all choices of them are looked at, one after the other.
    """

    def __init__(self, model: Polyhedral, whole: int):
        self.model, self.whole = model, whole
        self.relaxed = Pieces(model)
        choices = list(product(range(int(WIDTH) + 1), repeat=whole))
        if len(choices) * len(self.relaxed.best) > MOST:
            raise Replaced("too many choices")
        self.views = {n: view for n in choices if (view := self._view(np.array(n, float))).best}
        if not self.views:
            raise Replaced("nothing is feasible")
        found = [v for view in self.views.values() for v in view.best.values()]
        self.value, self.point = min(found, key=lambda one: one[0])
        self.scale = self.relaxed.scale
        for view in self.views.values():
            view.value = self.value

    def _view(self, n: np.ndarray) -> Pieces:
        """The pieces with the whole numbers at n."""
        m, view = self.model, copy(self.relaxed)
        low, high = np.full(m.nx + m.ny, -np.inf), np.full(m.nx + m.ny, np.inf)
        low[: len(n)] = high[: len(n)] = n
        found = {s: self.relaxed.solve(s, (low, high)) for s in self.relaxed.best}
        view.best = {s: v for s, v in found.items() if v is not None}
        return view

    def at(self, x: np.ndarray) -> float:
        """The leader's value at a decision; infinite where there is no answer that it allows."""
        found = self.relaxed.at(x)
        return np.inf if found is None else found[0]

    def judge(self, values: dict[str, object]) -> Judgement:
        """What is true of a point."""
        parts = [np.ravel(np.asarray(values[name], float)) for name in ("n", "x") if name in values]
        x, n = np.concatenate(parts), np.round(parts[0])
        if np.abs(parts[0] - n).max() > FEASIBLE:
            return Judgement("wrong", np.nan, self.value, "a fraction")
        view = self.views.get(tuple(n.astype(int).tolist()))
        if view is None:
            return Judgement("wrong", np.nan, self.value, "no answer with these whole numbers")
        found = view.judge({"x": np.concatenate([n, x[len(n) :]]), "y": values["y"]})
        if found.kind == "local":
            for i, step in product(range(self.whole), (-1.0, 1.0)):
                other = x + step * np.eye(self.model.nx)[i]
                if 0 <= other[i] <= WIDTH and self.at(other) < found.value - VALUE * self.scale:
                    return replace(found, kind="wrong", why=f"n[{i + 1}] may be {other[i]:g}")
        return found

    def named(self, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
        """A point by the names of the text."""
        rest = {"x": x[self.whole :]} if self.whole < self.model.nx else {}
        return {"n": x[: self.whole], **rest, "y": y}

    def text(self, name: str) -> str:
        """The model."""
        whole, rest = self.whole, self.model.nx - self.whole

        def renamed(match: re.Match) -> str:
            k = int(match[1])
            return f"n[{k}]" if k <= whole else f"x[{k - whole}]"

        head, _, body = self.model.text(name).partition(f"  var x[{self.model.nx}] in [0, {int(WIDTH)}];\n")
        own = f"  var n[{whole}] in integer(0, {int(WIDTH)});\n"
        own += f"  var x[{rest}] in [0, {int(WIDTH)}];\n" if rest else ""
        return head + own + re.sub(r"x\[(\d+)\]", renamed, body)


def _instance(family: str, model: Polyhedral, rng: np.random.Generator) -> Instance:
    """The instance, with points moved: to fractions, to other whole numbers, of the follower."""
    model.width = WIDTH
    whole = int(rng.integers(1, model.nx + 1))
    pieces = WholePieces(model, whole)
    if pieces.scale < 1e-3:
        raise Replaced("the leader's objective hardly changes")
    x, y = pieces.relaxed._split(pieces.point)
    x[:whole] = np.round(x[:whole])
    points = []
    for i, step in product(range(whole), (-1.0, 1.0, 0.3)):
        other = x + step * np.eye(model.nx)[i]
        reply = model.answer(other) if 0 <= other[i] <= WIDTH else None
        if reply is not None:
            points.append(pieces.named(other, reply[1]))
    step = rng.normal(size=model.ny)
    moved = np.clip(y + 0.02 * model.height * step / np.linalg.norm(step), 0, model.height)
    points.append(pieces.named(x, moved))
    best = pieces.named(x, y)
    return Instance(family, 0, pieces.text(family), pieces.judge, best, wrong_ones(pieces.judge, points), pieces.scale)


def integer(rng: np.random.Generator) -> Instance:
    """Over linear followers: plain, with costs that the leader sets, with a face of answers, with rows on the answer."""
    model, kind = _plain(rng), rng.integers(4)
    if model.ny > 3:
        raise Replaced("too many pieces")
    if kind == 1:
        model.Q = np.round(_numbers(rng, model.ny, model.nx) / 3, 1)
    if kind == 3:
        model.q = -model.A[int(rng.integers(len(model.b)))]
    if kind >= 2:
        model.upper = _numbers(rng, 1, model.nx + model.ny)
        model.limit = np.round(rng.uniform(1, 10, 1), 1)
    return _instance("integer", model, rng)


def integer_quadratic(rng: np.random.Generator) -> Instance:
    """Over convex quadratic followers."""
    return _instance("integer_quadratic", _model(rng), rng)

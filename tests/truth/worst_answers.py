"""The least worst value against an adverse linear follower with one leader variable, by enumeration in rational numbers.

    inf over 0 <= x <= width of  max { p x + d'y : y minimises (c + P x)'y over A y <= b + B x, 0 <= y <= high }
    where all these y keep the leader's rows  C y <= r + R x

One of P and B is zero. The vertices of the follower's set are affine in x, one for each basis. Between the x where two of
them meet, one enters or leaves, their costs or values or a row of the leader tie, nothing changes: on each such interval the
worst value is affine, so that its values and limits at the ends tell all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from .texts import linear, number, total


@dataclass(frozen=True, eq=False)
class Model:
    """Integers; rows of the leader C y <= r + R x must hold for all answers."""

    width: int
    high: int
    p: int
    d: np.ndarray
    c: np.ndarray
    P: np.ndarray
    A: np.ndarray
    b: np.ndarray
    B: np.ndarray
    C: np.ndarray
    r: np.ndarray
    R: np.ndarray

    def text(self) -> str:
        """As a model of the language."""
        names = [f"y[{k + 1}]" for k in range(len(self.d))]
        upper = [f"    {total(linear(C, 'y'))} <= {number(r)} + {number(R)} * x;" for C, r, R in zip(self.C, self.r, self.R)]
        lower = [f"    {total(linear(A, 'y'))} <= {number(b)} + {number(B)} * x;" for A, b, B in zip(self.A, self.b, self.B)]
        f = f"{number(self.p)} * x + {total(linear(self.d, 'y'))} + 0 * y[1]"
        g = f"{total(linear(self.c, 'y'))} + 0 * y[1] + x * ({total(linear(self.P, 'y'))})"
        head = [f"upper {{ var x in [0, {self.width}]; minimize {f};", *(["  subject to", *upper] if upper else []), "}"]
        return "\n".join(
            [*head, f"lower {{ var y[{len(names)}] in [0, {self.high}]; minimize {g};", "  subject to", *lower, "}"]
        )


def draw(rng: np.random.Generator) -> Model:
    """Small integers, so that ties are frequent; in every third model the follower's costs are those of one of its rows."""
    ny, n, k = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(0, 2))
    A, C = rng.integers(-2, 3, (n, ny)), rng.integers(-2, 3, (k, ny))
    C[~C.any(axis=1)] = 1
    A[~A.any(axis=1)] = 1
    c = -A[0] if rng.random() < 0.34 else rng.integers(-2, 3, ny)
    d, b, B, P = rng.integers(-3, 4, ny), rng.integers(0, 5, n), rng.integers(-2, 3, n), np.zeros(ny, int)
    if rng.random() < 0.5:
        B, P = np.zeros(n, int), rng.integers(-2, 3, ny)
    p, r, R = int(rng.integers(-2, 3)), rng.integers(-1, 4, k), rng.integers(-1, 2, k)
    return Model(4, 3, p, d, c, P, A, b, B, C, r, R)


Affine = tuple[Fraction, Fraction]  # constant and slope, in x


def least_best(model: Model) -> Fraction | None:
    """The least value with a follower that takes the leader's choice; of models without rows of the leader."""
    return _least(model, min)[0]


def least_worst(model: Model) -> tuple[Fraction | None, bool]:
    """The infimum and whether a decision attains it; None where no decision is allowed."""
    return _least(model, max)


def _least(model: Model, choice: Callable) -> tuple[Fraction | None, bool]:
    vertices = _vertices(model)
    slacks = [s for v in vertices for s in _slacks(model, v)]
    costs, values = [_cost(model, v) for v in vertices], [_of(model.d, v) for v in vertices]
    rows = [r for v in vertices for r in _leaders(model, v)]
    zeros = {Fraction(0), Fraction(model.width)}
    zeros |= _roots(slacks + rows)
    zeros |= _roots([(a[0] - b[0], a[1] - b[1]) for of in (costs, values) for a, b in combinations(of, 2)])
    ends = sorted(z for z in zeros if 0 <= z <= model.width)
    values = [v for z in ends if (v := _chosen(model, vertices, z, choice)) is not None]
    limits = []
    for a, b in zip(ends, ends[1:]):
        low, high = ((2 * a + b) / 3, (a + 2 * b) / 3)
        one, other = _chosen(model, vertices, low, choice), _chosen(model, vertices, high, choice)
        if one is not None and other is not None:
            limits += [one - (other - one), other + (other - one)]
    least = min([*values, *limits], default=None)
    inside = {_chosen(model, vertices, (a + b) / 2, choice) for a, b in zip(ends, ends[1:])}  # constant pieces
    return least, least in values or least in inside


def _vertices(model: Model) -> list[list[Affine]]:
    """y as an affine function of x for every basis of rows and bounds."""
    ny = len(model.d)
    rows = [([int(v) for v in A], int(b), int(B)) for A, b, B in zip(model.A, model.b, model.B)]
    for j in range(ny):
        unit = [int(i == j) for i in range(ny)]
        rows += [(unit, 0, 0), (unit, model.high, 0)]
    found = []
    for chosen in combinations(rows, ny):
        y = _solved([[Fraction(v) for v in (*row, b, B)] for row, b, B in chosen])
        if y is not None and y not in found and _somewhere(model, y):
            found.append(y)
    return found


def _somewhere(model: Model, y: list[Affine]) -> bool:
    """Whether y is admissible for some x."""
    low, high = Fraction(0), Fraction(model.width)
    for a, b in _slacks(model, y):
        if b > 0:
            low = max(low, -a / b)
        elif b < 0:
            high = min(high, -a / b)
        elif a < 0:
            return False
    return low <= high


def _solved(M: list[list[Fraction]]) -> list[Affine] | None:
    """Gauss and Jordan on [A | b, B]."""
    n = len(M)
    for k in range(n):
        pivot = next((i for i in range(k, n) if M[i][k]), None)
        if pivot is None:
            return None
        M[k], M[pivot] = M[pivot], M[k]
        M[k] = [v / M[k][k] for v in M[k]]
        for i in range(n):
            if i != k and M[i][k]:
                M[i] = [a - M[i][k] * b for a, b in zip(M[i], M[k])]
    return [(row[n], row[n + 1]) for row in M]


def _of(row: np.ndarray, y: list[Affine]) -> Affine:
    return tuple(sum((int(a) * v[k] for a, v in zip(row, y)), Fraction(0)) for k in (0, 1))


def _cost(model: Model, y: list[Affine]) -> Affine:
    """Affine in x, as P or B is zero."""
    return _of(model.c, y)[0], _of(model.c, y)[1] + _of(model.P, y)[0]


def _slacks(model: Model, y: list[Affine]) -> list[Affine]:
    rows = [(int(b) - _of(A, y)[0], int(B) - _of(A, y)[1]) for A, b, B in zip(model.A, model.b, model.B)]
    return [*rows, *y, *((model.high - v[0], -v[1]) for v in y)]


def _leaders(model: Model, y: list[Affine]) -> list[Affine]:
    return [(int(r) - _of(C, y)[0], int(R) - _of(C, y)[1]) for C, r, R in zip(model.C, model.r, model.R)]


def _roots(functions: list[Affine]) -> set[Fraction]:
    return {-a / b for a, b in functions if b}


def worst_at(model: Model, x: Fraction) -> Fraction | None:
    """The worst value at x; None where the follower has no answer or one that the leader's rows forbid."""
    return _chosen(model, _vertices(model), x, max)


def _chosen(model: Model, vertices: list[list[Affine]], x: Fraction, choice: Callable) -> Fraction | None:
    """The value at x of the answer that `choice` takes; None as in `worst_at`."""
    answers, least = [], None
    for v in vertices:
        if any(a + b * x < 0 for a, b in _slacks(model, v)):
            continue
        cost = _cost(model, v)[0] + _cost(model, v)[1] * x
        if least is None or cost < least:
            answers, least = [], cost
        if cost == least:
            answers.append(v)
    if not answers or any(a + b * x < 0 for v in answers for a, b in _leaders(model, v)):
        return None
    return model.p * x + choice(_of(model.d, v)[0] + _of(model.d, v)[1] * x for v in answers)

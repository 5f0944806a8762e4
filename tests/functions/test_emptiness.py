"""When a set is empty: the expression of generated code agrees with what the language refuses when it reads a model."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.functions.sets import all_inhabited, inhabited
from bilevel_dsl.model import sets
from bilevel_dsl.model.bounds import with_bounds
from bilevel_dsl.model.build import build
from bilevel_dsl.reading import read
from tests.functions.catalogue import CATALOGUE, INF, column, scalar

NAN = np.nan
SQUARE = [[1, 2], [2, 4]]  # of rank one

# the shape and the set of a variable, its data, and rows of them: the first one has a point
TABLE = {
    "interval": (
        " in [a, b]",
        "a; b",
        [
            (0, 1),
            (1, 1),
            (1, 0),
            (-INF, INF),
            (INF, INF),
            (-INF, -INF),
            (0, INF),
            (-INF, 0),
            (NAN, 1),
            (0, NAN),
            (NAN, NAN),
            (-0.0, 0.0),
            (1, 1 - 1e-15),
        ],
    ),
    "box": (
        "[2] in [a, b]",
        "a[2]; b[2]",
        [
            ([0, 0], [1, 1]),
            ([0, 2], [1, 1]),
            ([0, -INF], [1, INF]),
            ([0, INF], [1, INF]),
            ([-INF, 0], [-INF, 1]),
            ([NAN, 0], [1, 1]),
            ([0, 0], [1, NAN]),
            ([1, 1], [1, 1]),
        ],
    ),
    "box with a number": ("[2] in [0, a]", "a", [(1,), (0,), (-1,), (INF,), (-INF,), (NAN,)]),
    "two boxes": (
        "[2] in [0, a] in [b, 3]",
        "a; b",
        [(2, 1), (1, 2), (INF, 4), (INF, 2), (-1, 0), (NAN, 1), (1, NAN), (5, -INF), (5, INF)],
    ),
    "computed": (" in [-1, sqrt(a)]", "a", [(1,), (-1,), (0,), (INF,)]),
    "simplex": ("[3] in simplex(a)", "a", [(1,), (0,), (-1,), (-1e-300,), (INF,), (-INF,), (NAN,)]),
    "capped simplex": ("[3] in capped_simplex(a)", "a", [(1,), (0,), (3,), (3.001,), (-1,), (INF,), (-INF,), (NAN,)]),
    "ball": (
        "[2] in ball(a, b)",
        "a[2]; b",
        [
            ([1, 2], 1),
            ([1, 2], 0),
            ([1, 2], -1),
            ([1, 2], INF),
            ([1, 2], -INF),
            ([1, 2], NAN),
            ([INF, 0], 1),
            ([-INF, 0], 1),
            ([NAN, 0], 1),
        ],
    ),
    "l1 ball": ("[2] in l1ball(a)", "a", [(1,), (0,), (-1,), (INF,), (-INF,), (NAN,)]),
    "linf ball": (
        "[2] in linfball(a, b)",
        "a[2]; b",
        [([1, 2], 1), ([1, 2], 0), ([1, 2], -1), ([1, 2], INF), ([INF, 0], 1), ([0, NAN], 1), ([0, 0], NAN)],
    ),
    "half-space": (
        "[2] in halfspace(a, b)",
        "a[2]; b",
        [
            ([1, 2], -1),
            ([0, 0], 1),
            ([0, 0], 0),
            ([0, 0], -1),
            ([0, 1e-300], -1),
            ([0, INF], 1),
            ([0, 1], INF),
            ([0, 1], -INF),
            ([0, NAN], 1),
            ([0, 1], NAN),
        ],
    ),
    "hyperplane": (
        "[2] in hyperplane(a, b)",
        "a[2]; b",
        [
            ([1, 2], -1),
            ([0, 0], 0),
            ([0, 0], 1),
            ([0, 0], -1e-9),
            ([INF, 0], 1),
            ([1, 0], INF),
            ([NAN, 0], 1),
            ([1, 0], NAN),
        ],
    ),
    "affine": (
        "[2] in affine(A, b)",
        "A[2, 2]; b[2]",
        [
            (SQUARE, [1, 2]),
            (SQUARE, [1, 1]),
            (SQUARE, [1, 2 + 1e-6]),
            (SQUARE, [1e6, 2e6]),
            (SQUARE, [1e6, 2e6 + 1]),
            (np.eye(2), [5, -7]),
            (np.zeros((2, 2)), [0, 0]),
            (np.zeros((2, 2)), [0, 1]),
            ([[1, 1], [1, 1.001]], [1, 2]),
            (SQUARE, [INF, 2]),
            (SQUARE, [INF, INF]),
            (SQUARE, [1, NAN]),
            ([[1, INF], [2, 4]], [1, 2]),
            ([[1, 2], [NAN, 4]], [1, 2]),
        ],
    ),
    "affine, more rows than columns": (
        "[2] in affine(A, b)",
        "A[3, 2]; b[3]",
        [([[1, 0], [0, 1], [1, 1]], [1, 2, 3]), ([[1, 0], [0, 1], [1, 1]], [1, 2, 4])],
    ),
    "spectral": (
        "[2, 2] in spectral(a, b)",
        "a; b",
        [(0, 1), (1, 1), (1, 0), (-INF, INF), (INF, INF), (-INF, -INF), (NAN, 1), (0, NAN)],
    ),
    "psd and spectral": ("[2, 2] in psd in spectral(-1, a)", "a", [(1,), (0,), (-0.5,), (-2,), (INF,), (NAN,)]),
}
CASES = [(name, row) for name, (_, _, rows) in TABLE.items() for row in rows]


def model(variable: str, data: str, row: tuple, level: str, constraint: str = "") -> tuple[Source, dict]:
    """A model with that variable on that level, and the data of the row by name."""
    items = data.split("; ")
    rest = f"subject to {constraint};" if constraint else ""
    upper, lower = ("v", "w") if level == "upper" else ("w", "v")
    declared = {"v": f"var v{variable}; minimize sum(v); {rest}", "w": "var w; minimize w^2;"}
    params = "".join(f"param {item}; " for item in items)
    text = f"{params}upper {{ {declared[upper]} }} lower {{ {declared[lower]} }}"
    return Source("test", text), dict(zip((item.split("[")[0] for item in items), row))


def value(expression: ca.MX, problem, row_data: dict) -> float:
    made = ca.Function("made", [*problem.p], [expression])
    return float(made.call([ca.DM(np.asarray(row_data[q.name], float)) for q in problem.parameters])[0])


def refused(source: Source, data: dict) -> bool:
    """Whether the language says that the set is empty."""
    try:
        read(source, data=data)
    except BilevelError as error:
        allowed = {"BL0334"} if any(np.isnan(v).any() for v in data.values()) else {"BL0321"}
        assert {d.code for d in error.diagnostics} == allowed, error
        return True
    return False


@pytest.mark.parametrize("level", ["upper", "lower"])
@pytest.mark.parametrize("name, row", CASES, ids=[f"{n} {r}" for n, r in CASES])
def test_as_the_language_says(name, row, level):
    variable, data, rows = TABLE[name]
    source, good = model(variable, data, rows[0], level)
    problem = build(read(source, data=good))  # with the first row, as a solver is made
    _, given = model(variable, data, row, level)
    condition = all_inhabited(problem)
    assert value(condition, problem, good) == 1
    assert value(condition, problem, given) == (0 if refused(source, given) else 1)


@pytest.mark.parametrize("name", CATALOGUE)
def test_sets_with_points_have_points(name):
    """Also degenerate ones. Constants only: nothing to ask when a solver runs."""
    condition = inhabited(CATALOGUE[name].constraint_set)
    assert not ca.symvar(condition) and float(ca.evalf(condition)) == 1


@pytest.mark.parametrize("shape", ["", "[3]", "[3] in soc", "[2, 2] in psd", "[2] in [0, 1]", "[3] in simplex(2)"])
def test_without_data_there_is_no_condition(shape):
    source, _ = model(shape, "a", (1,), "lower")
    assert all_inhabited(build(read(source, data={"a": 1}))) is None


@pytest.mark.parametrize(
    "shape, row, good, bad",
    [
        ("[2] in [0, 5]", "v[1] <= a", [0, 2, 7, INF], [-1, -INF, NAN]),
        ("[2]", "v <= a", [0, -3, INF], [-INF, NAN]),
        ("[2]", "v >= a", [0, -3, -INF], [INF, NAN]),
        ("[2]", "v[2] == a", [0, 5], [INF, -INF, NAN]),
        ("[2] in [0, 5]", "v[2] == a", [0, 5], [6, -1, INF, NAN]),
        ("[2] in [0, 5]", "v <= sqrt(a)", [0, 5, INF], [-1, -INF, NAN]),
        ("[2] in linfball(0, 1)", "v >= a", [0, 1, -2, -INF], [1.5, INF, NAN]),
    ],
)
def test_rows_that_became_bounds(shape, row, good, bad):
    source, first = model(shape, "a", (good[0],), "lower", row)
    problem = with_bounds(build(read(source, data=first)))
    assert problem.lower_constraints == ()
    condition = all_inhabited(problem)
    assert [value(condition, problem, {"a": a}) for a in good] == [1] * len(good)
    assert [value(condition, problem, {"a": a}) for a in bad] == [0] * len(bad)


def _value(constraint_set: sets.ConstraintSet) -> float:
    return float(ca.evalf(inhabited(constraint_set)))


def test_intersections_and_products():
    first, apart, empty = (
        sets.Box(2, column(*low), column(*high)) for low, high in (([0, 0], [1, 1]), ([0.5, 2], [3, 3]), ([0, 1], [1, 0]))
    )
    touching, simplex = sets.Box(2, column(1, -INF), column(INF, INF)), sets.Simplex(2, scalar(1))
    assert _value(sets.Intersection(2, first, touching)) == _value(sets.Intersection(2, touching, first)) == 1
    for one, other in ((first, apart), (apart, first), (first, empty), (empty, first)):
        assert _value(sets.Intersection(2, one, other)) == 0
    assert _value(sets.Product(4, (first, simplex))) == _value(sets.Product(0, ())) == 1
    assert _value(sets.Product(4, (first, empty))) == _value(sets.Product(4, (empty, simplex))) == 0


def test_unknown_set_is_refused():
    class Torus(sets.ConstraintSet):
        pass

    with pytest.raises(TypeError, match="Torus"):
        inhabited(Torus(3))

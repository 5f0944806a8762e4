"""Every projection by what defines it: P(v) is in the set, and <v - P(v), u - P(v)> <= 0 for all u of the set."""

from __future__ import annotations

from functools import cache

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.sets import nlp_description, project
from bilevel_dsl.model import sets
from tests.functions.catalogue import CATALOGUE, INF, scalar, starts

NAMES = list(CATALOGUE)


@cache
def projector(name: str):
    entry = CATALOGUE[name]
    v = ca.MX.sym("v", entry.constraint_set.size)
    function = ca.Function("project", [v], [ca.densify(project(entry.constraint_set, v))])
    return lambda point: np.array(function(point)).ravel()


@pytest.mark.parametrize("name", NAMES)
def test_variational_inequality_and_feasibility(name):
    entry, P, rng = CATALOGUE[name], projector(name), np.random.default_rng(1)
    for v in starts(entry, rng):
        p = P(v)
        size = 1 + np.linalg.norm(v)
        assert entry.violation(p) <= 1e-12 * size * (1e6 if "scaled" in name else 1e4 if "parallel" in name else 10)
        for _ in range(20):
            u = entry.sample(rng)
            excess = (v - p) @ (u - p)
            loose = 1e4 if "parallel" in name else 1
            assert excess <= loose * 1e-13 * (size + np.linalg.norm(u)) ** 2, (v, p, u)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_inside_stays(name):
    entry, P, rng = CATALOGUE[name], projector(name), np.random.default_rng(2)
    for _ in range(10):
        u = entry.sample(rng)
        assert P(u) == pytest.approx(u, rel=1e-9, abs=1e-9)
    for v in starts(entry, rng):
        once = P(v)
        assert P(once) == pytest.approx(once, rel=1e-11, abs=1e-11 * (1 + np.abs(v).max()))


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan(name):
    P, n = projector(name), CATALOGUE[name].constraint_set.size
    for i in range(n):
        v = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
        v[i] = np.nan
        p = P(v)
        # a condition is false for NaN: a set that is one point must not hide it either
        assert np.isnan(p).any(), p


def test_infinite_entries_meet_their_bounds():
    assert projector("box")([INF, -INF, INF]) == pytest.approx([1, 0, 5], abs=0)
    assert list(projector("box without some bounds")([-INF, INF, INF])) == [-INF, INF, INF]
    assert projector("linf ball")([INF, -INF, 0]) == pytest.approx([0.5, 0.5, -0.5], abs=0)


def test_known_values():
    assert projector("simplex")([0.5, 0.5, 0.5, 0.5, 0.5]) == pytest.approx([0.2] * 5, abs=1e-16)
    assert projector("simplex, total 0")([3, -1, 0, 2]) == pytest.approx([0] * 4, abs=0)
    assert projector("capped simplex, k n")([-9, 0, 0.5, 7]) == pytest.approx([1] * 4, abs=0)
    assert projector("l1 ball")([3, 0, 0, -3, 0]) == pytest.approx([1, 0, 0, -1, 0], abs=1e-15)
    assert projector("second-order cone")([3, 0, 4, 0]) == pytest.approx([1.5, 0, 2, 2.5], abs=1e-15)
    assert projector("second-order cone")([3, 0, 4, -5]) == pytest.approx([0] * 4, abs=0)
    assert projector("psd")(np.diag([1, -2, 0, 3]).ravel()) == pytest.approx(np.diag([1, 0, 0, 3]).ravel(), abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("kind", ["simplex", "capped", "l1"])
def test_sums_against_bisection(n, kind):
    """The threshold t found by bisection to the last bit instead of by fixing entries, with many ties."""
    rng = np.random.default_rng(n)
    total = {"simplex": 2.0, "capped": 0.4 * n, "l1": 1.5}[kind]
    made = {
        "simplex": sets.Simplex(n, scalar(total)),
        "capped": sets.CappedSimplex(n, scalar(total)),
        "l1": sets.L1Ball(n, scalar(total)),
    }[kind]
    v = ca.MX.sym("v", n)
    P = ca.Function("project", [v], [project(made, v)])
    for trial in range(20):
        point = np.round(rng.standard_normal(n) * 3, trial % 3)
        sizes = np.abs(point) if kind == "l1" else point
        cap = 1.0 if kind == "capped" else INF
        low, high = sizes.min() - total - 2, sizes.max()
        for _ in range(200):
            t = (low + high) / 2
            low, high = (t, high) if np.clip(sizes - t, 0, cap).sum() > total else (low, t)
        expected = np.clip(sizes - low, 0, cap)
        if kind == "l1":
            expected = point if np.abs(point).sum() <= total else np.sign(point) * expected
        assert np.array(P(point)).ravel() == pytest.approx(expected, abs=1e-12)


def test_product_takes_each_part():
    first, second = CATALOGUE["simplex"], CATALOGUE["ball"]
    made = sets.Product(8, (first.constraint_set, second.constraint_set))
    v = ca.MX.sym("v", 8)
    point = np.linspace(-3, 3, 8)
    together = np.array(ca.Function("p", [v], [project(made, v)])(point)).ravel()
    apart = np.concatenate([projector("simplex")(point[:5]), projector("ball")(point[5:])])
    assert np.array_equal(together, apart)


def test_set_data_may_be_parameters():
    """Data as arguments give what the same data give as constants."""
    rng = np.random.default_rng(5)
    low, high, total = ca.MX.sym("low", 3), ca.MX.sym("high", 3), ca.MX.sym("total")
    v, w = ca.MX.sym("v", 3), ca.MX.sym("w", 4)
    both = ca.Function(
        "p", [v, w, low, high, total], [project(sets.Box(3, low, high), v), project(sets.Simplex(4, total), w)]
    )
    point, other = rng.standard_normal(3), rng.standard_normal(4)
    a, b = (np.array(r).ravel() for r in both(point, other, [-1, 0, 2], [1, 0.5, 5], 1e6))
    assert np.array_equal(a, projector("box")(point)) and np.array_equal(b, projector("simplex, large total")(other))


def test_unknown_set_is_refused():
    class Torus(sets.ConstraintSet):
        pass

    with pytest.raises(TypeError, match="Torus"):
        project(Torus(3), ca.MX.sym("v", 3))


# --- the same sets for a nonlinear programming solver ----------------------------------------------


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith(("psd", "spectral"))])
def test_nlp_description_is_the_same_set(name):
    entry, rng = CATALOGUE[name], np.random.default_rng(3)
    v = ca.MX.sym("v", entry.constraint_set.size)
    low, high, rows = nlp_description(entry.constraint_set, v)
    parts = [e for row in rows for e in (row[0] - row[2], ca.MX(row[1]) - row[0])]
    describe = ca.Function("d", [v], [ca.vertcat(low - v, v - high, *[ca.vec(e) for e in parts])])

    def excess(point):
        values = np.array(describe(point)).ravel()
        return float(np.max(values[~np.isnan(values)], initial=-INF))  # inf - inf: no bound

    for _ in range(20):
        u = entry.sample(rng)
        assert excess(u) <= 1e-9 * (1 + np.linalg.norm(u)) * (1e6 if "scaled" in name else 1)
    for point in starts(entry, rng):
        if np.linalg.norm(projector(name)(point) - point) > 1e-6 * (1 + np.linalg.norm(point)):
            assert excess(point) > 0, point


@pytest.mark.parametrize("name", ["psd", "spectral"])
def test_matrix_sets_have_no_smooth_description(name):
    entry = CATALOGUE[name]
    assert nlp_description(entry.constraint_set, ca.MX.sym("v", entry.constraint_set.size)) is None

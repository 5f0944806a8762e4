"""Scaled problems: what they are, and the way back."""

from __future__ import annotations

import shutil
import subprocess

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.functions.sets import project
from bilevel_dsl.methods import METHODS
from bilevel_dsl.model.scaling import divided, multiplied
from bilevel_dsl.model.sets import Box
from bilevel_dsl.reductions.scaled_sets import has_units, scaled_set
from bilevel_dsl.reductions.scaling import scaled
from bilevel_dsl.search.attempt import Runner, Start
from tests.export.cases import C_COMPILERS
from tests.functions.catalogue import CATALOGUE, starts

from .units import MODELS


def load(text: str) -> bl.Source:
    return bl.load(bl.Source("scaled", text))


MEGAWATTS = load(MODELS["rows"].written(x=1e-6, y=1e3, **{":f": 1e6, ":g": 1e-3, ":cap": 1e3, ":curved": 1e-6}))
PRICES = load(MODELS["dual"].written(q=1e-3, y=1e-3, **{":g": 1e6, ":cap": 1e-3, ":price": 1e-9}))


def at(problem, name: str, x, y) -> np.ndarray:
    return np.array(Oracles(problem, recognise=False).function(name)(x, y, *problem.matrices)).ravel()


def test_functions_are_the_same_up_to_the_factors():
    inside, rng = scaled(MEGAWATTS), np.random.default_rng(1)
    s = inside.scaling
    first = scaled(load(MODELS["rows"].written())).scaling
    assert s.x == pytest.approx(1e6 * first.x, rel=1e-12) and s.y == pytest.approx(1e-3 * first.y, rel=1e-12)
    for _ in range(5):
        x, y = rng.random(1), rng.random(1)
        there = s.outside(x, y)
        for name, factor in {"f": s.f, "g": s.g, "h": s.lower_rows, "c": s.upper_rows}.items():
            assert at(inside, name, x, y) == pytest.approx(divided(at(MEGAWATTS, name, *there), factor), rel=1e-13)
        slope = divided(multiplied(at(MEGAWATTS, "grad_y_g", *there), s.y), s.g)
        assert at(inside, "grad_y_g", x, y) == pytest.approx(slope, rel=1e-13)


@pytest.mark.parametrize("size", [3.0, 0.7, 1e6, 1 / 3, 2.29128784747792])
def test_a_bound_is_not_passed_by_the_last_bit(size):
    """Where `sqrt(10 - x)` is no number."""
    rng = np.random.default_rng(2)
    bounds = np.sort(np.concatenate([rng.normal(size=(500, 2)), [[0, 10], [-np.inf, 0.1], [7, 7]]]), axis=1)
    inside = scaled_set(Box(503, ca.DM(bounds[:, 0]), ca.DM(bounds[:, 1])), size)
    low, high = (np.array(ca.evalf(v)).ravel() for v in (inside.lower, inside.upper))
    assert np.all(low <= high) and np.array_equal(np.isinf(low), np.isinf(bounds[:, 0]))
    wide = bounds[:, 0] < bounds[:, 1]
    assert np.all((multiplied(low, size) >= bounds[:, 0])[wide]) and np.all(multiplied(high, size) <= bounds[:, 1])
    finite = np.isfinite(low)
    assert multiplied(low, size)[finite] == pytest.approx(bounds[finite, 0], rel=1e-15)


def test_a_problem_of_size_one_is_itself():
    problem = load("upper { var x in [0, 1]; minimize x; } lower { var y in [0, 1]; minimize -y; }")
    assert scaled(problem) is problem


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_projections_go_along(name, factor):
    entry, rng = CATALOGUE[name], np.random.default_rng(3)
    own = entry.constraint_set
    if not has_units(own):
        pytest.skip("a set of pure numbers")
    v = ca.MX.sym("v", own.size)
    inside, outside = (ca.Function("p", [v], [ca.densify(project(k, v))]) for k in (scaled_set(own, factor), own))
    for point in starts(entry, rng):
        expected = np.array(outside(point)).ravel()
        found = multiplied(np.array(inside(divided(point, factor))).ravel(), factor)
        assert np.max(np.abs(found - expected)) <= 1e-9 * (1 + np.max(np.abs(point)))


def test_multipliers_are_the_change_of_the_followers_value():
    """In the units of the model, against differences."""
    found = bl.solve(PRICES, compile="never", verify="no", effort="quick")
    assert found.scaling["variables"] and found.method == "kkt"
    q, price = float(found["q"]), float(found.duals["cap"])

    def value(room: float) -> float:
        y = room / 2 * 1e-3  # of each, in the first units: both alike
        return 1e6 * (2 * (y - 6) ** 2 + 0.2 * y * y)

    step = 1e-4 * q
    slope = (value(q + step) - value(q - step)) / (2 * step)
    assert price == pytest.approx(1e6 * slope, rel=1e-6)  # a unit of the row is 1e6 of q
    run = Runner(Oracles(PRICES), lambda info: defaults(info), "interpreted").run(
        METHODS["kkt"], "", Start(x=PRICES.start()[0], y=PRICES.start()[1], words=""), None
    )
    assert run.found["cap"] == pytest.approx(price, rel=1e-4)  # what the method itself says


def defaults(info) -> dict[str, float]:
    return {s.name: s.default for s in info.settings}


@pytest.mark.parametrize("method", ["kkt", "mpcc"])
def test_all_that_is_told_is_in_the_units_of_the_model(method):
    seen = []
    found = bl.solve(
        MEGAWATTS, method, compile="never", verify="no", on_progress=lambda k, measures: seen.append(measures["upper"])
    )
    assert found.scaling
    assert found.upper == pytest.approx(float(Oracles(MEGAWATTS).function("f")(found["x"], found["y"])), rel=1e-12)
    assert found.measures["upper"] == pytest.approx(found.upper, rel=1e-6)
    assert found.trace["upper"][-1] == pytest.approx(found.upper, rel=1e-6)
    assert all(1e-3 < value / found.upper < 1e3 for value in seen[1:])


def test_a_start_is_in_the_units_of_the_model():
    first = bl.solve(MEGAWATTS, "kkt", compile="never", verify="no")
    again = bl.solve(MEGAWATTS, "kkt", compile="never", verify="no", start=first.variables)
    assert again["x"] == pytest.approx(first["x"], rel=1e-6) and again.upper == pytest.approx(first.upper, rel=1e-6)
    stopped = bl.solve(MEGAWATTS, "kkt", compile="never", verify="no", start={"x": 3e6}, max_iter=0)
    assert stopped["x"] == 3e6


def test_methods_of_papers_run_as_they_are_printed():
    problem = load(MODELS["quadratic"].written(x=1e-6))
    assert bl.solve(problem, "aid", compile="never", verify="no", max_iter=3).scaling == {}
    assert bl.solve(problem, "mgbio", compile="never", verify="no", max_iter=3).scaling


def test_samples_are_scaled_too():
    text = "param b[4] = [1, 2, 4, 9]; upper { var x; minimize 1e6 * (1e-3 * x - 1)^2; } "
    text += "lower { var y; minimize expect((1e-3 * y - 1e-3 * x - b[i])^2 for i in 1..4); }"
    problem = load(text)
    inside = scaled(problem)
    drawn = inside.g.sampling.drawn((4,))
    inputs = [inside.x, inside.y, *inside.p, *drawn.indices, *(lookup.values for lookup in drawn.lookups)]
    at_all = ca.Function("drawn", inputs, [drawn.expression])
    values = [ca.DM([[1.0, 2, 4, 9]]) for _ in drawn.lookups]
    given = [2.0, 3.0, *inside.matrices, ca.DM(range(4)), *values]
    assert inside.scaling.y != 1
    whole = at(inside, "g", 2.0, 3.0)
    assert np.array(at_all.call(given)[0]).ravel() == pytest.approx(whole, rel=1e-12)


@pytest.mark.skipif(shutil.which(C_COMPILERS[0]) is None, reason="no C compiler")
@pytest.mark.parametrize("method", ["kkt"])
def test_exported_c_has_the_bits_of_python(method, tmp_path):
    bl.export_c(MEGAWATTS, tmp_path, method=method)
    subprocess.run(["make", "-s", "-C", tmp_path], check=True)
    output = subprocess.run([tmp_path / "solver"], capture_output=True, text=True).stdout
    found = bl.solve(MEGAWATTS, method, compile="never", verify="no")
    assert found.scaling
    for name in ("x", "y"):
        assert f"{name} = {float(found[name]):.17g}" in output

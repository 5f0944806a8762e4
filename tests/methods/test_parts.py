"""The parts of methods, each by itself, against numpy."""

from __future__ import annotations

import shutil

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods.flow import Method
from bilevel_dsl.methods.parts.estimators import Momentum, Storm
from bilevel_dsl.methods.parts.linear import ConjugateGradients, LeastSquares, Neumann, Spectrum, inverted
from bilevel_dsl.methods.parts.sampling import MODULI, MULTIPLIERS, Random
from bilevel_dsl.methods.parts.steps import Adaptive
from bilevel_dsl.methods.program import Setting
from bilevel_dsl.runtime.execute import execute
from tests.problems import problem
from tests.runtime.machines import COMPILER, assert_same

SETTINGS = (Setting("tol", 0, "", 0), Setting("max_iter", 1, "", 0, integer=True), Setting("seed", 3, "", 0, integer=True))
RNG = np.random.default_rng(8)
N = 6
_Q, _ = np.linalg.qr(RNG.normal(size=(N, N)))
H = _Q @ np.diag(np.logspace(0, 2, N)) @ _Q.T
B = RNG.normal(size=N)
QUADRATIC = problem(lambda x, y: ca.sumsqr(y), lambda x, y: ca.dot(y, H @ y) / 2 - ca.dot(y, B), 1, N)


def method(made=QUADRATIC) -> Method:
    m = Method("parts", Oracles(made), SETTINGS)
    m.slots(x=m.x_start, y=m.y_start)
    return m


def run(m: Method, executor: str = "interpreted", state0=None, **settings):
    program = m.program({"first": m.state.x[0]}, {})
    sizes = {s.name: s.size for s in program.state}
    start = np.zeros(sizes["x"]), np.zeros(sizes["y"])
    return execute(program, *start, executor=executor, settings=settings, state0=state0)


# --- linear ---------------------------------------------------------------------------------------


def conjugate_gradients(at_most: int, accuracy: float, matrix: np.ndarray = H):
    m = method()
    cg = ConjugateGradients(m, "cg", N)
    with m.iteration():
        cg.solve(lambda v: ca.MX(ca.DM(matrix)) @ v, ca.MX(ca.DM(B)), at_most=at_most, accuracy=accuracy)
        m.state.y = cg.z
    return m


def test_conjugate_gradients_solve():
    found = run(conjugate_gradients(50, 1e-12))
    assert found.state["y"] == pytest.approx(np.linalg.solve(H, B), rel=1e-9)
    assert N <= found.phase_calls["cg"] <= N + 3  # in exact arithmetic n passes


def test_conjugate_gradients_go_on_from_where_they_are():
    again = run(conjugate_gradients(50, 1e-10), max_iter=3)
    once = run(conjugate_gradients(50, 1e-10))
    assert again.phase_calls["cg"] <= once.phase_calls["cg"] + 1


def test_conjugate_gradients_stop_after_the_passes_that_are_allowed():
    found = run(conjugate_gradients(2, 0.0))
    assert found.phase_calls["cg"] == 2
    error = lambda z: (z - np.linalg.solve(H, B)) @ H @ (z - np.linalg.solve(H, B))
    assert error(found.state["y"]) < error(np.zeros(N))


def test_conjugate_gradients_leave_a_direction_of_negative_curvature():
    found = run(conjugate_gradients(50, 1e-12, -np.eye(N)))
    assert found.phase_calls["cg"] == 1 and np.all(np.isfinite(found.state["y"]))


@pytest.mark.parametrize("terms", [0, 1, 7])
def test_neumann_series(terms):
    m = method()
    series = Neumann(m, "series", N)
    with m.iteration():
        series.solve(lambda v: ca.MX(ca.DM(H)) @ v, ca.MX(ca.DM(B)), terms=terms, step=lambda: 0.01)
        m.state.y = series.z
    expected, power = np.zeros(N), B.copy()
    for _ in range(terms):
        expected, power = expected + 0.01 * power, power - 0.01 * H @ power
    assert run(m).state["y"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("moving", [False, True])
def test_the_spectrum_solves_and_is_computed_once_where_it_can(moving):
    made = problem(lambda x, y: ca.sumsqr(y), lambda x, y: (1 + x**2 * moving) * ca.dot(y, H @ y) / 2, 1, N)
    m = method(made)
    with m.iteration():
        found = Spectrum(m)
        solve = found.solver(inverted(found.e, 0, 1e20, ca.MX(0)))
        m.state.y = solve(ca.MX(ca.DM(B)))
    done = run(m)
    assert done.state["y"] == pytest.approx(np.linalg.solve(H, B), rel=1e-9)
    assert ("eigenvalues" in m._prepared) == (not moving)


@pytest.mark.parametrize("rule, expected", [(0, [2, 2, 1 / 4]), (1, [1 / 3, 2, 1 / 4]), (2, [2, 0, 1 / 4])])
def test_rules_of_the_inverse(rule, expected):
    e = ca.MX(ca.DM([-3, 0.1, 9]))
    got = np.array(ca.evalf(inverted(e, 0.5, 4.0, ca.MX(rule)))).ravel()
    assert got == pytest.approx(expected)


# --- steps ------------------------------------------------------------------------------------------


def test_adaptive_steps_minimise_without_values():
    """On a convex quadratic of condition 100: to 1e-6, by gradients alone."""
    m = method(problem(lambda x, y: ca.dot(x, H @ x) / 2 - ca.dot(x, B), lambda x, y: y**2, N, 1))
    s, steps = m.state, Adaptive(m, N)
    with m.iteration():
        x, w = s.x, m.grad_x_f(s.x, s.y)
        gamma = steps.length(x, w)
        s.x = x - gamma * w
        steps.note(ca.MX(1), x, w, gamma)
    assert run(m, max_iter=1500).state["x"] == pytest.approx(np.linalg.solve(H, B), abs=1e-6)


# --- estimators ---------------------------------------------------------------------------------------


def estimates(kind, count: int) -> tuple[np.ndarray, np.ndarray]:
    """What the estimator holds after each of the samples k^2 (before: (k-1)^2), with weight 0.3."""
    m = method()
    m.slots(k=0)
    s, v = m.state, kind(m, "v", 1)
    with m.iteration():
        s.k = s.k + 1
        s.x = v.add(s.k**2, 0.3) if kind is Momentum else v.add(s.k**2, (s.k - 1) ** 2, 0.3)
    return run(m, max_iter=count).trace["first"]


def test_momentum():
    expected = [1.0]
    for k in range(2, 7):
        expected.append(0.7 * expected[-1] + 0.3 * k**2)
    assert estimates(Momentum, 6) == pytest.approx(expected)


def test_storm():
    expected = [1.0]
    for k in range(2, 7):
        expected.append(k**2 + 0.7 * (expected[-1] - (k - 1) ** 2))
    assert estimates(Storm, 6) == pytest.approx(expected)


# --- random numbers -----------------------------------------------------------------------------------


def drawing(count: int = 1, below: int = 10) -> Method:
    m = method()
    random = Random(m, "random", m.settings.seed)
    with m.iteration():
        m.state.x = random.indices(count, below)[count - 1]
    return m


def test_indices_are_even_and_within():
    drawn = run(drawing(below=10), max_iter=20000).trace["first"]
    counts = np.bincount(drawn.astype(int), minlength=10)
    assert len(counts) == 10 and np.sum((counts - 2000) ** 2 / 2000) < 27.9  # chi squared, 9 degrees, 0.1 %
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.03


def test_the_generator_is_that_of_wichmann_and_hill():
    m = method()
    random = Random(m, "random", m.settings.seed)
    with m.iteration():
        m.state.x = random.uniform(1)
    found = run(m, max_iter=1)
    state = [int(found.state[f"random_{k}"][0]) for k in (1, 2, 3)]
    assert found.state["x"][0] == pytest.approx(sum(v / n for v, n in zip(state, MODULI)) % 1, abs=1e-15)
    assert all(a * (n - 1) < 2**24 for a, n in zip(MULTIPLIERS, MODULI))  # exact in floats


def test_seeds_differ_and_repeat():
    a, b, c = (run(drawing(below=10**6), max_iter=50, seed=seed).trace["first"] for seed in (1, 1, 2))
    assert np.array_equal(a, b) and np.mean(a == c) < 0.1


def test_a_run_that_is_resumed_goes_on_with_the_same_numbers():
    whole = run(drawing(below=1000), max_iter=20).trace["first"]
    first = run(drawing(below=1000), max_iter=8)
    kept = {name: v for name, v in first.state.items() if name.startswith("random")}
    rest = run(drawing(below=1000), max_iter=12, state0=kept)
    assert np.array_equal(np.concatenate([first.trace["first"], rest.trace["first"]]), whole)


@pytest.mark.skipif(not shutil.which(COMPILER), reason="there is no C compiler")
def test_compiled_parts_give_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))
    for make in (lambda: conjugate_gradients(50, 1e-12), lambda: drawing(3, 977)):
        compiled, interpreted = (run(make(), executor=e, max_iter=30) for e in ("compiled", "interpreted"))
        assert_same(compiled, interpreted)


# --- least squares ------------------------------------------------------------------------------------


def least_squares(matrix: np.ndarray, b: np.ndarray):
    m = method()
    system = LeastSquares(m, "ls", N)
    with m.iteration():
        system.solve(lambda v: ca.MX(ca.DM(matrix)) @ v, ca.MX(ca.DM(b)), at_most=60, accuracy=1e-10)
        m.state.y = system.z
    return run(m).state["y"]


@pytest.mark.parametrize("eigenvalues", [(1, 2, 3, 4, 5, 6), (-3, -1, 1, 2, 5, 9), (0, 0, 1, 2, -3, 9)])
def test_least_squares_for_any_signs(eigenvalues):
    """Singular: the answer of least norm, also where b is not in the range."""
    matrix = _Q @ np.diag(eigenvalues) @ _Q.T
    assert least_squares(matrix, B) == pytest.approx(np.linalg.pinv(matrix, rcond=1e-10) @ B, rel=1e-6, abs=1e-8)

"""Methods that draw samples: near the answer by their defaults, the same in all executors, as fast for many samples."""

from __future__ import annotations

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.program import Program
from bilevel_dsl.model.problem import Problem
from bilevel_dsl.runtime.execute import Run, execute
from tests.export.cases import ExportedLibrary
from tests.methods.running import point
from tests.methods.stochastic import RIDGE, load
from tests.runtime.machines import EXECUTORS, assert_same

COMPILED = pytest.mark.skipif("compiled" not in EXECUTORS, reason="there is no C compiler")
KWON = ("prox_penalty", "prox_penalty_single")
DRAWING = ("stocbio", "soba", "saba", "msgbio", "vr_msgbio", *KWON, "f2sa", "f3sa", "v_pbsgd")
ONLY = ("saba", "v_pbsgd")  # their default is a batch

# Both levels are strongly convex quadratics in which every sample says something else.
QUADRATIC = """\
problem quadratic;
param N = 60;
param M = 40;
param A[N, 4] = normal(0, 1, N, 4, seed=1);
param b[N] = normal(0, 1, N, seed=2);
param B[N, 3] = normal(0, 1, N, 3, seed=5);
param C[M, 4] = normal(0, 1, M, 4, seed=3);
param c[M] = normal(1, 1, M, seed=4);
upper { var x[3]; minimize expect((C[i, :] @ y - c[i])^2 for i in 1..M) + 0.1 * sumsqr(x - 1); }
lower { var y[4]; minimize expect((A[i, :] @ y - b[i] - B[i, :] @ x)^2 for i in 1..N) + 0.1 * sumsqr(y); }
"""


def program(name: str, problem: Problem, **built: float) -> Program:
    return METHODS[name].program(Oracles(problem), {"batch": 16, **built})


def run(name: str, problem: Problem, executor: str = "auto", batch: int = 16, state0=None, **settings: float) -> Run:
    made = program(name, problem, batch=batch)
    return execute(made, *problem.start(), executor=executor, settings=settings, state0=state0)


def test_every_method_that_draws_is_tested_here():
    assert set(DRAWING) == {name for name, method in METHODS.items() if any(s.name == "batch" for s in method.settings)}


@pytest.fixture(scope="module")
def quadratic() -> tuple[Problem, np.ndarray]:
    """With its answer, by exact hypergradients."""
    problem = load(QUADRATIC)
    exact = execute(METHODS["mgbio"].program(Oracles(problem)), *problem.start(), settings={"tol": 1e-11})
    assert exact.status.label == "converged"
    return problem, point(exact)


def away(found: Run, answer: np.ndarray) -> float:
    return np.linalg.norm(point(found) - answer) / np.linalg.norm(answer)


@pytest.mark.parametrize("name", DRAWING)
def test_the_answer_with_the_defaults(name, quadratic):
    problem, answer = quadratic
    assert away(run(name, problem), answer) <= 0.05
    assert away(run(name, problem, seed=1), answer) <= 0.05


BOXED = QUADRATIC.replace("var x[3];", "var x[3] in [-0.5, 1.25];").replace("var y[4];", "var y[4] in [0, 0.2];")
BOXED = BOXED.replace("A[N, 4] = normal(0,", "A[N, 4] = normal(1,").replace("b[N] = normal(0,", "b[N] = normal(1,")


@pytest.mark.parametrize("name", [*KWON, "v_pbsgd"])
def test_sets_on_both_levels(name):
    """A bound of x and three of y are active at the answer, which is that of the follower's conditions."""
    problem = load(BOXED)
    exact = bl.solve(problem, "kkt", verify="no")
    answer = np.concatenate([np.ravel(exact["x"]), np.ravel(exact["y"])])
    assert answer[[1, 4, 5, 6]] == pytest.approx([1.25, 0.2, 0, 0.2], abs=1e-6)
    found = run(name, problem)
    assert away(found, answer) <= 0.1
    assert point(found)[[4, 5, 6]] == pytest.approx(answer[[4, 5, 6]], abs=0.04)
    assert np.all(found.state["y_k"] >= 0) and np.all(found.state["y_k"] <= 0.2)


@pytest.mark.parametrize("name", [*KWON, "f2sa", "f3sa", "v_pbsgd"])
def test_a_start_at_the_best_y_for_the_leader(name):
    """grad_y f is 0 there, which says nothing of how far the leader will pull y."""
    problem = load(QUADRATIC.replace("(C[i, :] @ y - c[i])^2", "(C[i, :] @ y)^2"))
    exact = execute(METHODS["mgbio"].program(Oracles(problem)), *problem.start(), settings={"tol": 1e-11})
    assert away(run(name, problem), point(exact)) <= 0.05


LINE = """\
param N = 60;
param M = 40;
param a[N] = normal(0, 0.3, N, seed=1);
param h[N] = uniform(0.5, 1.5, N, seed=2);
param c[M] = normal(1, 0.5, M, seed=3);
upper { var x; minimize expect((x - 2 * c[i])^2 + (y[1] - c[i])^2 + (y[2] + c[i])^2 for i in 1..M); }
lower { var y[2]; minimize expect(h[i] * (y[1] + y[2] - x - a[i])^2 for i in 1..N); }
"""


@pytest.mark.parametrize("name", [*KWON, "f2sa", "f3sa", "v_pbsgd"])
def test_a_line_of_answers(name):
    """The follower wants y[1] + y[2] = x + a, a mean weighted by h; y starts where the leader pulls along the line."""
    problem = load(LINE)
    data = {q.name: np.ravel(v) for q, v in zip(problem.parameters, problem.data)}
    a, c = data["h"] @ data["a"] / data["h"].sum(), data["c"].mean()
    x = (4 * c - a) / 3  # of (x - 2 c)^2 + (x + a)^2 / 2
    answer = np.array([x, c + (x + a) / 2, (x + a) / 2 - c])
    assert away(run(name, problem), answer) <= 0.1


@pytest.mark.parametrize("name", [*KWON, "v_pbsgd"])
def test_a_box_does_not_hide_how_far_y_is_pulled(name):
    """Pulled over its bounds y cannot follow, and the first penalty is not the smaller for it, nor the bias the larger."""
    free, boxed = (load(BOXED.replace("in [0, 0.2]", bounds)) for bounds in ("", "in [0.05, 0.35]"))
    without, within = (run(name, problem, max_iter=1).measures["penalty"] for problem in (free, boxed))
    assert within > 0.4 * without


AS_PRINTED = {  # constant steps and falling ones, as the papers state them; the last four keep a bias of order 1 / lambda
    "stocbio": ({"T": 10, "Q": 10, "alpha": 0.1, "eta": 0.1, "gamma": 0.1, "max_iter": 5000}, 0.1),
    "soba": ({"rho": 0.1, "gamma": 0.3, "decay": 0.5}, 0.02),
    "saba": ({"rho": 0.05, "gamma": 0.05}, 1e-5),
    "msgbio": ({"k": 1, "c": 1, "gamma": 0.2, "lam": 0.1}, 0.02),
    "vr_msgbio": ({"k": 1, "c": 1, "gamma": 0.2, "lam": 0.1}, 0.02),
    "prox_penalty": ({"T": 5, "batch": 2, "gamma": 0.1, "alpha": 0.3, "max_iter": 1000}, 0.06),
    "prox_penalty_single": ({"alpha": 0.3, "sigma": 0.1, "gamma": 0.3, "rho": 1, "beta": 1, "eta": 1}, 0.03),
    "f3sa": ({"alpha": 0.03, "gamma": 0.1, "xi": 5, "eta": 1}, 0.1),
    "v_pbsgd": ({"alpha": 0.002, "gamma": 20, "T": 10, "beta": 0.1}, 0.2),
}


@pytest.mark.parametrize("name", AS_PRINTED)
def test_steps_that_are_given(name, quadratic):
    settings, most = AS_PRINTED[name]
    assert away(run(name, quadratic[0], **settings), quadratic[1]) <= most


@pytest.mark.parametrize("name", ["soba", "v_pbsgd"])
def test_a_given_step_is_not_cut(name):
    """w is nearly 0 at the start and grows a billionfold: that is no batch far out."""
    growing = QUADRATIC.replace("expect((C[i, :] @ y - c[i])^2", "expect((C[i, 1] * y[1] * x[1] - 1)^2")
    problem = load(
        growing.replace("+ 0.1 * sumsqr(x - 1)", "").replace("- B[i, :] @ x", "").replace("y[4];", "y[4] start 1e-12;")
    )
    given = {"gamma": 0.1, "rho": 0.1} if name == "soba" else {"alpha": 0.1, "gamma": 0.1, "T": 5}
    found = run(name, problem, max_iter=20, average=0, **given)
    assert np.linalg.norm(found.state["x"] - problem.start()[0]) > 1e-3


class ByHand:
    """BOXED in NumPy: its gradients over samples, its projections, and the random numbers of Wichmann and Hill."""

    def __init__(self, problem: Problem, seed: int, batch: int):
        self.data = {q.name: np.reshape(v, q.symbol.shape, order="F") for q, v in zip(problem.parameters, problem.data)}
        self.batch, self.moduli = batch, np.array([30269.0, 30307.0, 30323.0])
        self.now = 1 + np.fmod(np.fmod(seed, self.moduli) * [7919.0, 104729.0, 1299709.0], self.moduli - 1)

    def draw(self, which: str) -> np.ndarray:
        found = []
        for _ in range(self.batch):
            self.now = np.fmod([171.0, 172.0, 170.0] * self.now, self.moduli)
            found.append(int(np.sum(self.now / self.moduli) % 1 * (40 if which == "f" else 60)))
        return np.array(found)

    def f(self, x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        C, c = self.data["C"][drawn], self.data["c"][drawn].ravel()
        return 0.2 * (x - 1), 2 * C.T @ (C @ y - c) / len(drawn)

    def g(self, x: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        A, b, B = self.data["A"][drawn], self.data["b"][drawn].ravel(), self.data["B"][drawn]
        miss = A @ y - b - B @ x
        return -2 * B.T @ miss / len(drawn), 2 * A.T @ miss / len(drawn) + 0.2 * y

    def begin(self, k: int) -> None:
        """What the curvature is measured over, which a step that is given does not use."""
        for _ in range(21 if k == 1 else 1):
            self.draw("g")


def P_X(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -0.5, 1.25)


def P_Y(y: np.ndarray) -> np.ndarray:
    return np.clip(y, 0, 0.2)


def test_the_lines_of_kwon_and_others_with_two_loops():
    problem, given = load(BOXED), {"T": 3, "sigma": 0.4, "alpha": 0.3, "rho": 0.7, "gamma": 0.05, "beta": 0.8, "k0": 2}
    hand = ByHand(problem, 5, batch=4)
    x, y, z = np.zeros(3), P_Y(np.zeros(4)), P_Y(np.zeros(4))
    for k in range(1, 8):
        hand.begin(k)
        sigma, draws = 0.4 * (k + 2) ** (-1 / 3), int(np.ceil((1 + k / 2) ** (4 / 3)))

        def mean(gradient, draws=draws):
            """Over M_k samples: so many batches, f before g."""
            each = [gradient(hand.draw("f"), hand.draw("g")) for _ in range(draws)]
            return [np.mean(column, axis=0) for column in zip(*each)]

        w, u = y, z
        for _ in range(3):
            f_w, g_w, g_u = mean(lambda xi, zeta: (hand.f(x, w, xi)[1], hand.g(x, w, zeta)[1], hand.g(x, u, zeta)[1]))  # noqa: B023
            w = P_Y(w - 0.05 * (sigma * f_w + g_w + (w - y) / 0.7))
            u = P_Y(u - 0.05 * (g_u + (u - z) / 0.7))
        y, z = 0.2 * y + 0.8 * w, 0.2 * z + 0.8 * u
        f_x, g_y, g_z = mean(lambda xi, zeta: (hand.f(x, y, xi)[0], hand.g(x, y, zeta)[0], hand.g(x, z, zeta)[0]))  # noqa: B023
        x = P_X(x - 0.3 * sigma * (f_x + (g_y - g_z) / sigma))
    found = run("prox_penalty", problem, "interpreted", 4, seed=5, average=0, max_iter=7, **given)
    for name, by_hand in {"x": x, "y": y, "z": z}.items():
        assert found.state[name] == pytest.approx(by_hand, rel=1e-10), name
    assert np.abs(y - z).max() > 1e-3 and draws == 8


def test_the_lines_of_kwon_and_others_in_a_single_loop():
    """Six estimates, each with the sample of now at the point before."""
    problem, k0 = load(BOXED), 2
    given = {"alpha": 0.3, "sigma": 0.4, "rho": 0.7, "gamma": 0.2, "beta": 0.9, "eta": 0.8, "k0": k0}
    hand = ByHand(problem, 5, batch=4)

    def six(x, y, z, w, u, xi, zeta):
        f, g = hand.f, hand.g
        of_y = f(x, w, xi)[1], g(x, w, zeta)[1], g(x, u, zeta)[1]
        return *of_y, f(x, y, xi)[0], g(x, y, zeta)[0], g(x, z, zeta)[0]

    x = np.zeros(3)
    y = z = w = u = P_Y(np.zeros(4))
    before = h = None
    for k in range(1, 13):
        hand.begin(k)
        falling = lambda first, power, k=k: first * (k + k0) ** -power  # noqa: E731
        sigma, eta, gamma, beta = falling(0.4, 1 / 5), falling(0.8, 4 / 5), falling(0.2, 2 / 5), falling(0.9, 2 / 5)
        here, drawn = (x, y, z, w, u), (hand.draw("f"), hand.draw("g"))
        now = six(*here, *drawn)
        h = now if h is None else [a + (1 - eta) * (e - b) for a, e, b in zip(now, h, six(*before, *drawn))]
        before = here
        w = P_Y(w - gamma * (sigma * h[0] + h[1] + (w - y) / 0.7))
        u = P_Y(u - gamma * (h[2] + (u - z) / 0.7))
        x = P_X(x - falling(0.3, 3 / 5) * (h[3] + (h[4] - h[5]) / sigma))
        y, z = (1 - beta) * y + beta * w, (1 - beta) * z + beta * u
    found = run("prox_penalty_single", problem, "interpreted", 4, seed=5, average=0, max_iter=12, **given)
    for name, by_hand in {"x": x, "y": y, "z": z, "w": w, "u": u}.items():
        assert found.state[name] == pytest.approx(by_hand, rel=1e-10), name
    assert np.abs(y - z).max() > 1e-3


def test_the_bias_of_a_multiplier_falls_with_it(quadratic):
    """f2sa as printed: lambda = gamma / (2 alpha) times the same power."""
    given = {"T": 10, "gamma": 0.15, "max_iter": 3000}
    errors = [away(run("f2sa", quadratic[0], alpha=a, xi=2 / a, **given), quadratic[1]) for a in (0.05, 0.0125)]
    assert errors[1] < 0.5 * errors[0]


def test_variance_reduction_removes_the_floor_of_constant_steps(quadratic):
    problem, answer = quadratic
    constant = {"rho": 0.02, "gamma": 0.02, "average": 0, "every": 5}
    soba = [away(run("soba", problem, steps=k, max_iter=k, **constant), answer) for k in (4000, 16000)]
    saba = [away(run("saba", problem, steps=k, max_iter=k, tol=0, **constant), answer) for k in (3000, 6000)]
    assert min(soba) > 0.01  # noise, however long
    assert saba[0] < 1e-4 and saba[1] < 1e-2 * saba[0]


def test_storm_follows_better_than_momentum(quadratic):
    """With the schedules of the theorems: the error of the estimate of grad_x f - J H^-1 grad_y f along the run."""
    problem, answer = quadratic
    given = {"k": 1.0, "c": 1.0, "gamma": 0.1, "lam": 0.05, "average": 0}
    errors = {
        name: np.mean([away(run(name, problem, steps=6000, seed=seed, **given), answer) for seed in range(3)])
        for name in ("msgbio", "vr_msgbio")
    }
    assert errors["vr_msgbio"] < errors["msgbio"]


@COMPILED
@pytest.mark.parametrize("name, given", [*((name, {}) for name in DRAWING), ("prox_penalty", {"T": 2, "growth": 0.5})])
def test_the_executors_agree(name, given):
    problem = load(QUADRATIC)
    made = METHODS[name].program(Oracles(problem), {"batch": 4, "replacement": int(name != "soba")})
    settings = {"max_iter": 130, "seed": 3, **given}
    assert_same(*(execute(made, *problem.start(), executor=e, settings=settings) for e in ("compiled", "interpreted")))


TINY = """\
param A[7, 2] = normal(0, 1, 7, 2, seed=1);
param b[7] = normal(0, 1, 7, seed=2);
upper { var x; minimize expect((A[i, :] @ y - 1)^2 for i in 1..5) + x^2; }
lower { var y[2]; minimize expect((A[i, :] @ y - b[i])^2 for i in 1..7) + exp(x) * sumsqr(y); }
"""


@COMPILED
@pytest.mark.parametrize("name, given", [*((name, {}) for name in DRAWING), ("prox_penalty", {"T": 2, "growth": 0.5})])
def test_exported_c_is_the_same(name, given, tmp_path):
    """Every slot, also that of the random numbers. With -O0, as the compiler takes most of the time."""
    problem, settings = load(TINY), {"max_iter": 130, "seed": 3, **given}
    library = ExportedLibrary(problem, name, tmp_path / "out", ("-O0",), batch=2, **settings)
    assert any(slot.name.startswith("random") for slot in library.program.state)
    solver = library.solver()
    status = solver.call("solve")
    run = execute(library.program, *problem.start(), executor="interpreted", settings=settings)
    assert (status, solver.harness("iterations")) == (run.status, run.iterations) and run.iterations > 100
    assert solver.phase_calls == list(run.phase_calls.values())
    assert np.array_equal(solver.state, np.concatenate(list(run.state.values())))


@pytest.mark.parametrize("name", DRAWING)
def test_a_resumed_run_goes_on(name):
    problem = load(QUADRATIC)
    whole, first = (run(name, problem, "interpreted", 4, max_iter=k) for k in (110, 104))
    rest = run(name, problem, "interpreted", 4, state0=first.state, max_iter=6)
    for slot in whole.state:
        assert np.array_equal(whole.state[slot], rest.state[slot]), slot
    other = run(name, problem, "interpreted", 4, max_iter=110, seed=1)
    assert not np.array_equal(other.state["y"], whole.state["y"])


@pytest.mark.parametrize("name", [name for name in DRAWING if name != "saba"])
def test_an_iteration_is_as_long_for_any_number_of_samples(name):
    """All phases but those that are run once in a while."""
    few, many = (program(name, load(RIDGE, N=n)) for n in (60, 60_000))
    rare = ("measure", "penalty")
    for a, b in zip(few.phases, many.phases):
        if a.name not in rare:
            assert abs(a.function.n_instructions() - b.function.n_instructions()) <= 1, a.name


def test_measures_over_all_samples_are_computed_once_an_epoch():
    problem = load(QUADRATIC)
    found = run("soba", problem, "interpreted", max_iter=50)
    assert found.phase_calls["measure"] == 50 // 4  # 60 samples, 16 an iteration
    assert run("soba", problem, "interpreted", max_iter=50, every=10).phase_calls["measure"] == 5


@pytest.mark.parametrize("name", DRAWING)
def test_without_samples(name):
    """No batch is the deterministic method; those that are nothing without samples draw 16, where there are so many."""
    problem = load(QUADRATIC)
    default = METHODS[name].program(Oracles(problem))
    drawn = any(slot.name.startswith("random") for slot in default.state)
    assert drawn == (name in ONLY)


# --- refused before anything is solved ---------------------------------------------------------------


def refusal(name: str, text: str, batch: float = 16):
    with pytest.raises(BilevelError) as caught:
        METHODS[name].program(Oracles(load(text)), {"batch": batch})
    return caught.value.diagnostics[0]


@pytest.mark.parametrize("name", DRAWING)
def test_more_samples_than_there_are(name):
    found = refusal(name, QUADRATIC, 41)
    assert found.code == "BL0410" and found.primary.span.line == 9 and found.hints[0] == "`batch` is at most 40"


@pytest.mark.parametrize("name", DRAWING)
def test_samples_of_nothing(name):
    found = refusal(name, QUADRATIC.replace("expect(", "mean("))
    assert found.code == "BL0413" and found.primary.span.line == 9


def test_samples_that_would_be_biased():
    biased = QUADRATIC.replace("expect((A", "sqrt(1 + expect((A").replace("for i in 1..N)", "for i in 1..N))")
    found = refusal("soba", biased)
    assert found.code == "BL0411" and found.primary.span.line == 10 and "batch=0" in found.hints[0]
    assert not METHODS["soba"].refusals(load(biased))  # all samples in every step
    assert METHODS["saba"].refusals(load(biased)) and METHODS["v_pbsgd"].refusals(load(biased))


def test_a_table_needs_one_mean():
    two = QUADRATIC.replace("+ 0.1 * sumsqr(y)", "+ expect(b[i]^2 * sumsqr(y) for i in 1..N)")
    assert "several `expect`" in METHODS["saba"].refusals(load(two))[0].rule

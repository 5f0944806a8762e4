"""Methods that draw samples: near the answer by their defaults, the same in all executors, as fast for many samples."""

from __future__ import annotations

import numpy as np
import pytest

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
DRAWING = ("stocbio", "soba", "saba", "msgbio", "vr_msgbio", "f2sa", "f3sa", "v_pbsgd")
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


AS_PRINTED = {  # constant steps and falling ones, as the papers state them; the last two keep a bias of the order 1 / lambda
    "stocbio": ({"T": 10, "Q": 10, "alpha": 0.1, "eta": 0.1, "gamma": 0.1, "max_iter": 5000}, 0.1),
    "soba": ({"rho": 0.1, "gamma": 0.3, "decay": 0.5}, 0.02),
    "saba": ({"rho": 0.05, "gamma": 0.05}, 1e-5),
    "msgbio": ({"k": 1, "c": 1, "gamma": 0.2, "lam": 0.1}, 0.02),
    "vr_msgbio": ({"k": 1, "c": 1, "gamma": 0.2, "lam": 0.1}, 0.02),
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
@pytest.mark.parametrize("name", DRAWING)
def test_the_executors_agree(name):
    problem = load(QUADRATIC)
    made = METHODS[name].program(Oracles(problem), {"batch": 4, "replacement": int(name != "soba")})
    settings = {"max_iter": 130, "seed": 3}
    assert_same(*(execute(made, *problem.start(), executor=e, settings=settings) for e in ("compiled", "interpreted")))


TINY = """\
param A[7, 2] = normal(0, 1, 7, 2, seed=1);
param b[7] = normal(0, 1, 7, seed=2);
upper { var x; minimize expect((A[i, :] @ y - 1)^2 for i in 1..5) + x^2; }
lower { var y[2]; minimize expect((A[i, :] @ y - b[i])^2 for i in 1..7) + exp(x) * sumsqr(y); }
"""


@COMPILED
@pytest.mark.parametrize("name", DRAWING)
def test_exported_c_is_the_same(name, tmp_path):
    """Every slot, also that of the random numbers. With -O0, as the compiler takes most of the time."""
    problem, settings = load(TINY), {"max_iter": 130, "seed": 3}
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

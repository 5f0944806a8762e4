"""Drawn samples of `expect`: unbiased, at a cost that the number of samples does not change, the same in all executors."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from time import perf_counter

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.functions.sampled import SampledOracles, objective_of
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.flow import Method, MethodError
from bilevel_dsl.methods.program import Program
from bilevel_dsl.methods.registry import MethodInfo
from bilevel_dsl.methods.settings import merge_settings
from bilevel_dsl.model.problem import Problem
from bilevel_dsl.runtime.csource import functions_source
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.layout import lay_out
from bilevel_dsl.runtime.lookups import LONG, parted
from tests.export.cases import ExportedLibrary
from tests.methods import stochastic
from tests.methods.stochastic import CLEANING, RIDGE, SETTINGS, load
from tests.problems import TWO_LEVEL
from tests.runtime.machines import EXECUTORS, assert_same, machine

COMPILED = pytest.mark.skipif("compiled" not in EXECUTORS, reason="there is no C compiler")

# Means that the model below draws from: what stands at the leaves, and where.
BODIES = {
    "rows of a matrix": "(A[i, :] @ y - b[i])^2",
    "columns of a matrix": "(B[:, i]' @ y - b[i])^2",
    "loop variable": "(i * y[1] - 0.5)^2 / N",
    "fractions": "(i / 7 * y[1] - b[i])^2",
    "variable by sample": "sigmoid(x[i]) * (A[i, :] @ y - b[i])^2",
    "variable by label": "(y[label[i]] - b[i])^2 * (1 + x[N + 1 - label[i]]^2)",
    "data by label": "(y[2] * b[label[i]])^2",
    "sum inside": "sum((A[i, j] * y[j] - b[i])^2 for j in 1..3)",
    "sums inside each other": "sum(y[j] * sum(A[i, k] * y[k] * j for k in 1..3) for j in 1..2)^2",
    "largest inside": "max(A[i, j] * y[j] for j in 1..3)",
    "vector inside": "sumsqr([A[i, j] * y[j] for j in 1..3] - A[i, :]')",
    "branches by sample": "if b[i] > 0 then exp(y[1]) else log(1 + (y[2] * b[i])^2)",
    "branches by place": "sum((if j > 1 then A[i, j - 1] * y[j] else y[1] * b[i])^2 for j in 1..3)",
    "terms of all data": "(y[1] - (b[i] - mean(b)))^2",
    "softmax": "logsumexp(W * A[i, :]') - y[1] * b[i]",
    "other entries": "(softmax(x)[i] * N * b[i] - y[1])^2",
    "a filter": "(A[i, :] @ y)^2",
}
FORMS = """\
problem forms;
param N = 8;
param A[N, 3] = normal(0, 1, N, 3, seed=1);
param B[3, N] = normal(0, 1, 3, N, seed=2);
param b[N] = normal(0, 1, N, seed=3);
param W[3] = [0.5, -1, 2];
param label[N] = [1, 3, 2, 2, 1, 3, 3, 1];
upper {
  var x[N];
  minimize 2 * expect(BODY for i in 1..N) + expect((y[1] - b[k])^2 for k in 1..4) / 3 + sumsqr(x);
}
lower { var y[3]; maximize 4 - expect(BODY for i in 1..N) - 0.1 * sumsqr(y); }
"""
NAMES = (
    "f",
    "g",
    "grad_x_f",
    "grad_y_f",
    "grad_x_g",
    "grad_y_g",
    "hess_yy_g",
    "hess_xy_g",
    "hess_yy_g_times",
    "hess_xy_g_times",
)


def forms(name: str) -> Problem:
    text = FORMS.replace("BODY", f"({BODIES[name]})")
    if name == "a filter":
        text = text.replace("for i in 1..N", "for i in 1..N if b[i] > 0")
    return load(text)


def sampled(problem: Problem, name: str, drawn: list[np.ndarray], x, y, v) -> np.ndarray:
    """The oracle `name` for these numbers; what it looks up is looked up by numpy."""
    oracles: SampledOracles = Oracles(problem).sampled(objective_of(name), tuple(map(len, drawn)))
    data = [ca.reshape(ca.DM(d), q.symbol.shape) for d, q in zip(problem.data, problem.parameters)]
    values = []
    for lookup in oracles.sample.lookups:
        if lookup.parameter:
            source = dict(zip((q.name for q in problem.parameters), problem.data))[lookup.parameter]
        else:
            source = np.array(ca.Function("table", [*problem.p], [ca.vec(lookup.table)])(*data)).ravel()
        if lookup.places is not None:
            places = ca.Function("places", [*oracles.sample.indices], [lookup.places])(*drawn)
            source = source[np.array(places).ravel().astype(int)]
        values.append(np.reshape(source, lookup.values.shape, order="F"))
    whole = [data[k] for k in oracles.parameters]
    return np.array(oracles.function(name)(x, y, *whole, *drawn, *values, *([v] if name.endswith("_times") else [])))


def full(problem: Problem, name: str, x, y, v) -> np.ndarray:
    data = [ca.reshape(ca.DM(d), q.symbol.shape) for d, q in zip(problem.data, problem.parameters)]
    return np.array(Oracles(problem).function(name)(x, y, *data, *([v] if name.endswith("_times") else [])))


def point(problem: Problem, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=n) for n in (problem.x.numel(), problem.y.numel(), problem.y.numel()))


def sizes(problem: Problem, name: str) -> tuple[int, ...]:
    return {"f": problem.f, "g": problem.g}[objective_of(name)].samples


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", BODIES)
def test_all_samples_give_the_whole(form):
    problem = forms(form)
    assert problem.f.sampling.hindrance is None and problem.g.sampling.hindrance is None
    here = point(problem)
    for name in NAMES:
        drawn = [np.arange(n) for n in sizes(problem, name)]
        assert sampled(problem, name, drawn, *here) == pytest.approx(full(problem, name, *here), rel=1e-11, abs=1e-12), name


@pytest.mark.parametrize("form", BODIES)
def test_the_mean_of_all_single_samples_is_the_whole(form):
    """So a draw is unbiased, exactly. Repeated numbers count twice: three draws of the same are one."""
    problem = forms(form)
    here = point(problem, 1)
    for name in ("f", "grad_x_f", "grad_y_f", "hess_xy_g_times"):
        each = [np.tile(np.arange(n), 24 // n) for n in sizes(problem, name)] if form != "a filter" else None
        if each is None:
            each = [np.arange(n) for n in sizes(problem, name)]
            each = [np.resize(e, np.lcm.reduce([len(e) for e in each])) for e in each]
        found = [sampled(problem, name, [np.full(3, e[k]) for e in each], *here) for k in range(len(each[0]))]
        assert np.mean(found, axis=0) == pytest.approx(full(problem, name, *here), rel=1e-10, abs=1e-12), name


@pytest.mark.parametrize("form", ["variable by sample", "branches by sample", "sum inside"])
def test_derivatives_by_finite_differences(form):
    problem, step = forms(form), 1e-6
    x, y, v = point(problem, 2)
    drawn = [np.array([2, 5, 5]), np.array([1, 0, 3])]

    def slope(name: str, used, over: str) -> np.ndarray:
        """Rows of differences, an entry of x or y after the other."""
        ends = []
        for e in step * np.eye(x.size if over == "x" else y.size):
            near = [(x + d, y, v) if over == "x" else (x, y + d, v) for d in (e, -e)]
            ends.append([sampled(problem, name, used, *here).ravel() for here in near])
        return np.array([(high - low) / (2 * step) for high, low in ends])

    f, g = drawn, drawn[:1]
    assert sampled(problem, "grad_x_f", f, x, y, v).ravel() == pytest.approx(slope("f", f, "x").ravel(), abs=1e-6)
    assert sampled(problem, "grad_y_f", f, x, y, v).ravel() == pytest.approx(slope("f", f, "y").ravel(), abs=1e-6)
    assert sampled(problem, "hess_yy_g", g, x, y, v) == pytest.approx(slope("grad_y_g", g, "y"), abs=1e-6)
    assert sampled(problem, "hess_xy_g", g, x, y, v) == pytest.approx(slope("grad_y_g", g, "x"), abs=1e-6)
    assert sampled(problem, "hess_xy_g_times", g, x, y, v).ravel() == pytest.approx(slope("grad_y_g", g, "x") @ v, abs=1e-5)


# --- in a method ----------------------------------------------------------------------------------


def drawing(problem: Problem, count: int = 6, replace: bool = True) -> Program:
    """The gradient of g at the start over a draw, in `v`, and their mean, in `mean`; the numbers in `drawn`."""
    m = Method("drawing", Oracles(problem), SETTINGS)
    s = m.state
    m.slots(x=m.x_start, y=m.y_start, v=ca.MX.zeros(m.oracles.ny), mean=ca.MX.zeros(m.oracles.ny), k=0)
    m.slot("drawn", m.sample_size("g", count))
    m.slots(again=0)
    with m.iteration("head"):
        zeta = m.draw("g", count, replace=replace)
        s.v, s.drawn = m.grad_y_g(s.x, s.y, zeta), zeta.indices
        with m.when(1 + s.k > 0, "later"):
            s.k = s.k + 1
            s.mean = s.mean + (s.v - s.mean) / s.k
            s.again = ca.norm_inf(m.grad_y_g(s.x, s.y, m.sample("g", s.drawn)) - s.v)
    return m.program({"first": s.mean[0], "again": s.again, **{f"d{k}": d for k, d in enumerate(ca.vertsplit(s.drawn))}})


def test_the_mean_over_draws_tends_to_the_whole():
    problem = load(RIDGE)
    x, y, v = point(problem, 3)
    errors = []
    for passes in (100, 10000):
        run = execute(drawing(problem), x, y, executor="interpreted", settings={"max_iter": passes})
        errors.append(np.abs(run.state["mean"] - full(problem, "grad_y_g", x, y, v).ravel()).max())
        assert run.trace["again"].max() == 0  # indices in a slot are the sample again
    assert errors[1] < 0.2 and errors[1] < errors[0] / 3


def test_without_replacement_all_sets_are_equally_likely():
    problem = load(RIDGE, N=5)
    run = execute(
        drawing(problem, 2, replace=False), *point(problem)[:2], executor="interpreted", settings={"max_iter": 5000}
    )
    drawn = np.sort(np.column_stack([run.trace["d0"], run.trace["d1"]]), axis=1).astype(int)
    counts = np.array([np.sum((drawn == pair).all(axis=1)) for pair in combinations(range(5), 2)])
    assert counts.sum() == 5000 and np.sum((counts - 500) ** 2 / 500) < 27.9  # chi squared, 9 degrees, 0.1 %


def test_the_method_cleans():
    """Samples with wrong answers lose weight, and the follower comes nearer to the truth."""
    problem = load(CLEANING)
    settings = {"max_iter": 300, "alpha": 20}
    run = execute(stochastic.program(Oracles(problem)), *problem.start(), executor="auto", settings=settings)
    wrong = np.random.default_rng(3).uniform(0, 1, 60) < 0.3
    w = run.state["x"]
    assert w[wrong].mean() < w[~wrong].mean() - 0.4
    start = execute(stochastic.program(Oracles(problem)), *problem.start(), settings={"max_iter": 300, "alpha": 0})
    truth = np.array([1, -2, 0.5])
    assert np.linalg.norm(run.state["y"] - truth) < 0.7 * np.linalg.norm(start.state["y"] - truth)


# --- cost -----------------------------------------------------------------------------------------


def large(samples: int) -> Program:
    return stochastic.program(Oracles(load(RIDGE, N=samples)), whole_measures=False)


def test_a_step_has_as_many_operations_and_as_much_memory_for_any_number_of_samples():
    few, many = large(60), large(60_000)
    for a, b in zip(few.phases, many.phases):
        assert a.function.n_instructions() == b.function.n_instructions()
        parts = parted(b.function)
        if max(map(b.function.nnz_in, range(b.function.n_in()))) > LONG:
            assert max(parts.places.sz_w(), parts.rest.sz_w()) < 1000  # in the interpreter
    texts = [functions_source(lay_out(p)) for p in (few, many)]
    bodies = [text[: text.index("measures")] for text in texts]
    assert abs(len(bodies[0]) - len(bodies[1])) < 500  # digits


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_takes_as_long_for_any_number_of_samples(executor):
    seconds = []
    for samples in (1_000, 60_000):
        made, _ = machine(executor, large(samples), np.zeros(1), np.zeros(4), settings={"max_iter": 30})
        best = np.inf
        for _ in range(5):
            begun = perf_counter()
            made.iterate()
            best = min(best, perf_counter() - begun)
        seconds.append(best)
    assert seconds[1] < 3 * seconds[0]  # copies of the data would take 60 times as long


def test_lookups_are_those_of_casadi():
    """Also outside of the data, and where a number is none."""
    data, k, y = ca.MX.sym("data", 2000), ca.MX.sym("k", 4), ca.MX.sym("y")
    f = ca.Function("f", [data, k, y], [ca.sin(data[k]) * y, data[ca.floor(k / 2)][:2] + k[:2]])
    values = [np.random.default_rng(0).normal(size=2000), np.array([3.9, 1999, 5, 0]), np.array([1.5])]
    for places in ([3.9, 1999, 5, 0], [-1, 2000, np.nan, 1e300]):
        values[1][:] = places
        found = [np.zeros(4), np.zeros(2)]
        assert parted(f).evaluator(values, found)() is False
        for mine, theirs in zip(found, f.call(values)):
            assert np.array_equal(mine, np.array(theirs).ravel(), equal_nan=True)


# --- executors ------------------------------------------------------------------------------------


@COMPILED
@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize("text, params", [(CLEANING, {}), (RIDGE, {"N": 3000})])
def test_the_executors_agree(text, params, replaced, tmp_path, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))
    problem = load(text, **params)
    program = stochastic.program(Oracles(problem), {"batch": 5}, replace=replaced)
    settings = {"max_iter": 10, "seed": 7}
    assert_same(*(execute(program, *problem.start(), executor=e, settings=settings) for e in ("compiled", "interpreted")))


@COMPILED
def test_exported_c_draws_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(METHODS, "sgd", MethodInfo(stochastic.CARD, stochastic))
    problem = load(RIDGE, N=3000)
    library = ExportedLibrary(problem, "sgd", tmp_path / "out", max_iter=10, seed=7)
    solver = library.solver()
    solver.call("solve")
    run = execute(library.program, *problem.start(), executor="interpreted", settings={"max_iter": 10, "seed": 7})
    assert np.array_equal(solver.state, np.concatenate(list(run.state.values())))


def test_seeds_differ_and_a_resumed_run_goes_on():
    problem = load(RIDGE)
    program = stochastic.program(Oracles(problem))
    run = lambda limit, **more: execute(
        program, *problem.start(), executor="interpreted", settings={"max_iter": limit, **more.pop("settings", {})}, **more
    )
    whole, first = run(12), run(5)
    rest = run(7, state0=first.state)
    for name in whole.state:
        assert np.array_equal(whole.state[name], rest.state[name]), name
    assert not np.array_equal(run(12, settings={"seed": 1}).state["y"], whole.state["y"])


# --- the batch ------------------------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(METHODS, "sgd", MethodInfo(stochastic.CARD, stochastic))


def test_the_batch_is_built_in(registered):
    problem = load(RIDGE)
    info = METHODS["sgd"]
    small, large = (info.program(Oracles(problem), {"batch": b}) for b in (2, 8))
    assert all("batch" not in [s.name for s in p.settings] for p in (small, large))
    assert (
        sum(p.function.n_nodes() for p in small.phases) != 0
        and small.phases[2].function.sz_w() < large.phases[2].function.sz_w()
    )
    few, many = (bl.solve(problem, "sgd", options={"batch": b}, max_iter=3, compile=False) for b in (2, 8))
    assert few.settings["batch"] == 2 and not np.array_equal(few.variables["y"], many.variables["y"])
    seeded = bl.solve(problem, "sgd", options={"batch": 2}, max_iter=3, compile=False, seed=4)
    assert seeded.settings["seed"] == 4 and not np.array_equal(few.variables["y"], seeded.variables["y"])


def test_the_default_is_no_more_than_there_are(registered):
    problem = load(RIDGE, N=5)
    assert merge_settings(METHODS["sgd"], problem)["batch"] == 5
    program = METHODS["sgd"].program(Oracles(problem), {})
    assert execute(program, *problem.start(), settings={"max_iter": 3}, executor="interpreted").iterations == 3
    for batch in (16, 17):  # 16 is the default, and is refused where it is asked for
        with pytest.raises(BilevelError, match=f"a batch of {batch} of 5 samples"):
            METHODS["sgd"].program(Oracles(problem), {"batch": batch})


def test_no_mean_has_fewer_samples_than_the_batch(registered):
    problem = load(RIDGE.replace("for i in 1..N) + 0.1", "for i in 1..8) + 0.1"))
    assert merge_settings(METHODS["sgd"], problem)["batch"] == 8
    with pytest.raises(BilevelError, match="a batch of 9 of 8 samples") as caught:
        METHODS["sgd"].program(Oracles(problem), {"batch": 9})
    assert caught.value.diagnostics[0].primary.span.line == 6 and "is used whole" in caught.value.diagnostics[0].hints[1]


def test_an_objective_without_means_is_used_whole():
    problem = TWO_LEVEL["p1"].problem
    run = execute(stochastic.program(Oracles(problem)), np.zeros(1), np.zeros(1), executor="interpreted")
    assert run.state["x"][0] == pytest.approx(1.5, abs=0.1)
    assert [w.code for w in run.warnings] == ["BL0412", "BL0412"]
    kept = execute(drawing(problem), np.zeros(1), np.ones(1), executor="interpreted", settings={"max_iter": 3})
    assert kept.state["drawn"].size == 0 and kept.state["mean"] == pytest.approx(1)  # of (y - x)^2 / 2


# --- what cannot be sampled -------------------------------------------------------------------------

REFUSED = {
    "sqrt(expect((y[1] - b[i])^2 for i in 1..N))": "stands inside `sqrt`",
    "expect(y[1] - b[i] for i in 1..N)^2": "stands inside a product or quotient",
    "1 / expect((y[1] - b[i])^2 for i in 1..N)": "stands inside a product or quotient",
    "expect(y[1] - b[i] for i in 1..N) * expect(y[2] for i in 1..N)": "stands inside a product or quotient",
    "sumsqr(expect(A[i, :]' * y[1] for i in 1..N))": "stands inside `sumsqr`",
    "expect(sum(b[j] * y[1] for j in 1..i) for i in 1..N)": "more terms in some samples than in others",
    "expect((x * b)[i]^2 for i in 1..N)": "it is computed for all of them",
    "expect((A @ y)[i]^2 for i in 1..N)": "it is computed for all of them",
    "expect(sum(b[1:i]) * y[1] for i in 1..N)": "have no common form",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_sampled_is_refused(text, registered):
    problem = load(FORMS.replace("expect(BODY for i in 1..N)", f"({text})"))
    refusals = METHODS["sgd"].refusals(problem)
    assert len(refusals) == 2 and all(REFUSED[text] in r.rule for r in refusals), refusals
    assert [r.span.line for r in refusals] == [10, 12]
    with pytest.raises(BilevelError, match="BL0411"):
        drawing(problem)


ALLOWED = (
    "-expect(y[1] * b[i] for i in 1..N) / exp(x[1]) + 3",
    "sum(x[1] * expect(A[i, :]' * y[1] for i in 1..N))",
    "dot(expect(A[i, :]' for i in 1..N), y)",
    "expect(A[i, :] for i in 1..N) @ y",
)


@pytest.mark.parametrize("text", ALLOWED)
def test_what_is_linear_in_its_means_is_sampled(text):
    problem = load(FORMS.replace("expect(BODY for i in 1..N)", f"({text})"))
    assert problem.f.sampling.hindrance is None
    here = point(problem)
    drawn = [np.arange(n) for n in problem.f.samples]
    assert sampled(problem, "grad_y_f", drawn, *here) == pytest.approx(
        full(problem, "grad_y_f", *here), rel=1e-11, abs=1e-12
    )


def test_needs_may_insist_on_samples():
    from bilevel_dsl.methods.needs import SAMPLED_F, SAMPLED_G

    assert not SAMPLED_F.broken(load(RIDGE)) and not SAMPLED_G.broken(load(RIDGE))
    [refusal] = SAMPLED_G.broken(TWO_LEVEL["p1"].problem)
    assert "the lower objective has no `expect`" in refusal.rule


def test_a_sample_is_of_one_objective_and_of_one_block():
    def write(body) -> str:
        m = Method("wrong", Oracles(load(RIDGE)), SETTINGS)
        m.slots(x=m.x_start, y=m.y_start)
        with pytest.raises(MethodError) as caught, m.iteration():
            body(m, m.state)
        return str(caught.value)

    def other(m, s):
        s.x = m.grad_x_f(s.x, s.y, m.draw("g", 4))

    def stale(m, s):
        zeta = m.draw("g", 4)
        with m.when(s.x > 0, "later"):
            s.y = m.grad_y_g(s.x, s.y, zeta)

    assert "`grad_x_f` is no oracle of g" in write(other) and __file__ in write(other)
    assert "as it was before a control point" in write(stale)
    settings = tuple(s for s in SETTINGS if s.name != "seed")
    m = Method("unseeded", Oracles(load(RIDGE)), settings)
    with pytest.raises(MethodError, match="has a setting `seed`"), m.iteration():
        m.draw("g", 4)


def test_objectives_of_drawn_samples_are_made_when_they_are_asked_for():
    problem = load(RIDGE)
    assert "means" not in vars(problem.f.sampling)
    assert replace(problem, name="other").f.sampling is problem.f.sampling

"""Which methods accept what, what they say when they do not, and which one `auto` takes."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.methods import METHODS, choose, fitting, require
from bilevel_dsl.methods.kkt import KKT_LIMIT
from bilevel_dsl.methods.needs import DENSE_LIMIT
from bilevel_dsl.model.sets import L1Ball, Psd, Simplex
from bilevel_dsl.model.structure import analyse
from tests.methods.stochastic import RIDGE, load
from tests.problems import TWO_LEVEL, box, problem

SIMPLE = problem(lambda x, y: ca.sumsqr(y), lambda x, y: (y[0] + y[1] - 1) ** 2, 0, 2)


def square(**more):
    return problem(lambda x, y: ca.sumsqr(x - 1) + ca.sumsqr(y), lambda x, y: ca.sumsqr(y - x), 1, 1, **more)


LARGE = problem(lambda x, y: ca.sumsqr(y), lambda x, y: ca.sumsqr(y - x), 1, DENSE_LIMIT + 1)
CASES = {
    "strongly convex quadratic": (square(), "mgbio", {"penalty", "kkt", "branches", "mpcc", "mgbio"}),
    "bounds on x as constraints": (
        square(upper=[("le", lambda x, y: x - 2)]),
        "mgbio",
        {"penalty", "kkt", "branches", "mpcc", "mgbio"},
    ),
    "constraint on x": (square(upper=[("le", lambda x, y: x**2 - 2)]), "penalty", {"penalty", "kkt", "mpcc", "value"}),
    "constraint on x and y": (
        square(upper=[("le", lambda x, y: x + y - 2)]),
        "branches",
        {"penalty", "kkt", "branches", "mpcc", "value"},
    ),
    "bound on y as a constraint": (
        square(lower=[("le", lambda x, y: -y)]),
        "branches",
        {"penalty", "kkt", "branches", "mpcc"},
    ),
    "set of y": (square(y_set=box(1, 0, 1)), "branches", {"penalty", "kkt", "branches", "mpcc"}),
    "coupled rows": (
        square(lower=[("le", lambda x, y: y - x)]),
        "branches",
        {"penalty", "kkt", "branches", "mpcc", "value"},
    ),
    "set without a smooth description": (square(y_set=Psd(1, 1)), "penalty", {"penalty"}),
    "l1 ball": (square(y_set=L1Ball(1, ca.MX(1))), "branches", {"penalty", "branches", "mpcc"}),
    "not convex": (TWO_LEVEL["p2"].problem, "penalty", {"penalty", "kkt", "mpcc", "mgbio"}),
    "not convex, with bounds": (
        problem(lambda x, y: x**2, lambda x, y: ca.sin(x + 3 * y), 1, 1, y_set=box(1, -1, 4)),
        "penalty",
        {"penalty", "kkt", "mpcc"},
    ),
    "many answers": (TWO_LEVEL["p3"].problem, "penalty", {"penalty", "kkt", "branches", "mpcc", "mgbio"}),
    "large": (LARGE, "penalty", {"penalty", "mpcc"}),
    "simple": (SIMPLE, "dbgd", {"penalty", "kkt", "branches", "mpcc", "value", "dbgd"}),
    "simple with a set": (
        problem(lambda x, y: ca.sumsqr(y), lambda x, y: y[0], 0, 2, y_set=Simplex(2, ca.MX(1))),
        "branches",
        {"penalty", "kkt", "branches", "mpcc", "value", "dbgd"},
    ),
    "simple with bounds as constraints": (
        problem(lambda x, y: y, lambda x, y: y**2, 0, 1, lower=[("le", lambda x, y: 1 - y)]),
        "branches",
        {"penalty", "kkt", "branches", "mpcc", "value", "dbgd"},
    ),
    "simple with rows": (
        problem(lambda x, y: y[0], lambda x, y: ca.sumsqr(y), 0, 2, lower=[("le", lambda x, y: 1 - y[0] - y[1])]),
        "branches",
        {"penalty", "kkt", "branches", "mpcc", "value"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_choice_and_fit(name):
    made, chosen, fits = CASES[name]
    assert {name for name in fitting(made) if METHODS[name].automatic} == fits
    method, reason = choose(made, analyse(made))
    assert method == chosen
    assert reason and not reason.endswith(".")


REFUSALS = [
    ("dbgd", "coupled rows", "a variable of its own, `x`"),
    ("mgbio", "simple", "the upper level has no variable"),
    ("mgbio", "set of y", "the lower variable `y` has a constraint set"),
    ("mgbio", "bound on y as a constraint", "the lower variable `y` has a bound"),
    ("mgbio", "coupled rows", "the lower level has a constraint"),
    ("mgbio", "constraint on x", "the upper level has a constraint"),
    ("mgbio", "large", f"limit {DENSE_LIMIT}"),
    ("kkt", "large", f"limit {KKT_LIMIT}"),
    ("kkt", "l1 ball", "the set of `y` has no smooth description"),
    ("dbgd", "simple with rows", "the lower level has a constraint"),
    ("branches", "large", "variables and rows (limit 300)"),
    ("branches", "not convex", "the lower objective is not linear or quadratic in its variables"),
    ("branches", "constraint on x", "a constraint of the upper level is not affine"),
]


@pytest.mark.parametrize("method, name, rule", REFUSALS)
def test_refusals_name_the_rule_and_the_alternatives(method, name, rule):
    made, _, fits = CASES[name]
    with pytest.raises(BilevelError) as caught:
        require(method, made)
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == "BL0402"
    assert diagnostic.message.startswith(f"{method} cannot solve this: ") and rule in diagnostic.message
    assert diagnostic.primary is not None
    assert all(fit in diagnostic.hints[0] for fit in fits if METHODS[fit].automatic)


def test_unknown_method():
    with pytest.raises(BilevelError) as caught:
        require("newton", SIMPLE)
    assert caught.value.diagnostics[0].code == "BL0401"
    assert "penalty" in caught.value.diagnostics[0].hints[0]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_describes_itself(name):
    info = METHODS[name]
    assert info.papers and info.requirements and info.title
    names = [s.name for s in info.settings]
    assert len(names) == len(set(names)) and {"tol", "max_iter"} <= set(names)
    for setting in info.settings:
        assert setting.doc and setting.lower <= setting.default <= setting.upper
        assert not setting.integer or setting.default == int(setting.default)
        assert not setting.choices or setting.default in range(len(setting.choices))


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].direct])
def test_programs_keep_their_contract(name):
    from bilevel_dsl.functions.oracles import Oracles

    bounded = problem(lambda x, y: ca.sumsqr(y), lambda x, y: (y[0] + y[1] - 1) ** 2, 0, 2, y_set=box(2, -1, 1))
    made = next(p for p in (square(), SIMPLE, bounded) if name in fitting(p))
    program = METHODS[name].program(Oracles(made))
    slots = {s.name: s.size for s in program.state}
    assert {"x", "y", "phase", "signal"} <= set(slots)
    settings = {f"o_{s.name}" for s in program.settings}
    known = set(slots) | settings | {s.name for s in program.data} | {s.name for s in program.prepared}
    for function in [program.initial, program.measures, *(p.function for p in program.phases)]:
        assert set(function.name_in()) <= known | {"x_start", "y_start"}
    assert set(program.initial.name_out()) == set(slots)
    for phase in program.phases:
        assert set(phase.function.name_out()) <= set(slots)
        assert "phase" in phase.function.name_out()
    functions = [program.initial, *(p.function for p in program.phases)]
    if any(s.name == "batch" for s in METHODS[name].settings):  # some settings are for runs with samples
        drawn = METHODS[name].program(Oracles(load(RIDGE)), {"batch": 2})
        functions += [drawn.initial, *(p.function for p in drawn.phases)]
    if name in fitting(TWO_LEVEL["lower row"].problem):  # and some for rows
        with_rows = METHODS[name].program(Oracles(TWO_LEVEL["lower row"].problem))
        functions += [with_rows.initial, *(p.function for p in with_rows.phases)]
    used = {n for f in functions for n in f.name_in() if n.startswith("o_")}
    read_by_the_executor = {"o_max_iter"} | {f"o_{s}" for s in program.tolerances.values()}
    assert settings <= used | read_by_the_executor, "a setting that changes nothing"
    assert np.isfinite(program.data_values).all() if len(program.data_values) else True

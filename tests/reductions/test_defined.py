"""Equations that define variables, substituted: the same answers and multipliers, by methods that could not take them."""

from __future__ import annotations

import json
import shutil
import subprocess

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS, ordered
from bilevel_dsl.model.structure import analyse
from bilevel_dsl.reductions.defined import without_defined
from bilevel_dsl.reductions.reduced import reduced
from tests.export.cases import C_COMPILERS


def load(text: str, **data):
    return bl.load(bl.Source("defined", text), data=data)


HEAD = """
param H = 5;
param A[2, 2] = [[1, 0.2], [-0.1, 0.9]];
param gain = 1;
param B[2] = [0.02, 0.2];
upper {{ var r[2] in [-5, 5]; minimize sum((u[k] + exp(-0.3 * k))^2 for k in 1..H) + 0.1 * sumsqr(r) + (s[1, H] / {m})^2; }}
lower {{ var u[H]{bounds}; var s[2, H]{bounded};
  minimize sum(sumsqr(s[:, k] - {m} * r) for k in 1..H) / {m}^2 + 0.1 * sumsqr(u);
  subject to
"""
FORWARD = """
    first: s[:, 1] == {m} * [1, 0.5] + {m} * gain * B * u[1];
    next[k in 2..H]: s[:, k] == A @ s[:, k-1] + {m} * gain * B * u[k]; }}
"""
BACKWARD = """
    next[k in 1..H-1]: 0 == A @ s[:, H-k] - s[:, H-k+1] + {m} * gain * B * u[H-k+1];
    first: {m} * ([1, 0.5] + gain * B * u[1]) == s[:, 1]; }}
"""
SQUARES = """
    first: s[:, 1] == [1, 0.5] + gain * B * u[1];
    next[k in 2..H]: s[:, k] == s[:, k-1] + 0.2 * sin(s[:, k-1]) + gain * B * u[k]; }}
"""
FORMS = {"forward": FORWARD, "backward": BACKWARD, "nonlinear": SQUARES}


def plant(form: str = "forward", m: float = 1.0, bounds: str = "", bounded: str = "", **data):
    return load((HEAD + FORMS[form]).format(m=m, bounds=bounds, bounded=bounded), **data)


def rolled_out(form: str, u: np.ndarray) -> np.ndarray:
    """The states, step by step, with the dynamics written once more."""
    a, b, s = np.array([[1, 0.2], [-0.1, 0.9]]), np.array([0.02, 0.2]), np.zeros((2, u.size))
    for k in range(u.size):
        before = s[:, k - 1]
        step = np.array([1, 0.5]) if k == 0 else before + 0.2 * np.sin(before) if form == "nonlinear" else a @ before
        s[:, k] = step + b * u[k]
    return s


@pytest.mark.parametrize("form", FORMS)
def test_states_are_rolled_out(form):
    problem, rng = plant(form), np.random.default_rng(2)
    seen = without_defined(problem)
    assert seen.y.numel() == 5 and [v.name for v in seen.lower_variables] == ["u"] and not seen.lower_constraints
    for _ in range(3):
        r, u = rng.normal(size=2), rng.normal(size=5)
        x, y = seen.embedding.outside(r, u, problem.matrices)
        assert np.array_equal(x, r) and np.array_equal(y[:5], u)
        assert y[5:] == pytest.approx(rolled_out(form, u).ravel(order="F"), rel=1e-12)
        inside = seen.embedding.inside(x, y)
        for name in ("f", "g"):
            whole = float(Oracles(problem).function(name)(x, y, *problem.matrices))
            assert float(Oracles(seen).function(name)(*inside, *problem.matrices)) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("form", ["forward", "backward"])
@pytest.mark.parametrize("method", ["aid", "mgbio", "itd"])
def test_answers_are_those_of_a_method_that_takes_equations(form, method):
    problem = plant(form)
    own, other = (bl.solve(problem, name, compile="never", tol=1e-9, verify="quick") for name in (method, "mpcc"))
    assert own.reductions and not other.reductions and own.status == "converged"
    assert own.upper == pytest.approx(other.upper, abs=1e-5)
    for name in "rus":
        assert own[name] == pytest.approx(other[name], abs=1e-5)
    assert own["s"] == pytest.approx(rolled_out(form, own["u"]), abs=1e-12)


def test_the_multipliers_make_the_slope_in_the_states_vanish():
    """By the adjoint recursion, from the last step to the first; the certificate has them from the whole problem."""
    problem = plant()
    own, other = (bl.solve(problem, name, compile="never", tol=1e-10, verify="quick") for name in ("aid", "mpcc"))
    slope, a = 2 * (own["s"] - own["r"][:, None]), np.array([[1, 0.2], [-0.1, 0.9]])
    adjoint = np.zeros((2, 6))
    for k in range(4, -1, -1):
        adjoint[:, k] = slope[:, k] + a.T @ adjoint[:, k + 1]
    expected = np.column_stack([own.duals["first"], np.array(own.duals["next"]).T])
    assert expected == pytest.approx(adjoint[:, :5], abs=1e-6)  # a unit more of the state costs this
    assert np.array(own.duals["next"]) == pytest.approx(np.array(other.duals["next"]), abs=1e-5)


@pytest.mark.parametrize("m", [1e-4, 3.6, 1e5])
def test_units_of_the_states_do_not_matter(m):
    first, other = (bl.solve(plant(m=s), "mgbio", compile="never", verify="no") for s in (1.0, m))
    assert other.status == first.status == "converged"
    assert other.iterations == first.iterations and other["u"] == pytest.approx(first["u"], rel=1e-9)
    assert other["s"] / m == pytest.approx(rolled_out("forward", other["u"]), rel=1e-9)


def test_bounds_on_inputs_stay_and_bounds_on_states_keep_the_equations():
    inputs, states = plant(bounds=" in [-0.5, 0.5]"), plant(bounded=" in [-2, 2]")
    assert without_defined(inputs).y.numel() == 5 and without_defined(states) is states
    recursion = "let s[k in 1..H] = if k == 1 then [1, 0.5] + gain * B * u[1] else A @ s[k-1] + gain * B * u[k];"
    head = HEAD.format(m=1, bounds=" in [-0.5, 0.5]", bounded="")
    head = (
        head.replace("; var s[2, H]", "").replace("s[:, k]", "s[k]").replace("s[1, H]", "s[H][1]").split("  subject to")[0]
    )
    by_hand = load(head.replace("\nupper", f"\n{recursion}\nupper") + "}")
    found, other = (bl.solve(problem, "v_pbgd", compile="never", verify="no") for problem in (inputs, by_hand))
    assert found["u"] == pytest.approx(other["u"], abs=5e-3) and np.min(found["u"]) == -0.5
    assert METHODS["aid"].refusals(inputs) and METHODS["v_pbgd"].refusals(states)


def test_who_takes_the_equations_sees_them():
    """Sparse derivatives are worth more than few variables: auto takes those first that take equations."""
    problem = reduced(plant())
    for name in ("kkt", "mpcc", "branches", "penalty"):
        assert METHODS[name].seen(problem).y.numel() == 15, name
    names = [method.name for method, _ in ordered(problem, analyse(problem))]
    assert names[-1] == "mgbio" or names.index("mgbio") > max(names.index(n) for n in ("branches", "kkt", "mpcc"))


def test_a_chain_of_intermediates_and_a_leader_in_the_equations():
    """b, a, c in an order of their own; x stands in one: y is moved whenever x is."""
    text = """
    upper { var x in [0, 3]; minimize (x - 1)^2 + (c - 2)^2; }
    lower { var y; var a; var b; var c;
      minimize (y - x)^2 + 0.5 * a^2;
      subject to c == 2 * a - b / 4 + x; 3 * b == y^2 + a; a - 1 == y - x; }
    """
    problem = load(text)
    seen = without_defined(problem)
    assert seen.y.numel() == 1
    x, y = seen.embedding.outside(np.array([0.7]), np.array([1.9]), [])
    a = 1.9 - 0.7 + 1
    b = (1.9**2 + a) / 3
    assert y == pytest.approx([1.9, a, b, 2 * a - b / 4 + 0.7], rel=1e-14)
    for method in ("aid", "bome"):
        found = bl.solve(problem, method, compile="never", tol=1e-8)
        y, x = float(found["y"]), float(found["x"])
        assert y == pytest.approx(x - 1 / 3, abs=1e-4)  # 2 (y - x) + (y - x + 1) = 0
        assert found["a"] == pytest.approx(2 / 3, abs=1e-4)
        if method == "aid":
            assert found.verified
            c = ca.SX.sym("x")
            leader = (c - 1) ** 2 + (4 / 3 - ((c - 1 / 3) ** 2 + 2 / 3) / 12 + c - 2) ** 2
            slope = ca.Function("slope", [c], [ca.gradient(leader, c)])
            assert float(slope(x)) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        "a == b + y; b == a - y + 1",  # a goes back to itself
        "x * a == y; b == a",  # no number for a coefficient
        "a^2 == y; b == a",
        "a == y; b == a; a + b == x",  # one row too many
        "a == y; b <= a",
    ],
)
def test_what_stays(rows):
    problem = load(
        "upper { var x in [1, 3]; minimize (x - 1)^2 + y^2; } "
        f"lower {{ var y in [-9, 9]; var a; var b; minimize (y - x)^2 + a^2 + b^2; subject to {rows}; }}"
    )
    assert without_defined(problem) is problem


@pytest.mark.skipif(shutil.which(C_COMPILERS[0]) is None, reason="no C compiler")
@pytest.mark.parametrize("method", ["aid", "mgbio"])
def test_exported_c_has_the_bits_of_python_and_takes_other_data(method, tmp_path):
    problem = plant()
    bl.export_c(problem, tmp_path, method=method)
    subprocess.run(["make", "-s", "-C", tmp_path], check=True)

    def run(*arguments: str) -> dict[str, str]:
        output = subprocess.run([tmp_path / "solver", *arguments], capture_output=True, text=True).stdout
        return dict(line.split(" = ", 1) for line in output.splitlines() if " = " in line)

    found, values = bl.solve(problem, method, compile="never", verify="no"), run()
    for name in "ru":
        assert np.array_equal(json.loads(values[name]), found[name]), name
    assert np.array_equal(json.loads(values["s"]), found["s"])
    other = run("gain=2")
    moved = plant(gain=2)
    again = bl.solve(moved, method, compile="never", verify="no", scaling=method == "aid")
    assert json.loads(other["u"]) == pytest.approx(again["u"], abs=1e-3)


def test_it_is_told():
    found = bl.solve(plant(), "aid", compile="never", verify="no")
    assert found.reductions == (
        "2 equations (first) that define s, substituted (line 11)",
        "8 equations (next) that define s, substituted (line 12)",
    )

"""Fixed and unused entries as numbers: the same answers and multipliers as with them, in any units; and when they stay."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.reductions.fixed import without_fixed
from bilevel_dsl.report.document import document
from tests.export.cases import C_COMPILERS


def load(text: str, **data):
    return bl.load(bl.Source("fixed", text), data=data)


# v is given, w and the last two of z are nobody's business
MIXED = """
upper {{ var x in [0, 4] start 3; var w[2] in [{a}, {b}]; var idle in [0, 1] start 5;
  minimize (x / {m} - 1)^2 + (y[1] - 2)^2 + w[1] * x / {m}; subject to room: x / {m} + w[2] <= 4.5; }}
lower {{ var y[3]; var v in [2, 2]; var z[4] start [0.5, 0, 7, 0];
  minimize (y[1] - x / {m})^2 + exp(v) + 2 * y[1] + (y[2] - 1)^2 + y[3]^2 - y[3] * x / {m} + (z[2] - y[1])^2;
  subject to
    cap: y[1] + z[2] <= 3;
    half: 2 * y[2] == 3; }}
"""


def mixed(m: float = 1.0, low: float = 1.0, high: float = 1.0) -> str:
    return MIXED.format(m=m, a=low, b=high).replace("var x in [0, 4] start 3", f"var x in [0, {4 * m}] start {3 * m}")


def test_which_entries_become_numbers():
    problem = load(mixed())
    seen = without_fixed(problem)
    assert [v.name for v in seen.variables] == ["x", "y", "z"] and (seen.x.numel(), seen.y.numel()) == (1, 3)
    assert [words for words, _ in seen.embedding.words] == [
        "all entries of w have one value only",
        "idle occurs in no objective and no constraint",
        "y[2] has one value only",
        "v has one value only",
        "3 of 4 entries of z occur in no objective and no constraint",
    ]
    x, y = seen.embedding.outside(np.array([1.5]), np.array([0.1, 0.2, 0.3]), problem.matrices)
    assert x.tolist() == [1.5, 1, 1, 1] and y.tolist() == [0.1, 1.5, 0.2, 2, 0.5, 0.3, 7, 0]
    assert [a.tolist() for a in seen.embedding.inside(x, y)] == [[1.5], [0.1, 0.2, 0.3]]


def test_objectives_and_rows_are_the_same_at_every_point():
    problem, rng = load(mixed()), np.random.default_rng(0)
    seen = without_fixed(problem)
    a, b = Oracles(problem), Oracles(seen)
    for _ in range(5):
        inside = rng.random(1), rng.normal(size=3)
        outside = seen.embedding.outside(*inside, problem.matrices)
        for name in ("f", "g", "h", "c", "grad_x_g"):
            values = [np.array(o.function(name)(*v, *problem.matrices)).ravel() for o, v in ((a, outside), (b, inside))]
            assert values[1] == pytest.approx(values[0][: values[1].size], rel=1e-14)


def without(problem, method: str, monkeypatch, **more):
    """The answer of a method that sees all entries."""
    with monkeypatch.context() as patch:
        for place in ("bilevel_dsl.methods.registry", "bilevel_dsl.reductions.reduced"):
            patch.setattr(f"{place}.without_fixed", lambda problem, exported=False: problem)
        return bl.solve(problem, method, compile="never", **more)


@pytest.mark.parametrize("method", ["kkt", "mpcc", "penalty"])
def test_answers_and_multipliers_are_those_of_the_whole_problem(method, monkeypatch):
    problem = load(mixed())
    own = bl.solve(problem, method, compile="never", tol=1e-8)
    other = without(problem, method, monkeypatch, tol=1e-8)
    assert own.reductions and not other.reductions and own.verified and other.verified
    assert own.upper == pytest.approx(other.upper, abs=1e-6)
    for name in ("x", "w", "y", "v"):
        assert own[name] == pytest.approx(other[name], abs=1e-4)
    assert own["z"] == pytest.approx([0.5, own["y"][0], 7, 0], abs=1e-4) and own["idle"] == 1
    for name in ("cap", "half"):
        assert own.duals[name] == pytest.approx(other.duals[name], abs=1e-4)


@pytest.mark.parametrize("method", ["kkt", "mpcc"])
def test_multipliers_that_the_leader_uses(method, monkeypatch):
    """The price at a full line is a part of the leader's objective; one bound is fixed, one variable unused."""
    text = """
    upper { var x in [0.5, 2] start 1; var k in [3, 3]; minimize (x - 1.5)^2 + 0.1 * k * dual(cap); }
    lower { var y[2] in [0, 5]; var spare in [0, 0]; var unused; minimize sumsqr(y - [2, 1]) - y[2] * spare;
      subject to cap: y[1] + y[2] + spare <= x; }
    """
    problem = load(text)
    own, other = bl.solve(problem, method, compile="never"), without(problem, method, monkeypatch)
    assert own.reductions and own.verified
    assert own["x"] == pytest.approx(float(other["x"]), abs=1e-4)
    assert own.duals["cap"] == pytest.approx(float(other.duals["cap"]), abs=1e-4)
    # y is the projection on the line: the slope of g's value is x - 3; so f = (x - 1.5)^2 + 0.3 (x - 3)
    assert float(own["x"]) == pytest.approx(1.35, abs=1e-4)
    assert float(own.duals["cap"]) == pytest.approx(1.35 - 3, abs=1e-4)


@pytest.mark.parametrize("m", [1e-6, 3.6, 1e5])
@pytest.mark.parametrize("method", ["kkt", "penalty"])
def test_units_do_not_matter(method, m):
    first, other = (bl.solve(load(mixed(s)), method, compile="never", verify="no") for s in (1.0, m))
    assert abs(other.iterations - first.iterations) <= (0 if method == "kkt" else 2)  # last digits end a line search
    assert other.upper == pytest.approx(first.upper, rel=1e-9)
    assert float(other["x"]) == pytest.approx(float(first["x"]) * m, rel=1e-6)


def test_methods_that_would_refuse_or_stall_are_helped():
    """With v fixed the follower is convex; without z its Hessian is regular."""
    text = """
    upper { var x in [0, 4]; minimize (x - 1)^2 + (y - 2)^2; }
    lower { var y; var z[2]; var v in [2, 2]; minimize (y - x)^2 + v * y; }
    """
    problem = load(text)
    for method in ("mgbio", "aid", "branches"):
        found = bl.solve(problem, method, compile="never")  # y = x - 1: (x - 1)^2 + (x - 3)^2
        assert found.verified and float(found["x"]) == pytest.approx(2, abs=1e-4), method
        assert found["z"].tolist() == [0, 0] and found["v"] == 2
        assert document(found)["reductions"] == [
            "all entries of z occur in no objective and no constraint (line 3)",
            "v has one value only (line 3)",
        ]


def test_whole_numbers_that_are_given_leave_a_continuous_problem():
    text = """
    upper { var n in integer(2, 2); var x in [0, 4]; minimize (x - n)^2 + y^2; }
    lower { var y; minimize (y - x)^2; }
    """
    found = bl.solve(load(text), "kkt", compile="never")
    assert found.verified and found["n"] == 2 and float(found["x"]) == pytest.approx(1, abs=1e-5)


def test_data_decide_for_solve_and_not_for_c(tmp_path):
    text = """
    param cap = 0;
    upper { var x in [0, 4]; minimize (x - 1)^2 + (y - 2)^2; }
    lower { var y; var v in [0, cap]; minimize (y - x)^2 - v + v^2; }
    """
    problem = load(text)
    assert bl.solve(problem, "mgbio", compile="never").verified
    assert METHODS["mgbio"].refusals(problem, exported=True) and METHODS["mgbio"].refusals(load(text, cap=1))
    with pytest.raises(bl.BilevelError) as refused:
        bl.export_c(problem, tmp_path, method="mgbio")
    assert refused.value.diagnostics[0].code == "BL0402" and "mgbio" not in refused.value.diagnostics[0].hints[0]


@pytest.mark.skipif(shutil.which(C_COMPILERS[0]) is None, reason="no C compiler")
@pytest.mark.parametrize("method", ["kkt", "aid"])
def test_exported_c_has_the_bits_of_python(method, tmp_path):
    text = mixed() if method == "kkt" else mixed().split("subject to\n    cap")[0].replace("(z[2] - y[1])^2;\n", "z[2]^2; }")
    text = text if method == "kkt" else text.replace("subject to room: x / 1.0 + w[2] <= 4.5;", "")
    problem = load(text)
    bl.export_c(problem, tmp_path, method=method)
    subprocess.run(["make", "-s", "-C", tmp_path], check=True)
    output = subprocess.run([tmp_path / "solver"], capture_output=True, text=True).stdout
    found = bl.solve(problem, method, compile="never", verify="no")
    assert found.reductions
    values = dict(line.split(" = ", 1) for line in output.splitlines() if " = " in line)
    for name in ("x", "y", "v", "z", "w", "idle"):
        assert np.array_equal(np.atleast_1d(json.loads(values[name])), np.atleast_1d(found[name])), name


@pytest.mark.parametrize(
    "text",
    [
        "upper { var x in [1, 1]; minimize x^2 + y^2; } lower { var y; minimize (y - x)^2; }",  # no leader left
        "upper { var x; minimize x^2 + y^2; } lower { var y in [1, 1]; minimize (y - x)^2; }",  # no follower left
        "upper { var x; var k in [2, 2]; minimize x^2 + y^2; subject to k <= 1; } lower { var y; minimize (y - x)^2; }",
        "upper { var x; var k[1] in simplex(1); minimize x^2 + y^2 + k[1]; } lower { var y; minimize (y - x)^2; }",
    ],
)
def test_what_stays(text):
    problem = load(text)
    assert without_fixed(problem) is problem


def test_rows_of_numbers_alone_go():
    text = """
    upper { var x; var k in [2, 2]; minimize x^2 + y^2; subject to a: k <= 3; b: x + k <= 4; c: 3 * k == 6; }
    lower { var y; minimize (y - x)^2; }
    """
    seen = without_fixed(load(text))
    assert [c.name for c in seen.upper_constraints] == [] or [c.name for c in seen.upper_constraints] == ["b"]
    assert float(bl.solve(load(text), "kkt", compile="never")["k"]) == 2

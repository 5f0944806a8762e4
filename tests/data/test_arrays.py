"""Arrays of three and more indices: entries, slices, sums, constraints, multipliers, results."""

from __future__ import annotations

import csv
import json

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Collector, Source, Span
from bilevel_dsl.model.layout import matrix_shape
from bilevel_dsl.model.translation import Translation
from bilevel_dsl.report.csv_text import csv_text
from bilevel_dsl.report.values import array_lines
from bilevel_dsl.semantics.declarations.names import resolve_all
from bilevel_dsl.semantics.names.scope import Scope
from bilevel_dsl.semantics.names.symbols import declare
from bilevel_dsl.syntax.parser import parse
from tests.data.test_sets import symbols, value

P = np.arange(24.0).reshape(2, 3, 4) ** 1.5
DATA = 'set GEN = {"a", "b"}; set HOUR = 1..3; param p[GEN, HOUR, 4]; '

EXPRESSIONS = [
    ("p[i, 2, 3]", [P[i, 1, 2] for i in (0, 1)]),
    ("sum(p[i, h, s] * s for h in HOUR, s in 1..4)", [(P[i] * [1, 2, 3, 4]).sum() for i in (0, 1)]),
    ("sum(p[i, :, 2])", [P[i, :, 1].sum() for i in (0, 1)]),
    ("p[i, 1, :][3]", [P[i, 0, 2] for i in (0, 1)]),
    ("(p[i, :, :] @ [1, 2, 3, 4])[2]", [(P[i] @ [1, 2, 3, 4])[1] for i in (0, 1)]),
    ("p[:, 1:2, 2:3][2, 1, 2] + norm(2 * p - 1)", [P[1, 0, 2] + np.linalg.norm((2 * P - 1).ravel())] * 2),
    ("max(p) + sumsqr(p) + dot(p, p + 1)", [P.max() + (P**2).sum() + (P * (P + 1)).sum()] * 2),
    ("sum(p[:, h, :] for h in HOUR)[2, 4]", [P.sum(axis=1)[1, 3]] * 2),
    ("sum(if p[i, h, s] > 20 then 1 else exp(-p[i, h, s]) for h in HOUR, s in 1..4)",
     [np.where(P[i] > 20, 1, np.exp(-P[i])).sum() for i in (0, 1)]),
    ("vec(p[:, :, 1])[3] + vec(p)[7]", [P[:, :, 0].ravel(order="F")[2] + P.ravel(order="F")[6]] * 2),
]  # fmt: skip


@pytest.mark.parametrize("expression, expected", EXPRESSIONS)
def test_values(expression, expected):
    np.testing.assert_allclose(value(DATA, f"[{expression} for i in GEN]", p=P), expected)


@pytest.mark.parametrize("expression, expected", EXPRESSIONS)
def test_values_in_casadi(expression, expected):
    text = 'set GEN = {"a", "b"}; set HOUR = 1..3; lower { var p[GEN, HOUR, 4]; minimize 0; } upper { minimize 0; }'
    source, problems = Source("m", f"{text} let result = [{expression} for i in GEN];"), Collector()
    found, _ = declare(parse(source), problems)
    resolve_all(Scope(found, problems, Span(source, 0, 0)))
    problems.raise_errors()
    p = ca.MX.sym("p", *matrix_shape(P.shape))
    function = ca.Function("f", [p], [ca.densify(Translation({"p": p})(found["result"].node))])
    np.testing.assert_allclose(np.array(function(P.ravel(order="F"))).ravel(), expected)


def test_shapes_and_values_of_data():
    found = symbols(
        DATA + "param q[:, :, :] = p[:, :, 1:2]; param r[2, 1, 2, 2] = 7; param l = [[[1, 2]], [[3, 4]]];", p=P.tolist()
    )
    assert found["q"].value.shape == (2, 3, 2) and found["r"].value.shape == (2, 1, 2, 2)
    assert found["l"].value.tolist() == [[[1, 2]], [[3, 4]]] and (found["p"].value == P).all()


def test_a_table_with_three_keys(tmp_path):
    rows = [f"{h},{g},{s},{P[k, h - 1, s - 1]}" for s in range(1, 5) for k, g in enumerate("ab") for h in (1, 2, 3)]
    (tmp_path / "t.csv").write_text("\n".join(["hour,gen,scenario,mw", *rows]))
    text = 'set GEN = {"a", "b"}; set HOUR = 1..3; '
    text += 'param p[GEN, HOUR, 4] = csv("t.csv", "mw", key = ["gen", "hour", "scenario"]);'
    np.testing.assert_array_equal(symbols(text, tmp_path)["p"].value, P)


MODEL = """
set GEN = {"a", "b"};
set HOUR = 1..3;
param target[GEN, HOUR, 2] = 1;
upper { var t[GEN, HOUR, 2] in [0, 1]; minimize sumsqr(t) + sum(dual(cap)[g, h, s] for g in GEN, h in HOUR, s in 1..2); }
lower {
  var y[GEN, HOUR, 2] start 0.5;
  minimize sum((y[g, h, s] - target[g, h, s])^2 for g in GEN, h in HOUR, s in 1..2) + 0 * dot(t, y);
  subject to cap[g in GEN, h in HOUR, s in 1..2]: y[g, h, s] <= 0.1 * h + s;
}
report { price = dual(cap); twice = 2 * y; of_hour = y[:, 2, :]; }
"""


def test_solved_with_names():
    target = np.arange(12.0).reshape(2, 3, 2)
    solution = bl.solve(bl.load(Source("m", MODEL), data={"target": target}), method="kkt", compile=False)
    limit = 0.1 * np.arange(1, 4)[None, :, None] + np.arange(1, 3)[None, None, :]
    y = np.minimum(target, limit)
    np.testing.assert_allclose(solution["y"], y, atol=1e-5)
    np.testing.assert_allclose(solution.report["price"], -2 * (target - y), atol=1e-4)
    np.testing.assert_allclose(solution.report["of_hour"], y[:, 1, :], atol=1e-5)
    header, row = csv_text(solution).splitlines()
    names = next(csv.reader([header]))
    assert names[:4] == ["status", "verified", "method", "seconds"] and names[4] == "target[a,1,1]"
    assert any(n.startswith("t[a,") for n in names) and "y[b,3,2]" in names
    np.testing.assert_allclose(json.loads(json.dumps(solution.report["twice"].tolist())), 2 * y, atol=1e-5)


def test_rows_are_named_by_all_indices_but_the_last():
    lines = array_lines(np.arange(8.0).reshape(2, 2, 2), 60, (("a", "b"), None, ("x", "y")))
    assert [line.split() for line in lines] == [
        ["x", "y"],
        ["a,1", "0", "1"],
        ["a,2", "2", "3"],
        ["b,1", "4", "5"],
        ["b,2", "6", "7"],
    ]

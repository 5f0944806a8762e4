"""What is told of a model before it is solved, and its interface as data."""

from __future__ import annotations

import json

import pytest

from bilevel_dsl.describe.explain import Explanation, as_json, explain, lines
from bilevel_dsl.describe.interface import interface
from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.methods import METHODS
from bilevel_dsl.model.build import build
from bilevel_dsl.reading import read
from bilevel_dsl.report.page import plain
from bilevel_dsl.semantics.check import check, examine
from bilevel_dsl.syntax.parser import Source, parse

from .models import MODELS, compare


def of(path) -> Explanation:
    checked = read(path)
    return explain(checked, build(checked))


def explained(text: str) -> Explanation:
    source = Source("model.bilevel", text)
    checked = check(parse(source), source=source)
    return explain(checked, build(checked))


@pytest.mark.parametrize("name", MODELS)
def test_text(name):
    """All of it but the methods, whose words are those of the registry."""
    compare(f"{name}.explain", plain(lines(of(MODELS[name]), 90)).partition("methods\n")[0])


def test_methods():
    found = of(MODELS["bridge_toll"])
    shown = plain(lines(found, 90)).partition("methods\n")[2]
    for verdict in (v for v in found.methods if METHODS[v.method].automatic):
        words = "accepts it, and is chosen" if verdict.chosen else "accepts it" if verdict.accepts else "refuses:"
        assert f"  {verdict.method:<14}{words}" in shown
        for reason in verdict.reasons:
            assert str(reason) in " ".join(shown.split())
    assert [v.method for v in found.methods if v.chosen] and all(v.reasons for v in found.methods if not v.accepts)


def test_as_data():
    found = json.loads(json.dumps(as_json(of(MODELS["tolls"]))))
    assert found["sizes"] == {
        "upper_variables": 3,
        "lower_variables": 3,
        "upper_rows": 1,
        "lower_rows": 0,
        "followers": 1,
        "data": 8,
    }
    friendly = [name for name, method in METHODS.items() if method.card.ties == "optimistic"]
    assert [v["method"] for v in found["methods"]] == friendly
    assert [(v["method"], v["accepts"], v["chosen"]) for v in found["methods"] if METHODS[v["method"]].automatic] == [
        ("penalty", True, False),
        ("kkt", True, False),
        ("branches", True, True),
        ("dbgd", False, False),
        ("mpcc", True, False),
        ("value", True, False),
        ("enumeration", False, False),
        ("mgbio", False, False),
    ]
    lines_of_model = MODELS["tolls"].read_text().splitlines()
    assert "budget" in lines_of_model[next(v for v in found["methods"] if v["method"] == "dbgd")["reasons"][1]["line"] - 1]


UPPER = "upper { var x; minimize (x - 1)^2 + sum(y)^2; }"


@pytest.mark.parametrize(
    "lower, said",
    [
        ("var y[2]; minimize sumsqr(y - x);", "the follower's answer is unique"),
        ("var y[2]; minimize (y[1] - y[2] - x)^2;", "is flat in some direction"),
        ("var y[2] in [0, 1]; minimize x * y[1] + y[2];", "has no curvature"),
        ("var y[2] in [0, 1]; minimize -sumsqr(y - x);", "a quadratic program, not convex"),
        (
            "var y[2] in [0, 1]; minimize sumsqr(y) + exp(x) * y[1]^2;",
            "a quadratic program, convex at all points looked at",
        ),
        ("var y[2] in [0, 1]; minimize dot(y, y) * sin(x) + sum(exp(y));", "a nonlinear program"),
        (
            "var y[2]; minimize sumsqr(y - x); subject to sum(y) <= x;",
            "a constraint of the lower level involves upper variables (line 2)",
        ),
        (
            "var y[2]; minimize sumsqr(y - x); subject to y[1] >= 0; y[2] <= 3;",
            "1 row is a bound on y, and treated as its set (line 2)",
        ),
        ("var y[2] in ball(0, 1); minimize x * sum(y);", "a nonlinear program"),
    ],
)
def test_structure(lower, said):
    found = explained(f"{UPPER}\nlower {{ {lower} }}")
    assert any(said in str(fact) for fact in (*found.structure, *found.bounds)), [
        *map(str, found.structure),
        *map(str, found.bounds),
    ]


def examined(text: str):
    source = Source("model.bilevel", text)
    tree = parse(source)
    return interface(examine(tree, source=source), tree, source)


MODEL = """param n;
param cost[n];
param demand = 3;
set ROAD = {"north", "south"};
set K = 2..5;
upper { var t[ROAD] in [0, 5]; maximize demand * sum(t); subject to cap: sum(t) <= 4; }
lower { var y[n] in nonneg; minimize dot(cost, y) + sumsqr(y) * t["north"]; subject to y >= 1; }
report { total = sum(y); }
"""


def test_interface_without_values():
    found = examined(MODEL)
    assert found["problem"] == "model"
    assert found["parameters"] == [
        {"name": "n", "shape": [], "dimensions": [], "labels": [], "required": True},
        {"name": "cost", "shape": None, "dimensions": ["n"], "labels": None, "required": True},
        {"name": "demand", "shape": [], "dimensions": [], "labels": [], "required": False},
    ]
    assert found["sets"] == [
        {"name": "ROAD", "size": 2, "labels": ["north", "south"]},
        {"name": "K", "size": 4, "range": [2, 5]},
    ]
    assert found["upper"] == {
        "name": "",
        "sense": "maximize",
        "variables": [
            {"name": "t", "shape": [2], "dimensions": ["ROAD"], "labels": [["north", "south"]], "set": ["[0, 5]"]}
        ],
        "constraints": [{"label": "cap", "kind": "inequality", "rows": None, "line": 6}],
    }
    assert found["lower"][0]["variables"][0]["shape"] is None
    assert found["report"] == [{"name": "total", "shape": None}]


def test_interface_with_values():
    found = examined(MODEL.replace("param n;", "param n = 3;").replace("cost[n];", "cost[n] = 1;"))
    assert found["lower"][0]["variables"][0] == {
        "name": "y",
        "shape": [3],
        "dimensions": ["n"],
        "labels": [None],
        "set": ["nonneg"],
    }
    assert found["lower"][0]["constraints"] == [{"label": None, "kind": "inequality", "rows": 3, "line": 7}]
    assert found["report"] == [{"name": "total", "shape": []}]


def test_interface_of_whole_numbers():
    text = """param most; set FEW = integer(1, 3);
    upper { var z[2] in binary; var n in integer(0, most); var m in FEW; var x in [0, 1]; minimize sum(z) + n + m + x; }
    lower { var y; minimize y^2; }"""
    upper, lower = (found["variables"] for found in (examined(text)["upper"], examined(text)["lower"][0]))
    assert [v.get("whole", False) for v in (*upper, *lower)] == [True, True, True, False, False]


def test_interface_of_a_broken_model():
    with pytest.raises(BilevelError, match="BL0202"):
        examined(MODEL.replace("sum(y)", "sum(z)"))


def test_data_that_overflow():
    found = explained(f"param Q[2, 2] = 1e200; {UPPER}\nlower {{ var y[2]; minimize y' @ (Q * Q) @ y + x * sum(y); }}")
    assert any("is not known before solving" in str(fact) for fact in found.structure)

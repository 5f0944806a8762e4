"""Whole models: rows of constraints, data from outside, sets, followers, warnings."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.model import sets
from bilevel_dsl.model.build import build
from bilevel_dsl.semantics.check import check
from bilevel_dsl.syntax.parser import parse

LEADER = "upper { var x[3]; minimize sumsqr(x) + sum(y); } "


def checked(text: str, folder=None, **outside):
    source = Source("model.bilevel", text)
    return check(parse(source), source=source, **({"base_dir": folder} if folder else {}), **outside)


def problem(text: str, **outside):
    return build(checked(text, **outside))


def codes(text: str, **outside) -> list[str]:
    with pytest.raises(BilevelError) as caught:
        checked(text, **outside)
    return [d.code for d in caught.value.diagnostics]


def warnings(text: str) -> list[str]:
    return [d.code for d in checked(text).warnings]


def rows(made, x, y) -> list[tuple[str, str, np.ndarray]]:
    """(name, kind, values) of every constraint at a point."""
    found = []
    for c in made.upper_constraints + made.lower_constraints:
        f = ca.Function("c", [made.x, made.y, *made.p], [c.expression])
        values = [np.array(q.value).reshape(q.symbol.shape) for q in made.parameters]
        found.append((c.name + c.side, c.kind, np.array(f.call([ca.DM(x), ca.DM(y), *map(ca.DM, values)])[0]).ravel()))
    return found


X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize(
    "constraint, expected",
    [
        ("x <= y", [("line 1", "le", X - Y)]),
        ("x >= y", [("line 1", "le", Y - X)]),
        ("a: x == 2", [("a", "eq", X - 2)]),
        ("a: 0 <= y <= x", [("alower", "le", -Y), ("aupper", "le", Y - X)]),
        ("a: x >= y >= 0", [("aupper", "le", Y - X), ("alower", "le", -Y)]),
        ("a[i in 1..3]: x[i] + i <= y[i]", [("a", "le", X + [1, 2, 3] - Y)]),
        (
            "a[i in 1..3, j in 1..3 if i < j]: x[i] * y[j] <= c[i, j]",
            [("a", "le", np.array([X[0] * Y[1] - 2, X[0] * Y[2] - 3, X[1] * Y[2] - 6]))],
        ),
        ("a[i in 1..2]: x <= i * y", [("a", "le", np.concatenate([X - Y, X - 2 * Y]))]),
        ("a[i in 1..3]: sum(x[j] for j in 1..i) <= y[i]", [("a", "le", np.cumsum(X) - Y)]),
        (
            "a[i in 1..3]: inv(outer(x, x) + i * eye(3))[1, 1] <= 1",
            [("a", "le", np.array([np.linalg.inv(np.outer(X, X) + i * np.eye(3))[0, 0] - 1 for i in (1, 2, 3)]))],
        ),
        ("y <= [1, inf, 2]", [("line 1", "le", np.array([-0.5, 0.0]))]),
        ("[-inf, 0, -inf] <= y <= 5", [("line 1lower", "le", np.array([1.0])), ("line 1upper", "le", Y - 5)]),
        ("a[i in 1..3]: y[i] <= (if i == 2 then inf else i)", [("a", "le", np.array([-0.5, -1.0]))]),
        ("a[i in 1..2]: y <= [i, inf, 2 * i]", [("a", "le", np.array([-0.5, 0, -1.5, -2]))]),
    ],
)
def test_rows_of_a_constraint(constraint, expected):
    made = problem(
        f"param c[3, 3] = [[i * j for j in 1..3] for i in 1..3]; {LEADER} lower {{ var y[3]; minimize sumsqr(y - x); "
        f"subject to {constraint}; }}"
    )
    found = rows(made, X, Y)
    assert [(n, k) for n, k, _ in found] == [(n, k) for n, k, _ in expected]
    for (_, _, value), (_, _, wanted) in zip(found, expected):
        assert value == pytest.approx(wanted)


def test_maximisation_is_stored_negated_and_written_back():
    made = problem("upper { var x; maximize 3 * x; } lower { var y; maximize -(y - x)^2; }")
    f = ca.Function("f", [made.x, made.y], [made.f.expression, made.g.expression])(2.0, 5.0)
    assert [float(v) for v in f] == [-6.0, 9.0] and (made.f.sense, made.g.sense) == (-1, -1)
    assert made.f.as_written(-6.0) == 6.0


def test_several_followers_are_one_lower_level():
    made = problem(
        "upper { var x; minimize x + a + b; } lower one { var a; minimize (a - x)^2; } "
        "lower two { var b in [0, 1]; maximize -(b - 2 * x)^2; subject to b <= x; }"
    )
    g = ca.Function("g", [made.x, made.y], [made.g.expression])(3.0, ca.DM([1.0, 2.0]))
    assert float(g) == 4.0 + 16.0 and [v.name for v in made.lower_variables] == ["a", "b"]
    assert codes(
        "upper { var x; minimize x + a + b; } lower one { var a; minimize (a - x - b)^2; } "
        "lower two { var b; minimize b^2; }"
    ) == ["BL0212"]


def test_a_simple_bilevel_problem_has_no_upper_variable():
    assert problem("upper { minimize sumsqr(y); } lower { var y[2]; minimize (y[1] + y[2] - 1)^2; }").is_simple


def test_lets_in_any_order_are_shared():
    made = problem("let a = b + 1; upper { var x; minimize a^2 + a; } lower { var y; let b = x * y; minimize (y - x)^2; }")
    assert float(ca.Function("f", [made.x, made.y], [made.f.expression])(2.0, 3.0)) == 56.0


# --- parameters ---------------------------------------------------------------------------------

DATA = (
    "param n = 2; param c[n]; param r = 1; {} "
    "upper {{ var x[n]; minimize dot(c, x) * r; }} lower {{ var y[n]; minimize sumsqr(y - x); }}"
)


def value(name: str, text: str = DATA.format(""), **outside) -> np.ndarray:
    return next(p.value for p in checked(text, **outside).params if p.name == name)


def test_values_from_outside():
    assert value("c", data={"c": [1, 2]}).tolist() == [1, 2]
    assert value("c", data={"c": np.array([[1], [2]])}).tolist() == [1, 2]
    assert value("c", data={"c": 4}).tolist() == [4, 4]
    assert value("c", params={"c": "[1, 2 * r]"}).tolist() == [1, 2]
    assert value("c", data={"c": [0, 0, 0]}, params={"n": "3"}).tolist() == [0, 0, 0]
    assert value("c", data={"c": [1, 2]}, params={"c": "7"}).tolist() == [7, 7]
    labelled = (
        'set S = {"a", "b"}; param c[S]; upper { var x[S]; minimize dot(c, x); } lower { var y; minimize (y - x["a"])^2; }'
    )
    assert value("c", labelled, data={"c": {"b": 2, "a": 1}}).tolist() == [1, 2]


@pytest.mark.parametrize(
    "outside, expected",
    [
        ({}, ["BL0330"]),
        ({"data": {"c": [1, 2, 3]}}, ["BL0332"]),
        ({"data": {"c": "text"}}, ["BL0333"]),
        ({"data": {"c": [1, None]}}, ["BL0333"]),
        ({"data": {"c": [[1], [2, 3]]}}, ["BL0333"]),
        ({"data": {"c": [1, np.nan]}}, ["BL0334"]),
        ({"data": {"c": [1, np.inf]}}, ["BL0334"]),
        ({"data": {"c": 1, "cc": 2}}, ["BL0331"]),
        ({"data": {"c": 1, "x": 2}}, ["BL0331"]),
        ({"data": {"c": 1}, "params": {"r": "[1, 2]"}}, ["BL0332"]),
        ({"data": {"c": 1}, "params": {"r": "x[1]"}}, ["BL0312"]),
        ({"data": {"c": 1}, "params": {"n": "1.5"}}, ["BL0316"]),
        ({"data": {"c": 1}, "params": {"n": "1e12"}}, ["BL0315"]),
        ({"data": {"c": {"a": 1}}}, ["BL0333"]),
    ],
)
def test_wrong_values_from_outside(outside, expected):
    assert codes(DATA.format(""), **outside) == expected


def test_all_missing_parameters_are_named_at_once():
    with pytest.raises(BilevelError) as caught:
        checked(
            "param a; param b[2]; param d[3] = a * ones(3); "
            "upper { var x; minimize x * a * b[1]; } lower { var y; minimize (y - x)^2; }"
        )
    assert [d.code for d in caught.value.diagnostics] == ["BL0330"]
    assert "`a`, `b`" in caught.value.diagnostics[0].message


def test_only_parameters_that_decide_structure_are_structural():
    params = {p.name: p.structural for p in checked(DATA.format("param k = 1; let z = c[k];"), data={"c": 1}).params}
    assert params == {"n": True, "c": False, "r": False, "k": True}


def test_data_files(tmp_path):
    (tmp_path / "a.csv").write_text("p,q\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("1\n2\n")
    np.save(tmp_path / "c.npy", np.eye(2))
    np.savez(tmp_path / "d.npz", k=[5.0, 6.0])
    (tmp_path / "e.json").write_text('{"key": [7, 8]}')
    text = (
        'param a[2, 2] = csv("a.csv"); param b[2] = csv("b.csv"); param c = npy("c.npy"); param d = npz("d.npz", "k"); '
        'param e = json("e.json", "key"); upper { var x; minimize x * a[2, 1]; } lower { var y; minimize (y - x)^2; }'
    )
    got = {p.name: p.value.tolist() for p in checked(text, folder=tmp_path).params}
    assert got == {"a": [[1, 2], [3, 4]], "b": [1, 2], "c": [[1, 0], [0, 1]], "d": [5, 6], "e": [7, 8]}


@pytest.mark.parametrize(
    "name, content",
    [
        ("../secret.csv", None),
        ("/etc/passwd", None),
        ("missing.csv", None),
        ("bad.csv", "1,2\n3,x\n"),
        ("ragged.csv", "1,2\n3\n"),
        ("empty.csv", ""),
        ("link.csv", "link"),
        ("", None),
    ],
)
def test_data_files_that_give_no_numbers(tmp_path, name, content):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("1")
    if content == "link":
        (folder / name).symlink_to(tmp_path / "secret.csv")
    elif content is not None:
        (folder / name).write_text(content)
    text = f'param a = csv("{name}"); upper {{ var x; minimize x; }} lower {{ var y; minimize (y - x)^2; }}'
    assert codes(text, folder=folder) == ["BL0341"]


def test_no_pickle_is_ever_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    text = 'param a = npy("a.npy"); upper { var x; minimize x; } lower { var y; minimize (y - x)^2; }'
    assert codes(text, folder=tmp_path) == ["BL0341"]


# --- sets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape, written, kind",
    [
        ("[3]", "[0, 1]", sets.Box),
        ("[3]", "box(-1, [1, 2, inf])", sets.Box),
        ("", "[0, 1]", sets.Box),
        ("[3]", "nonneg", sets.Box),
        ("[3]", "free", sets.Free),
        ("[3]", "simplex", sets.Simplex),
        ("[3]", "simplex(total)", sets.Simplex),
        ("[3]", "capped_simplex(2)", sets.CappedSimplex),
        ("[3]", "ball(0, 1)", sets.Ball),
        ("[2, 2]", "ball(0, total)", sets.Ball),
        ("[3]", "l1ball(1)", sets.L1Ball),
        ("[3]", "linfball(1, 2)", sets.LinfBall),
        ("[3]", "halfspace([1, 2, 3], 4)", sets.Halfspace),
        ("[3]", "hyperplane(ones(3), total)", sets.Hyperplane),
        ("[3]", "affine([[1, 1, 1], [1, 0, 0]], [1, 0])", sets.Affine),
        ("[3]", "soc", sets.SecondOrderCone),
        ("[2, 2]", "psd", sets.Psd),
        ("[2, 2]", "spectral(1, total)", sets.Spectral),
        ("[3]", "named", sets.Box),
        ("[3]", "[0, 2] in box(1, inf)", sets.Box),
        ("[3]", "nonneg in linfball(0, 1)", sets.Box),
        ("[2, 2]", "psd in spectral(-1, 3)", sets.Spectral),
        ("[3]", "free in simplex", sets.Simplex),
    ],
)
def test_constraint_sets(shape, written, kind):
    made = problem(
        f"param total = 2; set named = box(0, total); upper {{ var x; minimize x; }} "
        f"lower {{ var y{shape} in {written}; minimize sumsqr(y - x); }}"
    )
    assert isinstance(made.lower_variables[0].set, kind)


@pytest.mark.parametrize(
    "shape, written, code",
    [
        ("[3]", "[1, 0]", "BL0321"),
        ("[3]", "box([0, 0, 2], 1)", "BL0321"),
        ("[3]", "simplex(-1)", "BL0321"),
        ("[3]", "capped_simplex(4)", "BL0321"),
        ("[3]", "ball(0, -1)", "BL0321"),
        ("[3]", "affine([[1, 1, 1], [1, 1, 1]], [1, 2])", "BL0321"),
        ("[3]", "halfspace(zeros(3), -1)", "BL0321"),
        ("[3]", "[0, 1] in [2, 3]", "BL0321"),
        ("[2, 2]", "psd in spectral(-2, -1)", "BL0321"),
        ("[3]", "[inf, inf]", "BL0321"),
        ("[3]", "psd", "BL0322"),
        ("[2, 3]", "psd", "BL0322"),
        ("", "simplex", "BL0322"),
        ("[3]", "box([0, 1], 3)", "BL0322"),
        ("[3]", "ball([1, 2], 1)", "BL0322"),
        ("[3]", "simplex in ball(0, 1)", "BL0323"),
        ("[3]", "[0, x]", "BL0312"),
        ("[3]", "integer", "BL0305"),
        ("[3]", "1..3", "BL0320"),
        ("[3]", "simplx(1)", "BL0320"),
        ("[3]", "CITY", "BL0320"),
        ("[3]", "box(1)", "BL0305"),
        ("[3]", "[1, 2, 3]", "BL0320"),
    ],
)
def test_wrong_constraint_sets(shape, written, code):
    assert codes(
        'set CITY = {"a", "b", "c"}; upper { var x; minimize x; } '
        f"lower {{ var y{shape} in {written}; minimize sumsqr(y - x); }}"
    ) == [code]


# --- warnings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "upper, lower, expected",
    [
        ("var x; minimize x^2 + y;", "var y; minimize (y - x)^2;", []),
        ("var x; minimize x^2; subject to x <= y;", "var y; minimize (y - x)^2;", ["BL0701"]),
        ("var x; minimize x + y;", "var y; minimize y^2;", ["BL0702"]),
        ("var x; minimize x + y;", "var y in [0, 1]; minimize y * x;", ["BL0703"]),
        ("var x; minimize x + y;", "var y; minimize y * x;", ["BL0704"]),
        ("var x; minimize x + sum(y);", "var y[2]; minimize (y[1] - x)^2 + y[2];", []),
        ("var x; minimize x + y;", "var y; minimize (y - x)^2; subject to 1 <= 2;", ["BL0706"]),
        ("minimize y;", "var y; minimize y^4;", []),
    ],
)
def test_warnings(upper, lower, expected):
    assert warnings(f"upper {{ {upper} }} lower {{ {lower} }}") == expected

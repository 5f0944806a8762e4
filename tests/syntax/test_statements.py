"""What statements are read as."""

from __future__ import annotations

import pytest

from bilevel_dsl.diagnostics import BilevelError, Collector, Source
from bilevel_dsl.syntax import ast
from bilevel_dsl.syntax.parser import load_source, parse, parse_what_can_be

from .trees import short, statement


def level(body: str, kind: str = "upper") -> ast.Level:
    return statement(f"{kind} {{ {body} }}")


def test_parameters():
    bare, full = statement("param d[n, 2];"), statement("param n = 3;")
    assert [short(e) for e in bare.dimensions] == ["n", "2"] and bare.value is None
    assert full.dimensions == () and short(full.value) == "3"


def test_functions_and_lets():
    function = statement("function f(u, v) = u + v;")
    assert [p.id for p in function.parameters] == ["u", "v"] and short(function.body) == "(u + v)"
    assert statement("function f() = 1;").parameters == ()
    assert short(statement("let a = b;").value) == "b"


def test_variables():
    (item,) = level("var x[n, 2] in box(0, 1) in psd start eye(2);").items
    assert [short(e) for e in item.dimensions] == ["n", "2"]
    assert [short(e) for e in item.sets] == ["box(0, 1)", "psd"]
    assert short(item.start) == "eye(2)"
    (plain,) = level("var x;").items
    assert plain.dimensions == () and plain.sets == () and plain.start is None
    (started,) = level("var x start 1;").items
    assert started.sets == () and short(started.start) == "1"


def test_levels():
    assert level("minimize 1;", "lower").name is None
    assert level("minimize 1;", "lower firm").name.id == "firm"
    assert [
        type(i).__name__ for i in level("var x; let a = x; maximize a; subject to a <= 1; var z; s.t. z == 2;").items
    ] == ["Var", "Let", "Objective", "Constraint", "Var", "Constraint"]
    assert level("").items == () and level("subject to").items == ()


def test_constraints():
    items = level("subject to x <= 1; cap: x >= 2; l <= e <= u; a == b; row[i in I, j in J if i < j]: x[i] <= y[j];").items
    plain, named, double, equal, indexed = items
    assert plain.label is None and plain.operators == ("<=",)
    assert named.label.id == "cap" and [short(t) for t in named.terms] == ["x", "2"]
    assert double.operators == ("<=", "<=") and [short(t) for t in double.terms] == ["l", "e", "u"]
    assert equal.operators == ("==",)
    assert indexed.label.id == "row" and [short(g) for g in indexed.generators] == ["i in I", "j in J"]
    assert short(indexed.condition) == "(i < j)"


def test_entries_may_be_called_upper_and_lower():
    block = statement('reference { upper = 1; lower = 2; x = [1, 2]; source = "a"; }')
    assert [e.name.id for e in block.entries] == ["upper", "lower", "x", "source"]


def test_statements_may_stand_on_one_line_or_over_many():
    one = parse(Source("a", "problem p;param n=1;upper{var x;minimize x;}"))
    many = parse(Source("b", "problem\np\n;\nparam\nn\n=\n1\n;\nupper\n{\nvar\nx\n;\nminimize\nx\n;\n}\n"))
    assert [type(s) for s in one.statements] == [type(s) for s in many.statements]


@pytest.mark.parametrize("text", ["data", "model;", "problem p; parameters", "transformed data"])
def test_the_first_words_of_a_block_of_stan_may_be_the_last_of_the_text(text):
    with pytest.raises(BilevelError):
        parse(Source("a", text))


def test_spans_of_statements():
    text = "param n = 3;  # three\nupper { var x[n] in [0, 1]; minimize sum(x); }\n"
    tree = parse(Source("a", text))
    assert tree.statements[0].span.text == "param n = 3;"
    assert tree.statements[1].items[0].span.text == "var x[n] in [0, 1];"
    assert tree.span.text == text


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "/* a */", "\ufeff"])
def test_an_empty_file_is_an_empty_model(text):
    assert parse(Source("a", text)).statements == ()


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_ends_are_read_as_lines(tmp_path, ending):
    file = tmp_path / "model.bilevel"
    file.write_bytes(ending.join(["\ufeffparam n = 3;", "param = 4;", ""]).encode())
    with pytest.raises(BilevelError) as caught:
        parse(load_source(file))
    assert ":2:7" in str(caught.value) and "\r" not in str(caught.value)


def test_what_can_be_read_is_read():
    problems = Collector()
    tree = parse_what_can_be(Source("a", "param n = 3;\nparam = 4;\nupper { var x; vxr z; minimize x; }\n"), problems)
    assert len(problems.errors) == 2
    assert [type(s).__name__ for s in tree.statements] == ["Param", "Level"]
    assert [type(i).__name__ for i in tree.statements[1].items] == ["Var", "Objective"]

"""What the language server knows, without the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilevel_dsl.diagnostics import Collector
from bilevel_dsl.lsp.analysis import CannotRename, Document
from bilevel_dsl.lsp.calls import call_at
from bilevel_dsl.lsp.completion import complete
from bilevel_dsl.lsp.hover import hover
from bilevel_dsl.lsp.names import BuiltIn, Local
from bilevel_dsl.lsp.positions import Positions
from bilevel_dsl.lsp.words import KEYWORDS as MEANINGS
from bilevel_dsl.lsp.words import built_in
from bilevel_dsl.semantics.builtins import known_names
from bilevel_dsl.semantics.names.symbols import Symbol
from bilevel_dsl.syntax.tokens import KEYWORDS, tokenize

TESTS = Path(__file__).parents[1]
ALL_FEATURES = TESTS / "semantics" / "all_features.bilevel"
MODELS = [
    ALL_FEATURES,
    *(TESTS.parent / "models" / "papers").glob("p[0-6].bilevel"),
    TESTS.parent / "models" / "applications" / "hyper_cleaning.bilevel",
]
LEVELS = "upper { var x[3] in [0, 1]; minimize sum(x); }\nlower { var y; minimize (y - x[1])^2; }\n"


def document(text: str, folder: Path = TESTS) -> Document:
    return Document("test", text, folder)


def cut(text: str) -> tuple[str, int]:
    """The text without its `|`, and where that was."""
    return text.replace("|", "", 1), text.index("|")


def said(text: str, rest: str = LEVELS) -> str:
    text, offset = cut(text)
    d = document(text + "\n" + rest)
    return hover(d, d.at(offset))


def labels(text: str, rest: str = "") -> set[str]:
    text, offset = cut(text)
    return {i.label for i in complete(document(text + rest), offset)}


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, target",
    [
        ("param i = 2; let a = sum(|i for i in 1..3);", "loop"),
        ("param i = 2; let a = sum(k for k in 1..|i);", "param"),
        ("let a = sum(j for i in 1..3, j in 1..|i);", "loop"),
        ("param i = 2; let a = sum(i for i in 1..3) + |i;", "param"),
        ("param u = 2; function f(u) = |u^2;", "argument"),
        ("param v = 2; function f(u) = u * |v;", "param"),
        ("let a = |sum([1, 2]);", "built-in"),
        ("function f(u) = u; let f2 = [|f(i) for i in 1..2];", "function"),
        ("upper { minimize 1; subject to |c[i in 1..2]: i <= 3; }", "label"),
        ("upper { minimize 1; subject to c[i in 1..2]: |i <= 3; }", "loop"),
        ("lower { var q; minimize q; subject to q: q >= 1; } let d = dual(|q);", "label"),
        ("lower { var q; minimize q; subject to c: q >= 1; } let d = dual(|q.lower);", "var"),
        ("lower |a { var q; minimize q; }", "follower"),
        ("report { |a = 1; }", "result"),
        ("upper { var a; minimize a; } report { a = |a; }", "var"),
        ("upper { var a; minimize a; } reference { |a = 1; }", "var"),
        ("let a = uniform(0, 1, |seed=1);", None),
        ("let a = |nowhere;", None),
        ("problem |p;", "problem"),
    ],
)
def test_a_name_means_what_the_language_says(text, target):
    text, offset = cut(text)
    here = document(text).at(offset)
    found = here.target if here else None
    kind = "built-in" if isinstance(found, BuiltIn) else found.kind if found else None
    assert kind == target


def test_names_of_all_models_are_found():
    """Every name is declared, and all words that are names occur, but for keyword arguments and options."""
    for path in MODELS:
        d = document(path.read_text(encoding="utf-8"), path.parent)
        assert all(o.target is not None for o in d.occurrences), path
        words = [t for t in tokenize(d.source, Collector()) if t.type == "NAME"]
        missed = {t.text for t in words} - {o.name for o in d.occurrences}
        assert missed <= {"seed", "method", "tol", "max_iter", "source", "step_size", "barrier"}, path


def test_names_are_known_in_a_text_with_mistakes():
    d = document("param n = 3;\nparam m = ;\nlet a = n + 1;\n" + LEVELS)
    assert {"n", "a", "x", "y"} <= d.symbols.keys()
    assert [x.code for x in d.diagnostics()] == ["BL0110"]
    assert "a vector of 3" in hover(d, d.at(d.source.text.index("x[3]")))


# --- rename ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_any_name_can_be_changed_and_the_model_stays_right(path):
    text = path.read_text(encoding="utf-8")
    d = document(text, path.parent)
    before = codes(d)
    for k, target in enumerate(dict.fromkeys(o.target for o in d.occurrences if isinstance(o.target, (Symbol, Local)))):
        spans = d.rename(target.span.start, f"renamed_{k}")
        new = text
        for s in reversed(spans):
            assert s.text == target.name
            new = new[: s.start] + f"renamed_{k}" + new[s.end :]
        changed = document(new, path.parent)
        assert meanings(changed) == meanings(d), target.name
        if k % 5 == 0 or path != ALL_FEATURES:  # a check of everything takes a while
            assert codes(changed) == before, target.name


def codes(d: Document) -> list[str]:
    """Of everything said, but for a name that hides another: with a new name it may hide none."""
    return [x.code for x in d.diagnostics() if x.code != "BL0712"]


def meanings(d: Document) -> list[int | str]:
    """For each name in the text, the first that means the same; built-in ones as they are."""
    first: dict[object, int] = {}
    return [
        o.target.name if isinstance(o.target, BuiltIn) else first.setdefault(o.target, k)
        for k, o in enumerate(d.occurrences)
    ]


@pytest.mark.parametrize(
    "text, new, reason",
    [
        ("param |a = 1; param b = 2;", "b", "already a name"),
        ("param |a = 1; let c = sum(a * i for i in 1..2);", "i", "already a name"),
        ("param a = 1; let c = sum(a * |i for i in 1..2);", "a", "already a name"),
        ("let c = sum(|i * j for i in 1..2, j in 1..2);", "j", "already a name"),
        ("param v = 1; function f(|u) = u * v;", "v", "already a name"),
        ("param |a = 1;", "let", "keyword"),
        ("param |a = 1;", "expect", "keyword"),
        ("param |a = 1;", "norm", "built-in"),
        ("param |a = 1;", "a b", "not a name"),
        ("param |a = 1;", "é", "not a name"),
        ("param a = 1|;", "b", "no name here"),
        ("let b = |nowhere;", "c", "not declared"),
        ("let b = |exp(1);", "c", "part of the language"),
    ],
)
def test_renames_that_would_change_the_meaning_are_refused(text, new, reason):
    text, offset = cut(text)
    with pytest.raises(CannotRename, match=reason):
        document(text).rename(offset, new)


@pytest.mark.parametrize(
    "text, new",
    [
        ("param |a = 1; let c = sum(i for i in 1..2);", "i"),  # the loop does not use it
        ("param b = 1; let c = sum(|i for i in 1..2);", "b"),
        ("param |a = 1; upper { minimize 1; subject to a2: 1 <= 2; }", "a2"),  # labels are apart
        ("param |a = 1;", "a"),
        ("let |x[k in 0..3] = if k == 0 then 1 else x[k - 1];", "z"),
        ("let x[|k in 0..3] = if k == 0 then 1 else x[k - 1];", "j"),
    ],
)
def test_renames_that_change_nothing_are_allowed(text, new):
    text, offset = cut(text)
    assert document(text).rename(offset, new)


# --- hover -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("param |d = 2.5; # metres", ["```bilevel\nparam d = 2.5;\n```", "parameter, a scalar; value 2.5", "metres"]),
        ("# in euros,\n# per day\nparam |d = 2.5;", ["in euros, per day"]),
        ("param |v = linspace(0, 10, 11);", ["a vector of 11; values from 0 to 10, mean 5"]),
        ("let |x[k in 0..3] = [k, 1];", ["let x[k in 0..3] = [k, 1];", "4 entries, k in 0..3, each a vector of 2"]),
        ("let x[|k in 0..3] = k;", ["k in 0..3", "loop variable"]),
        ("param |v[3];", ["a vector of 3; its value comes from outside"]),
        ("param |n = 3; param v[n] = 1;", ["value 3; decides a size"]),
        ("param |h[8] = [1, 2, 3, 4, 5, 6, 7, inf];", ["values from 1 to 7, mean 4; 1 infinite"]),
        ('set |C = {"a", "b"};', ["index set of 2 labels: a, b"]),
        ('set C = {"a", "b"}; param |at[C] in C = ["b", "a"];', ["labels of `C`: a b, b a"]),
        ("param |p[0..1] = [5, 6];", ["values 0 5, 1 6"]),
        ("set |R = 2..5;", ["index set of 4 numbers, 2 to 5"]),
        ("set |U = box(0, 1);", ["constraint set: lower <= x <= upper"]),
        ("set |U = integer(0, 1);", ["constraint set: whole numbers from lower to upper"]),
        ("function f(u) = u^2; let a = |f(2);", ["function f(u) = u^2;", "function"]),
        ("function f(|u) = u^2;", ["argument of the function `f`"]),
        ("let |r = sum(x) * y;", ["named expression: a scalar; depends on the variables upper `x` and lower `y`"]),
        ("let |r = [1, 2] + 1;", ["named expression: a vector of 2; values 2, 3"]),
        ("let r = sum(|i for i in 1..3);", ["i in 1..3", "loop variable"]),
        ("let r = |softplus(1);", ["softplus(x)", "log(1 + exp(x))"]),
        ("let r = |nowhere;", ["`nowhere` is not declared"]),
    ],
)
def test_hover_says_what_a_name_is(text, expected):
    for part in expected:
        assert part in said(text)


def test_hover_over_variables():
    d = document(LEVELS + 'set C = {"a", "b"};')
    assert "variable of the upper level, a vector of 3; in `[0, 1]`" in hover(d, d.at(LEVELS.index("x[3]")))
    assert "variable of the lower level, a scalar; free" in hover(d, d.at(LEVELS.index("y;")))
    whole = "var |n in integer(0, 4) start 1; minimize n;"
    assert "in `integer(0, 4)` (whole numbers from lower to" in said(f"upper {{ {whole} }}", "lower { var y; minimize y; }")
    two = 'set C = {"a", "b"}; lower firm { var |q[C] in simplex(2) start 1; minimize sum(q); }'
    assert "of the lower level `firm`, a vector of 2 over `C`; in `simplex(2)` (x >= 0, sum(x) == total" in said(
        two, "upper { var x; minimize x; }"
    )


def test_every_word_of_the_language_has_a_meaning():
    assert KEYWORDS <= MEANINGS.keys()
    for name in known_names():
        signature, doc = built_in(name)
        assert signature.startswith(name) and doc


# --- completion --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, there, absent",
    [
        ("|", {"param", "set", "upper", "lower", "problem"}, {"var", "minimize", "sum", "if"}),
        ("par|", {"param"}, {"var"}),
        ("upper { |", {"var", "minimize", "subject to", "let"}, {"param", "sum", "s.t."}),
        ("upper { var x; minimize |", {"x", "sum", "if", "not", "inf"}, {"var", "simplex"}),
        ("upper { var x; minimize x |", {"and", "or"}, {"x", "sum", "if"}),
        ("upper { var x; minimize x; subject to |", {"x", "sum", "var"}, {"simplex"}),
        ("set U = box(0, 1); set I = 1..3; upper { var x in |", {"U", "simplex", "psd"}, {"I", "sum"}),
        ("set U = box(0, 1); upper { var x in nonneg in |", {"U", "box"}, {"sum"}),
        ("upper { var x in |", {"binary", "integer", "box"}, {"sum"}),
        ("lower { var y in |", {"box", "nonneg"}, {"binary", "integer"}),
        ("param n = 2; upper { var x in [0, |", {"n", "sum"}, {"box"}),
        ("upper { var x |", {"in", "start"}, {"for", "x"}),
        ("set I = 1..3; set U = box(0, 1); param v = [1, 2]; let a = sum(v[i] for i in |", {"I", "v"}, {"U", "sum"}),
        ("set I = 1..3; param n = 2; param b[|", {"I", "n"}, {"sum"}),
        ("set I = 1..3; param v[I] = 1; let a = sum(| for i in I);", {"i", "v"}, {"I"}),
        ("set I = 1..3; param v[I] = 1; let a = v[|", {"I", "v"}, {"param"}),
        ("function f(u, v) = |", {"u", "v", "sum"}, set()),
        ("upper { minimize 1; subject to c[i in 1..2]: |", {"i"}, set()),
        ("param |", set(), {"param", "sum"}),
        ("param n = 1; # about n|", set(), {"n", "param"}),
        ("param n = 1; /* n| */", set(), {"n", "param"}),
        ('set C = {"north"}; param d[C] = 1; let a = d["|', {"north"}, {"d"}),
        ("let z = dual(y.|", {"lower", "upper"}, {"z"}),
        ("let a = 12|", set(), {"a"}),
        ("lower { var q; minimize q; } reference { |", {"q", "upper", "lower", "source"}, {"sum"}),
        ("report { |", set(), {"upper", "lower"}),
        ("param a = ;\nparam b = 2;\nlet c = |", {"a", "b"}, set()),
        ("param n = 3; let a = n +|", {"n"}, set()),
    ],
)
def test_completion_fits_the_place(text, there, absent):
    found = labels(text)
    assert there <= found and not absent & found


def test_completion_of_options_knows_the_methods():
    assert {"method", "tol", "max_iter", "s_end", "barrier"} <= labels("options { |")


def test_completion_everywhere_in_a_model_raises_nothing():
    text = ALL_FEATURES.read_text(encoding="utf-8")
    d = document(text, ALL_FEATURES.parent)
    for offset in range(0, len(text), 37):
        assert all(i.label for i in complete(d, offset))


# --- calls -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, signature, active",
    [
        ("let a = norm(|", "norm(x)", 0),
        ("let a = dot([1, 2], |", "dot(a, b)", 1),
        ("let a = dot(f(1, 2), sum([1, 2|", "sum(x) or sum(e for i in I)", 0),
        ("let a = normal(0, 1, |3, seed=1);", "normal(mean, sd, m, n, seed=k)", 2),
        ("function f(u, v) = u + v; let a = f(1, |", "f(u, v)", 1),
        ("upper { var x in ball(0, |", "ball(center, radius)", 1),
        ("let a = (1 + |2);", None, 0),
        ("let a = norm(1); let b = |", None, 0),
        ("let a = unknown(|", None, 0),
        ("|", None, 0),
    ],
)
def test_the_call_around_a_place(text, signature, active):
    text, offset = cut(text)
    found = call_at(document(text), offset)
    assert (found and found.text) == signature and (found is None or found.active == active)


# --- the rest ----------------------------------------------------------------------------------------


def test_remarks_are_the_comments_of_a_declaration():
    d = document('param a = 1;   # metres \n\n# alone\n\nparam b = 2;\nparam c = "#";')
    assert [d.remark(s.span) for s in d.tree.statements] == ["metres", "", ""]


def test_the_outline_names_everything():
    d = document(ALL_FEATURES.read_text(encoding="utf-8"), ALL_FEATURES.parent)
    top = d.outline()
    names = {"all_features", "CITY", "n", "square", "upper", "lower drivers", "lower fitter", "report"}
    assert {e.name for e in top} >= names
    upper = next(e for e in top if e.name == "upper")
    assert {e.name for e in upper.below} >= {"toll", "maximize", "budget", "pairs", "x[1] >= 0.01;"}
    for e in [*top, *upper.below]:
        assert e.span.start <= e.name_span.start <= e.name_span.end <= e.span.end


@pytest.mark.parametrize("encoding, column", [("utf-8", 9), ("utf-16", 4), ("utf-32", 3)])
def test_columns_count_in_the_agreed_units(encoding, column):
    text = "a\r\n\u00e9\U0001f600\u20acb\rc\u2028d\n"
    positions = Positions(text, encoding)
    assert positions.line_column(text.index("b")) == (1, column)
    assert positions.offset(1, column) == text.index("b")
    assert positions.line_column(text.index("d")) == (2, {"utf-8": 4}.get(encoding, 2))  # U+2028 ends no line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_positions_go_both_ways(encoding):
    text = "one\n\U0001f600 two\r\n\r\nthree \u00e9\n"
    positions = Positions(text, encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] == "\r\n":  # between the two
            continue
        assert positions.offset(*positions.line_column(offset)) == offset
    assert positions.offset(99, 0) == len(text) and positions.offset(0, 99) == 3

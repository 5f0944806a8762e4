"""The formatter: golden pairs, what it never changes, and what it refuses.

`format/NAME.bilevel` is formatted as `format/NAME.expected`. BILEVELDSL_UPDATE_GOLDEN=1 writes the latter anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.syntax.equal import same_tree
from bilevel_dsl.syntax.format import diff, format_source, is_formatted
from bilevel_dsl.syntax.parser import load_source, parse

FOLDER = Path(__file__).parent / "format"
ROOT = Path(__file__).parents[2]
PAIRS = sorted(path.stem for path in FOLDER.glob("*.bilevel"))
MODELS = sorted(p for p in (ROOT / "models").rglob("*.bilevel") if "benchmark" not in p.parts)


def formatted(text: str) -> str:
    return format_source(Source("test", text))


@pytest.mark.parametrize("name", PAIRS)
def test_pair(name):
    result = format_source(load_source(FOLDER / f"{name}.bilevel"))
    expected = FOLDER / f"{name}.expected"
    if os.environ.get("BILEVELDSL_UPDATE_GOLDEN") == "1":
        expected.write_text(result, encoding="utf-8")
    assert result == expected.read_text(encoding="utf-8")
    assert formatted(result) == result
    assert all(len(line) <= 100 or "very long source" in line for line in result.split("\n"))


@pytest.mark.parametrize("path", MODELS, ids=lambda p: str(p.relative_to(ROOT / "models").with_suffix("")))
def test_models_keep_their_trees(path):
    source = load_source(path)
    result = format_source(source)
    assert same_tree(parse(source), parse(Source("test", result)))
    assert formatted(result) == result


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", ""),
        ("\n\n", ""),
        ("# a", "# a\n"),
        ("param a=1;", "param a = 1;\n"),
        ("upper{}", "upper { }\n"),
        ("upper{#a\n}", "upper {  #a\n}\n"),
        ("let a = 1. ..2;", "let a = 1. .. 2;\n"),
        ("let a = (1.)..2;", "let a = (1.)..2;\n"),
        ("let a = x['#'];".replace("'", '"'), 'let a = x["#"];\n'),
        ("let a = - - 1;", "let a = --1;\n"),
        ("let a = x[i - -1];", "let a = x[i - -1];\n"),
        ("let a = b/ /* c */ d;", "let a = b / /* c */ d;\n"),
    ],
)
def test_small(text, expected):
    assert formatted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "let a = b" + "+b" * 2900 + ";",
        "let a = " + "-" * 2900 + "b;",
        "let a = " + "(" * 190 + "b" + ")" * 190 + ";",
        "let a = " + "b^" * 2900 + "b;",
    ],
)
def test_deep_trees(text):
    assert same_tree(parse(Source("test", text)), parse(Source("test", formatted(text))))


def test_mistakes_are_diagnostics():
    for function in (format_source, is_formatted, diff):
        with pytest.raises(BilevelError, match="BL0111"):
            function(Source("test", "param n = 3\nparam m = 4;"))


def test_diff_and_check():
    source = Source("m.bilevel", "param n=3;\n")
    assert not is_formatted(source)
    assert diff(source) == "--- m.bilevel\n+++ m.bilevel (formatted)\n@@ -1 +1 @@\n-param n=3;\n+param n = 3;\n"
    assert is_formatted(Source("m.bilevel", "param n = 3;\n"))
    assert diff(Source("m.bilevel", "param n = 3;\n")) == ""
    assert "\\ No newline at end of file" in diff(Source("m.bilevel", "param n = 3;"))


def test_same_tree_sees_differences():
    def tree(text):
        return parse(Source("test", text))

    assert same_tree(tree("let a = (b);"), tree("let a=b ;"))
    for other in ("let a = c;", "let b = b;", "param a = b;", "let a = b; let c = d;", "let a = -b;", "let a = b + 1;"):
        assert not same_tree(tree("let a = b;"), tree(other))


@pytest.mark.parametrize("path", [*MODELS, *(ROOT / "examples").rglob("*.bilevel")], ids=lambda p: p.stem)
def test_models_of_the_project_are_in_canonical_layout(path):
    assert diff(Source(path.name, path.read_text())) == ""

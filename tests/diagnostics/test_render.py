"""How diagnostics are shown, whatever they say."""

from __future__ import annotations

import json

import pytest

from bilevel_dsl.diagnostics import BilevelError, Collector, Source, Span, render, to_json

TEXT = """upper {
  var x[3];
\tminimize sum(x)\t+ y;
  subject to limit: x[1] <= 3;
}
"""


def shown(source: Source, main: str, *others: tuple[str, str], label: str = "", color: bool = False) -> str:
    """The diagnostic about the first `main` in the source, and other places with labels."""

    def span(text: str) -> Span:
        start = source.text.index(text)
        return Span(source, start, start + len(text))

    problems = Collector()
    problems.error("BL0000", "said", span(main), label, secondary=[(span(text), note) for text, note in others])
    return render(problems.items, color=color)


def body(*lines: str) -> str:
    return "\n".join(("error[BL0000]: said", *lines))


def test_one_place():
    assert shown(Source("m", TEXT), "x[3]", label="here") == body("  --> m:2:7", "2 |   var x[3];", "  |       ^^^^ here")


def test_tabs_stay_tabs():
    assert shown(Source("m", TEXT), "+ y") == body(
        "  --> m:3:18", "3 | \tminimize sum(x)\t+ y;", "  | \t               \t^^^"
    )


def test_places_on_one_line_share_it():
    assert shown(Source("m", TEXT), "<=", ("x[1]", "left"), ("3;", "right")) == body(
        "  --> m:4:26",
        "4 |   subject to limit: x[1] <= 3;",
        "  |                     ---- ^^ -- right",
        "  |                     left",
    )


def test_places_that_overlap_have_lines_of_their_own():
    assert shown(Source("m", TEXT), "x[1] <= 3", ("<=", "this"), label="all") == body(
        "  --> m:4:21",
        "4 |   subject to limit: x[1] <= 3;",
        "  |                     ^^^^^^^^^ all",
        "  |                          -- this",
    )


def test_lines_are_in_order_with_gaps():
    assert shown(Source("m", TEXT), "limit", ("upper {", "opened here"), ("x[3]", "declared")) == body(
        "  --> m:4:14",
        "1 | upper {",
        "  | ------- opened here",
        "2 |   var x[3];",
        "  |       ---- declared",
        "...",
        "4 |   subject to limit: x[1] <= 3;",
        "  |              ^^^^^",
    )


def test_a_span_over_lines_shows_both_ends():
    assert shown(Source("m", TEXT), "upper {\n  var x[3];\n\tminimize", label="all of it") == body(
        "  --> m:1:1", "1 | upper {", "  | ^^^^^^^", "...", "3 | \tminimize sum(x)\t+ y;", "  | \t^^^^^^^^ all of it"
    )


@pytest.mark.parametrize("before, width", [("\u65e5\u672c", 4), ("e\u0301", 1), ("\u00e9", 1), ("\U0001f600", 2)])
def test_marks_stand_under_wide_and_combined_characters(before, width):
    text = shown(Source("m", f"# {before} bad"), "bad")
    assert text.split("\n")[-1] == "  | " + " " * (2 + width + 1) + "^^^"


def test_long_lines_are_cut_around_the_place():
    lines = shown(Source("m", "a" * 300 + " bad " + "b" * 300), "bad").split("\n")
    assert len(lines[2]) <= 110 and lines[2].index("bad") == lines[3].index("^^^")
    assert lines[2].startswith("1 | ...") and lines[2].endswith("...")


def test_a_place_at_the_end_of_a_line_and_of_the_file():
    for text, offset in (("ab\ncd", 2), ("ab", 2), ("", 0)):
        problems = Collector()
        problems.error("BL0000", "said", Span(Source("m", text), offset, offset))
        assert render(problems.items).endswith("^")


def test_other_files_are_named():
    other = Source("data.json", "[1, 2]")
    problems = Collector()
    problems.error("BL0000", "said", Span(Source("m", TEXT), 0, 5), secondary=[(Span(other, 1, 2), "from here")])
    assert render(problems.items) == body(
        "  --> m:1:1", "1 | upper {", "  | ^^^^^", "  ::: data.json:1:2", "1 | [1, 2]", "  |  - from here"
    )


def test_characters_of_control_are_not_sent_to_the_terminal():
    assert "\x1b" not in shown(Source("m", "\x1b[31m bad"), "bad")


def test_colour_only_when_asked_for():
    plain, coloured = (shown(Source("m", TEXT), "x[3]", label="here", color=c) for c in (False, True))
    assert "\033" not in plain
    assert coloured.replace("\033[31m", "").replace("\033[34m", "").replace("\033[1m", "").replace("\033[0m", "") == plain


def test_without_a_place():
    problems = Collector()
    problems.error("BL0501", "there is no file `m`", None, hints=("look elsewhere",))
    assert render(problems.items) == "error[BL0501]: there is no file `m`\n = hint: look elsewhere"


def test_json_has_lines_and_columns_from_one_with_the_last_included():
    source = Source("m", TEXT)
    problems = Collector()
    problems.error(
        "BL0000", "said", Span(source, 0, 7), "label", secondary=[(Span(source, 10, 13), "other")], hints=("a hint",)
    )
    said = json.loads(json.dumps(to_json(problems.items[0])))
    assert said["location"] == {"filename": "m", "firstLine": 1, "firstColumn": 1, "lastLine": 1, "lastColumn": 7}
    assert said["related"] == [
        {
            "location": {"filename": "m", "firstLine": 2, "firstColumn": 3, "lastLine": 2, "lastColumn": 5},
            "message": "other",
        }
    ]
    assert (said["severity"], said["code"], said["message"], said["label"], said["hints"]) == (
        "error",
        "BL0000",
        "said",
        "label",
        ["a hint"],
    )


def test_errors_are_raised_in_the_order_of_the_text():
    source = Source("m", TEXT)
    problems = Collector()
    problems.error("BL0002", "second", Span(source, 9, 10))
    problems.warning("BL0003", "no error", Span(source, 0, 1))
    problems.error("BL0001", "first", Span(source, 2, 3))
    with pytest.raises(BilevelError) as caught:
        problems.raise_errors()
    assert [d.message for d in caught.value.diagnostics] == ["first", "second"]

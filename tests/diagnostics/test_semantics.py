"""Broken models and the whole text of what is said about them.

`semantics/NAME.bilevel` is a model, `semantics/NAME.txt` the rendered diagnostics. Comments at the top of a model
give what comes from outside: `#! param n=3` an expression as on the command line, `#! data {"c": [1, 2]}` values as
from a data file. BILEVELDSL_UPDATE_GOLDEN=1 writes the texts anew: read them before they are committed.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from bilevel_dsl.diagnostics import BilevelError, Collector, Diagnostic, render
from bilevel_dsl.semantics.check import check
from bilevel_dsl.semantics.rules.pedantic import pedantic
from bilevel_dsl.syntax.parser import load_source, parse

FOLDER = Path(__file__).parent / "semantics"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.bilevel"))
SOURCES = Path(__file__).parents[2] / "bilevel_dsl" / "semantics"


def diagnostics(name: str) -> list[Diagnostic]:
    """What is said about a program: errors, or else warnings, with the pedantic ones if it is called `pedantic_...`."""
    source = load_source(FOLDER / f"{name}.bilevel")
    object.__setattr__(source, "name", f"{name}.bilevel")
    outside = re.findall(r"^#! (param|data) (.*)$", source.text, re.MULTILINE)
    params = dict(text.split("=", 1) for kind, text in outside if kind == "param")
    data = {key: value for kind, text in outside if kind == "data" for key, value in json.loads(text).items()}
    try:
        checked = check(parse(source), source=source, base_dir=FOLDER, params=params, data=data)
    except BilevelError as error:
        return list(error.diagnostics)
    found = Collector()
    if name.startswith("pedantic_"):
        pedantic(checked, found)
    return [*checked.warnings, *found.items]


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name):
    text = render(diagnostics(name)) + "\n"
    expected = FOLDER / f"{name}.txt"
    if os.environ.get("BILEVELDSL_UPDATE_GOLDEN") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_every_code_has_a_program():
    written = {
        code for path in SOURCES.glob("*.py") for code in re.findall(r'"(BL0\d{3})"', path.read_text(encoding="utf-8"))
    }
    shown = {
        code for path in FOLDER.glob("*.txt") for code in re.findall(r"\[(BL0\d{3})\]", path.read_text(encoding="utf-8"))
    }
    assert written <= shown


def test_no_text_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(PROGRAMS)

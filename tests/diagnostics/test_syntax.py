"""Programs that cannot be read, and the whole of what is said about them.

`syntax/NAME.bilevel` is a program, `syntax/NAME.txt` the rendered diagnostics.
BILEVELDSL_UPDATE_GOLDEN=1 writes the texts anew: read them before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bilevel_dsl.diagnostics import BilevelError, to_json
from bilevel_dsl.syntax.parser import load_source, parse

FOLDER = Path(__file__).parent / "syntax"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.bilevel"))


def mistakes(name: str, monkeypatch) -> BilevelError:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(BilevelError) as caught:
        parse(load_source(f"{name}.bilevel"))
    return caught.value


@pytest.mark.parametrize("name", PROGRAMS)
def test_text(name, monkeypatch):
    text = str(mistakes(name, monkeypatch)) + "\n"
    expected = FOLDER / f"{name}.txt"
    if os.environ.get("BILEVELDSL_UPDATE_GOLDEN") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_locations_lie_in_the_text(name, monkeypatch):
    lines = (FOLDER / f"{name}.bilevel").read_text(encoding="utf-8").split("\n")
    for diagnostic in mistakes(name, monkeypatch).diagnostics:
        place = to_json(diagnostic)["location"]
        assert (place["firstLine"], place["firstColumn"]) <= (place["lastLine"], place["lastColumn"])
        assert 1 <= place["firstLine"] <= place["lastLine"] <= len(lines)
        assert place["firstColumn"] <= len(lines[place["firstLine"] - 1]) + 1


def test_no_text_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(PROGRAMS)

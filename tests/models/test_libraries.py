"""Problems that `benchmarks/libraries.py` solves: each is read, credited and laid out; solving is for the benchmark."""

from __future__ import annotations

import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Source
from bilevel_dsl.syntax.format import format_source

from .collection import BENCHMARK, FOLDER


@pytest.mark.parametrize("library, count", [("bolib", 86), ("basblib", 41), ("smd", 6)])
def test_problems_are_read_and_credited(library, count):
    files = sorted((BENCHMARK / library).glob("*.bilevel"))
    assert len(files) == count and BENCHMARK.is_relative_to(FOLDER)
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert format_source(Source(file.name, text)) == text, file.name
        assert text.startswith(("# BOLIB", "# BASBLib", "# SMD")), file.name
        problem = bl.load(file)
        assert problem.reference.upper is None or problem.reference.source, file.name

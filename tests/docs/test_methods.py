"""The tables of docs/methods.md say what the methods' cards say."""

from __future__ import annotations

import importlib.util

import pytest

import bilevel_dsl as bl
from bilevel_dsl.methods import METHODS, fitting
from bilevel_dsl.methods.kkt import KKT_LIMIT
from tests.docs.blocks import ROOT

SPEC = importlib.util.spec_from_file_location("methods_table", ROOT / "docs" / "methods_table.py")
tables = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tables)
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


def test_the_tables_are_up_to_date():
    assert tables.written(PAGE) == PAGE, "python docs/methods_table.py"


def test_each_method_has_its_section():
    for name in METHODS:
        assert f"\n## {name}\n" in PAGE


@pytest.mark.parametrize("text", [text for texts in tables.CLASSES.values() for text in texts])
def test_small_means_what_the_page_says(text):
    assert f"at most {KKT_LIMIT} unknowns" in PAGE
    problem = bl.load(bl.Source("model.bilevel", text))
    rows = sum(c.expression.numel() for c in problem.upper_constraints + problem.lower_constraints)
    small = problem.x.numel() + 3 * problem.y.numel() + 2 * rows <= KKT_LIMIT
    rough = any(word in text for word in ("psd", "spectral", "l1ball", "binary", "integer"))
    assert ("kkt" in fitting(problem)) == (small and not rough)

"""docs/language.md says what is true: its examples, its values, its errors, and its lists are complete."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bilevel_dsl.diagnostics import Source
from bilevel_dsl.model.build import build
from bilevel_dsl.semantics.builtins import BUILTINS, OF_SETS, known_names
from bilevel_dsl.semantics.constraint_sets import CONSTRAINT_SETS
from bilevel_dsl.syntax.tokens import KEYWORDS, tokenize
from tests.docs import fragments
from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs" / "language.md"
TEXT = PAGE.read_text(encoding="utf-8")
FRAGMENTS = [b for b in blocks("bilevel fragment") if b.document == PAGE]
ERRORS = [b for b in blocks("bilevel error") if b.document == PAGE]
MODELS = [b for b in blocks("bilevel") if b.document == PAGE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of a model, with the data that the examples read."""
    place = tmp_path_factory.mktemp("model")
    (place / "slope.csv").write_text("slope\n0.5\n0.25\n1\n")
    (place / "buses.csv").write_text("bus,load\nAlta,10\nBrig,20\nCol,30\n")
    (place / "lines.csv").write_text("from,to,cap\nAlta,Brig,100\nBrig,Col,50\nAlta,Col,80\n")
    (place / "wind.csv").write_text("hour,Alta,Brig,Col\n1,1,2,3\n2,4,5,6\n")
    np.save(place / "table.npy", [[1, 2], [3, 4]])
    np.savez(place / "tables.npz", first=[1, 2])
    (place / "tables.json").write_text(json.dumps({"rows": [[1, 2], [3, 4]]}))
    return place


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_fragments_build_and_have_the_values_they_claim(block, folder):
    build(fragments.checked(fragments.whole(block.text), folder))
    found = fragments.values(block.text, folder)
    assert len(found) == block.text.count("# = ")
    for name, value, claimed in found:
        assert value.shape == claimed.shape, name
        np.testing.assert_allclose(value, claimed, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("block", ERRORS, ids=str)
def test_errors_are_those_that_are_claimed(block, folder):
    claimed = fragments.claimed_mistakes(block.text)
    assert claimed
    assert fragments.mistakes(block.text, folder) == claimed


def test_every_other_block_is_tested_elsewhere():
    """Whole models are checked in test_blocks; a block is one of these kinds."""
    kinds = re.findall(r"^```(\S.*)$", TEXT, re.MULTILINE)
    assert len(kinds) == len(FRAGMENTS) + len(ERRORS) + len(MODELS)
    assert all(re.search(r"^lower\b", b.text, re.MULTILINE) for b in MODELS)


def test_every_keyword_function_and_set_has_an_example():
    tokens = [t for b in MODELS + FRAGMENTS + ERRORS for t in tokenize(Source("", b.text), fragments._Silent())]
    words = {t.text for t in tokens}
    missing = {*KEYWORDS, *known_names(), "s.t."} - words - {"s.t."}
    assert not missing


def test_the_list_of_keywords_is_complete():
    listed = TEXT.split("The keywords cannot be names:")[1].split("\n\n")[1].split()
    assert sorted(listed) == sorted(KEYWORDS | {"expect", "dual"})


@pytest.mark.parametrize("kind", ["elementwise", "arrays", "data"])
def test_the_tables_of_functions_are_those_of_the_source(kind):
    mine = [b for b in BUILTINS.values() if _kind(b) == kind]
    table = TEXT.split(f"<!-- functions: {kind} -->\n\n")[1].split("\n\n")[0].splitlines()
    assert table == ["| function | value |", "| --- | --- |", *(f"| `{b.signature}` | {b.doc} |" for b in mine)]


def test_the_table_of_functions_of_sets_is_that_of_the_source():
    table = TEXT.split("<!-- functions: sets -->\n\n")[1].split("\n\n")[0].splitlines()
    assert table[2:] == [f"| `{signature}` | {doc} |" for signature, doc in OF_SETS.values()]


def _kind(builtin) -> str:
    if builtin.data_only:
        return "data"
    return "elementwise" if builtin.elementwise else "arrays"


def test_the_table_of_sets_is_complete():
    table = TEXT.split("## Constraint sets")[1].split("## Limits")[0]
    rows = re.findall(r"^\| (`.*?) \| .* \| (.*) \|$", table, re.MULTILINE)
    listed = {code: of for row, of in rows for code in re.findall(r"`([a-z][^`]*)`", row)}
    assert listed == {s.signature: s.of or "any shape" for s in CONSTRAINT_SETS.values()}


def test_the_table_of_codes_is_that_of_the_source():
    listed = re.findall(r"^\| (BL\d{4}) \| (\S.*) \|$", TEXT, re.MULTILINE)
    used = {
        code
        for file in (ROOT / "bilevel_dsl").rglob("*.py")
        for code in re.findall(r'"(BL\d{4})"', file.read_text(encoding="utf-8"))
    }
    assert [code for code, _ in listed] == sorted(used)

"""The parse table: from Lark, or from the cache, and never from a file that is not what it should be."""

from __future__ import annotations

import ast as python
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bilevel_dsl.syntax import table as module
from bilevel_dsl.syntax.place import STATEMENTS
from bilevel_dsl.syntax.table import grammar_text, parse_table
from bilevel_dsl.syntax.tokens import KEYWORDS
from bilevel_dsl.syntax.tree import TreeBuilder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for the cache; the table made before is forgotten, and again at the end."""
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))
    parse_table.cache_clear()
    yield tmp_path
    parse_table.cache_clear()


def same(a, b) -> bool:
    return (a.actions, a.gotos, a.rules, a.symbols, a.start, a.end) == (
        b.actions,
        b.gotos,
        b.rules,
        b.symbols,
        b.start,
        b.end,
    )


def test_from_the_cache_as_from_lark(cache):
    made = parse_table()
    (file,) = cache.iterdir()
    parse_table.cache_clear()
    assert same(parse_table(), made)
    assert file.suffix == ".json"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"rules": 3}', "[" * 100_000, "\x00\xff"])
def test_a_broken_file_is_made_again(cache, content):
    made = parse_table()
    (file,) = cache.iterdir()
    file.write_text(content, encoding="latin-1")
    parse_table.cache_clear()
    assert same(parse_table(), made)
    assert json.loads(file.read_text(encoding="utf-8"))["start"] == made.start


def test_numbers_out_of_range_are_refused(cache):
    made = parse_table()
    (file,) = cache.iterdir()
    plain = json.loads(file.read_text(encoding="utf-8"))
    plain["actions"][made.start]["param"] = 10**6
    file.write_text(json.dumps(plain), encoding="utf-8")
    parse_table.cache_clear()
    assert same(parse_table(), made)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_others_can_write_is_not_read(cache):
    parse_table()
    (file,) = cache.iterdir()
    file.write_text("{}", encoding="utf-8")
    file.chmod(0o666)
    assert module._read(file) is None


def test_without_a_place_for_the_cache(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "file" / "below"))
    parse_table.cache_clear()
    assert parse_table().rules
    parse_table.cache_clear()


def test_lark_is_not_loaded_when_the_table_is_kept(cache):
    parse_table()
    program = (
        "import sys; from bilevel_dsl.syntax.table import parse_table; parse_table(); print('lark' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_the_grammar_has_no_conflict_that_lark_would_resolve_by_itself(caplog):
    from lark import Lark, logger

    logger.setLevel("DEBUG")
    try:
        Lark(grammar_text(), parser="lalr", lexer="basic", debug=True)
    finally:
        logger.setLevel("CRITICAL")
    assert "conflict" not in caplog.text.lower()


def test_keywords_are_those_of_the_grammar():
    terminals = {kind for row in parse_table().actions for kind in row}
    assert {t for t in terminals if t.isalpha() and t.islower()} == KEYWORDS
    assert STATEMENTS <= terminals


def test_every_rule_has_a_builder():
    actions = {rule.action for rule in parse_table().rules if rule.action and not rule.through}
    assert {a for a in actions if not callable(getattr(TreeBuilder, a, None))} == set()


def test_one_module_imports_lark():
    importers = set()
    for file in (ROOT / "bilevel_dsl").rglob("*.py"):
        for node in python.walk(python.parse(file.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, python.Import)
                else [node.module or ""]
                if isinstance(node, python.ImportFrom)
                else []
            )
            importers |= {file.name for name in names if name.split(".")[0] == "lark"}
    assert importers == {"table.py"}

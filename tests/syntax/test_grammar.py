"""The grammar and its parser: from Lark, or from the cache, and never from a file that is not what it should be."""

from __future__ import annotations

import ast as python
import os
import pickle
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from lark import Token

from bilevel_dsl.diagnostics import Collector, Source
from bilevel_dsl.syntax import grammar as module
from bilevel_dsl.syntax.grammar import grammar, grammar_text
from bilevel_dsl.syntax.parser import continuation, parse, parse_what_can_be
from bilevel_dsl.syntax.place import STATEMENTS
from bilevel_dsl.syntax.tokens import END, KEYWORDS
from bilevel_dsl.syntax.tree import TreeBuilder

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder for the cache; the parser made before is forgotten, and again at the end."""
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))
    grammar.cache_clear()
    yield tmp_path
    grammar.cache_clear()


def made(cache) -> Path:
    grammar()
    (file,) = (cache / "grammar").iterdir()
    grammar.cache_clear()
    return file


def reads() -> bool:
    grammar.cache_clear()
    return len(parse(Source("a", "param n = 1 + 2 * 3; upper { var x; minimize x; }")).statements) == 2


@pytest.fixture
def loads(monkeypatch):
    """What was loaded from the cache."""
    found, load = [], module.Lark.load
    monkeypatch.setattr(module.Lark, "load", lambda stream: found.append(load(stream)) or found[-1])
    return found


# --- kept


def test_from_the_cache_as_from_lark(cache, loads):
    file = made(cache)
    content = file.read_bytes()
    assert loads == [] and reads() and len(loads) == 1
    assert file.read_bytes() == content and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:1000],
        lambda content: content + b"x",
        lambda content: content[:5000] + b"?" + content[5001:],
        lambda content: b"[" * 100_000,
    ],
    ids=["empty", "shorter", "cut", "longer", "changed", "something else"],
)
def test_a_broken_file_is_never_unpickled_and_made_again(cache, loads, damage):
    file = made(cache)
    content = file.read_bytes()
    file.write_bytes(damage(content))
    assert reads() and loads == []
    assert len(file.read_bytes()) > 10_000 and reads() and len(loads) == 1


@pytest.mark.parametrize("what", [None, {}, {"data": 3, "memo": {}}])
def test_whole_but_no_parser_is_made_again(cache, what):
    file = made(cache)
    content = pickle.dumps(what)
    file.write_bytes(sha256(content).digest() + content)
    assert reads() and len(file.read_bytes()) > 10_000


@POSIX
@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_file_that_others_can_write_is_not_loaded(cache, loads, mode):
    made(cache).chmod(mode)
    assert reads() and loads == []


@POSIX
def test_a_folder_that_others_can_write_is_not_used(cache, loads):
    file = made(cache)
    file.parent.chmod(0o777)
    assert reads() and loads == []
    file.unlink()
    assert reads() and list(file.parent.iterdir()) == []


@POSIX
def test_what_belongs_to_somebody_else_is_not_loaded(cache, loads, monkeypatch):
    made(cache)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert reads() and loads == []


@pytest.mark.parametrize("below", ["", "below"], ids=["a file", "below a file"])
def test_without_a_place_for_the_cache(tmp_path, monkeypatch, below):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "file" / below))
    assert reads()
    grammar.cache_clear()


def test_a_full_disk_leaves_nothing_behind(cache, monkeypatch):
    def refused(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refused)
    assert reads() and list((cache / "grammar").iterdir()) == []


def test_a_folder_in_the_place_of_the_file(cache):
    file = made(cache)
    file.unlink()
    file.mkdir()
    assert reads() and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(module.lark, "__version__", "1.2.9"),
        lambda patch: patch.setattr(sys, "version", "3.99"),
        lambda patch: patch.setattr(module, "grammar_text", lambda: grammar_text() + "// changed\n"),
    ],
    ids=["Lark", "Python", "grammar"],
)
def test_another_version_is_another_file(cache, loads, monkeypatch, change):
    file = made(cache)
    change(monkeypatch)
    assert reads() and loads == []
    assert len(list(file.parent.iterdir())) == 2


def test_many_processes_at_once(cache):
    program = "from bilevel_dsl.syntax.grammar import grammar; print(len(grammar().word))"
    running = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert len({process.communicate()[0] for process in running}) == 1
    assert len(list((cache / "grammar").iterdir())) == 1


# --- the grammar


def test_the_grammar_has_no_conflict_that_lark_would_resolve_by_itself(caplog):
    from lark import Lark, logger

    logger.setLevel("DEBUG")
    try:
        Lark(grammar_text(), parser="lalr", lexer="basic", debug=True)
    finally:
        logger.setLevel("CRITICAL")
    assert "conflict" not in caplog.text.lower()


def test_keywords_are_those_of_the_grammar():
    words = set(grammar().terminal)
    assert {w for w in words if w.isalpha()} == KEYWORDS
    assert STATEMENTS <= words


def test_every_rule_has_a_builder():
    inlined = {"start", "statements"}
    names = {
        str(rule.alias or rule.origin.name)
        for rule in grammar().lark.rules
        if rule.alias or not (rule.options.expand1 and len(rule.expansion) == 1)
    }
    assert {n for n in names - inlined if not n.startswith("_") and not callable(getattr(TreeBuilder, n, None))} == set()


# --- what we ask of Lark beyond its manual


def test_the_parser_asks_a_token_for_its_type_only():
    class Bare:
        type = "PROBLEM"

    parser = grammar().lark.parse_interactive()
    token = Bare()
    parser.feed_token(token)
    parser.feed_token(Token("NAME", "p"))
    parser.feed_token(Token(grammar().terminal[";"], ";"))
    tree = parser.feed_token(Token(END, ""))
    problem = tree.children[0].children[-1]
    assert problem.data == "problem" and problem.children[0] is token


@pytest.mark.parametrize(
    "before, again",
    [
        ("param n = 1;", "param n = 2;"),
        ("options { a = 1;", "b = 2;"),
        ("report { a = 1;", "b = 2;"),
        ("reference { a = 1;", "b = 2;"),
        ("upper { var x;", "var y;"),
        ("lower { var x; subject to x <= 1;", "x <= 2;"),
    ],
)
def test_a_copy_between_statements_stays_as_it_is(before, again):
    """After a mistake, what was read before it is there once."""
    good = before + again
    close = "}" if "{" in before else ""
    bad = before + again[:-1] + "1 2 3 +;" + again + close
    problems = Collector()
    tree = parse_what_can_be(Source("bad", bad), problems)
    assert problems.errors
    (mended,) = tree.statements[-1:]
    (whole,) = parse(Source("good", good + close)).statements[-1:]
    for part in ("entries", "items"):
        assert len(getattr(mended, part, ())) == len(getattr(whole, part, ()))
    assert len(tree.statements) == len(parse(Source("good", good + close)).statements)


# --- what could come next


@pytest.mark.parametrize(
    "text, some, none",
    [
        ("", {"param", "upper", "problem", END}, {"var", "}", "NAME"}),
        ("param n", {"[", "in", "=", ";"}, {"NAME", "(", "start"}),
        ("param n = ", {"NAME", "NUMBER", "(", "[", "{", "-", "not", "if", "inf"}, {";", ")", "*"}),
        ("param n = 1", {";", "+", "..", "<=", "and", "'"}, {")", "]", "NUMBER", END}),
        ("param n = (1", {")", "+", "or"}, {";", "]"}),
        ("upper { var x; ", {"var", "let", "minimize", "subject", "s.t.", "}"}, {"NAME", "param", END}),
        ("upper { var x; subject to ", {"NAME", "NUMBER", "var", "}"}, {"<=", "to"}),
        ("upper { var x; subject to x", {"<=", ">=", "==", ":", "["}, {"<", "!=", ";"}),
        ("lower { subject ", {"to"}, {"NAME", ";"}),
        ("options { ", {"NAME", "upper", "lower", "}"}, {"var"}),
    ],
)
def test_accepted(text, some, none):
    accepted = continuation(Source("a", text), len(text)).accepted
    assert some <= accepted and not none & accepted


def test_accepted_is_what_the_parser_goes_on_with():
    """No more and no less: every type of token after every beginning of a model."""
    words = [*grammar().terminal, "NAME", "NUMBER", "STRING"]
    written = {"NAME": "a", "NUMBER": "1", "STRING": '"s"'}
    model = 'param n = [ 1 for i in 1 .. 2 ] ; upper { var x in a ; s.t. x <= n ; } report { y = { "s" } ; }'.split()
    for k in range(len(model)):
        beginning = " ".join(model[:k])
        accepted = continuation(Source("a", beginning), len(beginning)).accepted
        parser = grammar().lark.parse_interactive()
        for token in model[:k]:
            kind = grammar().terminal.get(token)
            kind = kind or ("NUMBER" if token.isdigit() else "STRING" if token == '"s"' else "NAME")
            parser.feed_token(Token(kind, token))
        for word in words:
            trial = parser.copy()
            try:
                trial.feed_token(Token(grammar().terminal.get(word, word), written.get(word, word)))
            except module.lark.UnexpectedToken:
                assert word not in accepted
            else:
                assert word in accepted


def test_who_imports_lark():
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
    assert importers == {"grammar.py", "parser.py"}

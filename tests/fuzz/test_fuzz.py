"""A few seconds of fuzzing with fixed seeds; and large texts, which must not hang."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from .generate import Generator
from .judge import judge
from .mutate import mutated

ROOT = Path(__file__).parents[2]
MODELS = sorted([*(ROOT / "models").rglob("*.bilevel"), *(ROOT / "examples").rglob("*.bilevel")])


@pytest.mark.parametrize("first", range(0, 120, 20))
def test_generated(first):
    """The grammar accepts what is generated from it; formatting is stable and changes no tree."""
    assert {judge(Generator(seed).program(), check=False) for seed in range(first, first + 20)} == {"read"}


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_damaged_models(first):
    for seed in range(first, first + 100):
        judge(mutated(MODELS[seed % len(MODELS)].read_text(encoding="utf-8"), seed))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_damaged_programs(first):
    for seed in range(first, first + 20):
        judge(mutated(Generator(seed).program(), seed))


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_noise(first):
    alphabet = "abxy01.;:=+-*/^@'\"()[]{}<>,# \n\\|&%$~\u03b1\u2264\u00a0\x00"
    for seed in range(first, first + 100):
        source = random.Random(seed)
        judge("".join(source.choice(alphabet) for _ in range(source.randrange(300))))


LARGE = {
    "one long line": "param a = [" + "1, " * 33_000 + "1];",
    "a number of 100,000 digits": "param a = " + "9" * 100_000 + ";",
    "a name of 100,000 letters": "param " + "a" * 100_000 + " = 1;",
    "brackets": "param a = " + "(" * 50_000 + "1" + ")" * 49_000 + ";",
    "brackets never closed": "param a = " + "[" * 100_000,
    "brackets closed": "}" * 100_000,
    "braces": "{" * 50_000 + "}" * 50_000,
    "minus signs": "let a = " + "-" * 2_900 + "1;",
    "powers": "let a = " + "^".join(["2"] * 2_900) + ";",
    "additions": "let a = " + "+".join(["b"] * 2_900) + ";",
    "transposes": "let a = b" + "'" * 2_900 + ";",
    "indices": "let a = b" + "[1]" * 25_000 + ";",
    "conditionals": "let a = " + "if b then " * 2_900 + "1" + " else 2" * 2_900 + ";",
    "nested conditions": "let a = " + "if " * 2_900 + "1;",
    "nested loops": "let a = " + "[" * 190 + "1" + " for i in 1..2]" * 190 + ";",
    "comments": "/* */" * 20_000,
    "comment lines": "# a\n" * 25_000 + "param n = 3;",
    "strings never closed": '"' * 100_000,
    "semicolons": ";" * 100_000,
    "statements": "param a = 1;\n" * 7_600,
    "statements without end": "param a = 1\n" * 8_000,
    "mistakes on every line": "param a := 1;\n" * 7_000,
    "constraints": "lower { var y; minimize y; subject to\n" + "y <= 1;\n" * 12_000 + "}",
    "keywords": "upper lower var " * 6_000,
    "blocks never closed": "upper {" * 14_000,
    "foreign letters": "\u03b1" * 100_000,
    "special spaces": "\u00a0" * 100_000,
    "characters of control": "\x01" * 100_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_large(name):
    judge(LARGE[name])

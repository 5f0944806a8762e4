"""Random damage to programs: what a slip of the hand, a bad merge or a broken download does to them."""

from __future__ import annotations

import random

PIECES = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "'",
    '"',
    "/*",
    "*/",
    "#",
    "..",
    ":",
    ":=",
    "=",
    "==",
    "<",
    "<=",
    "**",
    "//",
    "%",
    "@",
    "^",
    "\\",
    "\u2264",
    "\u03b1",
    "\u00a0",
    "\x00",
    "\t",
    "\n",
    "1e999",
    "1_000",
    "upper",
    "lower",
    "var",
    "subject to",
    "s.t.",
    "for",
    "in",
    "if",
    "then",
    "else",
    "minimize",
    "sum",
    "param",
    "end",
    "...",
    "&&",
    "|",
]


def mutated(text: str, seed: int) -> str:
    """`text` after one to six random edits."""
    source = random.Random(seed)
    for _ in range(source.randrange(1, 7)):
        text = source.choice(_EDITS)(source, text)
    return text


def _span(source: random.Random, text: str, most: int) -> tuple[int, int]:
    first = source.randrange(len(text) + 1)
    return first, min(len(text), first + source.randrange(most + 1))


def _delete(source, text):
    first, last = _span(source, text, 8)
    return text[:first] + text[last:]


def _insert(source, text):
    first, _ = _span(source, text, 0)
    return text[:first] + source.choice(PIECES) + text[first:]


def _replace(source, text):
    first, last = _span(source, text, 3)
    return text[:first] + source.choice(PIECES) + text[last:]


def _double(source, text):
    first, last = _span(source, text, 60)
    return text[:last] + text[first:last] + text[last:]


def _swap_lines(source, text):
    lines = text.split("\n")
    i, j = source.randrange(len(lines)), source.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines)


def _cut(source, text):
    return text[: source.randrange(len(text) + 1)]


_EDITS = (_delete, _delete, _insert, _insert, _insert, _replace, _double, _swap_lines, _cut)

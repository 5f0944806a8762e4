"""Typeset mathematics as a tree: what stands where, in no notation yet.

Renderers (`text.py`, `latex.py`, `mathml.py`) have one method for each class. Parentheses that every
notation needs are `Fence`s; a `Fraction` and a `Script` know which ones only a linear notation needs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Formula:
    pass


@dataclass(frozen=True)
class Number(Formula):
    text: str


@dataclass(frozen=True)
class Symbol(Formula):
    """A declared name: `alpha`, `x1`, `free_flow`."""

    name: str


@dataclass(frozen=True)
class Words(Formula):
    """Upright: function names, labels, words of a sentence."""

    text: str


@dataclass(frozen=True)
class Sign(Formula):
    """An operator or relation, as its character; `times` is a product that may be invisible."""

    text: str
    role: str = "relation"  # "relation" | "binary" | "times" | "separator" | "plain"


@dataclass(frozen=True)
class Row(Formula):
    items: tuple[Formula, ...]


@dataclass(frozen=True)
class Sum(Formula):
    """Terms with their signs, "+" or "-"; a place to break long lines."""

    terms: tuple[tuple[str, Formula], ...]


@dataclass(frozen=True)
class Script(Formula):
    base: Formula
    below: Formula | None = None
    above: Formula | None = None


@dataclass(frozen=True)
class Fraction(Formula):
    top: Formula
    bottom: Formula
    fence_top: bool = False  # in a linear notation
    fence_bottom: bool = False


@dataclass(frozen=True)
class Root(Formula):
    inner: Formula


@dataclass(frozen=True)
class Fence(Formula):
    left: str
    inner: Formula
    right: str


@dataclass(frozen=True)
class Big(Formula):
    """A sum, product, mean or extremum over indices."""

    sign: str  # "∑", "∏", "𝔼", "max", ...
    below: Formula | None
    above: Formula | None
    body: Formula


@dataclass(frozen=True)
class Cases(Formula):
    rows: tuple[tuple[Formula, Formula | None], ...]  # value and condition; None: otherwise


@dataclass(frozen=True)
class Grid(Formula):
    """A matrix by rows; one row is a vector."""

    rows: tuple[tuple[Formula, ...], ...]


TIMES = Sign("\N{INVISIBLE TIMES}", "times")
COMMA = Sign(",", "separator")


def row(*items: Formula) -> Row:
    return Row(items)


def listed(items) -> Formula:
    """a, b, c"""
    out: list[Formula] = []
    for item in items:
        out += ([COMMA] if out else []) + [item]
    return out[0] if len(out) == 1 else Row(tuple(out))


def fenced(inner: Formula, left: str = "(", right: str = ")") -> Fence:
    return Fence(left, inner, right)


def is_tall(f: Formula) -> bool:
    """Does it need parentheses larger than a letter?"""
    if isinstance(f, (Fraction, Big, Cases, Grid, Root)):
        return True
    if isinstance(f, Row):
        return any(map(is_tall, f.items))
    if isinstance(f, Sum):
        return any(is_tall(term) for _, term in f.terms)
    return isinstance(f, Script) and is_tall(f.base)

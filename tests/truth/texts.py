"""Pieces of model text: linear and quadratic forms with numbers that read back exactly."""

from __future__ import annotations

import numpy as np


def number(value: float) -> str:
    """The shortest text that is read as this number."""
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def linear(coefficients: np.ndarray, name: str) -> list[str]:
    """The terms of c'v that are not zero."""
    return [f"{number(c)} * {name}[{k + 1}]" for k, c in enumerate(coefficients) if c != 0]


def quadratic(matrix: np.ndarray, names: list[str]) -> list[str]:
    """The terms of v'Pv / 2 of a symmetric P."""
    terms = []
    for i in range(len(names)):
        if matrix[i, i] != 0:
            terms.append(f"{number(matrix[i, i] / 2)} * {names[i]}^2")
        terms += [f"{number(matrix[i, j])} * {names[i]} * {names[j]}" for j in range(i) if matrix[i, j] != 0]
    return terms


def total(terms: list[str]) -> str:
    """Terms added up."""
    return " + ".join(terms).replace("+ -", "- ") or "0"


def rows(label: str, left: list[list[str]], sign: str, right: list[list[str]]) -> list[str]:
    """Labelled constraints, one a line."""
    return [f"    {label}{k + 1}: {total(a)} {sign} {total(b)};" for k, (a, b) in enumerate(zip(left, right))]

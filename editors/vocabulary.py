"""Tells editors the words of the language: `python editors/vocabulary.py`, after a function, a set or a keyword was added.

Written are `bilevel_dsl/editor/vocabulary.py`, for the Pygments lexer, which must not load NumPy to colour a page; and the
lists of words in the TextMate grammar.
"""

from __future__ import annotations

import json
from pathlib import Path

from bilevel_dsl.editor.pygments_lexer import BLOCKS, CONSTANTS, DECLARATIONS, OPERATOR_WORDS, STATEMENTS
from bilevel_dsl.semantics.builtins import function_names
from bilevel_dsl.semantics.constraint_sets import CONSTRAINT_SETS

ROOT = Path(__file__).parents[1]
LEXER = ROOT / "bilevel_dsl" / "editor" / "vocabulary.py"
GRAMMAR = ROOT / "editors" / "vscode" / "syntaxes" / "bilevel.tmLanguage.json"


def lexer() -> str:
    """The text of the module."""
    listed = {"SETS": sorted(CONSTRAINT_SETS), "FUNCTIONS": sorted(function_names())}
    lines = ['"""Names of functions and sets, made by `editors/vocabulary.py` from the records in `semantics`."""', ""]
    for name, words in listed.items():
        lines += [f"{name} = (", *(f"    {json.dumps(w)}," for w in words), ")"]
    return "\n".join(lines) + "\n"


def grammar() -> str:
    """The text of the grammar, with the words of today."""
    found = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    parts = found["repository"]
    parts["declarations"]["patterns"][-1]["match"] = _one_of(DECLARATIONS)
    parts["blocks"]["match"] = _one_of(BLOCKS)
    parts["statements"]["patterns"][-1]["match"] = _one_of(STATEMENTS)
    parts["operators-in-words"]["match"] = _one_of(OPERATOR_WORDS)
    parts["constants"]["match"] = _one_of(CONSTANTS)
    parts["sets"]["match"] = _one_of(CONSTRAINT_SETS)
    parts["functions"]["match"] = _one_of(function_names()) + r"(?=\s*\()"
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _one_of(words) -> str:
    return rf"\b(?:{'|'.join(sorted(words))})\b"


if __name__ == "__main__":
    LEXER.write_text(lexer(), encoding="utf-8")
    GRAMMAR.write_text(grammar(), encoding="utf-8")

"""The parser that Lark makes of `grammar/bilevel.lark`.

Making it takes ten times as long as loading what `Lark.save` wrote, so it is kept in the user's cache,
under the hash of all that decides what it is. `Lark.load` unpickles, and a pickle is a program: it is
read only from a folder and a file that are ours and closed to others, and only if it is, byte for byte,
what was written. Everything else is as if nothing were kept. A parser shipped with the package would
need no such care, but fits one version of Lark, and a checkout has none.

Lark runs its own parser throughout. Two of its promises are taken further than its manual goes, which
is why its version is bounded: tokens are ours, of which it asks only the `type`; and `copy` may leave the
values as they are, since the grammar keeps lists that outlive a copy out of Lark's own lists.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import lark
from lark import Lark

from ..cache import closed_to_others, own_folder


class Branch:
    """What Lark makes of a rule, in less room than its own trees take."""

    __slots__ = ("data", "children")

    def __init__(self, data: str, children: list):
        self.data = data  # the name of the rule, or its alias
        self.children = children


_OPTIONS = {"parser": "lalr", "lexer": "basic", "keep_all_tokens": True, "maybe_placeholders": False, "tree_class": Branch}
_DIGEST = sha256().digest_size


@dataclass(frozen=True)
class Grammar:
    lark: Lark
    terminal: dict[str, str]  # Lark's name of a keyword or an operator, by its text
    word: dict[str, str]  # and back


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    text = grammar_text()
    file = _file(text)
    made = _kept(file)
    if made is None:
        made = Lark(text, **_OPTIONS)
        _keep(made, file)
    word = {terminal.name: terminal.pattern.value for terminal in made.terminals}
    return Grammar(made, {text: name for name, text in word.items()}, word)


def grammar_text() -> str:
    """The grammar: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "grammar", package.parent / "grammar"):
        file = place / "bilevel.lark"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError("bilevel.lark is neither in the package nor beside it")


# --- kept ------------------------------------------------------------------------------------


def _file(text: str) -> Path | None:
    folder = own_folder("grammar")
    if folder is None:
        return None
    deciding = (lark.__version__, sys.implementation.cache_tag, sys.version, sorted(_OPTIONS.items()), text)
    return folder / f"{sha256(repr(deciding).encode()).hexdigest()[:32]}.lark"


def _kept(file: Path | None) -> Lark | None:
    if file is None:
        return None
    try:
        with open(file, "rb") as stream:
            if not closed_to_others(os.fstat(stream.fileno())):
                return None
            digest, content = stream.read(_DIGEST), stream.read()
    except OSError:
        return None
    if sha256(content).digest() != digest:
        return None
    try:
        return Lark.load(io.BytesIO(content))
    except Exception:  # Lark of the same version that was changed by hand: whatever unpickling says then
        return None


def _keep(made: Lark, file: Path | None) -> None:
    """Write it whole or not at all, where that is possible."""
    if file is None:
        return
    content = io.BytesIO()
    made.save(content)
    with suppress(OSError):
        handle, name = tempfile.mkstemp(prefix="making-", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(sha256(content.getvalue()).digest() + content.getvalue())
            os.replace(name, file)
        except OSError:
            os.unlink(name)

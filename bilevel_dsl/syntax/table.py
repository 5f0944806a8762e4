"""The parse table of `grammar/bilevel.lark`, made by Lark. The only module that imports Lark.

Making the table takes a few times as long as reading a model, so it is kept as JSON in the user's
cache, under the hash of the grammar and of what made it. A file that is not what it should be is
made again; where nothing can be kept, nothing is.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

END = "$END"


@dataclass(frozen=True)
class Rule:
    origin: str  # what it reduces to
    size: int  # symbols on its right-hand side
    action: str  # the method of the tree builder; "" for the repetitions of `*` and `+`
    through: bool  # one child that is handed through as it is
    repeats: bool  # among its children are repetitions


@dataclass(frozen=True)
class Table:
    """LALR(1): `actions[state][token]` is state + 1 for a shift, -(rule + 1) for a reduction.

    `default[state]` is the only thing a state can do, a reduction, where that is so: it needs no
    look at the next token. `symbols[state]` is the symbol that led there, as written in the grammar.
    """

    actions: list[dict[str, int]]
    gotos: list[dict[str, int]]
    default: list[int]
    symbols: list[str]
    rules: list[Rule]
    start: int
    end: int


@lru_cache(maxsize=1)
def parse_table() -> Table:
    grammar = grammar_text()
    file = _cache_file(grammar)
    table = _read(file)
    if table is None:
        plain = _construct(grammar)
        table = _table(plain)
        _write(file, plain)
    return table


def grammar_text() -> str:
    """The grammar: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "grammar", package.parent / "grammar"):
        file = place / "bilevel.lark"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise FileNotFoundError("bilevel.lark is neither in the package nor beside it")


# --- made by Lark ----------------------------------------------------------------------------


def _construct(grammar: str) -> dict:
    """The table as plain lists and dictionaries."""
    from lark import Lark
    from lark.parsers.lalr_analysis import Shift

    lark = Lark(grammar, parser="lalr", lexer="basic", keep_all_tokens=True, maybe_placeholders=False)
    made = lark.parser.parser._parse_table  # Lark has no public way to its table; a test watches this one
    rules = list(dict.fromkeys(rule for state in made.states.values() for kind, rule in state.values()
                               if kind is not Shift))
    rules.sort(key=lambda rule: (rule.origin.name, rule.order))
    numbers = {rule: k for k, rule in enumerate(rules)}
    words = {t.name: t.pattern.value for t in lark.terminals if type(t.pattern).__name__ == "PatternStr"}
    order = [made.start_states["start"]]  # states as they are reached: Lark numbers them anew every time
    place = {order[0]: 0}
    actions, gotos, symbols = [], [], [""]
    for state in order:
        shifts, jumps = {}, {}
        for name, (kind, to) in sorted(made.states[state].items()):
            symbol = words.get(name, name)
            if kind is not Shift:
                shifts[symbol] = -(numbers[to] + 1)
                continue
            if to not in place:
                place[to] = len(order)
                order.append(to)
                symbols.append(symbol)
            if name.isupper():
                shifts[symbol] = place[to] + 1
            else:
                jumps[name] = place[to]
        actions.append(shifts)
        gotos.append(jumps)
    return {"actions": actions, "gotos": gotos, "symbols": symbols, "rules": [_rule(r) for r in rules],
            "start": 0, "end": place[made.end_states["start"]]}


def _rule(rule) -> list:
    """Origin, size, action, through, repeats of a rule of Lark's."""
    origin = rule.origin.name
    repetition = origin.startswith("_")
    size = len(rule.expansion)
    through = rule.options.expand1 and rule.alias is None and size == 1
    repeats = any(symbol.name.startswith("_") and not symbol.is_term for symbol in rule.expansion)
    return [origin, size, "" if repetition else rule.alias or origin, through, repeats]


def _table(plain: dict) -> Table:
    """
    Raises:
        KeyError, TypeError, ValueError, IndexError: `plain` is not the plain form of a table.
    """
    rules = [Rule(*rule) for rule in plain["rules"]]
    actions, gotos, symbols = plain["actions"], plain["gotos"], plain["symbols"]
    states = len(actions)
    if not (len(gotos) == len(symbols) == states > 0):
        raise ValueError("parts of different length")
    for row in actions:
        if not all(-len(rules) <= to <= states for to in row.values()):
            raise ValueError("an action out of range")
    for row in gotos:
        if not all(0 <= to < states for to in row.values()):
            raise ValueError("a state out of range")
    default = []
    for row in actions:
        kinds = set(row.values())
        only = kinds.pop() if len(kinds) == 1 else 0
        default.append(only if only < 0 and rules[-only - 1].origin != "start" else 0)
    return Table(actions, gotos, default, symbols, rules, plain["start"], plain["end"])


# --- kept ------------------------------------------------------------------------------------


def _cache_file(grammar: str) -> Path | None:
    chosen = os.environ.get("BILEVELDSL_CACHE")
    if not chosen:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        if not os.path.isabs(home):
            return None
        chosen = os.path.join(home, "bileveldsl")
    maker = sha256(Path(__file__).read_bytes())
    maker.update(grammar.encode())
    return Path(chosen, f"grammar-{maker.hexdigest()[:16]}.json")


def _read(file: Path | None) -> Table | None:
    """The table in `file`, which must be ours: others could make us read models wrongly."""
    if file is None:
        return None
    try:
        with open(file, encoding="utf-8") as stream:
            info = os.fstat(stream.fileno())
            if os.name == "posix" and (info.st_uid != os.geteuid() or info.st_mode & 0o022):
                return None
            return _table(json.load(stream))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None


def _write(file: Path | None, plain: dict) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="grammar-", suffix=".part", dir=file.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(plain, stream, separators=(",", ":"))
            os.replace(name, file)
        except OSError:
            os.unlink(name)
    except OSError:
        pass

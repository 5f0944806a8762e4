"""Formulas and pages as plain Unicode text."""

from __future__ import annotations

from .formula import Big, Fence, Formula, Number, Row, Script, Sign, Sum, Symbol, Words
from .names import GREEK, parts
from .page import Condition, Level, Page, subject

WIDTH = 88  # columns, beyond which a sum is broken
_ABOVE = dict(zip("0123456789+-=()niT⊤", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀᵀ"))
_BELOW = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"))


class Text:
    """A formula on one line."""

    def __call__(self, f: Formula) -> str:
        return getattr(self, f"_{type(f).__name__.lower()}")(f)

    def _number(self, f: Number) -> str:
        return f.text.replace("-", "−")

    def _symbol(self, f: Symbol) -> str:
        base, below = parts(f.name)
        base = GREEK.get(base, base)
        small = _small(below, _BELOW) if len(below) < 3 else None
        return base + (small if small is not None else "_" + below)

    def _words(self, f: Words) -> str:
        return f.text

    def _sign(self, f: Sign) -> str:
        if f.role == "times":
            return " "
        return {"relation": f" {f.text} ", "binary": f" {f.text} ", "separator": f"{f.text} "}.get(f.role, f.text)

    def _row(self, f: Row) -> str:
        out = ""
        for k, item in enumerate(f.items):
            if isinstance(item, Sign) and item.role == "times":
                out += self._times(f.items[k - 1], f.items[k + 1])
            else:
                out += self(item)
        return out.replace("  ", " ")

    def _times(self, left: Formula, right: Formula) -> str:
        """2 x, xᵀy, A x, but price·quantity and a·(b + c), which would look like a function."""
        first = self(left)
        if isinstance(left, Number):
            return " "
        if first.endswith("ᵀ") and (isinstance(right, Fence) or len(self(right)) < 3 or first.endswith(")ᵀ")):
            return ""
        short = [len(parts(name)[0]) == 1 or parts(name)[0] in GREEK for name in (_name(left, -1), _name(right, 0))]
        return " " if all(short) else "·"

    def _sum(self, f: Sum) -> str:
        first, *rest = f.terms
        head = ("−" if first[0] == "-" else "") + self(first[1])
        return head + "".join(f" {_minus(sign)} {self(term)}" for sign, term in rest)

    def _script(self, f: Script) -> str:
        base = self(f.base)
        if f.below is not None:
            written = self(f.below).replace(" ", "")
            plain = isinstance(f.below, Words) or isinstance(f.base, Symbol) and parts(f.base.name)[1]
            small = None if plain else _small(written, _BELOW)
            base += (
                small
                if small is not None
                else f"[{self(f.below)}]"
                if isinstance(f.base, Symbol)
                else "_" + _grouped(written)
            )
        if f.above is not None:
            written = self(f.above).replace(" ", "")
            small = _small(written.replace("−", "-"), _ABOVE)
            base += small if small is not None else "^" + _grouped(written)
        return base

    def _fraction(self, f) -> str:
        top, bottom = self(f.top), self(f.bottom)
        return (f"({top})" if f.fence_top else top) + "/" + (f"({bottom})" if f.fence_bottom else bottom)

    def _root(self, f) -> str:
        return f"√({self(f.inner)})"

    def _fence(self, f) -> str:
        return f"{f.left} {self(f.inner)} {f.right}" if f.left == "{" else f.left + self(f.inner) + f.right

    def _big(self, f) -> str:
        under = "" if f.below is None else self(f.below).replace(" = ", "=").replace(" ∈ ", "∈")
        if f.above is not None:
            under += ".." + self(f.above)
        return f"{f.sign}{f'[{under}]' if under else ''} {self(f.body)}"

    def _cases(self, f) -> str:
        shown = [
            f"{self(value)} {'otherwise' if condition is None else 'if ' + self(condition)}" for value, condition in f.rows
        ]
        return "{ " + ", ".join(shown) + " }"

    def _grid(self, f) -> str:
        rows = [", ".join(map(self, row)) for row in f.rows]
        return f"({rows[0]})" if len(rows) == 1 else "[" + "; ".join(rows) + "]"


def _minus(sign: str) -> str:
    return "−" if sign == "-" else sign


def _name(f: Formula, end: int) -> str:
    """The name at the end of a factor, where it is one."""
    while isinstance(f, (Row, Script)):
        f = f.items[end] if isinstance(f, Row) else f.base
    return f.name if isinstance(f, Symbol) else "1" if isinstance(f, (Words, Big)) else "(...)"


def _small(text: str, letters: dict[str, str]) -> str | None:
    text = text.replace("−", "-")
    return "".join(letters[c] for c in text) if all(c in letters for c in text) else None


def _grouped(text: str) -> str:
    return (
        text
        if len(text) == 1
        or text.isascii()
        and text.isalnum()
        or text.startswith("(")
        and text.endswith(")")
        and text.count("(") == 1
        else f"({text})"
    )


# --- pages ----------------------------------------------------------------------------------------


def render(page: Page) -> str:
    text, lines = Text(), [page.title, "=" * len(page.title), ""]
    lines += _level(text, page.upper, page.followers, "")
    if page.definitions or page.notes:
        lines += ["", "where"]
        lines += [f"  {row}" for d in (*page.definitions, *page.notes) for row in broken_lines(text, d, 4)]
    if page.data:
        lines += ["", "data", *_table([(text(d.symbol), _in(text, d), d.value) for d in page.data])]
    if page.reported:
        lines += ["", "reported"] + [f"  {row}" for d in page.reported for row in broken_lines(text, d, 4)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _in(text: Text, datum) -> str:
    place = text(datum.place)
    return place if place == "index set" else f"∈ {place}"


def _level(text: Text, level: Level, followers: tuple[Level, ...], lead: str) -> list[str]:
    """min, over, s.t.; of a follower: y ∈ argmin, and below it over and s.t."""
    first = level.sense if not lead else f"{lead} ∈ arg{level.sense}"
    indent = " " * (len(lead) + 3 if lead else 0)
    width = 8 if lead else 6
    objective = broken_lines(text, level.objective, 4, WIDTH - 2 * len(lead) - len(level.name))
    if level.name:
        objective[-1] += f"   ({level.name})"
    rows = [f"{first}  {objective[0]}" if lead else f"{first:<{width}}{objective[0]}"]
    rows += [f"{indent}{'':<{width}}{row}" for row in objective[1:]]
    if level.sets:
        rows.append(f"{indent}{'over':<{width}}{',  '.join(map(text, level.sets))}")
    below = [row for c in level.conditions for row in _condition(text, c)]
    for follower in followers:
        below += _level(text, follower, (), text(subject(follower)))
    return rows + [f"{indent}{'s.t.' if k == 0 else '':<{width}}{row}" for k, row in enumerate(below)]


def _condition(text: Text, c: Condition) -> list[str]:
    rows = broken_lines(text, c.formula, 2)
    more = (f"   for {text(c.indices)}" if c.indices is not None else "") + (f"   ({c.label})" if c.label else "")
    return [*rows[:-1], rows[-1] + more]


def broken_lines(text: Text, f: Formula, hang: int, width: int = WIDTH) -> list[str]:
    """One line, or several with a break before the + and - of the longest sum."""
    whole = text(f)
    if len(whole) <= width:
        return [whole]
    head, terms, tail = broken(f)
    rows, line = [], "".join(map(text, head))
    for k, (sign, term) in enumerate(terms):
        piece = (f"{_minus(sign)} " if k or sign == "-" else "") + text(term)
        if line.strip() and len(line) + len(piece) > width and k:
            rows.append(line.rstrip())
            line = " " * hang
        line += piece + " "
    return [*rows, (line + "".join(map(text, tail))).rstrip()]


def broken(f: Formula) -> tuple[list[Formula], list[tuple[str, Formula]], list[Formula]]:
    """What is before, in and after the longest sum at the top of a formula."""
    if isinstance(f, Sum):
        return [], list(f.terms), []
    if isinstance(f, Row):
        sums = [k for k, item in enumerate(f.items) if isinstance(item, Sum)]
        if sums:
            k = max(sums, key=lambda k: len(Text()(f.items[k])))
            return list(f.items[:k]), list(f.items[k].terms), list(f.items[k + 1 :])
    return [], [("+", f)], []


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(2)]
    return ["  " + "  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2]]) for row in rows]

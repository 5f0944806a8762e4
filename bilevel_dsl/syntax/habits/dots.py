"""Names with dots: operators of MATLAB, methods and modules of Python, suffixes of GAMS."""

from __future__ import annotations

from ..place import Mistake, Place
from .say import say

_MODULES = frozenset("np numpy math cp cvxpy ca casadi pe pyo pyomo torch jnp jax model m".split())
_SUFFIXES = frozenset("lo up l fx lb ub val value level start".split())


def _dot(p: Place) -> int | None:
    """The offset of the dot: of what was found, or before it, since behind a name the dot itself is accepted."""
    d = 0 if p.found.type == "." else -1
    return d if p.at(d).type == "." else None


def operator(p: Place) -> Mistake | None:
    """MATLAB's and Julia's operators by elements."""
    d = _dot(p)
    if d is None or p.at(d + 1).type not in ("*", "/", "^", "+", "-", "'", "<=", ">=", "==") or not p.adjacent(d):
        return None
    written = p.at(d + 1).text
    return say(
        p,
        f"`.{written}` is MATLAB and Julia; operators work by elements here",
        f"write `{written}`" + ("; the matrix product is `@`" if written == "*" else ""),
        first=d,
        last=d + 1,
        repair=p.replaced(d, d + 1),
    )


def transpose(p: Place) -> Mistake | None:
    d = _dot(p)
    if d is None or p.at(d + 1).text not in ("T", "t", "transpose"):
        return None
    last = d + (3 if p.types(d + 2, d + 3) == ("(", ")") else 1)
    return say(
        p,
        f"`.{p.at(d + 1).text}` is Python; the transpose is `'` here",
        f"write `{p.at(d - 1).text}'`",
        first=d,
        last=last,
        repair=p.replaced(d, last + 1, "'"),
    )


def module(p: Place) -> Mistake | None:
    """Qualified names: `np.exp(x)`."""
    d = _dot(p)
    if d is None or p.at(d - 1).text not in _MODULES or p.at(d + 2).type not in ("(", "["):
        return None
    return say(
        p,
        f"functions stand without a module: `{p.at(d - 1).text}.` is Python",
        f"write `{p.at(d + 1).text}`",
        first=d - 1,
        last=d,
        repair=p.replaced(d - 1, d + 1),
    )


def suffix(p: Place) -> Mistake | None:
    d = _dot(p)
    if d is None or p.at(d + 1).text.lower() not in _SUFFIXES:
        return None
    return say(
        p,
        f"`.{p.at(d + 1).text}` is GAMS and its like; bounds and a start stand in the declaration",
        "write `var x in [0, 5] start 1;`",
        first=d,
        last=d + 1,
    )


def method(p: Place) -> Mistake | None:
    d = _dot(p)
    if d is None or p.at(d + 1).type != "NAME" or p.at(d + 2).type != "(":
        return None
    arguments = p.text(p.k + d + 3, p.closing(p.k + d + 2))
    call = f"{p.at(d + 1).text}({p.at(d - 1).text}{', ' + arguments if arguments else ''})"
    return say(
        p,
        "there are no methods here, as in Python; functions stand in front",
        f"write `{call}`",
        first=d - 1,
        last=d + 1,
    )


def part(p: Place) -> Mistake | None:
    """Any other dot."""
    d = _dot(p)
    if d is None:
        return None
    return say(p, "a name has no parts here", "the only dot is in `dual(y.lower)` and `dual(y.upper)`", first=d, last=d + 1)

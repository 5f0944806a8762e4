"""What main.c prints before each entry of a variable or report over sets: `[a,b,7]`, in the order of memory."""

from __future__ import annotations

from itertools import product

from ..model.problem import Named, Problem, Variable, labels_of

MOST = 2000  # entries of one array that are named; of larger ones the numbers stand in brackets


def entry_names(problem: Problem) -> str:
    """The C text: a table for each array that is over sets, and the tables of all of them, null where there is none."""
    tables, pointers = [], {"variables": [], "reports": []}
    for kind, things in (("variables", problem.variables), ("reports", problem.report)):
        for k, thing in enumerate(things):
            names = _of(thing)
            pointers[kind].append(f"{kind}_{k}" if names else "0")
            if names:
                tables += [f"static const char *const {kind}_{k}[] = {{", *(f"  {_quoted(n)}," for n in names), "};"]
    tables += [
        f"static const char *const *const names_of_{kind}[] = {{{', '.join(found or ['0'])}}};"
        for kind, found in pointers.items()
    ]
    return "\n".join(tables)


def _of(thing: Variable | Named) -> list[str]:
    """By columns; empty where its dimensions are numbered."""
    labels = labels_of(thing.index)
    total = 1
    for n in thing.shape:
        total *= n
    if not any(labels) or total > MOST:
        return []
    axes = [axis or tuple(str(i) for i in range(1, n + 1)) for axis, n in zip(labels, thing.shape)]
    return [f"[{','.join(reversed(index))}]" for index in product(*reversed(axes))]


def _quoted(text: str) -> str:
    """A C string: bytes outside of ASCII and what C reads otherwise as three octal digits."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(plain)}"'

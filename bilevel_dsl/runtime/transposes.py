"""Products with a transposed matrix of data, without the transposed matrix.

CasADi writes A' y as a copy of A by rows, then a product with the copy. For a long A the copy takes several times as long
as the product: it jumps through memory. The product itself knows how to read its first factor transposed, and adds the
terms of an entry in the same order, so the bits stay.
"""

from __future__ import annotations

import re

LONG = 2048  # entries, 16 kB: from here a copy costs more than the vector instructions that it allows

_FUNCTION = re.compile(r"^static int casadi_f\d+\(.*\) \{\n(?:  .*\n)*?  return 0;\n\}\n", re.MULTILINE)
_COPY = re.compile(  # of the n by m matrix at `data`, by rows
    r"  for \(i=0, rr=(?P<copy>w\d+), cs=(?P<data>wr\d+); i<(?P<m>\d+); \+\+i\) "
    r"for \(j=0; j<(?P<n>\d+); \+\+j\) rr\[i\+j\*(?P=m)\] = \*cs\+\+;\n"
)


def without_transposes(text: str, long: int = LONG) -> str:
    """`text` with products that read data transposed in place of a copy, where nothing else needs the copy."""
    return _FUNCTION.sub(lambda match: _in_one(match.group(), long), text)


def _in_one(function: str, long: int) -> str:
    copies: dict[str, set[tuple[str, ...]]] = {}
    for found in _COPY.finditer(function):
        copies.setdefault(found["copy"], set()).add(found.group("data", "n", "m"))
    for copy, of in copies.items():
        data, n, m = min(of)
        if len(of) == 1 and int(n) * int(m) >= long and _set_once(function, data):
            function = _replaced(function, copy, data, n, m)
    return function


def _set_once(function: str, pointer: str) -> bool:
    return len(re.findall(rf"\b{pointer} ?=(?!=)", function)) == 1


def _replaced(function: str, copy: str, data: str, n: str, m: str) -> str:
    """The function without the copy, or as it is if anything but the first factor of a product reads or writes it."""
    shorter = _COPY.sub(lambda found: "" if found["copy"] == copy else found.group(), function)
    product = rf"casadi_mtimes_dense\({copy}, {m}, {n}, ([^;]*), 0\);"
    shorter = re.sub(product, rf"casadi_mtimes_dense({data}, {n}, {m}, \1, 1);", shorter)
    declaration = rf", \*{copy}=w(?:\+\d+)?(?=[,;])"
    shorter = re.sub(declaration, "", shorter, count=1)
    return function if re.search(rf"\b{copy}\b", shorter) else shorter

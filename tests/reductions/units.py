"""Models as text, in units of one's choice: all factors are written into it as numbers, so nothing tells them from data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

import bilevel_dsl as bl


@dataclass(frozen=True)
class Model:
    """A text in which `<x>` is the number of x in its first unit, `<3 x>` what 3 of these are in the new one, and
    `<:row>`, `<:f>`, `<:g>` are factors of rows and objectives."""

    text: str
    variables: tuple[str, ...]
    rows: tuple[str, ...] = ()

    @property
    def units(self) -> tuple[str, ...]:
        return (*self.variables, *(f":{row}" for row in self.rows), ":f", ":g")

    def written(self, **units: float) -> str:
        text = self.text
        for name in (*self.units, ":price"):
            factor = units.get(name, 1.0)
            if name.startswith(":"):
                text = text.replace(f"<{name}>", repr(factor))
            else:
                text = text.replace(f"<{name}>", f"({factor!r} * {name})")
                while f" {name}>" in text:
                    head, _, tail = text.partition(f" {name}>")
                    before, _, number = head.rpartition("<")
                    text = f"{before}{float(number) / factor!r}{tail}"
        return text


MODELS = {
    "quadratic": Model(
        """
upper { var x; minimize <:f> * ((<x> - 3)^2 + (<y> - 2)^2 + <z>^2); }
lower { var y; var z;
  minimize <:g> * ((<y> - 2 * <x>)^2 + 0.5 * (<z> + <y> - 1)^2); }
""",
        ("x", "y", "z"),
    ),
    "toll": Model(
        """
upper { var t in [0, <10 t>]; maximize <:f> * <t> * <a>; }
lower { var a in [0, <8 a>]; var b in [0, <8 b>];
  minimize <:g> * ((2 + <t>) * <a> + 6 * <b> );
  subject to trips: <:trips> * (<a> + <b> - 5) == 0; }
""",
        ("t", "a", "b"),
        ("trips",),
    ),
    "rows": Model(
        """
upper { var x in [0, <8 x>] start <1 x>; minimize <:f> * ((<x> - 5)^2 + (2 * <y> - 3)^2);
  subject to shared: <:shared> * (<x> + <y> - 6) <= 0; }
lower { var y in [0, <9 y>]; minimize <:g> * ((<y> - 4)^2 + <x> * <y>);
  subject to cap: <:cap> * (<x> + 2 * <y> - 7) <= 0; curved: <:curved> * (<y>^2 - 2 * <x> - 3) <= 0; }
""",
        ("x", "y"),
        ("shared", "cap", "curved"),
    ),
    "simplex": Model(
        """
param cost[3] = [2, 3, 5];
upper { var t[3] in [0, <5 t>]; maximize <:f> * (dot(<t>, <y>) - 0.05 * sumsqr(<t>)); }
lower { var y[3] in simplex(<6 y>); minimize <:g> * (dot(cost + <t>, <y>) + 0.6 * sumsqr(<y>)); }
""",
        ("t", "y"),
    ),
    "dual": Model(
        """
upper { var q in [0, <9 q>] start <2 q>; maximize <:f> * ((<:price>) * dual(cap) * <q> - 0.1 * <q>^2); }
lower { var y[2] in [0, <9 y>]; minimize <:g> * (sumsqr(<y> - 6) + 0.2 * <y>[1] * <y>[2]);
  subject to cap: <:cap> * (sum(<y>) - <q>) <= 0; }
""",
        ("q", "y"),
        ("cap",),
    ),
    "simple": Model(
        """
upper { minimize <:f> * sumsqr(<w> - 1); }
lower { var w[4]; minimize <:g> * ((<w>[1] + 2 * <w>[2] - 3)^2 + (<w>[3] - <w>[4] + 2)^2); }
""",
        ("w",),
    ),
    "two wells": Model(
        """
upper { var x in [<-2 x>, <2 x>] start <-0.6 x>; minimize <:f> * ((<x>^2 - 1)^2 + 0.05 * (1 - <y>)); }
lower { var y in [<-3 y>, <3 y>] start <0.3 y>; minimize <:g> * ((<y>^2 - 2)^2 - 4 * <x> * <y>); }
""",
        ("x", "y"),
    ),
    "logistic": Model(
        """
param A[6, 2] = [[1, 0.5], [-1, 0.3], [2, -1], [0.4, 1.2], [-0.7, -0.9], [1.5, 0.2]];
param b[6] = [1, -1, 1, 1, -1, -1];
upper { var s; minimize <:f> * (mean(log(1 + exp(-(b * (A @ <w>)) + 0.3))) + 0.01 * <s>^2); }
lower { var w[2]; minimize <:g> * (mean(log(1 + exp(-(b * (A @ <w>))))) + exp(<s>) / 20 * sumsqr(<w>)); }
""",
        ("s", "w"),
    ),
    "market": Model(
        """
upper { var q in [0, <100 q>]; maximize <:f> * (<q> * (90 - <q> - <r>)); }
lower { var r in [0, <100 r>]; maximize <:g> * (<r> * (80 - <q> - <r>)); subject to line: <:line> * (<q> + <r> - 70) <= 0; }
""",
        ("q", "r"),
        ("line",),
    ),
}


def text_in(name: str, unit: str, factor: float) -> str:
    """The model with one unit larger, or a row or objective multiplied."""
    given = {unit: factor} if unit else {}
    if name == "dual":  # a price is per unit of the row, in units of the objective
        given[":price"] = given.get(":cap", 1.0) / given.get(":g", 1.0)
    return MODELS[name].written(**given)


@cache
def solved(name: str, unit: str, factor: float, **more) -> bl.Solution:
    """By the first method that `auto` takes."""
    problem = bl.load(bl.Source(name, text_in(name, unit, factor)))
    return bl.solve(problem, compile="never", verify="no", effort="quick", **more)


def as_thought(name: str, found: bl.Solution, unit: str, factor: float) -> dict[str, np.ndarray]:
    """The answer in the first units."""
    by = {unit: factor} if unit else {}
    values = {v: by.get(v, 1.0) * np.asarray(found[v]) for v in MODELS[name].variables}
    return values | {"f": found.upper / by.get(":f", 1.0), "g": found.lower / by.get(":g", 1.0)}

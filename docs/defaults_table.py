"""docs/defaults.md: every method with its defaults on small models, solved or not, and the work to the reference.

    python docs/defaults_table.py            writes the tables anew: a quarter of an hour
    python docs/defaults_table.py MODEL...   prints the rows of these models

A run ends after 10 seconds, interpreted. Work is calls of oracles (values, gradients, products, Hessians; no projections) up
to the first point on the way that is within 1e-3 of the reference, relative: of its variables, else of its upper value.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bilevel_dsl as bl
from bilevel_dsl.methods import METHODS, fitting
from bilevel_dsl.report.comparison import Entry

HERE = Path(__file__).parent
PAGE, MODELS = HERE / "defaults.md", HERE.parent / "models"
BEGIN, END = "<!-- tables: made by docs/defaults_table.py -->", "<!-- end of tables -->"
NAMES = [
    *(f"papers/{name}" for name in "p0 p1 p2 p3 p4 p5 p6 sine pl_game circle factorisation".split()),
    *(f"applications/{name}" for name in "ridge least_norm tolls bridge_toll duopoly market_power".split()),
]
CLOSE, SECONDS = 1e-3, 10.0


def cells(name: str) -> dict[str, str]:
    """Method -> what became of it; only those that take the model."""
    problem = bl.load(MODELS / f"{name}.bilevel")
    found = {}
    for method in fitting(problem):
        [entry] = bl.compare(problem, [method], time_limit=SECONDS, verify="quick", compile="never").entries
        found[method] = cell(entry)
        print(f"{name} {method}: {found[method]}", file=sys.stderr, flush=True)
    return found


def cell(entry: Entry) -> str:
    """Work to the reference, or how it ended elsewhere. `verified`, but not close: another, local answer."""
    if not entry.trials:
        return "refused"
    [trial] = entry.trials
    for point in (*trial.way, trial.end):
        if point.away <= CLOSE:
            return f"{point.work:.0f}" if point.work == point.work else "yes"
    return "local" if trial.verified else f"no: {trial.status.replace('_', ' ')}"


def options(name: str) -> str:
    found = bl.load(MODELS / f"{name}.bilevel").options
    return ", ".join(f"{k} = {v:g}" if isinstance(v, float) else f"{k} = {v}" for k, v in found.items())


def tables(found: dict[str, dict[str, str]]) -> list[str]:
    """Methods by models, and the counts."""
    short = {name: name.partition("/")[2] for name in found}
    lines = ["| method | solved | " + " | ".join(short.values()) + " |", "| --- " * (2 + len(short)) + "|"]
    for method in METHODS:
        row = [found[name].get(method, "") for name in found]
        taken = [text for text in row if text]
        if taken:
            solved = sum(text == "yes" or text[0].isdigit() for text in taken)
            lines.append(f"| {method} | {solved} of {len(taken)} | " + " | ".join(row) + " |")
    carrying = [f"`{short[name]}`: {told}" for name in found if (told := options(name))]
    return [*lines, "", f"Models that carry `options`: {'; '.join(carrying) or 'none of these'}."]


if __name__ == "__main__":
    wanted = sys.argv[1:] or NAMES
    made = tables({name: cells(name) for name in wanted})
    if sys.argv[1:]:
        print("\n".join(made))
    else:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text("\n".join([before + BEGIN, *made, END + after]), encoding="utf-8")

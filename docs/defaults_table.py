"""docs/defaults.md: every method with its defaults on small models, solved or not, and the work to the reference.

    python docs/defaults_table.py            all models: an hour on one core
    python docs/defaults_table.py MODEL...   these models; the columns of the others stay

A run ends after 10 seconds, interpreted. Work is calls of oracles (values, gradients, products, Hessians; no projections) up
to the first point on the way that is within 1e-3 of the reference, relative: of its variables, else of its upper value.
The page is written after each model.
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
    lines = ["| method | solved | " + " | ".join(found) + " |", "| --- " * (2 + len(found)) + "|"]
    for method in METHODS:
        row = [found[name].get(method, "") for name in found]
        taken = [text for text in row if text]
        if taken:
            solved = sum(text == "yes" or text[0].isdigit() for text in taken)
            lines.append(f"| {method} | {solved} of {len(taken)} | " + " | ".join(row) + " |")
    carrying = [f"`{name}`: {told}" for name in found if (told := options(name))]
    return [*lines, "", f"Models that carry `options`: {'; '.join(carrying) or 'none of these'}."]


def known(page: str) -> dict[str, dict[str, str]]:
    """What the page has, by model."""
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    start = next((k for k, row in enumerate(rows) if row[:2] == ["method", "solved"]), len(rows))
    names, body = (rows[start][2:], rows[start + 2 :]) if start < len(rows) else ([], [])
    return {name: {row[0]: row[k] for row in body if row[k]} for k, name in enumerate(names, 2)}


def written(page: str, found: dict[str, dict[str, str]]) -> str:
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    ordered = {name: found[name] for name in [*NAMES, *found] if name in found}
    return "\n".join([before + BEGIN, *tables(ordered), END + after])


if __name__ == "__main__":
    for model in sys.argv[1:] or NAMES:
        made = known(PAGE.read_text(encoding="utf-8")) | {model: cells(model)}
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")

"""What the program says of each instance, counted against the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter

import numpy as np

import bilevel_dsl as bl

from .families import instance
from .instance import VALUE, Instance

TIME_LIMIT = 20.0
COLUMNS = (
    ("right global", "verified, the global optimum"),
    ("right local", "verified, a local optimum"),
    ("WRONG", "verified, and wrong"),
    ("refused ok", "refused, and not an optimum"),
    ("refused!", "refused, and an optimum"),
    ("true refused!", "the true global optimum, refused"),
    ("moved WRONG", "points beside it, verified"),
    ("moved", "points beside it"),
    ("errors", "exceptions"),
)


@dataclass
class Outcome:
    """What was said of one instance."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    solve: float | None = None
    verify: float | None = None
    seconds: float = 0.0

    def add(self, column: str, note: str = "") -> None:
        """Count, and say why where it is noteworthy."""
        self.counts[column] = self.counts.get(column, 0) + 1
        if note:
            self.notes.append(f"{self.name} {column}: {note}")


def claims(certificate: object) -> str:
    """The claims of a certificate, or its checks where it has none."""
    found = getattr(certificate, "claims", None)
    if found is not None:
        return "".join(f"\n      {c.name}: {getattr(c.verdict, 'value', c.verdict)}, {c.words}" for c in found)
    return "".join(f"\n      {c.name} = {c.value:.2e} of {c.tolerance:.0e}" for c in certificate.checks)


def shown(values: dict[str, object]) -> str:
    """A point in a line."""
    texts = {name: np.array2string(np.asarray(v), precision=7, threshold=8) for name, v in values.items()}
    return ", ".join(f"{name} = {text}" for name, text in texts.items())


def measure(one: Instance) -> Outcome:
    """Solve it, verify its best point and the points beside it."""
    out, begun = Outcome(one.name), perf_counter()
    problem = bl.load(bl.Source(one.family, one.text))
    try:
        _solve(one, problem, out)
    except Exception as error:  # noqa: BLE001
        out.add("errors", f"solve: {type(error).__name__}: {error}")
    try:
        point = bl.verify(problem, one.best)
        if not point.verified:
            out.add("true refused!", shown(one.best) + claims(point.certificate))
        for values in one.moved:
            point = bl.verify(problem, values)
            out.add("moved")
            if point.verified:
                out.add("moved WRONG", f"{shown(values)}: {one.judge(values).why}{claims(point.certificate)}")
    except Exception as error:  # noqa: BLE001
        out.add("errors", f"verify: {type(error).__name__}: {error}")
    out.seconds = perf_counter() - begun
    return out


def _solve(one: Instance, problem: object, out: Outcome) -> None:
    begun = perf_counter()
    solution = bl.solve(problem, compile=False, time_limit=TIME_LIMIT)
    out.solve, out.verify = perf_counter() - begun, solution.timings.get("verify")
    values = dict(solution.variables)
    finite = values and all(np.all(np.isfinite(v)) for v in values.values())
    if not finite:
        note = f"no point, {solution.status}{claims(solution.certificate)}"
        out.add("WRONG" if solution.verified else "refused ok", note)
        return
    truth = one.judge(values)
    why, right = truth.why, truth.right
    if right and solution.verified and abs(solution.upper - truth.value) > 10 * VALUE * one.scale:
        right, why = False, f"its value is said to be {solution.upper:.8g}"
    text = (
        f"{solution.method} {solution.status}, {shown(values)}, f = {truth.value:.8g}, best {truth.best:.8g}: "
        f"{truth.kind} {why}{claims(solution.certificate)}"
    )
    if solution.verified:
        out.add(f"right {truth.kind}" if right else "WRONG", "" if right else text)
    else:
        out.add("refused!" if right else "refused ok", text if right else "")


def run(name: tuple[str, int]) -> Outcome:
    """One instance by family and seed, for a process of its own."""
    return measure(instance(*name))


def table(outcomes: Iterable[Outcome]) -> str:
    """The counts by family, and the median seconds of solving and of verifying."""
    groups: dict[str, list[Outcome]] = {}
    for out in outcomes:
        groups.setdefault(out.name.split(":")[0], []).append(out)
    heads = [c for c, _ in COLUMNS]
    lines = ["family".ljust(18) + "".join(h.rjust(max(len(h), 5) + 2) for h in ["n", *heads, "solve s", "verify s"])]
    for family, group in [*groups.items(), ("all", [o for g in groups.values() for o in g])]:
        cells = [str(len(group)), *(str(sum(o.counts.get(h, 0) for o in group)) for h in heads)]
        for seconds in ([o.solve for o in group], [o.verify for o in group]):
            known = [s for s in seconds if s is not None]
            cells.append(f"{median(known):.2f}" if known else "-")
        widths = [max(len(h), 5) + 2 for h in ["n", *heads, "solve s", "verify s"]]
        lines.append(family.ljust(18) + "".join(c.rjust(w) for c, w in zip(cells, widths)))
    return "\n".join(lines)

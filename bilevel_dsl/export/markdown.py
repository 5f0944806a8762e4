"""The tables of the README of an exported solver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..runtime.csource import work_sizes
from ..runtime.layout import Layout
from ..runtime.status import Status
from .places import Place, Places, accepted

_REAL_BYTES = {"double": 8, "float": 4}
_PRECISION = {"double": "", "float": "\nMethods are made for double; in float do not ask for a `tol` below about 1e-3."}


def readme_parts(places: Places, layout: Layout, initial: Mapping[str, float], prefix: str, real: str) -> dict[str, str]:
    """What the template of the README wants, by name; `initial` are values of settings."""
    upper, settings = prefix.upper(), layout.program.settings

    def named(kind: str, items: Iterable[Place], header: str = "place") -> str:
        rows = [
            (f"`{upper}{kind}_{p.name}`", p.place, p.size, p.doc)
            if p.place >= 0
            else (f"`{p.name}`", "fixed", p.size, p.doc)
            for p in items
        ]
        return _table(("name", header, "size", ""), rows)

    results = [
        (f"`{upper}{level.upper()}`", layout.results + k, 1, f"{level} objective, as written in the model")
        for k, level in enumerate(("upper", "lower"))
    ]
    results += [(f"`{upper}REP_{p.name}`", p.place, p.size, p.doc) for p in places.reports]
    ranges = [
        (f"`{upper}SET_{s.name}`", f"{initial[s.name]:g}", "{:g} to {:g}".format(*accepted(s)), p.doc)
        for s, p in zip(settings, places.settings)
    ]
    free = [p for p in places.parameters if p.place >= 0]
    example = f"\n{prefix}set_parameter(&s, {upper}PAR_{free[0].name}, values);  /* {free[0].doc} */" if free else ""
    statuses = [(int(s), f"`{upper}{s.name}`", s.meaning) for s in Status]
    return {
        "STATUS_TABLE": _table(("value", "name", "meaning"), statuses),
        "PRECISION": _PRECISION[real],
        "LAYOUT": _regions(layout),
        "COUNTS": _counts(layout, real),
        "BYTES": f"about {_kilobytes(layout, real)} kB",
        "EXAMPLE": example,
        "FIRST": f"{upper}VAR_{places.variables[0].name}",
        "VARIABLE_TABLE": named("VAR", places.variables),
        "PARAMETER_TABLE": named("PAR", places.parameters, "index in `data`"),
        "RESULT_TABLE": _table(("name", "place", "size", ""), results),
        "SETTING_TABLE": _table(("name", "initial", "range", ""), ranges),
        "MEASURE_TABLE": _table(("name", "place"), [(f"`{upper}MEASURE_{p.name}`", p.place) for p in places.measures]),
        "STATE_TABLE": named("STATE", places.state),
    }


def _table(header: tuple[str, ...], rows: Iterable[tuple]) -> str:
    lines = [f"| {' | '.join(map(str, row))} |" for row in (header, ("---",) * len(header), *rows)]
    return "\n".join(lines) if len(lines) > 2 else "None."


def _regions(layout: Layout) -> str:
    """The parts of memory."""
    ends = {
        "settings": len(layout.program.settings),
        "prepared from data and settings": layout.offsets["x_start"],
        "start": layout.state.start,
        "state": layout.state.stop,
        "measures": layout.measures.stop,
        "state and measures of the last complete iteration": layout.scratch,
        "scratch": layout.results,
        "objectives and reports": layout.size,
    }
    found, first = [], 0
    for name, end in ends.items():
        if end > first:
            found.append((name, first, end - first))
        first = end
    return _table(("part", "place", "size"), found)


def _counts(layout: Layout, real: str) -> str:
    work = work_sizes(layout)
    return (
        f"`memory` has {layout.size} numbers, the work array `w` {work['w']}; `iw` has {work['iw']} integers.\n"
        f"A solver takes about {_kilobytes(layout, real)} kB on a machine of 64 bits, parameters apart."
    )


def _kilobytes(layout: Layout, real: str) -> str:
    work = work_sizes(layout)
    pointers = len(layout.program.data) + work["arg"] + work["res"] + len(layout.phases) + 20
    size = _REAL_BYTES[real] * (layout.size + work["w"]) + 4 * work["iw"] + 8 * pointers
    return f"{max(1, round(size / 1000))}"

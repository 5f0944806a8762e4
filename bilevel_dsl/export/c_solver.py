"""The standalone C solver: a folder with the functions, the driver and an interface for people.

All text is in `templates/`; here it is filled with the names and places of one program. The names
of a model are never C names by themselves: each is the end of a longer one (`TOLLS_VAR_t`), so that
keywords, clashes and names that differ in case only do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import casadi as ca
import numpy as np

from ..diagnostics import BilevelError, Diagnostic
from ..functions.oracles import Oracles
from ..methods.program import Program, Setting
from ..model.problem import Problem
from ..runtime.csource import NOTICE, NotCompilable, functions_source, template, work_sizes
from ..runtime.layout import Layout, lay_out
from ..runtime.status import Status
from .entries import entry_names
from .folder import write_folder
from .markdown import readme_parts
from .places import Place, Places, accepted

LINE = 110  # characters of a line with a comment
DIGITS = {"double": 17, "float": 9}  # with which every number survives being printed


def export(program: Program, problem: Problem, directory: Path, *, real: str, settings: Mapping[str, float]) -> list[Path]:
    """Write the solver into `directory`, whole or not at all; returns the files.

    Args:
        real: "double" or "float", the type of all numbers.
        settings: initial values, by name; the others keep the defaults of the method.

    Raises:
        BilevelError: BL0605, the folder holds other things or cannot be written; BL0606, no C for the program.
    """
    try:
        texts = solver_texts(program, problem, real=real, settings=settings)
    except NotCompilable as error:
        raise BilevelError(
            Diagnostic("BL0606", f"{program.method} has no standalone C for this model: {error}", exit_status=2)
        ) from error
    return write_folder(directory, texts)


def solver_texts(program: Program, problem: Problem, *, real: str, settings: Mapping[str, float]) -> dict[str, str]:
    """The files of the solver by name; the same for the same input, always."""
    if real not in DIGITS:
        raise ValueError(f"numbers are double or float, not {real}")
    layout = lay_out(program, results_function(problem))
    prefix = prefix_of(problem.name)
    places = Places(layout, problem)
    initial = {s.name: settings.get(s.name, s.default) for s in program.settings}
    parts = {
        "MODEL": prefix[:-1],
        "METHOD": program.method,
        "TARGET": f"{prefix}solver",
        "FORMAT": f"%.{DIGITS[real]}g",
        "STATUS_NAMES": ",\n    ".join(f'"{s.label}"' for s in Status),
        "ENTRIES": entry_names(problem),
        "TABLES": _tables(places, program.settings, initial, prefix, real),
        **_header_parts(places, layout, prefix.upper()),
    }
    parts |= readme_parts(places, layout, initial, prefix, real)
    made = {
        name: template(name, prefix, real, parts)
        for name in ("README.md", "CMakeLists.txt", "Makefile", "solver.h", "solver.c", "driver.h", "driver.c", "main.c")
    }
    made["functions.c"] = functions_source(layout, prefix, real)
    made["data.c"] = _data(program, problem, prefix, real)
    return made


def results_function(problem: Problem) -> ca.Function:
    """Objectives as written and reports, as a function of the slots x, y and p0, p1, ...

    It calls the Functions that the Python side evaluates, so that the bits are theirs.
    """
    oracles = Oracles(problem)
    x, y = ca.MX.sym("x", oracles.nx), ca.MX.sym("y", oracles.ny)
    columns = [ca.MX.sym(f"p{k}", symbol.numel()) for k, symbol in enumerate(problem.p)]
    point = [x, y, *(ca.reshape(c, symbol.shape) for c, symbol in zip(columns, problem.p))]
    values = [
        problem.f.as_written(oracles.function("f").call(point)[0]),
        problem.g.as_written(oracles.function("g").call(point)[0]),
    ]
    if problem.report:
        values += [ca.vec(v) for v in oracles.function("report").call(point)]
    names = ["upper", "lower", *(f"r{k}" for k in range(len(problem.report)))]
    return ca.Function(
        "results", [x, y, *columns], [ca.densify(v) for v in values], ["x", "y", *(c.name() for c in columns)], names
    )


def prefix_of(name: str) -> str:
    """What all C names of a model begin with: lower case, no reserved start, ends with an underscore."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_")
    if not word or word[0].isdigit() or word == "casadi":
        word = f"model_{word}".strip("_")
    return f"{word}_"


# --- C text -------------------------------------------------------------------------------------


def _header_parts(places: Places, layout: Layout, upper: str) -> dict[str, str]:
    """The enumerations of solver.h."""
    work = work_sizes(layout)
    sizes = {
        "MEMORY": layout.size,
        "W": work["w"],
        "IW": work["iw"],
        "DATA": max(1, len(places.parameters)),
        "ARG": work["arg"],
        "RES": work["res"],
        "PHASES": len(layout.phases),
    }

    def two(kind: str, items: Iterable[Place]) -> list[str]:
        return [
            _commented(f"  {upper}{kind}_{p.name} = {p.place}, {upper}{kind}SIZE_{p.name} = {p.size},", p.doc) for p in items
        ]

    def one(kind: str, items: Iterable[Place]) -> list[str]:
        return [_commented(f"  {upper}{kind}_{p.name} = {p.place},", p.doc) for p in items]

    def counted(name: str, items: tuple[Place, ...], lines: list[str]) -> str:
        return "\n".join([f"  {upper}N_{name} = {len(items)},", *lines])

    fixed = [f"  /* {p.name} is fixed: sizes depend on it */" for p in places.parameters if p.place < 0]
    objectives = [f"  {upper}UPPER = {layout.results}, {upper}LOWER = {layout.results + 1},"]
    return {
        "SIZES": "\n".join(f"  {upper}{name} = {value}," for name, value in sizes.items()),
        "VARIABLES": counted("VARIABLES", places.variables, two("VAR", places.variables)),
        "STARTS": "\n".join(one("START", places.starts)),
        "RESULTS": "\n".join([*objectives, counted("REPORTS", places.reports, two("REP", places.reports))]),
        "PARAMETERS": counted(
            "PARAMETERS", places.parameters, two("PAR", [p for p in places.parameters if p.place >= 0]) + fixed
        ),
        "SETTINGS": counted("SETTINGS", places.settings, one("SET", places.settings)),
        "MEASURES": counted("MEASURES", places.measures, one("MEASURE", places.measures)),
        "STATE": "\n".join(one("STATE", places.state)),
    }


def _commented(code: str, doc: str) -> str:
    """The comment behind the code, or above it where that would be too long."""
    line = f"{code} /* {doc} */" if doc else code
    return line if len(line) <= LINE else f"  /* {doc}: */\n{code}"


def _tables(places: Places, settings: tuple[Setting, ...], initial: Mapping[str, float], prefix: str, real: str) -> str:
    """The constants of solver.c that hold names; an empty table has an entry that is never read."""
    tables = []
    for kind in ("variables", "reports", "parameters"):
        items = getattr(places, kind)
        rows = [f'  {{"{p.name}", {p.place}, {len(p.shape)}, {p.rows}, {p.columns}}},' for p in items]
        rows = rows or ['  {"", -1, 0, 0, 0},']
        tables += [f"const {prefix}named {prefix}{kind}[] = {{", *rows, "};"]
    rows = [
        f'  {{"{s.name}", {p.place}, {", ".join(number(v, real) for v in (initial[s.name], *accepted(s)))}, '
        f"{int(s.integer or bool(s.choices))}}},"
        for s, p in zip(settings, places.settings)
    ]
    return "\n".join([*tables, f"const {prefix}setting {prefix}settings[] = {{", *rows, "};"])


def _data(program: Program, problem: Problem, prefix: str, real: str) -> str:
    """data.c: the values of the parameters and the start, every number exactly."""
    lines = [
        "/* The values of the parameters, by columns, and the start.",
        f"   {NOTICE} */",
        '#include "driver.h"',
        "",
        "#include <math.h>",
        "",
    ]
    for slot, value in zip(program.data, program.data_values):
        lines += [f"/* {slot.label} */", *_array(f"static const {prefix}real {slot.name}", value, real), ""]
    pointers = ", ".join(s.name for s in program.data) or "0"
    start = np.concatenate(problem.start())
    lines += [
        f"extern const {prefix}real *const {prefix}the_data[];",
        f"const {prefix}real *const {prefix}the_data[] = {{{pointers}}};",
        "",
        f"extern const {prefix}real {prefix}the_start[];",
        *_array(f"const {prefix}real {prefix}the_start", start, real),
        "",
    ]
    return "\n".join(lines)


def _array(declaration: str, values: np.ndarray, real: str) -> list[str]:
    numbers = [number(v, real) for v in np.ravel(values, order="F").tolist()] or ["0"]
    rows = [", ".join(numbers[k : k + 5]) for k in range(0, len(numbers), 5)]
    return [f"{declaration}[] = {{", *(f"  {row}," for row in rows), "};"]


def number(value: float, real: str) -> str:
    """The shortest C constant that is read back as `value`, rounded to the type."""
    with np.errstate(over="ignore"):
        rounded = np.float32(value) if real == "float" else np.float64(value)
    if np.isnan(rounded):
        return "NAN"
    if np.isinf(rounded):
        return "INFINITY" if rounded > 0 else "-INFINITY"
    return f"{rounded!s}f" if real == "float" else repr(float(rounded))

"""Parameters that leave a constraint set without a point, or that no objective can be computed with, at run time.

One model for each method, with a variable for every kind of set that the method accepts on each level, is made with
good data; then one parameter after the other is spoiled. The three ways to run a method say the same.
"""

from __future__ import annotations

import ctypes as ct
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from bilevel_dsl.diagnostics import Source
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.program import INHABITED
from bilevel_dsl.model.build import build
from bilevel_dsl.model.problem import Problem
from bilevel_dsl.reading import read
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.status import Status
from tests.export.cases import C_COMPILERS, EXACT, ExportedLibrary, exported

pytestmark = pytest.mark.usefixtures("compiler")
INF, NAN = np.inf, np.nan


@dataclass(frozen=True)
class Kind:
    """`variable` with `#` for its parameter, of which `good` is a value and `bad` are some that leave no point."""

    variable: str
    good: object
    bad: tuple
    row: str = ""  # a constraint on it, `@`, that becomes a bound
    rough: bool = False  # not for kkt


KINDS = {
    "high": Kind("[2] in [-1, #]", 2, (-2, -INF)),
    "low": Kind("[2] in [[#, -1], 5]", -3, (5.5, INF)),
    "entry": Kind("[2] in [#, 1]", [-1, 0], ([-1, 2], [INF, 0])),
    "boxes": Kind("[2] in [0, 2] in [#, 3]", 1, (2.5, INF)),
    "computed": Kind("[2] in [-1, sqrt(#)]", 4, (-1, -INF)),
    "simplex": Kind("[2] in simplex(#)", 1, (-1, INF, -INF)),
    "capped": Kind("[2] in capped_simplex(#)", 1, (-1, 2.5, INF)),
    "ball": Kind("[2] in ball([1, 2], #)", 1, (-1, INF)),
    "center": Kind("[2] in ball(#, 1)", [1, 2], ([INF, 2],)),
    "l1ball": Kind("[2] in l1ball(#)", 1, (-1, INF), rough=True),
    "linfball": Kind("[2] in linfball([1, 2], #)", 1, (-1, INF)),
    "halfspace": Kind("[2] in halfspace(#, -1)", [1, 2], ([0, 0], [INF, 1])),
    "hyperplane": Kind("[2] in hyperplane(#, -1)", [1, 2], ([0, 0], [INF, 1])),
    "affine": Kind("[2] in affine([[1, 2], [2, 4]], #)", [1, 2], ([1, 1], [INF, INF])),
    "spectral": Kind("[2, 2] in spectral(#, 1)", -1, (2, INF), rough=True),
    "bound": Kind("[2] in [0, 5]", 4, (-1, -INF), row="@ <= #"),
    "bound, free": Kind("[2]", 4, (-INF,), row="@[1] <= #"),
    "bound, computed": Kind("[2]", 4, (-1,), row="@ <= sqrt(#)"),
}
# of every family of methods one or two: what `prepare` does with them is one place, asked of all below
LEVELS = {"penalty": ("upper", "lower"), "kkt": ("upper", "lower"), "dbgd": ("lower",)} | dict.fromkeys(
    ("mgbio", "msgbio", "aid", "soba", "f2sa"), ("upper",)
)


def kinds_of(method: str) -> dict[str, Kind]:
    return {name: kind for name, kind in KINDS.items() if not (method == "kkt" and kind.rough)}


def parameter(level: str, name: str) -> str:
    return f"{level}_{name}".replace(", ", "_").replace(" ", "_")


def model(method: str) -> Problem:
    """Strongly convex in everything; `cf`, `cg` are added to the objectives, `sf`, `sg` move their minima."""
    params, parts = ["param cf = 0;", "param cg = 0;", "param sf = 1;", "param sg = 1;"], {}
    for level in ("upper", "lower"):
        names, lines, rows = [], [], []
        for name, kind in kinds_of(method).items() if level in LEVELS[method] else ():
            data, variable = parameter(level, name), f"v_{parameter(level, name)}"
            shape = f"[{len(kind.good)}]" if isinstance(kind.good, list) else ""
            params.append(f"param {data}{shape} = {kind.good};")
            lines.append(f"var {variable}{kind.variable.replace('#', data)};")
            rows += [kind.row.replace("@", variable).replace("#", data) + ";"] if kind.row else []
            names.append(variable)
        if level == "lower" and not names:
            lines.append("var w[2];")
            names.append("w")
        parts[level] = names, " ".join(lines), f"subject to {' '.join(rows)}" if rows else ""
    xs, ys = parts["upper"][0], parts["lower"][0]
    leader = " + ".join([f"sumsqr({v} - sf)" for v in xs] + [f"0.5 * sumsqr({v} - 0.3)" for v in ys])
    follower = " + ".join(f"sumsqr({v} - sg)" for v in ys) + (f" + 0.1 * {xs[0]}[1] * sum({ys[0]})" if xs else "")
    text = " ".join(
        [
            *params,
            f"upper {{ {parts['upper'][1]} minimize cf + {leader}; {parts['upper'][2]} }}",
            f"lower {{ {parts['lower'][1]} minimize cg + {follower}; {parts['lower'][2]} }}",
        ]
    )
    return build(read(Source("test", f"problem {method}; {text}")))


@dataclass(frozen=True)
class Made:
    library: ExportedLibrary
    problem: Problem

    def statuses(self, **data) -> set[Status]:
        """Of both executors and of the exported solver, which must leave no trace in its next solve."""
        program, short = self.library.program, {"max_iter": 1}
        values = {name: np.asarray(v, float).ravel(order="F") for name, v in data.items()}
        start = self.problem.start()
        # kkt of all sets is large, and its C is compiled once already; the small model has all three
        executors = ("interpreted",) if program.method == "kkt" else ("interpreted", "compiled")
        found = {execute(program, *start, executor=e, data=values, settings=short, trace=False).status for e in executors}
        solver = self.library.solver()
        solver.set_setting("max_iter", 1)
        for name, value in values.items():
            self.give(solver, name, value)
        found |= {Status(solver.call("solve")), Status(solver.call("resume"))}
        for name in values:
            self.give(solver, name, None)
        assert solver.call("solve") == Status.ITERATION_LIMIT
        return found

    def give(self, solver, name: str, value: np.ndarray | None) -> None:
        index = [s.label for s in self.library.program.data].index(name)
        pointer = None if value is None else ct.c_void_p(value.ctypes.data)
        refused = value is not None and np.isnan(value).any()
        assert solver.call("set_parameter", index, pointer) == (-1 if refused else 0)
        if refused:  # behind its back
            solver.harness("data", index, pointer)


@pytest.fixture(scope="module", params=LEVELS)
def made(request, tmp_path_factory) -> Made:
    problem = model(request.param)
    assert METHODS[request.param].refusals(problem) == []
    return Made(ExportedLibrary(problem, request.param, tmp_path_factory.mktemp(request.param) / "out", ("-O0",)), problem)


def test_every_set_on_every_level(made):
    method = made.library.program.method
    for level in LEVELS[method]:
        for name, kind in kinds_of(method).items():
            for bad in kind.bad:
                found = made.statuses(**{parameter(level, name): bad})
                assert found == {Status.INFEASIBLE}, (level, name, bad)


def test_no_number_in_any_parameter(made):
    for slot in made.library.program.data:
        value = np.full(slot.size, NAN)
        assert made.statuses(**{slot.label: value}) == {Status.NOT_FINITE}, slot.label


def test_good_data_are_solved(made):
    """Also other ones than those that the solver was made with; an interval may be open, or one point."""
    level = LEVELS[made.library.program.method][0]
    assert made.statuses() == {Status.ITERATION_LIMIT}
    for name, good in (
        ("high", -1),
        ("high", 7),
        ("entry", [1, 1]),
        ("simplex", 0),
        ("capped", 2),
        ("ball", 0),
        ("affine", [0, 0]),
        ("affine", [-3, -6]),
        ("halfspace", [1e-3, 0]),
        ("bound", 0),
    ):
        assert made.statuses(**{parameter(level, name): good}) == {Status.ITERATION_LIMIT}, (name, good)


def test_nothing_is_done_with_an_empty_set(made):
    """The answer of the solve before stays, and the one after is that of a fresh solver."""
    level = LEVELS[made.library.program.method][0]
    solver, fresh = made.library.solver(), made.library.solver()
    for s in (solver, fresh):
        s.set_setting("max_iter", 3)
        s.call("solve")
    bad = np.array([-1.0])
    made.give(solver, parameter(level, "simplex"), bad)
    assert solver.call("solve") == Status.INFEASIBLE and solver.harness("iterations") == 0
    assert np.array_equal(solver.state, fresh.state)
    made.give(solver, parameter(level, "simplex"), None)
    assert solver.call("solve") == fresh.call("solve") == Status.ITERATION_LIMIT
    numbers = made.library.c.h_upper() + 2  # after them come pointers
    assert np.array_equal(solver.memory[:numbers], fresh.memory[:numbers], equal_nan=True)


@pytest.mark.parametrize("real", ["double", "float"])
def test_the_program_says_it(real, tmp_path):
    """Also in single precision, where equations that depend on each other fit up to its own roundings."""
    text = """
    problem printed;
    param r = 0.7; param k = 1;
    upper { var x[2] in affine([[0.1, 0.3], [0.2, 0.6], [0.7, 2.1]], [r, 2 * r, 4.9]); minimize sumsqr(x) + sumsqr(y); }
    lower { var y[2] in capped_simplex(k); minimize sumsqr(y - x); }"""
    exported(build(read(Source("test", text))), "penalty", tmp_path / "out", real=real)
    sources = ["driver.c", "functions.c", "data.c", "solver.c", "main.c"]
    subprocess.run([C_COMPILERS[0], *EXACT, "-O0", *sources, "-o", "solver", "-lm"], cwd=tmp_path / "out", check=True)
    for arguments, code in (([], 0), (["k=2"], 0), (["k=2.5"], 4), (["k=-1"], 4), (["r=0.71"], 4), (["k=inf"], 4)):
        run = subprocess.run(["./solver", "tol=1e-2", *arguments], cwd=tmp_path / "out", capture_output=True, text=True)
        assert run.returncode == code, (arguments, run.stdout)


# --- infinite numbers to compute with -------------------------------------------------------------

BOUNDS = ("ux", "uy")  # of sets
ROWS = ("ru", "rl")
SMALL = {
    "penalty": (
        "var x[2] in [-4, ux]; minimize cf + sumsqr(x - sf) + 0.5 * sumsqr(y); subject to sum(x) + sum(y) <= ru;",
        "var y[2] in [-4, uy]; minimize cg + sumsqr(y - x - sg); subject to sum(y) <= rl;",
    ),
    "dbgd": ("minimize cf + sumsqr(y - sf);", "var y[2] in [-4, uy]; minimize cg + (y[1] - sg)^2;"),
    "mgbio": (
        "var x[2] in [-4, ux]; minimize cf + sumsqr(x - sf) + 0.5 * sumsqr(y);",
        "var y[2]; minimize cg + sumsqr(y - x - sg);",
    ),
}
SMALL["kkt"] = SMALL["penalty"]


@pytest.fixture(scope="module", params=SMALL)
def small(request, tmp_path_factory) -> Made:
    """Objectives and rows with parameters; `cf` and `cg` appear in no gradient."""
    upper, lower = SMALL[request.param]
    names = [n for n in ("cf", "cg", "sf", "sg", *BOUNDS, *ROWS) if n in upper or n in lower]
    params = " ".join(f"param {n} = 1;" for n in names)
    problem = build(read(Source("test", f"problem small; {params} upper {{ {upper} }} lower {{ {lower} }}")))
    folder = tmp_path_factory.mktemp(request.param) / "out"
    return Made(ExportedLibrary(problem, request.param, folder, ("-O0",), max_iter=2000), problem)


def ends(made: Made, name: str, value: float) -> dict[Status, list[np.ndarray]]:
    """How it ends with that parameter on both executors and exported: statuses, and the answers with each."""
    program, values, found = made.library.program, np.array([value]), {}
    for executor in ("interpreted", "compiled"):
        run = execute(
            program, *made.problem.start(), executor=executor, data={name: values}, settings={"max_iter": 2000}, trace=False
        )
        found.setdefault(run.status, []).append(np.append(run.state["x"], run.state["y"]))
    solver = made.library.solver()
    made.give(solver, name, values)
    status = Status(solver.call("solve"))
    at, places = 0, {}
    for slot in program.state:
        places[slot.name], at = slice(at, at + slot.size), at + slot.size
    found.setdefault(status, []).append(np.append(solver.state[places["x"]], solver.state[places["y"]]))
    return found


def test_infinite_numbers_give_no_wrong_answer(small):
    """The answer without a bound where infinity means that there is none, or no answer at all."""
    for slot in small.library.program.data:
        assert set(ends(small, slot.label, 1)) == {Status.CONVERGED}
        for value in (INF, -INF):
            found = ends(small, slot.label, value)
            assert len(found) == 1, (slot.label, value, found)
            if slot.label in BOUNDS and value < 0:
                assert set(found) == {Status.INFEASIBLE}, slot.label
            elif slot.label in BOUNDS + ROWS and value > 0 and Status.CONVERGED in found:
                answer = ends(small, slot.label, 1e3)[Status.CONVERGED][0]
                assert np.allclose(found[Status.CONVERGED], answer, atol=1e-4), (slot.label, value)
            else:
                assert set(found) <= {Status.NOT_FINITE, Status.DIVERGED}, (slot.label, value, found)


WITH_A_SET = (
    "param r = 1; upper { var x in ball(0, r); minimize x + y; } lower { var y; minimize (y - x)^2; }",
    "param r = 1; upper { minimize sumsqr(y); } lower { var y[2] in [-r, r]; minimize (y[1] - 1)^2; }",
)


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].direct])
def test_every_method_asks_whether_the_sets_are_empty(name):
    """The driver ends with INFEASIBLE before the first iteration where this slot is not 1."""
    models = [build(read(Source("test", text))) for text in WITH_A_SET]
    problem = next(m for m in models if not METHODS[name].refusals(m))
    assert INHABITED in [slot.name for slot in METHODS[name].program(Oracles(problem)).prepared]

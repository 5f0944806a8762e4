"""Compiled, interpreted and exported C give the same bits, for every model and every method that fits it.

The C of kkt grows with the square of the number of variables; where it takes more than some seconds to compile it is
left out here, and the same code is tested on the smaller models.
"""

from __future__ import annotations

import subprocess

import pytest

from bilevel_dsl.export.c_solver import solver_texts
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS, fitting, ordered
from bilevel_dsl.model.structure import analyse
from bilevel_dsl.runtime.execute import execute
from tests.export.test_twins import c_lines, printed
from tests.models.collection import LIBRARIES, MODELS, load
from tests.runtime.machines import COMPILER, assert_same

FLAGS = ("-std=c99", "-O0", "-ffp-contract=off", "-fno-builtin")  # the cache compiles with more optimisation
KKT_VARIABLES = 15  # of both levels
ITERATIONS = 60  # most runs end before


def _program(problem) -> str:
    """The first method that `auto` takes and that is a program."""
    return next(info.name for info, _ in ordered(problem, analyse(problem)) if not info.direct)


LONG = {"papers/matrix_sensing", "applications/hyper_cleaning"}  # 5 to 20 seconds each, mostly of the C compiler


def pairs() -> list:
    """Each library model with the method that `auto` takes, the others with all that it may take."""
    found = []
    for name in MODELS:
        problem = load(name)
        large = problem.x.numel() + problem.y.numel() > KKT_VARIABLES
        methods = (
            [_program(problem)]
            if name in LIBRARIES
            else [m for m in fitting(problem) if METHODS[m].automatic and not METHODS[m].direct]
        )
        found += [
            pytest.param(name, m, id=f"{name}-{m}", marks=[pytest.mark.long] if name in LONG else [])
            for m in methods
            if not (large and m == "kkt")
        ]
    return found


def run_exported(program, problem, folder) -> dict[str, str]:
    """What the generated solver prints: name and value."""
    for file, text in solver_texts(program, problem, real="double", settings={"max_iter": ITERATIONS}).items():
        (folder / file).write_text(text)
    sources = sorted(f.name for f in folder.glob("*.c"))
    subprocess.run([COMPILER, *FLAGS, *sources, "-o", "solver", "-lm"], cwd=folder, check=True)
    return printed(subprocess.run(["./solver"], cwd=folder, capture_output=True, text=True).stdout)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("name, method", pairs())
def test_three_executors_agree(name, method, tmp_path):
    problem = load(name)
    program = METHODS[method].program(Oracles(problem))
    compiled, interpreted = (
        execute(program, *problem.start(), settings={"max_iter": ITERATIONS}, executor=executor)
        for executor in ("compiled", "interpreted")
    )
    assert compiled.iterations > 0
    assert_same(compiled, interpreted)
    exported = run_exported(program, problem, tmp_path)
    assert (exported["status"], exported["iterations"]) == (compiled.status.label, str(compiled.iterations))
    for variable in problem.variables:
        value = compiled.state["x" if variable.level == "upper" else "y"][variable.slice]
        lines = c_lines(variable, value.reshape(variable.shape, order="F"))
        assert {name: exported.get(name) for name in lines} == lines

"""Strict C99 without warnings, allocation, input and output or writable data; clean under sanitizers."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import casadi as ca
import numpy as np
import pytest

from tests.export.cases import C_COMPILERS, EXACT, STRICT, awkward, exported
from tests.problems import TWO_LEVEL, problem
from tests.runtime.test_twins import LEAST_NORM, RIDGE

pytestmark = pytest.mark.usefixtures("compiler")
SOLVER = ["driver.c", "functions.c", "data.c", "solver.c"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """An exported folder for each method, and one in float."""
    made = {}
    for name, case, method, real in [
        ("penalty", awkward(), "penalty", "double"),
        ("mgbio", RIDGE, "mgbio", "double"),
        ("dbgd", LEAST_NORM, "dbgd", "double"),
        ("float", awkward(), "penalty", "float"),
    ]:
        made[name] = tmp_path_factory.mktemp(name) / "out"
        exported(case, method, made[name], real=real)
    return made


def run(folder: Path, *command: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, **more)


@pytest.mark.parametrize("compiler", C_COMPILERS)
@pytest.mark.parametrize("name", ["penalty", "mgbio", "dbgd", "float"])
def test_no_warnings(folders, name, compiler):
    done = run(folders[name], compiler, *STRICT, "-c", "main.c", *SOLVER)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("compiler", C_COMPILERS)
def test_our_own_files_stand_more_warnings(folders, compiler):
    more = [
        "-Wconversion",
        "-Wsign-conversion",
        "-Wshadow",
        "-Wstrict-prototypes",
        "-Wmissing-prototypes",
        "-Wvla",
        "-Wcast-qual",
        "-Wwrite-strings",
    ]
    ours = ["main.c", "driver.c", "solver.c", "data.c"]
    done = run(folders["penalty"], compiler, *STRICT, *more, "-fsyntax-only", *ours)
    assert (done.returncode, done.stderr) == (0, "")


def test_included_from_cpp(folders):
    if not shutil.which("g++"):
        pytest.skip("there is no C++ compiler")
    source = (
        '#include "solver.h"\nint main() { static for_solver s; for_init(&s);\n  return for_solve(&s) != FOR_CONVERGED; }\n'
    )
    (folders["penalty"] / "use.cpp").write_text(source)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    done = run(folders["penalty"], "g++", *flags, "-fsyntax-only", "use.cpp")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["penalty", "mgbio", "dbgd"])
def test_symbols(folders, name):
    """Nothing is wanted but mathematics and memcpy; nothing can be written; every name has the prefix."""
    if not (shutil.which("nm") and shutil.which("size")):
        pytest.skip("there is no nm")
    folder = folders[name]
    assert run(folder, C_COMPILERS[0], *EXACT, "-fPIC", "-c", *SOLVER).returncode == 0
    objects = [s.replace(".c", ".o") for s in SOLVER]
    wanted, defined = set(), set()
    for line in run(folder, "nm", *objects).stdout.splitlines():
        match = re.fullmatch(r"[0-9a-f ]* (\w) (\w+)", line)
        if match:
            kind, symbol = match.groups()
            (wanted if kind == "U" else defined).add(symbol)
            assert kind not in "bBC", f"{symbol} is writable"
    prefix = "for_" if name == "penalty" else "test_"
    outside = {symbol for symbol in wanted if not symbol.startswith(prefix)} - {"_GLOBAL_OFFSET_TABLE_"}
    mathematics = {"sqrt", "exp", "log", "sin", "cos", "tanh", "cosh", "sinh", "pow", "fabs", "floor", "fmin", "fmax"}
    assert outside <= mathematics | {"memcpy", "memset", "memmove"}
    external = run(folder, "nm", "-g", "--defined-only", *objects).stdout
    assert {line.split()[-1] for line in external.splitlines() if re.search(r" [A-Z] ", line)} <= {
        symbol for symbol in defined if symbol.startswith(prefix)
    }
    writable = re.findall(r"^\.(?:data|bss) +(\d+)", run(folder, "size", "-A", *objects).stdout, re.MULTILINE)
    assert len(writable) == 2 * len(objects) and set(writable) == {"0"}


@pytest.mark.parametrize("name", ["penalty", "mgbio", "dbgd"])
def test_sanitizers(folders, name):
    folder = folders[name]
    flags = ["-g", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    built = run(folder, C_COMPILERS[0], *EXACT, *flags, "main.c", *SOLVER, "-o", "checked", "-lm")
    if built.returncode and "sanitize" in built.stderr:
        pytest.skip("the compiler has no sanitizers")
    assert built.returncode == 0, built.stderr
    assert run(folder, C_COMPILERS[0], *EXACT, "main.c", *SOLVER, "-o", "plain", "-lm").returncode == 0
    checked, plain = (run(folder, f"./{program}", "max_iter=50") for program in ("checked", "plain"))
    assert checked.stderr == "" and checked.returncode in (0, 6)
    assert checked.stdout == plain.stdout


@pytest.mark.parametrize("name", ["p1", "p6"])
def test_float_gets_close(name, tmp_path):
    case = TWO_LEVEL[name]
    exported(case.problem, "penalty", tmp_path / "out", real="float", tol=1e-3)
    assert run(tmp_path / "out", "make", "-s", "CFLAGS=-O1").returncode == 0
    done = run(tmp_path / "out", "./solver")
    values = dict(line.split(" = ", 1) for line in done.stdout.splitlines())
    assert values["status"] == "converged"
    assert [float(values[v].strip("[]")) for v in "xy"] == pytest.approx(case.answer, abs=1e-2)


def test_make_again_makes_what_changed(folders, tmp_path):
    folder = tmp_path / "out"
    shutil.copytree(folders["penalty"], folder)
    assert run(folder, "make", "-s").returncode == 0
    assert "up to date" in run(folder, "make").stdout
    assert run(folder, "make", "-s", "clean").returncode == 0
    assert not list(folder.glob("*.o")) and not (folder / "solver").exists()


def test_cmake(folders, tmp_path):
    if not shutil.which("cmake"):
        pytest.skip("there is no cmake")
    assert run(folders["penalty"], "cmake", "-S", ".", "-B", str(tmp_path)).returncode == 0
    done = run(folders["penalty"], "cmake", "--build", str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert run(tmp_path, "./solver").returncode == 0


# --- the example program ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def solver(folders, tmp_path_factory):
    folder = tmp_path_factory.mktemp("main")
    shutil.copytree(folders["penalty"], folder / "out")
    subprocess.run(["make", "-s"], cwd=folder / "out", check=True)
    return folder / "out"


@pytest.mark.parametrize(
    "arguments, code, status",
    [
        ([], 0, "converged"),
        (["max_iter=2"], 6, "iteration_limit"),
        (["tol=1e-2", "max_iter=100"], 0, "converged"),
        (["x=0.5"], 0, "converged"),
        (["x=1e200"], 8, "not_finite"),
    ],
)
def test_arguments(solver, arguments, code, status):
    done = run(solver, "./solver", *arguments)
    assert (done.returncode, done.stdout.splitlines()[0]) == (code, f"status = {status}")


def test_a_scalar_parameter_changes_the_answer(solver):
    second = [float(re.search(r"int = \[.*, (.*)\]", run(solver, "./solver", f"x={x}").stdout)[1]) for x in (0.5, 1.25)]
    assert second == pytest.approx([(0.5 + 2 / 3) / 2, (1.25 + 2 / 3) / 2], abs=1e-5)


@pytest.mark.parametrize(
    "argument", ["tol", "=1", "tol=", "tol=1x", "tol=-1", "speed=2", "n=4", "if=1", "x=nan", "max_iter=1.5"]
)
def test_arguments_that_are_refused(solver, argument):
    done = run(solver, "./solver", argument)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"`{argument}`" in done.stderr


def test_diverged_prints_no_answer(tmp_path):
    runaway = problem(lambda x, y: -x - y, lambda x, y: (y - x) ** 2, 1, 1)
    exported(runaway, "mgbio", tmp_path / "out", tol=0)
    assert run(tmp_path / "out", "make", "-s", "CFLAGS=-O0").returncode == 0
    done = run(tmp_path / "out", "./solver")
    assert done.returncode == 5
    assert [line.split(" = ")[0] for line in done.stdout.splitlines()] == ["status", "iterations", "calls"]


def test_every_double_survives(tmp_path):
    """Random bit patterns, subnormals and the ends, from the model through text and compiler back to bits."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 2**64, 4000, dtype=np.uint64).view(np.float64)
    values = np.concatenate([values[np.isfinite(values)], [5e-324, -2.2e-308, 1.7976931348623157e308, -0.0, 0.1]])
    case = problem(
        lambda x, y, p: ca.sumsqr(x - y), lambda x, y, p: ca.sumsqr(y) + 0 * p[0], 1, 1, parameters=[("p", values)]
    )
    exported(case, "penalty", tmp_path / "out")
    (tmp_path / "out" / "dump.c").write_text(
        '#include "solver.h"\n#include <stdio.h>\nint main(void) { static test_solver s; test_init(&s);\n'
        "  return fwrite(s.data[TEST_PAR_p], sizeof(double), TEST_PARSIZE_p, stdout) != TEST_PARSIZE_p; }\n"
    )
    assert run(tmp_path / "out", C_COMPILERS[0], *EXACT, "dump.c", *SOLVER, "-o", "dump", "-lm").returncode == 0
    bits = subprocess.run(["./dump"], cwd=tmp_path / "out", capture_output=True, check=True).stdout
    assert bits == values.tobytes()


def test_two_solvers_in_one_program(tmp_path):
    """Their names do not clash, nor do their headers."""
    for name in ("one", "two"):
        exported(replace(TWO_LEVEL["p1"].problem, name=name), "mgbio", tmp_path / name)
    (tmp_path / "both.c").write_text(
        '#include "one/solver.h"\n#include "two/solver.h"\nint main(void) { static one_solver a; static two_solver b;\n'
        "  one_init(&a); two_init(&b);\n  return one_solve(&a) != ONE_CONVERGED || two_solve(&b) != TWO_CONVERGED; }\n"
    )
    sources = [f"{name}/{source}" for name in ("one", "two") for source in SOLVER]
    done = run(tmp_path, C_COMPILERS[0], *STRICT, "both.c", *sources, "-o", "both", "-lm")
    assert (done.returncode, done.stderr) == (0, "")
    assert run(tmp_path, "./both").returncode == 0

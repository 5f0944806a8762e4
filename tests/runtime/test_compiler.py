"""Which compiler is found, what its failures become, and what cannot be compiled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.methods.program import Phase
from bilevel_dsl.runtime import compiler as finding
from bilevel_dsl.runtime.compiler import find_compiler
from bilevel_dsl.runtime.csource import functions_source, template
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.layout import lay_out
from bilevel_dsl.runtime.status import Status
from tests.runtime import programs
from tests.runtime.machines import EXECUTORS

posix = pytest.mark.skipif(os.name != "posix", reason="a shell script as compiler")


def solve(executor="eager", program=None):
    return execute(program or programs.newton(), np.zeros(0), np.ones(1), executor=executor)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """BILEVELDSL_CC is a shell script with the given lines."""

    def write(*lines: str):
        path = tmp_path / "mycc"
        path.write_text("\n".join(["#!/bin/sh", *lines]))
        path.chmod(0o755)
        monkeypatch.setenv("BILEVELDSL_CC", str(path))

    return write


# --- finding ----------------------------------------------------------------------------------------


@posix
def test_the_environment_chooses(script, tmp_path):
    script("echo my compiler 3")
    found = find_compiler(tmp_path / "notes.json")
    assert (found.command, found.identity) == ((str(tmp_path / "mycc"),), "my compiler 3")


@posix
def test_the_answer_is_noted_until_the_compiler_changes(script, tmp_path, monkeypatch):
    script("echo my compiler $(cat version)", f"echo asked >> {tmp_path}/log")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "version").write_text("3")
    assert {find_compiler(tmp_path / "notes.json").identity for _ in range(3)} == {"my compiler 3"}
    assert (tmp_path / "log").read_text() == "asked\n"
    script("echo my compiler $(cat version), changed", f"echo asked >> {tmp_path}/log")
    assert find_compiler(tmp_path / "notes.json").identity == "my compiler 3, changed"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}'])
def test_notes_that_are_broken(tmp_path, content):
    (tmp_path / "notes.json").write_text(content)
    found = find_compiler(tmp_path / "notes.json")
    assert (found is not None) == ("compiled" in EXECUTORS)


@pytest.fixture
def no_compiler(monkeypatch):
    monkeypatch.delenv("BILEVELDSL_CC", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(finding, "find_spec", lambda name: None)


@pytest.mark.usefixtures("no_compiler", "empty_cache")
def test_without_a_compiler():
    run = solve()
    assert (run.executor, run.status, run.warnings) == ("interpreted", Status.CONVERGED, ())
    with pytest.raises(BilevelError) as error:
        solve("compiled")
    assert [(d.code, d.exit_status) for d in error.value.diagnostics] == [("BL0604", 2)]
    assert "pip install ziglang" in str(error.value)


@pytest.mark.usefixtures("no_compiler", "empty_cache")
def test_the_package_ziglang_is_a_compiler(monkeypatch, tmp_path):
    """A stand-in for the package: a module of its name that hands its arguments to the real compiler."""
    real = shutil.which("cc", path=os.defpath) or shutil.which("gcc", path="/usr/bin:/usr/local/bin")
    if real is None:
        pytest.skip("there is no C compiler")
    package = tmp_path / "ziglang"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import os, subprocess, sys\n"
        "assert sys.argv[1] == 'cc'\n"
        "if '--version' in sys.argv: print('clang version 99'); sys.exit()\n"
        "for flag in ('-mcpu=baseline', '-fno-sanitize=undefined'): assert flag in sys.argv, sys.argv\n"
        "rest = [a for a in sys.argv[2:] if a != '-mcpu=baseline']\n"
        f"sys.exit(subprocess.call([{real!r}, *rest], env={{**os.environ, 'PATH': os.defpath}}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(finding, "find_spec", find_spec)
    found = find_compiler(tmp_path / "notes.json")
    assert (found.command, found.identity) == ((sys.executable, "-m", "ziglang", "cc"), "clang version 99")
    assert solve("compiled").executor == "compiled"


# --- failing ----------------------------------------------------------------------------------------


@posix
@pytest.mark.usefixtures("empty_cache")
def test_a_compiler_that_fails(script):
    script(
        'case "$1" in --version) echo broken 1; exit;; esac', "echo 'functions.c:7: error: no more patience' >&2", "exit 3"
    )
    run = solve()
    assert (run.executor, run.status) == ("interpreted", Status.CONVERGED)
    (warning,) = run.warnings
    assert (warning.code, warning.severity) == ("BL0601", "warning")
    assert "failed with exit status 3; the solve runs interpreted" in warning.message
    assert warning.hints == ("functions.c:7: error: no more patience",)
    with pytest.raises(BilevelError, match="exit status 3"):
        solve("compiled")


@posix
@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("lines", [["exit 0"], ["echo"], ["echo no; exit 1"]])
def test_no_compiler_at_all_behind_the_name(script, lines):
    script(*lines)
    assert [w.code for w in solve().warnings] == ["BL0601"]


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("name", ["/nowhere/cc", "no-such-compiler -O3"])
def test_a_compiler_that_does_not_exist(monkeypatch, name):
    monkeypatch.setenv("BILEVELDSL_CC", name)
    run = solve()
    assert run.executor == "interpreted"
    assert f"BILEVELDSL_CC is `{name}`, which is not a C compiler that works" in run.warnings[0].message
    with pytest.raises(BilevelError, match="BL0601"):
        solve("compiled")


@posix
@pytest.mark.usefixtures("empty_cache")
def test_a_compiler_that_writes_rubbish(script):
    script(
        'case "$1" in --version) echo odd 1; exit;; esac',
        'while [ $# -gt 0 ]; do if [ "$1" = "-o" ]; then echo rubbish > "$2"; fi; shift; done',
    )
    assert "the compiled library cannot be loaded" in solve().warnings[0].message


@posix
@pytest.mark.usefixtures("compiler", "empty_cache")
def test_a_compiler_that_rounds_otherwise(script, compiler):
    script(
        f'case "$1" in --version) {compiler} --version; exit;; esac',
        "sed 's/return a [*] b + c;/return __builtin_fma(a, b, c);/' driver.c > fused.c; mv fused.c driver.c",
        f'exec {compiler} "$@"',
    )
    run = solve()
    assert run.executor == "interpreted"
    assert "does not round as it must" in run.warnings[0].message


@pytest.mark.usefixtures("compiler")
def test_fast_math_does_not_compile(compiler, tmp_path):
    for name in ("driver.c", "driver.h"):
        (tmp_path / name).write_text(template(name))
    command = [compiler, "-std=c99", "-O1", "-fsyntax-only", "driver.c"]
    assert subprocess.run(command, cwd=tmp_path).returncode == 0
    refused = subprocess.run([*command, "-ffast-math"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode != 0 and "fast-math breaks" in refused.stderr


# --- not compilable ---------------------------------------------------------------------------------


class Foreign(ca.Callback):
    """A function in Python, of which there is no C."""

    def __init__(self):
        super().__init__()
        self.construct("foreign", {})

    def eval(self, arguments):
        return [arguments[0] + 1]


FOREIGN = Foreign()


def solver_node(y: ca.MX) -> ca.MX:
    """C that keeps memory between calls."""
    z, p = ca.MX.sym("z"), ca.MX.sym("p")
    quiet = {"print_header": False, "print_iteration": False, "print_status": False, "print_time": False}
    options = quiet | {"qpsol": "qrqp", "qpsol_options": {"print_iter": False, "print_header": False}}
    return ca.nlpsol("least", "sqpmethod", {"x": z, "p": p, "f": (z - p - 1) ** 2}, options)(x0=0, p=y)["x"]


def root_node(y: ca.MX) -> ca.MX:
    z, p = ca.MX.sym("z"), ca.MX.sym("p")
    root = ca.rootfinder("root", "newton", {"x": z, "p": p, "g": z - p - 1})
    return root(0, y)


@pytest.mark.skipif("compiled" not in EXECUTORS, reason="there is no C compiler")
@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("node", [FOREIGN, root_node, solver_node], ids=["callback", "no C", "memory of its own"])
def test_what_has_no_re_entrant_c_runs_interpreted(node):
    program, y = programs.counter(), ca.MX.sym("y")
    program = replace(program, phases=(Phase("count", programs.function("phase_count", [y], {"y": node(y)})),))
    run = execute(program, np.ones(2), np.zeros(1), settings={"max_iter": 4}, executor="eager")
    assert (run.executor, run.state["y"][0]) == ("interpreted", pytest.approx(4))
    (warning,) = run.warnings
    assert warning.code == "BL0602" and "the solve runs interpreted" in warning.message
    with pytest.raises(BilevelError, match="BL0602"):
        execute(program, np.ones(2), np.zeros(1), executor="compiled")


# --- the C text ---------------------------------------------------------------------------------------


def test_products_are_replaced():
    """CasADi's own product is a slow loop; if its text changes, the replacement must follow."""
    text = functions_source(lay_out(programs.descent()))
    assert text.count("static void casadi_mtimes_dense(") == 1
    assert "CASADI_RESTRICT zz=z" in text


def test_only_the_program_is_external():
    text = functions_source(lay_out(programs.descent()))
    definitions = [
        line
        for line in text.splitlines()
        if line[:1].isalpha() and line.rstrip().endswith("{") and not line.startswith(("static", "typedef", "extern"))
    ]
    assert definitions == ["const bl_program bl_the_program = {"]


def test_the_text_is_reproducible():
    assert functions_source(lay_out(programs.descent())) == functions_source(lay_out(programs.descent(seed=9)))


def test_a_layout_needs_known_slots():
    program = programs.newton()
    with pytest.raises(ValueError, match="no state slot `signal`"):
        lay_out(replace(program, state=program.state[:1] + program.state[2:]))
    with pytest.raises(ValueError, match="`p0` is no slot"):
        lay_out(replace(program, data=()))
    y = ca.MX.sym("y", 2)
    with pytest.raises(ValueError, match="`y` has 2 entries, not 1"):
        lay_out(replace(program, measures=programs.function("measures", [y], {"residual": ca.sum1(y)})))

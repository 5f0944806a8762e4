"""`check --dump`: nodes once and after their arguments, expressions, the machine that an executor runs."""

from __future__ import annotations

import re

import pytest

import bilevel_dsl as bl
from bilevel_dsl.describe import dump
from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.session import program_of

TEXT = """
param a[3] = [1, 2, 3];
let seen = a + y[1];
upper { var x in [0, 4]; maximize sum(x * seen[i] for i in 1..3); subject to cap: x <= 3; }
lower { var y[2] in simplex; minimize sumsqr(y - x) + sum(seen); }
report { twice = 2 * x; }
"""


@pytest.fixture(scope="module")
def problem():
    return bl.load(bl.Source("m", TEXT))


def test_nodes_come_once_and_after_their_arguments(problem):
    text = dump.ir(problem.checked)
    defined: list[str] = []
    for line in text.splitlines():
        found = re.match(r"  (%\d+) +(.*)", line)
        if found:
            assert found[1] not in defined and set(re.findall(r"%\d+", found[2])) <= set(defined), line
            defined.append(found[1])
    assert len(defined) == len(set(defined)) > 10
    assert text.count(" + ") == 2  # `seen` is shared by both levels; the follower's sum is the other one
    assert "upper row cap <= 0" in text and "objective, maximize (line 4)" in text and "report twice" in text


def test_expressions(problem):
    text = dump.problem(problem)
    assert (
        "x 1, y 2" in text and "lower y [2] = y[0:2] in Simplex" in text and "f, of what is maximized the negative" in text
    )
    assert "param a [3] = 1 2 3" in text


def test_the_machine(problem):
    program = program_of(problem, "penalty")
    text = dump.program(program)
    for k, phase in enumerate(program.phases):
        assert f"phase {k} {phase.name}: {phase.function.n_instructions()} instructions" in text
    for slot in (*program.state, *program.data, *program.prepared):
        assert re.search(rf"^(state|data|prepared) {slot.name} \[{slot.size}\]", text, re.MULTILINE)


def test_on_the_command_line(run, tmp_path):
    model = tmp_path / "m.bilevel"
    model.write_text(TEXT)
    for stage, begins in (("ir", "model m"), ("problem", "problem m"), ("program", "program ")):
        done = run("check", model, "--dump", stage)
        assert done.status == 0 and done.out.startswith(begins)
    assert run("check", model, "--dump", "program", "--method", "mpcc").status == 3
    model.write_text("upper {")
    assert run("check", model, "--dump", "ir").status == 3


def test_what_is_no_program_is_said(problem):
    with pytest.raises(BilevelError, match="cannot be exported|has a solver of its own"):
        program_of(problem, "mpcc")

"""Functions cut into pieces compute what they did, to the bit."""

from __future__ import annotations

import re
import subprocess

import pytest

from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime import csource, pieces
from bilevel_dsl.runtime.csource import functions_source, template
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.layout import lay_out
from tests.runtime import programs
from tests.runtime.machines import assert_same
from tests.runtime.test_twins import CASES, RIDGE

pytestmark = pytest.mark.usefixtures("compiler", "empty_cache")


@pytest.fixture
def length(monkeypatch):
    """Sets the length of pieces."""
    return lambda piece: monkeypatch.setattr(csource, "cut", lambda text: pieces.cut(text, piece))


@pytest.mark.parametrize("piece", [1, 7])
@pytest.mark.parametrize(
    "program, x, y",
    [
        (programs.descent(17, 30, seed=8), [0.1, 0.2], [0.5] * 17),
        (METHODS["mgbio"].program(Oracles(RIDGE)), [0.3] * 5, [0.1] * 5),
    ],
    ids=["descent", "mgbio"],
)
def test_the_same_bits(program, x, y, piece, length):
    length(piece)
    assert functions_source(lay_out(program)).count("_values *v") > 3
    compiled, interpreted = (
        execute(program, x, y, executor=e, settings={"max_iter": 60}) for e in ("compiled", "interpreted")
    )
    assert_same(compiled, interpreted)


@pytest.mark.parametrize("method, case", [CASES[3], CASES[7], CASES[8]], ids=["penalty", "mgbio", "dbgd"])
def test_no_value_is_lost_between_pieces(method, case, tmp_path, compiler, length):
    """Every statement alone; the compiler knows of variables that are read before they are set."""
    length(1)
    text = functions_source(lay_out(METHODS[method].program(Oracles(case))))
    (tmp_path / "functions.c").write_text(text)
    (tmp_path / "driver.h").write_text(template("driver.h"))
    command = [compiler, "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-c", "functions.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_short_functions_stay():
    assert "_values" not in functions_source(lay_out(programs.descent()))


def test_no_piece_is_long(length):
    length(20)
    text = functions_source(lay_out(METHODS["penalty"].program(Oracles(RIDGE))))
    bodies = re.findall(r"^static int casadi_f\d+_\d+\(.*\n((?:  .*\n)*)", text, re.MULTILINE)
    assert len(bodies) > 50
    assert max(body.count("\n") for body in bodies) < 20 + 30  # declarations, and parts of one vector

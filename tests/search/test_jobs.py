"""Attempts side by side: the answer of one process, whatever becomes of the others, and none that is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from time import monotonic, sleep

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.search import search, workers

WAVES = """
upper { var x[2] in [-3, 3] start [2, -2]; minimize sum(cos(3 * x[i]) + 0.1 * (x[i] - 0.4)^2 for i in 1..2) + 0.1 * y[1]; }
lower { var y[3] in [-2, 2]; minimize sumsqr(y - 1) + y[1]^4 - x[1] * y[2] + exp(y[3] * 0.1) + dot(x, y[1..2])^2; }
"""


def solve(text: str = WAVES, **more) -> bl.Solution:
    return bl.solve(bl.load(bl.Source("waves", text)), compile="never", verify="quick", **more)


def told(found: bl.Solution) -> tuple:
    attempts = [
        (a.method, a.start, a.status, a.upper, a.iterations, a.examined, a.verified, a.chosen) for a in found.attempts
    ]
    variables = {name: np.asarray(v).tobytes() for name, v in found.variables.items()}
    return attempts, found.upper, found.status, variables, found.evaluations, found.answers


@pytest.fixture
def came(monkeypatch) -> list[bool]:
    """Of each task that was given to another process, whether an attempt came back."""
    found, run = [], workers.Workers._run

    def watched(self, task):
        attempt = run(self, task)
        found.append(attempt is not None)
        return attempt

    monkeypatch.setattr(workers.Workers, "_run", watched)
    return found


@pytest.mark.parametrize("method", [None, "kkt", "mpcc"])
def test_the_answer_is_that_of_one_process(method, came):
    one = solve(method=method, starts=6)
    assert not came
    two = solve(method=method, starts=6, jobs=2)
    assert told(one) == told(two)
    assert len(one.attempts) >= 6 and len(one.answers) > 1
    assert len(came) >= 4 and all(came)


def test_a_process_that_fails_is_done_without(monkeypatch):
    expected = told(solve(method="kkt", starts=4))
    began = []

    def broken() -> subprocess.Popen:
        began.append(1)
        code = "pass" if len(began) == 1 else "import sys; sys.stdout.write('no pickle'); sys.stdin.read()"
        return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(workers, "_started", broken)
    assert told(solve(method="kkt", starts=4, jobs=2)) == expected and len(began) == 2


def test_no_processes_where_there_is_nothing_for_them(monkeypatch):
    monkeypatch.setattr(workers, "_started", lambda: pytest.fail("a process was started"))
    assert len(solve(method="kkt", jobs=4).attempts) == 1


def command(tmp_path, *flags: str) -> subprocess.Popen:
    (tmp_path / "waves.bilevel").write_text(WAVES)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "bilevel_dsl",
            "solve",
            "waves.bilevel",
            "--method",
            "kkt",
            "--no-compile",
            "--jobs",
            "2",
            *flags,
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def all_gone(group: int) -> bool:
    """Whether no process of a group is left, in a while."""
    end = monotonic() + 20
    while monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        sleep(0.1)
    return False


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_an_interrupt_ends_all_and_keeps_the_best_point(tmp_path):
    process = command(tmp_path, "--starts", "100000", "--verify", "quick", "--json", "found.json")
    sleep(6)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["status"] == "interrupted" and "Traceback" not in output + errors, errors
    assert process.returncode == 130
    assert all_gone(process.pid)


@pytest.mark.skipif(os.name != "posix", reason="process groups")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_is_left_where_the_first_process_is_ended(number, tmp_path):
    process = command(tmp_path, "--starts", "100000")
    sleep(6)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert all_gone(process.pid)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_press_that_casadi_cleared_ends_the_search(jobs, monkeypatch):
    """Between attempts, where its wrappers clear an exception that comes while they try conversions."""
    begun = []

    def cleared(*given):
        for start in elsewhere(*given):
            begun.append(start)
            if len(begun) == 20:  # when none is better any more, so that none is examined
                with contextlib.suppress(KeyboardInterrupt):
                    os.kill(os.getpid(), signal.SIGINT)
            yield start

    elsewhere = search.elsewhere
    monkeypatch.setattr(search, "elsewhere", cleared)
    found = solve(method="kkt", starts=60, jobs=jobs)
    assert found.status == "interrupted" and found.upper is not None
    assert 20 <= len(begun) < 24 and len(found.attempts) < 24


def test_a_time_limit_ends_all():
    began = monotonic()
    found = solve(method="kkt", starts=100_000, jobs=2, time_limit=4, options={"tol": 1e-9})
    assert found.upper is not None and monotonic() - began < 60

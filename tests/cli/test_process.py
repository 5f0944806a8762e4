"""The command as a process of its own: imports, signals, pipes, terminals."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bilevel_dsl

from .conftest import SHIFT

# no stationary point to find: x and y chase each other for as long as they may
LONG = """\
upper { var x[40] start 1; minimize sum(cos(y[i] * i) * exp(x[i] / 9) + 0.01 * x[i]^2 for i in 1..40); }
lower { var y[40]; minimize sum((y[i] - sin(x[i]))^2 + (y[i] * x[i])^4 for i in 1..40); }
"""
ENDLESS = ("--method", "penalty", "--max-iter", "100000000", "--tol", "1e-300", "--no-compile")


SCRIPT = "import sys; from bilevel_dsl.cli.process import command; sys.exit(command())"  # what is installed as bileveldsl


def command(*arguments) -> list[str]:
    return [sys.executable, "-c", SCRIPT, *map(str, arguments)]


def surroundings(**more) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(bilevel_dsl.__file__).parent.parent), **more}


def process(*arguments, **more) -> subprocess.CompletedProcess:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, env=surroundings(**more))


def test_the_module_is_the_command(model):
    done = process("solve", model(), "--json", "-")
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["verified"] is True
    words = [sys.executable, "-m", "bilevel_dsl", "--version"]
    module = subprocess.run(words, capture_output=True, text=True, timeout=120, env=surroundings())
    assert (module.returncode, module.stdout) == (0, process("--version").stdout)


def test_exit_statuses_reach_the_shell(model):
    assert process("solve", "none.bilevel").returncode == 2
    assert process("solve", model(), "--method", "kkt", "--max-iter", 1).returncode == 6


@pytest.mark.parametrize(
    "code, absent",
    [
        ("import bilevel_dsl", {"casadi", "numpy", "rich", "lark"}),
        ("from bilevel_dsl.cli import main; main(['check', {model!r}])", {"casadi", "rich", "bilevel_dsl.session"}),
        ("from bilevel_dsl.cli import main; main(['--help'])", {"casadi", "numpy", "rich", "lark"}),
        ("from bilevel_dsl.cli import main; main(['solve', {model!r}])", {"rich"}),
    ],
)
def test_what_is_imported(model, code, absent):
    path = model()
    code = code.format(model=str(path)) + "; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=surroundings(), check=True)
    assert not absent & set(done.stdout.splitlines()[-1].split())


def test_a_closed_pipe_is_silent(model):
    for arguments in (["solve", model()], ["methods"], ["check", model(), "--format", "json"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command(*arguments), stdout=writer, stderr=subprocess.PIPE, env=surroundings(), timeout=120)
        os.close(writer)
        assert done.stderr == b"" and done.returncode == 0


def test_output_to_the_device_of_standard_output(model):
    done = subprocess.run(
        command("solve", model(), "--quiet", "--json", "/dev/stdout"),
        capture_output=True,
        text=True,
        env=surroundings(),
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "") and json.loads(done.stdout)["status"] == "converged"


def test_a_full_standard_output(model):
    with open("/dev/full", "w") as full:
        done = subprocess.run(command("solve", model()), stdout=full, stderr=subprocess.PIPE, text=True, env=surroundings())
    assert done.returncode == 2
    assert done.stderr == "error[BL0511]: standard output cannot be written: No space left on device\n"


def test_an_encoding_without_unicode(model):
    path = model(SHIFT.replace("worked out by hand", "Müller ✓"))
    done = process("solve", path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout.isascii()
    assert "M?ller ?" in done.stdout and "ok follower optimal" in done.stdout
    assert "✓ follower optimal" in process("solve", path, PYTHONIOENCODING="utf-8").stdout


def test_ctrl_c_while_starting_is_one_line(model):
    running = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; print('up', flush=True); from bilevel_dsl import cli;"
            "cli.parse = lambda argv: time.sleep(60); sys.exit(cli.main(['solve', 'm']))",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # the tests may run where Ctrl-C is ignored
    )
    running.stdout.readline()
    time.sleep(1)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "interrupted\n")


def on_a_terminal(arguments: list, columns: int, signalled: int = 0, **more) -> tuple[int, str, str]:
    """Exit status, standard output (a pipe), and what a terminal got as standard error.

    Args:
        signalled: the number of a signal that the process gets once it iterates.
    """
    master, slave = pty.openpty()
    running = subprocess.Popen(
        command(*arguments),
        stdout=subprocess.PIPE,
        stderr=slave,
        text=True,
        env=surroundings(COLUMNS=str(columns), TERM="xterm", **more),
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if signalled and b"iteration " in shown:
            running.send_signal(signalled)
            signalled = 0
    out, _ = running.communicate(timeout=60)
    os.close(master)
    return running.returncode, out, shown.decode()


def test_progress_is_one_line_on_a_terminal(model):
    status, out, shown = on_a_terminal(["solve", model(LONG), *ENDLESS, "--time-limit", 2], 60)
    assert status == 6 and out.startswith("shift: not verified, ") and "time limit: " in out
    lines = shown.split("\r\033[K")
    assert "\n" not in shown and lines[-1] == "" and all(len(line) < 60 for line in lines)
    assert sum(line.startswith("iteration ") and "upper " in line for line in lines) >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_loop_writes_the_best_point(model, tmp_path, number):
    path = tmp_path / "r.json"
    status, out, shown = on_a_terminal(["solve", model(LONG), *ENDLESS, "--json", path, "-v"], 80, number)
    found = json.loads(path.read_text())
    assert status == 130 and "\n" not in shown
    assert out.startswith("shift: not verified, ") and "interrupted: stopped by the user" in out
    assert found["status"] == "interrupted" and len(found["variables"]["x"]) == 40 and found["iterations"] > 0


def test_quiet_is_quiet_on_a_terminal(model):
    assert on_a_terminal(["solve", model(), "-q"], 80) == (0, "", "")


def test_errors_are_coloured_on_a_terminal(model):
    path = model("nothing")
    assert "\033[31m" in on_a_terminal(["solve", path], 80)[2]
    assert "\033[31m" not in on_a_terminal(["solve", path], 80, NO_COLOR="1")[2]
    assert "\033[31m" not in on_a_terminal(["solve", path, "--color", "never"], 80)[2]

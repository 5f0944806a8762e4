"""Whatever is wrong with the input: one clear message, the right exit status, nothing half-written."""

import json
import os
import resource
import signal
import sys
import time

import pytest

from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.files import write_whole

from .conftest import SHIFT, VECTOR

UNBOUNDED = """\
upper { var x start 1; minimize %s; }
lower { var y start 1; minimize (y - x)^2; }
"""
INFEASIBLE = """\
upper { var x in [0, 1]; minimize x + y^2; }
lower { var y; minimize (y - x)^2; subject to above: y >= 2; below: y <= 1 - x; }
"""


def errors(done, status: int) -> str:
    """What was said, if it is nothing but diagnostics and the exit status is right."""
    assert done.status == status, done.err
    assert done.out == ""
    assert done.err.startswith("error[BL") and "Traceback" not in done.err and "internal error" not in done.err
    return done.err


# --- the model file -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["solve", "check"])
def test_files_that_cannot_be_read(run, tmp_path, command):
    assert f"there is no file `{tmp_path}/m.bilevel`" in errors(run(command, tmp_path / "m.bilevel"), 2)
    assert "is a folder" in errors(run(command, tmp_path), 2)
    (tmp_path / "m.bilevel").touch()
    assert f"did you mean `{tmp_path}/m.bilevel`?" in errors(run(command, tmp_path / "m"), 2)
    junk = tmp_path / "junk.bilevel"
    junk.write_bytes(bytes(range(256)) * 10)
    assert "is not UTF-8 text (byte 129)" in errors(run(command, junk), 2)
    junk.write_bytes(bytes(range(128)) * 10)
    assert len(errors(run(command, junk), 3)) < 20_000


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "problem p;"])
def test_an_empty_model(run, model, text):
    said = errors(run("solve", model(text)), 3)
    assert "upper" in said and "lower" in said


@pytest.mark.parametrize(
    "text", ["x" * 4_000_000, "/*" + " " * 4_000_000, "(" * 1_000_000, '"' + "a" * 1_000_000, "param a = 1;\n" * 50_000]
)
def test_megabytes_of_junk(run, model, text):
    began = time.process_time()
    said = errors(run("check", model(text)), 3)
    assert len(said) < 20_000
    assert time.process_time() - began < 60


def test_megabytes_of_comments_are_no_obstacle(run, model):
    assert run("check", model(SHIFT + "# nothing but words\n" * 200_000)).status == 0


def test_ten_megabytes(run, model):
    said = errors(run("solve", model(SHIFT + "# nothing but words\n" * 500_000)), 2)
    assert "is larger than 4 MiB" in said and "csv()" in said


def test_a_file_larger_than_the_limit(run, model):
    path = model("")
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # a hole: no disk is needed
    assert "larger than" in errors(run("check", path), 2)


@pytest.mark.parametrize(
    "open_, close", [("(", ")"), ("[", "]"), ("-", ""), ("abs(", ")"), ("not ", ""), ("1 ^ ", ""), ("if 1 then 1 else ", "")]
)
def test_ten_thousand_levels(run, model, open_, close):
    text = SHIFT.replace("(y - x)^2 / 2", open_ * 10_000 + "y" + close * 10_000)
    assert len(errors(run("solve", model(text)), 3)) < 5_000


# --- parameters and data -----------------------------------------------------------------------


def test_a_missing_parameter(run, model):
    path = model(VECTOR.replace("param n = 3", "param n").replace("param a[n]", "param a[n]; param b"))
    said = errors(run("solve", path), 3)
    assert "`n`" in said and "--param n=" in said


@pytest.mark.parametrize(
    "value, said",
    [
        ("[1, 2]", "a vector of 2"),
        ("[[1, 2, 3]]'", "3"),
        ("word", "`word`"),
        ('"text"', "string"),
        ("1 +", "expected"),
        ("x", "x"),
        ("0 / 0", "NaN"),
        ("[1, 2", "not closed"),
        ("1; param b = 2", "single expression"),
    ],
)
def test_parameters_that_do_not_fit(run, model, value, said):
    path = model(VECTOR)
    done = run("solve", path, "--param", f"a={value}")
    if value == "[[1, 2, 3]]'":  # a column is a vector
        assert done.status == 0
    else:
        assert said in errors(done, 3)


def test_an_unknown_parameter(run, model):
    said = errors(run("solve", model(), "--param", "traget=3"), 3)
    assert "traget" in said and "did you mean `target`" in said


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"a": [1, 2]}', "a vector of 2"),
        ('{"a": [1, "x", 2]}', "not a number: x"),
        ('{"a": [1, NaN, 3]}', "NaN"),
        ('{"a": {"b": 1}}', "label"),
        ('{"a": [1, 2, 3], "zz": 1}', "zz"),
        ('{"a": [[1, 2], [3]]}', "different lengths"),
    ],
)
def test_data_that_do_not_fit(run, model, tmp_path, text, said):
    (tmp_path / "d.json").write_text(text)
    assert said in errors(run("solve", model(VECTOR), "--data", tmp_path / "d.json"), 3)


def test_infinite_data(run, model):
    done = run("solve", model(), "--param", "target=inf")
    assert "infinite" in errors(done, 3)


def test_missing_and_malformed_data_files(run, model, tmp_path):
    assert "no file" in errors(run("solve", model(), "--data", tmp_path / "d.json"), 2)
    (tmp_path / "d.json").write_text("{")
    assert "is not JSON" in errors(run("solve", model(), "--data", tmp_path / "d.json"), 3)
    assert "no data file" in errors(run("solve", model(), "--data", "d.txt"), 2)


def test_data_files_of_the_model(run, model, tmp_path):
    path = model(SHIFT.replace("target = 2", 'target = csv("t.csv")'))
    assert "t.csv" in errors(run("check", path), 3)
    (tmp_path / "t.csv").write_text("1,2\n3\n")
    assert "line 2" in errors(run("check", path), 3)
    path = model(SHIFT.replace("target = 2", 'target = csv("../../etc/passwd")'))
    assert "--data-dir" in errors(run("check", path), 3)


# --- the problem ------------------------------------------------------------------------------


def test_an_empty_set(run, model):
    said = errors(run("solve", model(SHIFT.replace("[-9, 9]", "[9, -9]"))), 3)
    assert "^" in said


@pytest.mark.parametrize("size", ["0", "-1", "1.5", "1e12", "1e300", "inf"])
def test_impossible_sizes(run, model, size):
    began = time.process_time()
    text = f"upper {{ var x[{size}]; minimize sum(x); }} lower {{ var y; minimize y^2 + sum(x) * y; }}"
    assert "^" in errors(run("solve", model(text)), 3)
    assert time.process_time() - began < 10


def test_division_by_zero_at_the_start(run, model):
    text = SHIFT.replace("(y - x)^2 / 2", "(y - 1 / x)^2")
    assert run("solve", model(text)).status == 0  # no start is written: it begins where there is a value
    said = errors(run("solve", model(text.replace("[-9, 9]", "[-9, 9] start 0"))), 3)
    assert "at the start" in said and "start" in said.splitlines()[-1]


def test_an_unbounded_problem(run, model, tmp_path):
    done = run("solve", model(UNBOUNDED % "x + y"), "--method", "penalty", "--json", tmp_path / "r.json")
    assert done.status == 5 and done.out.startswith("shift: not verified, diverged")
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["variables"] == {} and found["upper"] is None


@pytest.mark.parametrize("method", ["penalty", "mgbio", "kkt"])
@pytest.mark.parametrize("objective", ["-x", "x + y", "-x^2", "-x^4 + y"])
def test_an_unbounded_problem_is_never_verified(run, model, objective, method):
    done = run("solve", model(UNBOUNDED % objective), "--method", method, "--max-iter", 200)
    assert done.status in (5, 6, 7, 8) and "not verified" in done.out


def test_an_infeasible_lower_level_is_never_called_solved(run, model):
    done = run("solve", model(INFEASIBLE))
    assert done.status in (4, 6, 7) and "no answer" in done.out


@pytest.mark.parametrize(
    "flags, said, status",
    [
        (["--method", "newton"], "there is no method `newton`", 2),
        (["--method", "dbgd"], "dbgd cannot solve this", 3),
        (["-O", "speed=3"], "no setting `speed`", 2),
        (["-O", "max_itr=3"], "did you mean `max_iter`?", 2),
        (["--method", "penalty", "-O", "s_end=-1"], "out of its range", 2),
        (["--method", "penalty", "-O", "s_end=small"], "not a number", 2),
        (["--method", "mgbio", "-O", "rule=best"], "choices", 2),
    ],
)
def test_methods_and_settings_that_do_not_fit(run, model, flags, said, status):
    assert said in errors(run("solve", model(), *flags), status)


@pytest.mark.parametrize(
    "content, said, status",
    [
        (None, "there is no file", 2),
        ("{", "is not JSON", 3),
        ('{"variables": {"z": 1}}', "`z`, which is not a variable", 2),
        ('{"variables": {"x": [1, 2, 3]}}', "is a vector of 3, but `x` is a number", 2),
        ('{"variables": {"x": NaN}}', "not finite", 2),
    ],
)
def test_starts_that_do_not_fit(run, model, tmp_path, content, said, status):
    if content is not None:
        (tmp_path / "s.json").write_text(content)
    assert said in errors(run("solve", model(), "--start", tmp_path / "s.json"), status)


# --- the output -------------------------------------------------------------------------------


def test_output_into_no_folder_is_refused_before_the_work(run, model, tmp_path):
    for flag in ("--json", "--csv", "--trace"):
        said = errors(run("solve", model(), flag, tmp_path / "none" / "r.json"), 2)
        assert f"there is no folder `{tmp_path}/none`" in said
        assert "it is a folder" in errors(run("solve", model(), flag, tmp_path), 2)


def test_a_zero_byte_in_the_name_of_an_output():
    with pytest.raises(BilevelError, match="embedded null byte"):
        write_whole("r\0.json", "{}")


def test_a_full_disk_leaves_the_table_and_the_old_file(run, model, tmp_path):
    path = tmp_path / "r.json"
    path.write_text("as it was")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    model_file = model()
    run("solve", model_file)  # compiled now, and cached
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        done = run("solve", model_file, "--json", path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert done.status == 2 and done.out.startswith("shift: proved, a global solution\n")
    assert done.err == f"error[BL0511]: `{path}` cannot be written: File too large\n"
    assert path.read_text() == "as it was" and [p for p in os.listdir(tmp_path) if p.endswith(".tmp")] == []


def test_a_device_that_is_full(run, model):
    done = run("solve", model(), "--json", "/dev/full")
    assert done.status == 2 and "`/dev/full` cannot be written: No space left on device" in done.err
    assert done.out.startswith("shift: proved, a global solution\n")


def test_a_folder_that_is_read_only(run, model, tmp_path, monkeypatch):
    folder = tmp_path / "closed"
    folder.mkdir()
    replace = os.replace

    def refuse(source, target):
        if str(target).startswith(str(folder)):
            raise PermissionError(13, "Permission denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)  # root may write everywhere, so the refusal is made here
    done = run("solve", model(), "--csv", folder / "r.csv")
    assert done.status == 2 and done.err == f"error[BL0511]: `{folder}/r.csv` cannot be written: Permission denied\n"
    assert done.out.startswith("shift: proved") and list(folder.iterdir()) == []


def test_codegen_into_a_file(run, model, tmp_path):
    (tmp_path / "solver").write_text("a file")
    said = errors(run("codegen", model(), "-o", tmp_path / "solver", "--method", "penalty"), 2)
    assert "solver" in said and (tmp_path / "solver").read_text() == "a file"


# --- the machine --------------------------------------------------------------------------------


def test_a_compiler_that_fails(run, model, tmp_path, monkeypatch):
    broken = tmp_path / "cc"
    broken.write_text(
        f"#!{sys.executable}\nimport sys\nif '--version' in sys.argv: print('broken cc 1')\nelse: sys.exit('out of paper')\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("BILEVELDSL_CC", str(broken))
    done = run("solve", model(), "--compile", "always")
    assert done.status == 0 and "interpreted" in done.out
    assert done.err.startswith("warning[BL0601]") and "out of paper" in done.err
    assert run("solve", model(), "--no-compile").err == ""


def test_a_bug_of_ours_is_called_that(run, model, monkeypatch):
    import bilevel_dsl.session as session

    monkeypatch.setattr(session, "load", lambda *a, **k: 1 / 0)
    done = run("solve", model())
    assert done.status == 1 and done.out == ""
    first, second = done.err.splitlines()
    assert first == "internal error: ZeroDivisionError: division by zero" and "This is a bug of bileveldsl" in second
    path = second.rpartition(" ")[2].removesuffix(".")
    assert "ZeroDivisionError" in open(path).read()
    os.unlink(path)
    assert "Traceback" in run("solve", model(), "-v").err


@pytest.mark.parametrize(
    "problem, status, said",
    [(KeyboardInterrupt, 130, "interrupted\n"), (MemoryError, 3, "error: there is not enough memory for this model\n")],
)
def test_interruption_and_memory_are_one_line(run, model, monkeypatch, problem, status, said):
    import bilevel_dsl.session as session

    def stop(*arguments, **options):
        raise problem

    monkeypatch.setattr(session, "load", stop)
    done = run("solve", model())
    assert (done.status, done.out, done.err) == (status, "", said)


def test_an_interruption_within_an_extension_module(run, model, monkeypatch):
    import bilevel_dsl.session as session

    def stop(*arguments, **options):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interruption:
            raise SystemError("returned a result with an exception set") from interruption

    monkeypatch.setattr(session, "load", stop)
    assert (run("solve", model()).status, run("solve", model()).err) == (130, "interrupted\n")


def test_an_interrupted_certificate_keeps_the_point(run, model, monkeypatch, tmp_path):
    from bilevel_dsl.search.examine import Examination

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Examination, "certificate", stop)
    done = run("solve", model(), "--json", tmp_path / "r.json")
    found = json.loads((tmp_path / "r.json").read_text())
    assert done.status == 130 and found["status"] == "interrupted"
    assert found["variables"]["x"] == pytest.approx(1.5, abs=1e-4)
    assert "nothing: the answer was not checked" in done.out

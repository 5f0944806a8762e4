"""solve, verify, check and codegen on good input."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from .conftest import SHIFT, VECTOR

FLAT = """\
upper { var x in [-1, 1]; minimize x + y; }
lower { var y in [-1, 1]; minimize y; }
"""


def test_the_table_goes_to_standard_output(run, model):
    done = run("solve", model())
    assert done.status == 0 and done.err == ""
    assert done.out.startswith("shift: proved, a global solution\n")
    assert "reference 0.25" in done.out and "worked out by hand" in done.out
    assert "  x                 1.5\n" in done.out and "  sum_of_both       3\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_json_to_a_file(run, model, tmp_path):
    path = tmp_path / "result.json"
    done = run("solve", model(), "--json", path, "-q")
    found = json.loads(path.read_text())
    assert done.status == 0 and done.out == ""
    assert found["status"] == "converged" and found["verified"] is True and found["seed"] == 0
    assert found["variables"]["x"] == pytest.approx(1.5, abs=1e-5)
    assert found["reference"]["relative_error"] < 1e-5
    assert found["hash"] and all(found["timings"][k] > 0 for k in ("parse", "build", "solve", "verify"))
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_json_to_standard_output_is_alone_there(run, model):
    done = run("solve", model(), "--json", "-")
    assert json.loads(done.out)["problem"] == "shift"


def test_csv_and_trace(run, model, tmp_path):
    done = run("solve", model(), "--csv", tmp_path / "r.csv", "--trace", tmp_path / "t.csv", "--json", "-")
    found = json.loads(done.out)
    header, row = csv.reader(io.StringIO((tmp_path / "r.csv").read_text()))
    assert header == ["status", "verified", "method", "seconds", "upper", "lower", "x", "y", "sum_of_both"]
    assert row[:3] == ["converged", "true", found["method"]] and float(row[6]) == found["variables"]["x"]
    header, *rows = csv.reader(io.StringIO((tmp_path / "t.csv").read_text()))
    assert header[0] == "iteration" and len(rows) == found["iterations"]
    assert float(rows[-1][header.index("stationarity")]) == found["measures"]["stationarity"]


def test_parameters_from_the_command_line(run, model):
    done = run("solve", model(), "--param", "target=2 * 2", "--json", "-")
    assert json.loads(done.out)["variables"]["x"] == pytest.approx(2.5, abs=1e-4)


def test_data_and_parameters_together(run, model, tmp_path):
    (tmp_path / "d.json").write_text('{"n": 2, "a": [1, 1]}')
    (tmp_path / "a.csv").write_text("0.4\n0.8\n")
    arguments = [
        "solve",
        model(VECTOR, "v.bilevel"),
        "--data",
        tmp_path / "d.json",
        "--data",
        tmp_path / "a.csv",
        "--json",
        "-",
    ]
    found = json.loads(run(*arguments).out)
    assert found["variables"]["x"] == pytest.approx([0.2, 0.4], abs=1e-4)
    found = json.loads(run(*arguments, "--param", "a=[1, 2]").out)
    assert found["variables"]["x"] == pytest.approx([0.5, 1], abs=1e-4)
    assert found["upper"] == pytest.approx(1.25, abs=1e-4)  # as written: maximised


def test_data_dir(run, model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "target.csv").write_text("4\n")
    (tmp_path / "model").mkdir()
    path = model(
        SHIFT.replace("target = 2", 'target[1] = csv("target.csv")').replace("target)^2", "target[1])^2"),
        "model/shift.bilevel",
    )
    assert run("solve", path).status == 3
    done = run("solve", path, "--data-dir", tmp_path / "elsewhere", "--json", "-")
    assert json.loads(done.out)["variables"]["x"] == pytest.approx(2.5, abs=1e-4)


def test_method_and_settings(run, model):
    done = run("solve", model(), "--method", "penalty", "-O", "s_end=1e-3", "--tol", "1e-5", "--json", "-")
    found = json.loads(done.out)
    assert found["method"] == "penalty" and found["reason"] == ""
    assert found["settings"]["s_end"] == 1e-3 and found["settings"]["tol"] == 1e-5


def test_the_command_line_wins_over_the_model(run, model):
    path = model(SHIFT + "options { tol = 1e-3; max_iter = 77; }")
    settings = json.loads(run("solve", path, "--tol", "1e-7", "--json", "-").out)["settings"]
    assert settings["tol"] == 1e-7 and settings["max_iter"] == 77


def test_options_of_another_method_are_told_and_left_out(run, model):
    path = model(SHIFT + 'options { method = "dbgd"; barrier = "value"; s_end = 1e-3; }')
    done = run("solve", path, "--method", "penalty", "--json", "-")
    found = json.loads(done.out)
    assert done.status == 0 and found["settings"]["s_end"] == 1e-3 and "barrier" not in found["settings"]
    assert "warning[BL0409]: `barrier` is no setting of penalty" in done.err and "a setting of dbgd" in done.err
    assert done.err.count("warning[") == 1


def test_the_iteration_limit_is_6_and_writes_the_point(run, model, tmp_path):
    done = run("solve", model(), "--method", "kkt", "--max-iter", 2, "--json", tmp_path / "r.json")
    assert done.status == 6 and done.out.startswith("shift: not verified, ") and "iteration limit: " in done.out
    assert "--max-iter allows more" in " ".join(done.out.split())
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["status"] == "iteration_limit" and found["iterations"] == 2 and set(found["variables"]) == {"x", "y"}


def test_the_time_limit_is_6(run, model):
    done = run("solve", model(), "--time-limit", "1e-9", "--no-compile", "--json", "-")
    assert done.status == 6 and json.loads(done.out)["status"] == "time_limit"


def test_start_from_a_result(run, model, tmp_path):
    first = tmp_path / "first.json"
    cold = run("solve", model(), "--method", "mgbio", "--json", first)
    warm = json.loads(run("solve", model(), "--method", "mgbio", "--start", first, "--json", "-").out)
    assert cold.status == 0 and warm["verified"] is True and warm["iterations"] == 1
    assert warm["variables"] == json.loads(first.read_text())["variables"]  # the answer is where it was
    again = json.loads(run("solve", model(), "--method", "mgbio", "--warm-start", first, "--json", "-").out)
    assert again["variables"] == warm["variables"]


def test_without_a_compiler_the_same_answer(run, model):
    compiled, interpreted = (
        json.loads(run("solve", model(), "--json", "-", *flags).out) for flags in ([], ["--no-compile"])
    )
    assert interpreted["executor"] == "interpreted"
    assert interpreted["variables"] == compiled["variables"] and interpreted["iterations"] == compiled["iterations"]


def test_verbose_shows_settings_and_measures(run, model):
    out = run("solve", model(), "-v").out
    assert all(word in out for word in ("settings", "evaluations", "measures", "max_iter"))


def test_colours(run, model, monkeypatch):
    path = model()
    assert "\033[" not in run("solve", path).out
    assert "\033[" in run("solve", path, "--color", "always").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[" not in run("solve", path, "--color", "auto").out
    assert "\033[" not in run("check", path, "--color", "never").err


def test_warnings_go_to_standard_error_unless_quiet(run, model):
    path = model(FLAT)
    done = run("solve", path)
    assert "warning[BL07" in done.err and str(path) in done.err and "warning" not in done.out
    assert run("solve", path, "-q").err == ""
    found = json.loads(run("solve", path, "--json", "-").out)
    assert found["warnings"] and found["warnings"][0]["location"]["firstLine"] == 2


# --- verify -------------------------------------------------------------------------------------


def test_verify_agrees_with_solve(run, model, tmp_path):
    run("solve", model(), "--effort", "quick", "--json", tmp_path / "r.json")
    done = run("verify", model(), tmp_path / "r.json", "--json", "-")
    solved, verified = json.loads((tmp_path / "r.json").read_text()), json.loads(done.out)
    assert done.status == 0 and verified["verified"] is True and verified["status"] is None
    assert verified["variables"] == solved["variables"] and verified["upper"] == solved["upper"]
    assert verified["certificate"] == solved["certificate"]


def test_a_wrong_point_is_not_verified(run, model, tmp_path):
    (tmp_path / "p.json").write_text('{"variables": {"x": 1.0, "y": 2.0}}')
    done = run("verify", model(), tmp_path / "p.json")
    assert done.status == 7 and done.out.startswith("shift: not verified, ")
    assert "failed: follower optimal" in done.out
    assert "the follower has a better answer" in done.out


@pytest.mark.parametrize(
    "point, said",
    [
        ('{"x": 1.0}', "the point has no value for `y`"),
        ('{"x": 1, "y": [1, 2]}', "`y` in the point is a vector of 2, but"),
        ('{"x": 1, "y": 1, "z": 1}', "`z`, which is not a variable"),
        ('{"x": NaN, "y": 1}', "not finite"),
    ],
)
def test_points_that_do_not_fit(run, model, tmp_path, point, said):
    (tmp_path / "p.json").write_text(f'{{"variables": {point}}}')
    done = run("verify", model(), tmp_path / "p.json")
    assert done.status == 2 and said in done.err and done.out == ""


# --- check --------------------------------------------------------------------------------------


def test_check(run, model):
    path = model()
    done = run("check", path)
    assert (done.status, done.out, done.err) == (0, f"{path}: no errors\n", "")


def test_check_shows_warnings(run, model):
    path = model(FLAT)
    done = run("check", path)
    assert done.status == 0 and "warning[BL07" in done.err
    count = done.err.count("warning[")
    assert done.out == f"{path}: no errors, {count} warning{'s' * (count != 1)}\n"


def test_check_reports_all_errors_with_places(run, model):
    path = model(SHIFT.replace("x in", "x in in").replace("report {", "report { a = ; "))
    done = run("check", path)
    assert done.status == 3 and done.out == ""
    assert f"{path}:3:" in done.err and f"{path}:5:" in done.err
    assert done.err.endswith(f"{path}: 2 errors\n")


def test_check_as_json(run, model):
    path = model(SHIFT.replace("(y - x)^2", "(y - z)^2"))
    done = run("check", path, "--format", "json")
    found = json.loads(done.out)
    assert done.status == 3 and done.err == "" and found["ok"] is False and found["model"] == str(path)
    (diagnostic,) = [d for d in found["diagnostics"] if d["severity"] == "error"]
    assert diagnostic["location"]["firstLine"] == 4 and "z" in diagnostic["message"]
    assert json.loads(run("check", model(), "--format", "json").out) == {
        "schema": 1,
        "model": str(path),
        "ok": True,
        "omitted": 0,
        "diagnostics": [],
    }


# --- codegen ------------------------------------------------------------------------------------


def test_codegen_lists_what_it_wrote(run, model, tmp_path):
    done = run("codegen", model(), "-o", tmp_path / "solver", "--method", "penalty")
    files = done.out.split()
    assert done.status == 0 and str(tmp_path / "solver" / "Makefile") in files
    assert sorted(files) == sorted(str(p) for p in (tmp_path / "solver").iterdir())
    assert "make -C" in done.err
    assert all(np.all(open(f, "rb").read(1)) for f in files)


def test_codegen_refuses_what_solve_refuses(run, model, tmp_path):
    done = run("codegen", model(), "-o", tmp_path / "solver", "--method", "dbgd")
    assert done.status == 3 and "dbgd cannot solve this" in done.err and not (tmp_path / "solver").exists()


def test_a_method_that_misses_its_conditions_at_a_point_of_both_levels(run):
    """The status is the method's; the headline and the exit status speak of the point."""
    done = run(
        "solve",
        Path(__file__).parents[2] / "models/papers/p4.bilevel",
        "--method",
        "kkt",
        "--no-compile",
        "--verify",
        "quick",
    )
    assert done.status == 7 and done.out.startswith("p4: not verified, the leader can do better near by\n")
    words = " ".join(done.out.split())
    assert "infeasible: the method could not meet its conditions; the point meets the constraints" in words

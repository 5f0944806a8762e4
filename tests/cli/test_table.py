"""What a result looks like: the table, the JSON object, CSV."""

import csv
import io
import json
import re
from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.certify.claims import Certificate, Claim, Verdict, unchecked
from bilevel_dsl.model.problem import Named, Objective, Reference, Variable
from bilevel_dsl.model.sets import Free
from bilevel_dsl.report.csv_text import csv_text, trace_text
from bilevel_dsl.report.document import document, json_text
from bilevel_dsl.report.page import plain, styled
from bilevel_dsl.report.solution import Point, Solution
from bilevel_dsl.report.table import lines
from bilevel_dsl.report.values import array_lines, number
from tests.problems import HERE, problem

CLAIMS = (
    Claim("feasible", Verdict.PROVED, "sets and constraints of both levels, evaluated", 0.0, 1e-5),
    Claim("follower_optimal", Verdict.PROVED, "a convex follower, duality gap 3e-12", 3.2e-9, 1e-5),
    Claim("leader_stationary", Verdict.SEARCHED, "hypergradient; 9 of 9 decisions near by were tried", 2e-8, 1e-4),
    Claim("leader_global", Verdict.NOT_CHECKED, "not looked for"),
)
BETTER = Claim(
    "follower_optimal",
    Verdict.FAILED,
    "y = 7.3 gives the follower 155 less",
    0.5,
    1e-5,
    {"variables": {"y": 7.3}, "gain": 155.0},
)
UNCHECKED = Claim("follower_answer", Verdict.NOT_CHECKED, "the time is over")
NUMBERS = {"upper_feasibility": 0.0, "lower_gap": 3.2e-9, "stationarity": 2e-8}


def variable(name, level, shape, labels=(), offset=0):
    size = int(np.prod(shape, dtype=int))
    return Variable(name, level, shape, ca.MX.sym(name, size), offset, Free(size), None, HERE, labels)


def solution(status="converged", claims=CLAIMS, **changes) -> Solution:
    made = replace(
        problem(lambda x, y: ca.sumsqr(x) + ca.sumsqr(y), lambda x, y: ca.sumsqr(y), 2, 6),
        name="tolls",
        upper_variables=(variable("t", "upper", (2,), (("north", "south"),)),),
        lower_variables=(variable("Y", "lower", (2, 3)),),
        f=Objective(ca.MX(1), -1, HERE),
        report=(Named("revenue", (), ca.MX(1), HERE),),
        text_hash="abc",
        reference=Reference(upper=21.5, source="closed form"),
    )
    values = dict(
        problem=made,
        status=status,
        certificate=Certificate(claims, NUMBERS),
        method="penalty",
        reason="it is constrained",
        variables={"t": np.array([1.5, -0.0]), "Y": np.arange(6.0).reshape(2, 3)},
        upper=21.5000001,
        lower=60.25,
        settings={"tol": 1e-6},
        executor="compiled",
        iterations=512,
        evaluations={"step": 512},
        measures={"upper": -21.5},
        report={"revenue": 3.0},
        trace={"iteration": np.array([1, 2]), "upper": np.array([0.1, np.nan])},
        timings={"solve": 0.25},
    )
    return Solution(**{**values, **changes})


def text(result, **options) -> str:
    return plain(lines(result, **options))


def test_the_table():
    assert (
        text(solution(), unicode=True)
        == """\
tolls: verified, a local solution

  what is known     nothing speaks against it; searched, not proved: leader
                    stationary
  ✓ feasible           proved       0 <= 1e-05; sets and constraints of both
                                    levels, evaluated
  ✓ follower optimal   proved       3.2e-09 <= 1e-05; a convex follower, duality
                                    gap 3e-12
  ✓ leader stationary  searched     2e-08 <= 1e-04; hypergradient; 9 of 9
                                    decisions near by were tried
  - leader global      not checked  not looked for
  why it stopped    converged: every tolerance of the method is met

  upper (maximize)  21.5   reference 21.5, relative error 4.7e-09
  lower (minimize)  60.25
  reference from    closed form

  t[2]              north 1.5  south 0
  Y[2, 3]           0  1  2
                    3  4  5

  revenue           3

  method            penalty, since it is constrained
  work              512 iterations, compiled, 0.25 s (solve 0.25)"""
    )


def test_a_table_in_ascii():
    shown = text(solution())
    assert shown.isascii() and "  ok follower optimal" in shown


@pytest.mark.parametrize("status", ["converged", "iteration_limit", "time_limit", "stalled", "interrupted"])
def test_stopped_is_not_solved(status):
    result = solution(status, (CLAIMS[0], BETTER, UNCHECKED, CLAIMS[2]))
    shown = text(result)
    assert shown.startswith("tolls: not verified, the follower has a better answer\n")
    assert "failed: follower optimal; not checked: follower's answer" in " ".join(shown.split())
    assert "NO follower optimal   failed       5e-01 > 1e-05; y = 7.3 gives" in shown
    assert "NO follower's answer  not checked  the time is over" in shown
    assert f"why it stopped    {status.replace('_', ' ')}: " in shown
    assert "a local solution" not in shown and result.exit_status != 0


@pytest.mark.parametrize("status", ["converged", "iteration_limit", "time_limit", "stalled"])
def test_a_verified_point_is_one_however_the_method_stopped(status):
    assert text(solution(status)).startswith("tolls: verified, a local solution\n")
    assert solution(status).exit_status == 0


def test_what_was_not_checked_never_passes():
    for claim in (UNCHECKED, BETTER):
        assert not Certificate((*CLAIMS, claim)).verified
    assert Certificate(CLAIMS).verified and not Certificate(CLAIMS).proved and not Certificate(()).verified
    assert Certificate(CLAIMS[:2]).proved


def test_a_follower_without_an_answer_is_said_in_the_headline():
    result = solution("converged", (CLAIMS[0], BETTER))
    result = replace(result, certificate=replace(result.certificate, trouble="the follower is unbounded"))
    assert text(result).startswith("tolls: not verified, the follower is unbounded\n") and result.exit_status == 5


@pytest.mark.parametrize("status", ["diverged", "not_finite", "infeasible"])
def test_no_values_where_none_exist(status):
    result = solution(status, unchecked("there is no usable point").claims, variables={}, upper=None, lower=None, report={})
    shown = text(result)
    assert "nothing: there is no usable point" in shown and "upper (" not in shown and "t[2]" not in shown
    found = json.loads(json_text(result))
    assert found["upper"] is None and found["variables"] == {} and found["reference"]["relative_error"] is None
    header, row = csv.reader(io.StringIO(csv_text(result)))
    assert len(header) == len(row) and row[:2] == [status, "false"] and not any(row[4:])


@pytest.mark.parametrize("width", [50, 60, 80, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_nothing_is_wider_than_the_page(width, unicode):
    rng = np.random.default_rng(0)
    long = "a_rather_long_name_of_a_variable_that_goes_on"
    made = replace(solution().problem, upper_variables=(variable(long, "upper", (5000,)), variable("W", "upper", (40, 30))))
    result = solution(
        problem=made,
        variables={long: rng.standard_normal(5000), "W": rng.standard_normal((40, 30)) * 1e-7, "Y": np.zeros((2, 3))},
        certificate=Certificate(CLAIMS, notes=("a note " * 40,)),
    )
    page = lines(result, width=width, unicode=unicode)
    assert max(len("".join(piece for piece, _ in line)) for line in page) <= min(width, 100)
    assert len(page) < 60  # whatever the size of the problem
    assert "cut to fit" in plain(page)
    page = lines(result, width=width, unicode=unicode, verbose=True)
    assert max(len("".join(piece for piece, _ in line)) for line in page) <= min(width, 100)
    assert "cut to fit" not in plain(page) and len(plain(page).split()) > 5000 + 40 * 30


def test_what_no_check_can_tell_from_zero_is_zero():
    least = {"lower": 100.0, "variable t": np.array([1e-6, 2.0]), "variable Y": np.zeros((2, 3))}
    made = solution(certificate=Certificate(CLAIMS, negligible=least))
    shown = text(made)
    assert re.search(r"t\[2\] +north 1.5  south 0\n", shown) and re.search(r"lower \(m\w+\) +0\b", shown)
    assert made.lower == 60.25 and made["t"][1] == solution()["t"][1]


def test_styles_change_no_text():
    import re

    page = lines(solution(), unicode=True)
    colored = styled(page)
    assert "\033[" in colored
    assert [line.rstrip() for line in re.sub(r"\033\[[0-9;]*m", "", colored).splitlines()] == plain(page).splitlines()


def test_brackets_in_texts_are_no_markup():
    result = solution(reason="[bold] and [/nothing]")
    assert "[bold] and [/nothing]" in styled(lines(result))


def test_a_point_that_was_not_solved_for():
    s = solution()
    point = Point(
        problem=s.problem, variables=s.variables, upper=s.upper, lower=s.lower, certificate=s.certificate, report=s.report
    )
    shown = str(point)
    assert shown.startswith("tolls: verified, a local solution\n")
    assert "why it stopped" not in shown and "method" not in shown
    assert point.to_json()["status"] is None and point.exit_status == 0


def test_numbers():
    assert [number(v) for v in (0.0, -0.0, 1.0, 1 / 3, 123456789.0, 1e-20, np.inf, np.nan)] == [
        "0",
        "0",
        "1",
        "0.333333",
        "1.23457e+08",
        "1e-20",
        "inf",
        "nan",
    ]


def test_vectors():
    assert array_lines(np.array([1.0, 1e-16, -2.5]), 40) == ["1  0  -2.5"]
    assert array_lines(np.array([]), 40) == ["(empty)"]
    assert array_lines(np.arange(8.0, 13), 12) == [" 8   9  10", "11  12"]
    assert array_lines(np.arange(1000.0), 12) == ["0  1  2", "3  4  5", "6  7  8", "..."]


def test_matrices_keep_their_labels():
    shown = array_lines(np.array([[1, 22], [333, 4]]), 40, (("a", "bcd"), ("x", "yy")))
    assert shown == ["       x  yy", "a      1  22", "bcd  333   4"]
    assert array_lines(np.ones((20, 20)), 20) == ["1  1  1  1  1  1  ..."[3:]] * 4 + ["..."]


KEYS = {
    "schema",
    "problem",
    "status",
    "verified",
    "proved",
    "upper",
    "lower",
    "variables",
    "index",
    "certificate",
    "duals",
    "report",
    "reference",
    "method",
    "settings",
    "seed",
    "iterations",
    "evaluations",
    "timings",
    "versions",
    "hash",
    "made_from",
}


def test_json_has_every_fixed_key():
    found = json.loads(json_text(solution()))
    assert KEYS <= set(found)
    assert {"upper_feasibility", "lower_feasibility", "lower_gap", "stationarity", "scope"} <= set(found["certificate"])
    assert found["certificate"]["lower_feasibility"] is None  # not among the numbers
    claims = found["certificate"]["claims"]
    assert [c["name"] for c in claims] == [c.name for c in CLAIMS] and claims[1]["verdict"] == "proved"
    assert set(claims[0]) == {"name", "verdict", "value", "tolerance", "words", "witness"}
    assert set(found["timings"]) >= {"parse", "build", "compile", "solve", "verify"}
    assert found["variables"] == {"t": [1.5, -0.0], "Y": [[0, 1, 2], [3, 4, 5]]}
    assert found["reference"]["relative_error"] == pytest.approx(1e-7 / 21.5)
    assert (found["schema"], found["problem"], found["upper"], found["hash"]) == (2, "tolls", 21.5000001, "abc")


def test_json_is_strict():
    result = solution(
        upper=float("nan"),
        report={"revenue": float("inf")},
        measures={"upper": -np.inf},
        certificate=Certificate(CLAIMS, {"stationarity": np.nan}, details={"deep": [np.float64("nan")]}),
    )
    raw = json_text(result)
    found = json.loads(raw, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found["upper"] is None and found["report"]["revenue"] is None and found["certificate"]["deep"] == [None]


def test_json_numbers_read_back_to_the_same_bits():
    values = np.array([0.1, 1 / 3])
    found = json.loads(json_text(solution(variables={"t": values, "Y": np.zeros((2, 3))})))
    assert np.array_equal(np.array(found["variables"]["t"]), values)


def test_choices_are_shown_by_name():
    result = solution(method="dbgd", settings={"barrier": 1.0, "tol": 1e-6})
    assert document(result)["settings"] == {"barrier": "value", "tol": 1e-6}


def test_csv_is_a_header_and_numbers():
    header, row = csv.reader(io.StringIO(csv_text(solution())))
    assert header == [
        "status",
        "verified",
        "method",
        "seconds",
        "upper",
        "lower",
        "t[north]",
        "t[south]",
        "Y[1,1]",
        "Y[1,2]",
        "Y[1,3]",
        "Y[2,1]",
        "Y[2,2]",
        "Y[2,3]",
        "revenue",
    ]
    assert row[0] == "converged" and row[1] in ("true", "false")
    assert list(map(float, row[4:])) == [21.5000001, 60.25, 1.5, 0, 0, 1, 2, 3, 4, 5, 3]


def test_trace_is_a_header_and_numbers():
    header, *rows = csv.reader(io.StringIO(trace_text(solution())))
    assert header == ["iteration", "upper"] and [r[0] for r in rows] == ["1", "2"]
    assert float(rows[0][1]) == 0.1 and np.isnan(float(rows[1][1]))
    assert trace_text(solution(trace={})) == "iteration\n"


def test_a_missing_variable_is_named():
    with pytest.raises(KeyError, match="no value for `z`; there are: t, Y"):
        solution()["z"]


@pytest.mark.parametrize(
    "status, expected",
    [
        ("converged", 7),
        ("infeasible", 4),
        ("diverged", 5),
        ("iteration_limit", 6),
        ("time_limit", 6),
        ("stalled", 6),
        ("not_finite", 8),
        ("interrupted", 130),
    ],
)
def test_exit_statuses_of_what_is_not_verified(status, expected):
    assert solution(status, (BETTER,)).exit_status == expected

"""`bileveldsl plot` and `bl.plot`: the numbers that are drawn, and the files."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.plotting import view
from bilevel_dsl.report.draw_view import _broken, _limits
from tests.cli.conftest import SHIFT

LABELS = """\
set ROAD = {"bridge", "ring"};
upper { var t[ROAD] in [0, 4]; maximize dot(t, y); subject to budget: sum(t) <= 5; }
lower { var y[ROAD]; minimize sumsqr(y - 3 + t); }
let times[i in 1..2, r in ROAD] = i * y[r];
report { twice = 2 * y; table = times; }
"""
# the follower's answers are -1 and 1; for x < 0 the left one is the better, and there the other is a local answer
WELLS = """\
upper { var x in [-1, 1]; minimize (y - 2)^2 + x; }
lower { var y in [-3, 3] start 0.5; minimize (y^2 - 1)^2 - 0.4 * x * y; }
"""
PRICE = """\
upper { var x in [1, 3]; maximize x * dual(cap); }
lower { var y; minimize (y - 4)^2; subject to cap: y <= x; }
"""


def text(source: str) -> bl.Problem:
    return bl.load(bl.Source("m.bilevel", source))


def test_the_leaders_objective_is_that_of_the_response():
    seen = view(text(SHIFT), over={"x": (0, 3)}, points=7)
    x = np.linspace(0, 3, 7)
    assert seen.axes[0].values == pytest.approx(x) and seen.shown == ("upper objective",)
    assert seen.preferred() == pytest.approx(((x - 1) ** 2 + (x - 2) ** 2) / 2, abs=1e-6)
    assert all(p.feasible and len(p.answers) == 1 for p in seen.places)


def test_bounds_are_the_range_where_none_is_given():
    assert view(text(SHIFT), points=3).axes[0].values == pytest.approx([-9, 0, 9])
    ball = "upper { var x[2] in ball([0, 0], 2); minimize sumsqr(x - y); } lower { var y[2]; minimize sumsqr(y - x); }"
    assert view(text(ball), over="x[2]", points=2).axes[0].values == pytest.approx([-2, 2], abs=1e-5)


def test_every_answer_of_the_follower():
    """The leader likes the right well, and gets it for x >= 0; elsewhere it is no best answer."""
    seen = view(text(WELLS), points=5)
    for x, place in zip(seen.axes[0].values, seen.places):
        wells = {round(abs(a.values[0] - x) ** 0.5) for a in place.answers}  # 2 - y: 1 and 3
        assert wells == {1, 3}, x
        assert [a.best for a in place.answers] == ([True, True] if x == 0 else [True, False]), x
        assert (place.answers[0].values[0] - x < 2) == (x >= 0), x
    middle = seen.places[2]
    assert middle.worst == pytest.approx(9, abs=0.01) and np.isnan(seen.places[4].worst)


def test_where_the_leader_may_not_go():
    problem = text(LABELS)
    seen = view(problem, over={"t[ring]": None}, at={"t": np.array([2.0, 0.0])}, points=5)
    assert [p.feasible for p in seen.places] == [True, True, True, True, False]
    assert seen.preferred() == pytest.approx(2 * 1 + np.arange(5) * (3 - np.arange(5)), abs=1e-5)  # maximised, as written


def test_two_axes_a_response_and_a_report():
    problem = text(LABELS)
    seen = view(problem, "y[ring]", over=["t[bridge]", "t[ring]"], points=3)
    assert seen.preferred() == pytest.approx(np.tile([3, 1, -1], (3, 1)), abs=1e-5)
    both = view(problem, "twice", over="t[bridge]", points=2)
    assert both.shown == ("twice[bridge]", "twice[ring]") and both.preferred(0) == pytest.approx([6, -2], abs=1e-5)
    assert view(problem, "table[2,ring]", over="t[ring]", points=2).preferred() == pytest.approx([6, -2], abs=1e-5)


def test_multipliers_in_the_leaders_objective():
    """The price of the cap is 2 (4 - x), negative as the value falls: x * dual = -2 x (4 - x)."""
    seen = view(text(PRICE), points=3)
    assert seen.preferred() == pytest.approx([-6, -8, -6], abs=1e-4)


def test_a_result_is_marked():
    problem = text(SHIFT)
    solution = bl.solve(problem)
    (place,), (value,) = view(problem, at=solution, points=2).mark
    assert place == pytest.approx(1.5, abs=1e-5) and value == pytest.approx(0.25, abs=1e-5)
    assert view(problem, points=2).mark is None


def test_a_curve_is_not_joined_where_it_jumps():
    place = np.linspace(0, 1, 11)
    value, there, _ = _broken(place, np.where(place > 0.55, place + 3, place), np.full(11, True))
    assert np.isnan(value).sum() == 1 and there[np.isnan(value)] == pytest.approx([0.6])
    assert not np.isnan(_broken(place, np.exp(9 * place), np.full(11, True))[0]).any()  # steep is not a jump


def test_far_answers_do_not_decide_what_is_seen():
    sine = "upper { var x in [0, 4]; minimize (x - 2)^2 + (y - 4)^2; } lower { var y start 4; minimize sin(x + y - 2); }"
    seen = view(text(sine), points=5)
    assert any(p.worst > 500 for p in seen.places) and _limits(seen)[1] < 30


# --- files --------------------------------------------------------------------------------------

BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--over", "t[ring]", "--points", "5"],
        ["y", "--over", "t[ring]=0:2", "--points", "5", "--no-solve"],
        ["--over", "t[bridge]", "--over", "t[ring]", "--points", "3"],
        ["twice"],
        ["table"],
    ],
    ids=["objective", "response", "two", "entry", "table"],
)
@pytest.mark.parametrize("kind", BEGINS)
def test_files(model, run, tmp_path, arguments, kind):
    pytest.importorskip("matplotlib")
    file, model = tmp_path / f"a.{kind}", model(LABELS)
    assert run("plot", model, *arguments, "-o", file, "-q").status == 0
    assert file.read_bytes().startswith(BEGINS[kind])


def test_the_same_figure_twice_is_the_same_file(model, run, tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        assert run("plot", model(WELLS), "--points", "5", "-o", tmp_path / name).status == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_trace_and_solve(model, run, tmp_path):
    pytest.importorskip("matplotlib")
    done = run("solve", model(SHIFT), "--method", "f2sa", "--trace", tmp_path / "t.csv", "--plot", tmp_path / "s.svg", "-q")
    assert done.status == 0
    assert run("plot", tmp_path / "t.csv", "-o", tmp_path / "t.svg").status == 0
    drawn = (tmp_path / "t.svg").read_text()
    assert "stationarity" in drawn and "upper objective" in drawn and "calls" not in drawn
    assert run("plot", tmp_path / "t.csv", "y", "-o", tmp_path / "u.svg").status == 2


def test_a_point_is_drawn_as_it_stands(model, run, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "p.json").write_text('{"variables": {"t": [1, 2], "y": [7, 8]}}')
    assert run("plot", model(LABELS), "twice", "--point", tmp_path / "p.json", "-o", tmp_path / "a.svg", "-q").status == 0
    assert "<!-- 16 -->" in (tmp_path / "a.svg").read_text()  # on the axis: not the follower's answer, which is 4


@pytest.mark.parametrize(
    "arguments", [["--over", "y"], ["--over", "t"], ["costs"], ["--over", "t[ring]=2:1"], ["t", "--over", "t[ring]"]]
)
def test_a_refusal_comes_before_any_work_and_leaves_no_file(model, run, tmp_path, arguments, monkeypatch):
    monkeypatch.setattr("bilevel_dsl.session.solve", None)
    monkeypatch.setattr("bilevel_dsl.cli.drawing.require_figure", lambda path: None)
    done = run("plot", model(LABELS), *arguments, "-o", tmp_path / "a.png")
    assert done.status == 2 and "BL052" in done.err and not (tmp_path / "a.png").exists()


def test_bad_command_lines(model, run, tmp_path):
    for arguments in (["--over", "x=1"], ["--over", "x=a:b"], ["--points", "1"], []):
        assert run("plot", model(SHIFT), *arguments, *(["-o", tmp_path / "a.png"] if arguments else [])).status == 2
    assert run("plot", model(SHIFT), "-o", tmp_path / "none" / "a.png").status == 2


def test_without_matplotlib_it_says_how_to_get_it(model, run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for arguments in (["plot", model(SHIFT), "-o"], ["solve", model(SHIFT), "--plot"]):
        done = run(*arguments, tmp_path / "a.png")
        assert done.status == 2 and "BL0522" in done.err and "pip install" in done.err
    with pytest.raises(bl.BilevelError, match="matplotlib"):
        bl.plot(text(SHIFT), over={"x": (0, 1)}, points=2).save(tmp_path / "a.png")

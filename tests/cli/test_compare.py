"""`bileveldsl compare`: several methods on one model."""

from __future__ import annotations

import csv
import io
import json
import sys

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.comparing import _spread, _stops
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.iterate import Interpreter
from tests.cli.conftest import SHIFT, VECTOR
from tests.methods.stochastic import RIDGE, load
from tests.methods.test_stochastic_methods import QUADRATIC

NOISE = QUADRATIC + "reference { upper = 1.87908; }\n"


def test_a_row_for_each_method(model, run):
    done = run("compare", model(SHIFT), "mgbio", "penalty:s_start=0.01", "dbgd")
    assert done.status == 0 and not done.err
    lines = done.out.splitlines()
    assert lines[0] == "shift: 3 methods from the same start" and all(len(line) <= 80 for line in lines)
    head, row = lines[2].split(), next(line for line in lines if line.startswith("mgbio")).split()
    assert head == ["method", "ended", "ok", "upper", "stationary", "gap", "reference", "steps", "sec."]
    assert row[:4] == ["mgbio", "converged", "yes", "0.25"] and float(row[5]) < 1e-9 and float(row[6]) < 1e-5
    assert "refused: dbgd: dbgd cannot solve this: the upper level has a variable" in done.out and "(line 3)" in done.out


def test_nothing_that_fits(model, run):
    done = run("compare", model(SHIFT), "dbgd", "soba:batch=4")
    assert (
        done.status == 3 and done.out.count("refused:") == 2 and "no objective has an `expect`" in " ".join(done.out.split())
    )


@pytest.mark.parametrize(
    "method, code, hint",
    [
        ("mgboi", "BL0401", "did you mean"),
        ("mgbio:rul=abs", "BL0403", "rule"),
        ("mgbio:rule=none", "BL0404", "clip, abs, kernel"),
        ("mgbio:rule", "BL0414", "mgbio:rule=abs"),
    ],
)
def test_mistakes_end_it_before_anything_runs(model, run, method, code, hint):
    done = run("compare", model(SHIFT), "penalty", method)
    assert done.status == 2 and code in done.err and hint in done.err and not done.out


def test_files(model, run, tmp_path):
    done = run("compare", model(NOISE), "mgbio", "soba:batch=8", "--seeds", "2", "--max-iter", "300", "-q",
               "--json", tmp_path / "c.json", "--csv", tmp_path / "c.csv")  # fmt: skip
    assert done.status == 0 and not done.out
    found = json.loads((tmp_path / "c.json").read_text())
    exact, noisy = found["entries"]
    assert exact["label"] == "mgbio" and len(exact["trials"]) == 1 and exact["trials"][0]["verified"]
    assert [t["seed"] for t in noisy["trials"]] == [0, 1] and noisy["settings"]["batch"] == 8
    for trial in noisy["trials"]:
        way = [*trial["way"], trial["end"]]
        for name in ("iterations", "seconds"):
            assert all(a[name] <= b[name] for a, b in zip(way, way[1:]))
        assert way[-1]["iterations"] == 300 and way[-1]["calls"]["samples"] > 300 * 2 * 8
        assert all(c["gap"] is None or c["gap"] >= 0 for c in way)
    assert noisy["trials"][0]["end"]["upper"] != noisy["trials"][1]["end"]["upper"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert {r["method"] for r in rows} == {"mgbio", "soba:batch=8"} and {"grad_g", "products", "gap"} <= set(rows[0])
    assert len(rows) == sum(len(t["way"]) + 1 for e in found["entries"] for t in e["trials"])


def test_of_seeds_the_median(model, run):
    done = run("compare", model(NOISE), "saba", "mgbio", "--seeds", "3")
    assert done.status == 0 and "3/3" in done.out and "median of 3 seeds" in done.out


def test_calls_are_counted_by_kind():
    problem = bl.load(bl.Source("m.bilevel", SHIFT))
    [entry] = bl.compare(problem, ["f2sa:T=5"], max_iter=20, compile="never").entries
    calls = entry.trials[0].end.calls
    assert calls["grad_f"] >= 20 * 6 and calls["grad_g"] >= 20 * 11 and calls["products"] == calls["hessians"] == 0


@pytest.mark.parametrize("name", ["penalty", "kkt", "mpcc"])
def test_no_count_is_given_where_none_is_known(name):
    problem = bl.load(bl.Source("m.bilevel", SHIFT))
    result = bl.compare(problem, ["mgbio", name], compile="never")
    counted, other = (e.trials[0].end for e in result.entries)
    assert counted.calls["grad_g"] > 0 and counted.work > 0
    assert other.calls == {} and np.isnan(other.work)
    assert [line for line in str(result).splitlines() if line.startswith(name)][1].split()[1:3] == ["--", "--"]


@pytest.mark.parametrize("name, batch", [("mgbio", 0), ("v_pbgd", 0), ("saba", 4), ("f3sa", 4)])
def test_stops_do_not_change_the_bits(name, batch):
    problem, met = load(RIDGE), []
    program = METHODS[name].program(Oracles(problem), {"batch": batch} if batch else None)
    run = lambda **more: execute(program, *problem.start(), executor="interpreted", settings={"max_iter": 60}, **more)
    plain, stopped = run(), run(stops=_stops(60), on_stop=met.append)
    assert plain.status == stopped.status and plain.iterations == stopped.iterations
    for slot in plain.state:
        assert np.array_equal(plain.state[slot], stopped.state[slot]), slot
    for measure in plain.trace:
        assert np.array_equal(plain.trace[measure], stopped.trace[measure], equal_nan=True), measure
    assert plain.phase_calls == stopped.phase_calls
    assert [s.iterations for s in met] == [k for k in _stops(60) if k < plain.iterations or plain.status == 1 and k < 60]


def test_one_machine_serves_all_stops(monkeypatch):
    """A machine holds copies of all data: one for each stop would fill the memory."""
    made, build = [], Interpreter.__init__

    def counted(self, *args, **more):
        made.append(self)
        build(self, *args, **more)

    monkeypatch.setattr(Interpreter, "__init__", counted)
    problem = load(RIDGE)
    program = METHODS["mgbio"].program(Oracles(problem))
    met = []
    execute(program, *problem.start(), executor="interpreted", stops=range(1, 8), on_stop=met.append)
    assert len(met) == 7 and len(made) == 1


def test_checkpoints_are_spread_evenly():
    assert _stops(30) == [1, 2, 3, 4, 5, 6, 8, 11, 14, 19, 25]
    assert _spread(8) == [0, 4, 2, 6, 1, 3, 5, 7] and sorted(_spread(13)) == list(range(13))


def test_maximised_objectives_are_as_written(model, run):
    done = run("compare", model(VECTOR), "mgbio", "--param", "a=[1, 2, 3]")
    assert done.status == 0 and " 3.25 " in done.out


def test_a_figure_needs_matplotlib(model, run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = run("compare", model(SHIFT), "mgbio", "--plot", tmp_path / "a.png")
    assert done.status == 2 and "BL0522" in done.err and "pip install" in done.err
    assert run("compare", model(SHIFT), "mgbio", "--plot", tmp_path / "a.gif").status == 2


@pytest.mark.parametrize("kind, begins", [("png", b"\x89PNG"), pytest.param("svg", b"<?xml", marks=pytest.mark.long)])
def test_figures(model, run, tmp_path, kind, begins):
    pytest.importorskip("matplotlib")
    file = tmp_path / f"a.{kind}"
    done = run("compare", model(NOISE), "mgbio", "soba:batch=8", "--seeds", "2", "--max-iter", "200", "--plot", file)
    assert done.status == 0 and file.read_bytes().startswith(begins)


def test_a_trace_tells_seconds_calls_and_the_report(model, run, tmp_path):
    file = model(SHIFT)
    assert run("solve", file, "--method", "f2sa", "--trace", tmp_path / "t.csv", "-q").status == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    plain = bl.solve(bl.load(file), "f2sa")
    assert [float(r["upper"]) for r in rows] == plain.trace["upper"].tolist()  # the same bits
    for name in ("seconds", "calls.grad_g"):
        values = [float(r[name]) for r in rows]
        assert values[0] > 0 and values == sorted(values)
    assert float(rows[-1]["report.sum_of_both"]) == plain.report["sum_of_both"]


def test_a_long_trace_has_fewer_rows(model, run, tmp_path):
    run("solve", model(NOISE), "--method", "soba", "-O", "batch=4", "--trace", tmp_path / "t.csv", "--verify", "no", "-q")
    rows = [int(line.split(",")[0]) for line in (tmp_path / "t.csv").read_text().splitlines()[1:]]
    assert rows[:1000] == list(range(1, 1001)) and rows[-1] == 20000 and len(rows) < 1500

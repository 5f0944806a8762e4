"""The experiments of the papers: the command runs, and the quick version finds what the pages say, as far as it goes."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import bilevel_dsl as bl
from tests.examples.test_examples import ROOT

PAPERS = ROOT / "examples" / "papers"
FOLDERS = sorted(p.parent.name for p in PAPERS.glob("*/run.py"))


def study(name: str):
    """The run.py of a folder, as a module."""
    spec = importlib.util.spec_from_file_location(f"paper_{name}", PAPERS / name / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_whole(name):
    """A model, a table, figures that are small, and a page that shows them and is listed."""
    folder = PAPERS / name
    page = (folder / "README.md").read_text()
    for model in folder.glob("*.bilevel"):
        bl.load(model)
    figures = sorted(p.name for p in folder.glob("*.png"))
    assert figures and figures == sorted(re.findall(r"\]\(([a-z_0-9]+\.png)\)", page))
    assert all((folder / f).stat().st_size < 150_000 for f in figures)
    assert (folder / "table.csv").exists() and (folder / "model.bilevel").exists()
    assert "**Agrees" in page and f"{name}/README.md" in (PAPERS / "README.md").read_text()


@pytest.mark.long
def test_the_command_writes_table_and_figures(tmp_path):
    command = [sys.executable, PAPERS / "barrier_rates" / "run.py", "--quick", "--output", tmp_path]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "BILEVELDSL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    for row in rows:  # the bounds hold, and are nearly tight
        for what in ("d^2", "g^2"):
            fitted, proved = float(row[f"{what} fitted"]), float(row[f"{what} proved"])
            assert proved - 0.25 < fitted < proved + 0.03, row
    assert len(rows) == 3


@pytest.mark.long
def test_the_toy():
    module = study("barrier_toy")
    ours, theirs = module.study(quick=True)
    ends = {name: (way["report.x1"][-1], way["multiplier"][-1], way["report.cosine"][-1]) for name, way in ours.items()}
    assert ends["start 2"] == pytest.approx((-1, 0, 1), abs=1e-6)
    for name in ("start 1", "start 3"):
        x, multiplier, cosine = ends[name]
        assert x == pytest.approx(1, abs=1e-6) and multiplier > 1e9 and cosine == pytest.approx(-1)
    floors = [theirs[f"penalty {gamma}"]["report.size_g"][-1] for gamma in (1, 10, 100)]
    assert np.all(np.diff(floors) < 0) and ours["start 1"]["report.size_g"][-1] < 1e-6 * floors[-1]
    assert theirs["penalty 1"]["report.across"][-1] < 1e-9 < theirs["penalty 1000"]["report.across"][-1]


def test_the_first_step_of_the_toy_is_that_of_the_paper():
    """From (1.5, 1): worked out with the formulas of the paper."""
    module = study("barrier_toy")
    x, e = np.array([1.5, 1.0]), np.array([1.0, 0.0])
    a, b = x + e, x - 2 * e
    grad_f, grad_g = 2 * (b @ b) * a + 2 * (a @ a) * b, (x @ x - 1) * x
    multiplier = max(1 - grad_f @ grad_g / (grad_g @ grad_g), 0)
    way = module.barrier(list(x), 3)
    expected = x - 0.01 * (grad_f + multiplier * grad_g)
    assert [way["report.x1"][0], way["report.x2"][0]] == pytest.approx(expected)


@pytest.mark.long
def test_the_factorisation():
    """DBGD has the lower f than penalties that are as near to the follower's answers."""
    module = study("factorisation")
    found = module.study(quick=True)
    for methods in found.values():
        near = [v for name, v in methods.items() if name in ("dbgd beta=1", "dbgd beta=10")]
        other = [v for name, v in methods.items() if name in ("penalty gamma=100", "penalty gamma=1000")]
        assert max(v[2] for v in near) < min(v[2] for v in other)


@pytest.mark.long
def test_the_bias_and_the_rates_of_the_penalty():
    _, _, rows = study("penalty_rates").study(quick=True)
    for name, fitted, _, expected in rows:
        assert fitted == pytest.approx(expected, abs=0.05), name


@pytest.mark.long
def test_the_rates_of_the_penalty_with_noise():
    """As far as 20,000 iterations go; the bias by hand is that of the method at the same lambda."""
    module = study("penalty_rates")
    found, _, rows = module.noisy_study(quick=True)
    for name, fitted, _, expected in rows:
        assert fitted == pytest.approx(expected, abs=0.05) or name.startswith("noise"), name
    assert module.NOISY["prox_penalty"].samples(np.array([1.0, 3.0])) == pytest.approx([6 * 3, 6 * (3 + 5 + 7)])
    for k, gradients, alone in found.values():
        late = k > k[-1] / 2
        assert np.linalg.norm(gradients[:, late].mean(axis=(0, 1))) == pytest.approx(alone[late].mean(), rel=0.05)


@pytest.mark.long
def test_the_game():
    """With the range fixed the methods of one rate are tied; a penalty of 10 at a step of 1 / 11 is slower."""
    panels = study("pl_game").study(quick=True)
    ways, steps = panels["range fixed"]
    ends = {name: way["report.size_F"][-1] for name, way in ways.items()}
    tied = [ends[name] for name in ("mgbio", "galet", "hjfbio", "bome", "v_pbgd gamma=1")]
    assert max(tied) < 1.15 * min(tied) and ends["v_pbgd gamma=10"] > 3 * max(tied)
    ways, _ = panels["range fixed, batches"]
    assert ways["vr_msgbio"]["report.size_F"][-1] < 0.7 * ways["msgbio"]["report.size_F"][-1]


@pytest.mark.long
def test_representation_learning():
    """A straight line in logarithms, slower with gamma; the gap says what few inner steps hide."""
    module = study("representation")
    ways = module.study(quick=True)
    rates = [module.rate(ways[f"pbgd_b gamma={gamma}, T=5"]) for gamma in module.GAMMAS]
    assert np.all(np.diff(rates) > 0) and rates[-1] < -1
    fair, few = ways["pbgd_j gamma=10, T=100"], ways["pbgd_j gamma=10, T=5"]
    assert few["report.gap"][-1] > 1 > 50 * fair["report.gap"][-1]


def test_the_first_step_of_matrix_sensing():
    """MGBiO's, worked out with the formulas of the paper: no derivative of ours."""
    module, d = study("matrix_sensing"), 6
    problem = module.model(module.__file__, d=d)
    data = {q.name: np.reshape(v, q.symbol.shape, order="F") for q, v in zip(problem.parameters, problem.data)}
    x, y = (np.reshape(v, (d, -1), order="F") for v in problem.start())

    def parts(who: str):
        C, (i, j) = np.zeros((len(data[f"C_{who}"]), d, d)), np.tril_indices(d)
        by_columns = np.lexsort((i, j))
        C[:, i[by_columns], j[by_columns]] = data[f"C_{who}"]
        C = (C + C.transpose(0, 2, 1)) / 2
        e = np.tensordot(C, x @ x.T + y @ y.T) - data[f"seen_by_{who}"].ravel()
        return C, e, np.tensordot(e, C, 1) * 2 / len(e)

    _, _, upper = parts("leader")
    C, e, lower = parts("follower")
    Cy = C @ y[:, 0]
    eigenvalues, U = np.linalg.eigh(4 / len(e) * Cy.T @ Cy + lower)
    largest = np.abs(eigenvalues).max()
    z = U @ (U.T @ (upper @ y)[:, 0] / np.clip(eigenvalues, 0.2 * largest, module.L))
    w = upper @ x - np.tensordot(Cy @ z, C @ x, 1) * 4 / len(e)
    settings = {**module.METHODS["mgbio"], "max_iter": 1, "tol": 0}
    found = bl.solve(problem, "mgbio", options=settings, verify="no", scaling=False, effort="quick")
    assert found["x"] == pytest.approx(x - module.RATE * w, rel=1e-9)
    assert np.ravel(found["y"]) == pytest.approx((y - module.RATE * lower @ y).ravel(), rel=1e-9)


def test_rows_of_matrix_sensing_are_merged(tmp_path):
    """Of one size, draw and method there is one row, the last; sizes, draws and methods stand in order."""
    module, file = study("matrix_sensing"), tmp_path / "table.csv"
    row = lambda d, draw, method, end: (d, draw, method, 600, 1.0, 1.0, 1.0, end, np.nan, np.nan)  # noqa: E731
    module.merge([row(100, 1, "bvfsm", 0.5), row(50, 2, "mgbio", 0.25), row(50, 1, "bome", 0.75)], file)
    module.merge([row(100, 1, "mgbio", 0.125), row(100, 1, "bvfsm", 0.0625)], file)
    found = [(r["d"], r["draw"], r["method"], r["at the end"]) for r in csv.DictReader(file.read_text().splitlines())]
    assert found == [
        ("50", "1", "bome", "0.75"),
        ("50", "2", "mgbio", "0.25"),
        ("100", "1", "mgbio", "0.125"),
        ("100", "1", "bvfsm", "0.0625"),
    ]


@pytest.mark.long
def test_hyper_cleaning():
    """The rates are those by hand; wrong rows lose their weight before others do."""
    module = study("cleaning")
    for name, fitted, by_hand in module.rates(600):
        assert fitted == pytest.approx(by_hand, rel=0.03), name
    found = {row[0]: row[1:] for row in module.lines(module.cleaning(300))}
    _, _, f, accuracy, wrong, clean = found["pbgd_b gamma=10"]
    assert wrong > 2 * clean and f < found["all rows"][2] and accuracy > found["all rows"][3] + 0.02


def test_the_follower_of_hyper_representation():
    """Tasks are those that are cut; the answers by numpy are stationary for the model, and its loss there is the same."""
    module = study("hyper_representation")
    kept, cut = np.load(PAPERS / "hyper_representation" / "tasks.npz"), module.learnt_from()
    assert all(np.array_equal(kept[name], cut[name]) for name in ("shown", "asked"))
    problem = module.model(module.__file__)
    W = np.reshape(problem.start()[0], (64, -1), order="F")
    B = module.heads(cut["shown"] @ W, 1 / 6)
    functions, point = bl.functions_of(problem), (W.ravel(order="F"), B.ravel(order="F"), *problem.matrices)
    slopes = {name: np.linalg.norm(np.array(functions[name](*point))) for name in ("grad_y_g", "grad_y_f")}
    assert slopes["grad_y_g"] < 1e-6 < 0.05 < slopes["grad_y_f"]
    assert float(functions["f"](*point)) == pytest.approx(module.judged(W, cut)[0], rel=1e-9)


@pytest.mark.long
def test_hyper_representation():
    """After 60 steps mgbio is ahead by the loss at the follower's answers; new pictures are told apart better."""
    module = study("hyper_representation")
    ways = module.learn(60, ("mgbio", "v_pbgd", "bome"))
    known, tests = module.learnt_from(), module.unseen()
    losses = {name: module.judged(module.representation(way), known)[0] for name, way in ways.items()}
    assert losses["mgbio"] == min(losses.values()) < 0.16
    start = module.judged(module.representation(ways["mgbio"], 0), tests["seen digits"])[1]
    assert module.judged(module.representation(ways["mgbio"]), tests["seen digits"])[1] > start + 0.1

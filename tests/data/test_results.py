"""Results carry the names of their entries: in the table, in the JSON, in the long CSV."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.cli.inputs import read_point
from bilevel_dsl.diagnostics import Source
from bilevel_dsl.report.csv_text import csv_text, long_text
from tests.data.test_sets import NETWORK

MODEL = (
    NETWORK
    + """
set HOUR = 1..2;
set LATE = {7, 9};
set MID = {(i, j) for (i, j) in ARC if i != "a"};
set OUT = {n for n in NODE if n != "d"};
param base[ARC] = [1, 3, 3, 1, 0.5];
upper { var t[LATE] in [0, 1] start 0.5; minimize sumsqr(t) + sum(f); }
lower {
  var f[ARC] in [0, 10];
  minimize sum((base[a] + 0.5 * f[a]) * f[a] for a in ARC) + 0 * sum(t);
  subject to
    balance[n in OUT]:
      sum(f[i, j] for (i, j) in ARC if i == n) - sum(f[i, j] for (i, j) in ARC if j == n) == (if n == "a" then 4 else 0);
}
report {
  price = dual(balance);
  twice = 2 * f + 1;
  level = [b[n] for n in NODE];
  of_hours = [h * f["a", "b"] for h in HOUR];
  part = f[MID];
  cut = [b[n] for n in NODE if n != "a"];
}
"""
)


@pytest.fixture(scope="module")
def solution():
    return bl.solve(bl.load(Source("net", MODEL)), method="kkt", compile=False)


def test_json_has_the_elements(solution):
    found = json.loads(json.dumps(solution.to_json()))
    arcs = [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"], ["b", "c"]]
    assert found["index"] == {
        "t": [[7, 9]],
        "f": [arcs],
        "price": [["a", "b", "c"]],
        "twice": [arcs],
        "level": [["a", "b", "c", "d"]],
        "part": [arcs[2:]],
        "dual(balance)": [["a", "b", "c"]],
    }
    assert len(found["variables"]["f"]) == 5 and len(found["duals"]["balance"]) == 3


def test_the_table_has_labels(solution):
    lines = {line.split()[0]: line.split()[1:] for line in str(solution).splitlines() if line.strip()}
    assert lines["f[5]"][:4:2] == ["a,b", "a,c"] and lines["t[2]"][::2] == ["7", "9"]
    assert lines["price[3]"][::2] == ["a", "b", "c"] and lines["level[4]"] == ["a", "1", "b", "2", "c", "3", "d", "4"]


def test_one_row_an_entry(solution):
    rows = list(csv.reader(long_text(solution).splitlines()))
    assert rows[0] == ["name", "index1", "index2", "value"] and len(rows) == 1 + 2 + 5 + 3 + 5 + 4 + 2 + 3 + 3 + 3
    entries = {tuple(row[:3]): float(row[3]) for row in rows[1:]}
    assert entries["f", "b", "c"] == solution["f"][4] and entries["t", "9", ""] == solution["t"][1]
    assert entries["dual(balance)", "b", ""] == solution.duals["balance"][1]
    assert entries["of_hours", "2", ""] == pytest.approx(2 * solution["f"][0]) and ("cut", "3", "") in entries


def test_one_row_a_run(solution):
    header, row = csv.reader(csv_text(solution).splitlines())
    values = dict(zip(header[4:], map(float, row[4:])))
    assert values["f[b,c]"] == solution["f"][4] and values["price[c]"] == solution.report["price"][2]
    np.testing.assert_allclose([values["part[b,d]"], values["part[b,c]"]], solution["f"][2::2])


BACK = """
set HUB = {"a", "b", "c"};
param fee[HUB];
param scale = 1;
param X[:, :];
upper { var t[HUB] in [0, 9] start 1; minimize sum((t[h] - fee[h])^2 for h in HUB) + 0 * sum(X); }
lower { var y; minimize (y - scale * sum(t))^2; }
"""
DATA = {"fee": {"a": 1, "b": 2, "c": 3}, "X": np.arange(2000.0).reshape(40, 50)}


def test_a_result_says_what_it_was_made_from(tmp_path):
    problem = bl.load(Source("hubs.bilevel", BACK), data=DATA)
    solution = bl.solve(problem, compile=False)
    found = solution.to_json()["made_from"]
    assert found["model"] == "hubs.bilevel" and len(found["hash"]) == 64
    assert found["parameters"]["fee"] == [1, 2, 3]
    assert found["parameters"]["X"]["shape"] == [40, 50] and len(found["parameters"]["X"]["sha256"]) == 64
    header, row = csv.reader(csv_text(solution).splitlines())
    assert header[4:8] == ["X", "fee[a]", "fee[b]", "fee[c]"] and row[5:8] == ["1.0", "2.0", "3.0"]


@pytest.fixture
def kept(tmp_path):
    bl.solve(bl.load(Source("hubs.bilevel", BACK), data={**DATA, "scale": 2}), compile=False).save(tmp_path / "r.json")
    return read_point(str(tmp_path / "r.json"))


def test_reading_back(kept):
    problem = bl.load(Source("m", BACK), data={"X": DATA["X"]}, kept=kept.parameters, kept_wins=True)
    assert bl.verify(problem, kept.of(problem)).verified and problem.given["scale"].value == 2
    assert kept.changes(problem) == []


def test_what_a_model_lacks_is_taken_from_an_earlier_result(kept):
    problem = bl.load(Source("m", BACK), data={"X": DATA["X"]}, kept=kept.parameters)
    assert sorted(problem.given) == ["X", "fee"]


def test_entries_are_matched_by_their_elements(kept):
    turned = BACK.replace('{"a", "b", "c"}', '{"c", "a", "b"}')
    problem = bl.load(Source("m", turned), data={**DATA, "scale": 2})
    np.testing.assert_allclose(kept.of(problem)["t"], [3, 1, 2], atol=1e-5)
    assert kept.changes(problem) == ["the text of the model is another one"]


def test_what_is_not_the_same_is_said(kept):
    other = bl.load(Source("m", BACK), data={**DATA, "X": np.zeros((2, 2))})
    assert kept.changes(other) == ["`X` has other values"]
    inside = BACK.replace("param X[:, :];", "param X = 1;")
    missing = bl.load(Source("m", inside), data={"fee": DATA["fee"]})
    assert kept.changes(missing)[1] == "`X` was given from outside, 40 by 50, and is too large to be kept in the file"

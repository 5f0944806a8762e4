"""What is offered in quotes: files and their columns where data are read, labels of the dimension where an index stands."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.lsp.analysis import Document
from bilevel_dsl.lsp.completion import complete

SETS = 'set BUS = {"Alta", "Brig"}; set ARC = {("Alta", "x"), ("Brig", "y")}; '
SETS += 'param p[BUS, 3, ARC] = 1; param f = "buses.csv";\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    (folder / "buses.csv").write_text('# of 2020\n"bus";mw;zone\nAlta;1;e\n', encoding="utf-8-sig")
    (folder / "empty.csv").write_text("")
    (folder / "deep").mkdir()
    (folder / "deep" / "more.csv").write_text("a,b\n1,2\n")
    (folder / "d.json").write_text('{"rows": [1], "n": 2}')
    (folder / "bad.json").write_text('{"rows": ')
    np.savez(folder / "d.npz", X=[1], y=[2])
    return folder


@pytest.mark.parametrize(
    "text, expected",
    [
        ('param q = csv("|', ["buses.csv", "empty.csv", "deep/more.csv"]),
        ('param q = npz("|");', ["d.npz"]),
        ('param q[BUS] = csv("buses.csv", "|', ["bus", "mw", "zone"]),
        ('param q[BUS] = csv("buses.csv", "m|", key = "bus");', ["bus", "mw", "zone"]),
        ('param q[BUS] = csv("buses.csv", "mw", key = "|', ["bus", "mw", "zone"]),
        ('param q[BUS] = csv("deep/more.csv", columns = ["a", "|"]);', ["a", "b"]),
        ('param q[BUS] = csv(f, "|', ["bus", "mw", "zone"]),
        ('set S = csv("deep/more.csv", "|', ["a", "b"]),
        ('param q = npz("d.npz", "|', ["X", "y"]),
        ('param q = json("d.json", "|', ["rows", "n"]),
        ('param q = json("bad.json", "|', []),
        ('param q = csv("none.csv", "|', []),
        ('param q = csv("../x.csv", "|', []),
        ('param q = csv("empty.csv", "|', []),
        ('let z = p["|', ["Alta", "Brig"]),
        ('let z = p["Alta", 2, "|"];', ["Alta", "Brig"]),
        ('let z = p["Alta", 2, "Alta", "|"];', ["x", "y"]),
        ('let z = p["Alta", "|', []),
        ('let z = sum(p[b, 1, a] for a in ARC, b in BUS if b == "|', ["Alta", "Brig", "x", "y"]),
        ('let z = p[first(BUS), 2, "|', ["Alta", "Brig"]),
    ],
)
def test_in_quotes(text, expected, folder):
    offset = len(SETS) + text.index("|")
    found = complete(Document("m.bilevel", SETS + text.replace("|", ""), folder), offset)
    assert [i.label for i in found] == expected
    assert all(i.detail for i in found)

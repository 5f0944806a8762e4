"""Parameters from tables: matched by key, wide and long, labels as values, texts, sizes that the data decide."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError
from tests.data.test_sets import codes, symbols, value

BUS = 'set BUS = {"Alta", "Brig", "Col"}; '


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "buses.csv").write_text("bus,zone,mw\nCol,west,30\nAlta,east,10\nBrig,,20\n")
    (tmp_path / "lines.csv").write_text("line,from,to,cap\nl1,Alta,Brig,100\nl2,Brig,Col,50\nl3,Alta,Col,\n")
    (tmp_path / "long.csv").write_text("hour;bus;eur\n2;Alta;21\n1;Alta;11\n1;Brig;12\n2;Brig;22\n1;Col;13\n2;Col;23\n")
    (tmp_path / "wide.csv").write_text("hour,Brig,note,Alta,Col\n2,22,x,21,23\n1,12,y,11,13\n")
    (tmp_path / "run.csv").write_text("k,u,v\n1,5,6\n2,7,8\n")
    np.savez(tmp_path / "data.npz", X=np.arange(6.0).reshape(3, 2), y=[1.0, 2, 3])
    return tmp_path


LINE = BUS + 'set LINE = csv("lines.csv", "line"); param from[LINE] in BUS = csv("lines.csv", "from", key = "line"); '
LINE += 'param target[LINE] in BUS = csv("lines.csv", "to", key = "line"); '


@pytest.mark.parametrize(
    "text, expression, expected",
    [
        (BUS + "param load[BUS] = csv('buses.csv', 'mw', key = 'bus');", "load", [10, 20, 30]),
        (
            BUS + "param cap[BUS, BUS] = csv('lines.csv', 'cap', key = ['from', 'to'], default = 0);",
            "cap[:, 'Brig']",
            [100, 0, 0],
        ),
        (
            "set A = csv('lines.csv', 'from', 'to'); "
            "param c[A] = csv('lines.csv', 'cap', key = ['from', 'to'], default = 7);",
            "c",
            [100, 50, 7],
        ),
        (
            BUS + "set HOUR = 1..2; param p[HOUR, BUS] = csv('long.csv', 'eur', key = ['hour', 'bus']);",
            "p",
            [[11, 12, 13], [21, 22, 23]],
        ),
        (BUS + "param p[BUS, 2] = csv('long.csv', 'eur', key = ['bus', 'hour']);", "p", [[11, 21], [12, 22], [13, 23]]),
        (
            BUS + "set HOUR = 1..2; param p[HOUR, BUS] = csv('wide.csv', columns = BUS, key = 'hour');",
            "p",
            [[11, 12, 13], [21, 22, 23]],
        ),
        (
            BUS + "set HOUR = {2, 1}; param p[BUS, HOUR] = csv('wide.csv', columns = BUS, key = 'hour');",
            "p[:, 1]",
            [11, 12, 13],
        ),
        ("param p[2, 2] = csv('wide.csv', columns = ['Col', 'Alta'], key = 'hour');", "p", [[13, 11], [23, 21]]),
        ("param u = csv('run.csv', 'u');", "u", [5, 7]),
        ("param u[2] = csv('run.csv', 'v');", "2 * u", [12, 16]),
        ("param uv = csv('run.csv', 'u', 'v');", "uv", [[5, 6], [7, 8]]),
        ("param file = 'run.csv'; param column = 'u'; param u = csv(file, column);", "u", [5, 7]),
        (LINE + "param theta[BUS] = [1, 2, 3];", "[theta[from[l]] - theta[target[l]] for l in LINE]", [-1, -1, -2]),
        (LINE + "param theta[BUS] = [1, 2, 3];", "theta[from]", [1, 2, 1]),
        (LINE, "[sum(1 for l in LINE if from[l] == b) for b in BUS]", [2, 1, 0]),
        (LINE, "[sum(1 for l in LINE if b == target[l] and from[l] != 'Brig') for b in BUS]", [0, 1, 1]),
        (LINE, "sum(1 for l in LINE if from[l] in {'Brig', 'Col'})", 1),
        (LINE, "sum(1 for l in LINE, k in LINE if target[l] == from[k])", 1),
        (LINE + "param hub in BUS = 'Brig'; param also in BUS = last(BUS);", "ord(hub, BUS) + ord(also, BUS)", 5),
        (LINE + "set ENDS = {from[l] for l in LINE};", "card(ENDS)", 2),
        (
            LINE + "set PAIRS = {(from[l], target[l]) for l in LINE}; param z[PAIRS] = [1, 2, 3];",
            "sum(z[from[l], target[l]] for l in LINE)",
            6,
        ),
        (
            BUS + "param zone[BUS] in {'east', 'west'} = csv('buses.csv', 'zone', key = 'bus', default = 'west');",
            "[if zone[b] == 'west' then 1 else 0 for b in BUS]",
            [0, 1, 1],
        ),
        (BUS + "param next[BUS] in BUS = ['Brig', 'Col', 'Alta'];", "sum(ord(next[b], BUS) * ord(b) for b in BUS)", 11),
        ("set K = {5, 7}; param k[3] in K = [5, 7, 5];", "sum(k)", 17),
        (
            "param file = 'data.npz'; param X[:, :] = npz(file, 'X'); param z[:] = npz(file, 'y');",
            "rows(X) * 10 + cols(X) + rows(z)",
            35,
        ),
        ("param n = 3; param X[n, :] = npz('data.npz', 'X');", "cols(X)", 2),
    ],
)
def test_values(text, expression, expected, folder):
    assert value(text.replace("'", '"'), expression.replace("'", '"'), folder) == expected


def table(folder, text: str | bytes) -> None:
    (folder / "t.csv").write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    "text",
    [
        "bus,mw\nCol,30\nAlta,10\nBrig,20\n",
        "\ufeffbus;mw\r\nCol;30\r\nAlta;10\r\nBrig;20\r\n",
        'bus\tname\tmw\nCol\t"a\tb"\t30\nAlta\t\t10\n\n# none\nBrig\tx\t20\n',
        '"bus","mw"\n"Col","30"\n"Alta","1e1"\n "Brig" , 20.0\n',
        "mw,bus\r30,Col\r10,Alta\r20,Brig",
    ],
)
def test_tables_as_they_are_written(text, folder):
    table(folder, text)
    assert value(BUS + 'param p[BUS] = csv("t.csv", "mw", key = "bus");', "p", folder) == [10, 20, 30]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("bus,mw\nCol,30\nAlta,10\n", ["BL0342"]),
        ("bus,mw\nCol,30\nAlta,10\nBrig,20\nCol,40\n", ["BL0342"]),
        ("bus,mw\nCol,30\nAlta,10\nBrug,20\nCol,40\n", ["BL0342"] * 3),
        ("bus,mw\nCol,30\nAlta,10\nBrig,\n", ["BL0341"]),
        ("bus,mw\nCol,30\nAlta,10\nBrig,n/a\n", ["BL0341"]),
        ("bus;mw\nCol;30\nAlta;10\nBrig;1,5\n", ["BL0341"]),
        ("bus,mw\nCol,30\nAlta,10\nBrig,1,5\n", ["BL0341"]),
        ("bus,mw\nCol;30\nAlta;10\nBrig;1\n", ["BL0341"]),
        (b"bus,mw\nCol,30\nM\xe1laga,10\n", ["BL0341"]),
        ("bus,mw\nCol,30\n".encode("utf-16"), ["BL0341"]),
        ("name,mw\nCol,30\n", ["BL0341"]),
        ("bus,mw,mw\nCol,30,1\n", ["BL0341"]),
        ("bus,mw\n", ["BL0341"]),
        ("", ["BL0341"]),
        ("bus,mw\nCol,nan\nAlta,10\nBrig,20\n", ["BL0334"]),
    ],
)
def test_mistakes_in_a_table(text, expected, folder):
    table(folder, text)
    assert codes(BUS + 'param p[BUS] = csv("t.csv", "mw", key = "bus");', folder) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("param p[BUS] = csv('buses.csv', 'mw');", ["BL0340"]),
        ("param p[BUS] = 2 * csv('buses.csv', 'mw', key = 'bus');", ["BL0340"]),
        ("param p[BUS] = csv('buses.csv', 'mw', keys = 'bus');", ["BL0340"]),
        ("param p[BUS] = csv('buses.csv', 'mw', key = 3);", ["BL0340"]),
        ("param p[BUS] = csv('buses.csv', 'mw', key = ['bus', 'zone']);", ["BL0340"]),
        ("param p[BUS] = csv('buses.csv', key = 'bus');", ["BL0340"]),
        ("param p[BUS] = csv('buses.csv', 'mw', columns = BUS, key = 'bus');", ["BL0340"]),
        ("param p[2, BUS] = csv('wide.csv', columns = BUS);", ["BL0340"]),
        ("param p[2, 3] = csv('wide.csv', columns = BUS, key = 'hour');", ["BL0340"]),
        ("param p[2, BUS] = csv('wide.csv', columns = 3, key = 'hour');", ["BL0313"]),
        ("param p[2, BUS] = csv('wide.csv', columns = ['Alta', 'Brig', 'Col'], key = 'hour');", ["BL0340"]),
        ("param p[2, 2] = csv('wide.csv', columns = ['Alta', 'Dorf'], key = 'hour');", ["BL0341"]),
        ("param p[2, 2] = csv('wide.csv', columns = ['Alta', 2], key = 'hour');", ["BL0340"]),
        ("param p[BUS] in BUS = csv('buses.csv', 'zone', key = 'bus');", ["BL0341"]),
        ("param p[BUS] in BUS = csv('buses.csv', 'bus', key = 'bus', default = 'X');", ["BL0335"]),
        ("param p[2] in {1, 2} = [1, 3];", ["BL0335"]),
        ("param p in BUS = 'Alto';", ["BL0311"]),
        ("param p in BUS = 3;", ["BL0311"]),
        ("param p in BUS = 'Alta'; param q = p + 1;", ["BL0311"]),
        ("param p[BUS] in BUS = ['Alta', 'Brig', 'Col']; param q = sum(p);", ["BL0311"]),
        ("param p[BUS] in BUS = ['Alta', 'Brig', 'Col']; param q = p['Alta'] * 2;", ["BL0311"]),
        ("set P = {('a', 'b')}; param p in P = 3;", ["BL0313"]),
        ("param t = 'x'; param q = t;", []),
        ("param t = 'x'; param q = t + 1;", ["BL0311"]),
        ("param X[:, :];", ["BL0330"]),
        ("param X[:] = [[1, 2], [3, 4]];", ["BL0332"]),
        ("param X[:] = 3;", ["BL0332"]),
        ("param u[3] = csv('run.csv', 'u');", ["BL0332"]),
        ("param u = csv('run.csv', 'w');", ["BL0341"]),
    ],
)
def test_mistakes_in_what_is_asked(text, expected, folder):
    text = (BUS + text).replace("'", '"')
    assert (codes(text, folder) if expected else symbols(text, folder) and []) == expected


class Frame:
    """What pandas and xarray objects have, without them."""

    def __init__(self, values, index, columns=None):
        self.values_, self.index = np.array(values), index
        if columns is not None:
            self.columns = columns

    def to_numpy(self):
        return self.values_


class Coordinate:
    def __init__(self, values):
        self.values = np.array(values)


class DataArray:
    def __init__(self, values, **axes):
        self.values, self.dims = np.array(values), tuple(axes)
        self.shape = self.values.shape
        self.coords = {k: Coordinate(v) for k, v in axes.items()}


ARC = 'set ARC = {("a", "b"), ("b", "c")}; set HOUR = 1..2; set K = {5, 7}; '


@pytest.mark.parametrize(
    "dims, given, expected",
    [
        ("BUS", {"Brig": 2, "Alta": 1, "Col": 3}, [1, 2, 3]),
        ("BUS", Frame([2, 1, 3], ["Brig", "Alta", "Col"]), [1, 2, 3]),
        ("BUS", [4, 5, 6], [4, 5, 6]),
        ("ARC", {("b", "c"): 2, ("a", "b"): 1}, [1, 2]),
        ("ARC", {"b": {"c": 2}, "a": {"b": 1}}, [1, 2]),
        ("ARC", Frame([2, 1], [("b", "c"), ("a", "b")]), [1, 2]),
        ("K", {7: 2, 5: 1}, [1, 2]),
        ("K", {"7": 2, "5": 1}, [1, 2]),
        ("HOUR, BUS", Frame([[3, 1, 2], [6, 4, 5]], [1, 2], ["Col", "Alta", "Brig"]), [[1, 2, 3], [4, 5, 6]]),
        (
            "HOUR, BUS",
            Frame([3, 1, 2, 6, 4, 5], [(h, b) for h in (1, 2) for b in ("Col", "Alta", "Brig")]),
            [[1, 2, 3], [4, 5, 6]],
        ),
        (
            "HOUR, BUS",
            {(h, b): 10 * h + len(b) for h in (1, 2) for b in ("Col", "Alta", "Brig")},
            [[14, 14, 13], [24, 24, 23]],
        ),
        ("HOUR, BUS", DataArray([[3, 1, 2], [6, 4, 5]], time=[1, 2], bus=["Col", "Alta", "Brig"]), [[1, 2, 3], [4, 5, 6]]),
        ("HOUR, BUS", DataArray([[3, 6], [1, 4], [2, 5]], bus=["Col", "Alta", "Brig"], hour=[1, 2]), [[1, 2, 3], [4, 5, 6]]),
        ("2, 2", Frame([[1, 2], [3, 4]], [0, 1], [0, 1]), [[1, 2], [3, 4]]),
        (":, :", np.ones((2, 3)), [[1, 1, 1], [1, 1, 1]]),
        (":", [1, 2], [1, 2]),
    ],
)
def test_values_from_python(dims, given, expected):
    assert symbols(BUS + ARC + f"param p[{dims}];", p=given)["p"].value.tolist() == expected


@pytest.mark.parametrize(
    "dims, given",
    [
        ("BUS", {"Brig": 2, "Alta": 1}),
        ("BUS", Frame([2, 1, 3], ["Brig", "Alta", "Cola"])),
        ("BUS", Frame([2, 1], ["Brig", "Alta"])),
        ("BUS", Frame([2, 1, 3, 4], ["Brig", "Alta", "Col", "Alta"])),
        ("BUS", Frame([2, 1, 3], [0, 1, 2])),
        ("ARC", {("b", "c"): 2, ("a", "d"): 1}),
        ("ARC", {("b", "c"): 2, ("a", "b", "c"): 1}),
        ("ARC", {"a": 1, "b": 2}),
        ("BUS", {("Alta", "Brig"): 1}),
        ("BUS", Frame([[1]], ["Alta"], ["x"])),
        ("BUS", {"Brig": "x", "Alta": 1, "Col": None}),
        ("BUS", "text"),
    ],
)
def test_mistakes_from_python(dims, given):
    with pytest.raises(BilevelError) as caught:
        symbols(BUS + ARC + f"param p[{dims}];", p=given)
    assert [d.code for d in caught.value.diagnostics] == ["BL0333"]


def test_labels_and_texts_from_outside(folder):
    text = BUS + 'param hub[2] in BUS = ["Alta", "Brig"]; param file = "none.csv"; param u = csv(file, "u");'
    found = symbols(text, folder, hub=["Col", "Alta"], file="run.csv")
    assert found["hub"].elements.tolist() == [3, 1] and found["u"].value.tolist() == [5, 7]
    text = BUS + "param next[BUS] in BUS;"
    assert symbols(text, next={"Alta": "Brig", "Col": "Alta", "Brig": "Col"})["next"].elements.tolist() == [2, 3, 1]

"""Index sets of labels, numbers and tuples: written, from files, selected; their elements as indices and in conditions."""

from __future__ import annotations

import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError, Collector, Source, Span
from bilevel_dsl.semantics.declarations.names import resolve_all
from bilevel_dsl.semantics.names.scope import Scope
from bilevel_dsl.semantics.names.symbols import declare
from bilevel_dsl.syntax.parser import parse

REST = " upper { minimize 0; } lower { var y; minimize y^2; }"

NETWORK = """
set NODE = {"a", "b", "c", "d"};
set ARC = {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("b", "c")};
param u[ARC] = [10, 20, 30, 40, 50];
param b[NODE] = [1, 2, 3, 4];
"""
LINES = "set L = {'p', 'q', 'r'}; param cap[L] = [50, 150, 300]; set BIG = {l for l in L if cap[l] > 100};"
MID = "set MID = {(i, j) for (i, j) in ARC if i != 'a'}; param v[MID] = [1, 2, 3];"


def symbols(text: str, folder=None, **data):
    source, problems = Source("model.bilevel", text + REST), Collector()
    found, _ = declare(parse(source), problems)
    resolve_all(Scope(found, problems, Span(source, 0, 0), folder, (), data))
    problems.raise_errors()
    return found


def value(text: str, expression: str, folder=None, **data):
    return symbols(f"{text} param result = {expression};", folder, **data)["result"].value.tolist()


def codes(text: str, folder=None) -> list[str]:
    with pytest.raises(BilevelError) as caught:
        symbols(text, folder)
    return [d.code for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("u['b', 'd']", 30),
        ("sum(u[i, j] for (i, j) in ARC)", 150),
        ("sum(u[a] for a in ARC)", 150),
        ("sum(u)", 150),
        ("sum(u[ARC])", 150),
        ("[u[i, j] * b[j] for (i, j) in ARC]", [20, 60, 120, 160, 150]),
        ("[sum(u[i, j] for (i, j) in ARC if j == n) for n in NODE]", [0, 10, 70, 70]),
        ("[sum(u[i, j] for (i, j) in ARC if i == n and u[i, j] > 10) for n in NODE]", [20, 80, 40, 0]),
        ("[sum(u[i, j] for (i, j) in ARC if n == i and j == m) for n in NODE, m in NODE if n != m][1]", 10),
        ("sum(u[i, j] for i in NODE, j in NODE if (i, j) in ARC)", 150),
        ("sum(1 for i in NODE, j in NODE if not ((i, j) in ARC) and i != j)", 7),
        ("sum(u[i, j] for (i, j) in ARC if i == 'b')", 80),
        ("sum(u[i, j] for (i, j) in ARC if i != 'b' and j != 'd')", 30),
        ("sum(u[i, j] for i in NODE, (k, j) in ARC if k == i)", 150),
        ("sum(1 for (i, j) in ARC, (k, l) in ARC if k == j)", 4),
        ("[ord(n) for n in NODE]", [1, 2, 3, 4]),
        ("[ord(a) for a in ARC]", [1, 2, 3, 4, 5]),
        ("[ord(j, NODE) for (i, j) in ARC]", [2, 3, 4, 4, 3]),
        ("ord('c', NODE)", 3),
        ("card(ARC) + card({'x', 'y'})", 7),
        ("u[first(ARC)] + b[last(NODE)]", 14),
        ("sum(u[a] for a in ARC if a == ('b', 'd'))", 30),
        ("sum(u[a] for a in ARC if a != last(ARC))", 100),
        ("if 'a' in NODE then 1 else 2", 1),
        ("sum(1 for i in NODE if i in {'a', 'd'})", 2),
    ],
)
def test_values_over_arcs(expression, expected):
    assert value(NETWORK, expression.replace("'", '"')) == expected


@pytest.mark.parametrize(
    "text, expression, expected",
    [
        ("set T = {5, 7, 12}; param c[T] = [1, 2, 3];", "sum(c[t] * t for t in T)", 55),
        ("set T = {5, 7, 12}; param c[T] = [1, 2, 3];", "c[7] + c[T][3]", 5),
        ("set T = {5, 7, 12}; param c[12] = 1..12;", "[c[t] for t in T]", [5, 7, 12]),
        ("set T = {5, 7, 12}; param c[12] = 1..12;", "sum(c[T])", 24),
        ("set T = {5, 7, 12};", "sum(ord(t) * (if t in {7, 12} then 1 else 0) for t in T)", 5),
        ("set T = {5, 7, 12}; set S = {t for t in T if t > 5};", "[t for t in S]", [7, 12]),
        ("set T = {5, 7, 12}; set S = {t for t in T if t > 5}; param c[T] = [1, 2, 3];", "[c[t] for t in S]", [2, 3]),
        ("set S = {2 * k for k in 1..4};", "[s for s in S]", [2, 4, 6, 8]),
        ("set P = {(1, 2), (2, 3)}; param c[P] = [7, 8];", "sum(c[i, i + 1] * i for i in 1..2)", 23),
        ("set P = {(i, j) for i in 1..3, j in 1..3 if i < j}; param c[P] = [7, 8, 9];", "c[2, 3]", 9),
        ("set P = {('x', 1), ('x', 2), ('y', 2)}; param c[P] = [7, 8, 9];", "sum(c[i, t] for (i, t) in P if t == 2)", 17),
        ("set Q = {(1, 2, 3), (4, 5, 6)}; param c[Q] = [7, 8];", "c[4, 5, 6] + sum(i * k for (i, j, k) in Q)", 35),
        (
            "set L = {'p', 'q', 'r'}; param cap[L] = [50, 150, 300]; set BIG = {l for l in L if cap[l] > 100};",
            "card(BIG)",
            2,
        ),
        (
            LINES + "param w[BIG] = [1, 2];",
            "[w[l] * cap[l] for l in BIG]",
            [150, 600],
        ),
        (
            LINES + "param w[BIG] = [1, 2];",
            "sum(w[l] for l in L if l in BIG) + w['r'] + sum(cap[BIG]) + ord('r', BIG)",
            457,
        ),
        (
            NETWORK + "set MID = {(i, j) for (i, j) in ARC if i != 'a'}; param v[MID] = [1, 2, 3];",
            "sum(v[a] * u[a] for a in MID)",
            260,
        ),
        (NETWORK + "set OUT = {i for (i, j) in ARC};", "sum(b[n] for n in OUT)", 6),
        (NETWORK + "set K = {'k', 'l'}; param f[ARC, K] = 1;", "sum(f[i, j, k] * u[i, j] for (i, j) in ARC, k in K)", 300),
        (NETWORK + "set K = {'k', 'l'}; param f[K, ARC] = 1;", "sum(f['k', 'a', j] for j in NODE if ('a', j) in ARC)", 2),
        (NETWORK + "set K = {'k', 'l'}; param f[K, ARC] = 1;", "sum(f['k', :])", 5),
        (NETWORK + "function load(i, j) = u[i, j] / 10;", "sum(load(i, j) for (i, j) in ARC)", 15),
        (NETWORK + "function load(a) = u[a] / 10;", "sum(load(a) for a in ARC)", 15),
    ],
)
def test_values(text, expression, expected):
    assert value(text.replace("'", '"'), expression.replace("'", '"')) == expected


def test_from_files(tmp_path):
    (tmp_path / "buses.csv").write_text('bus,mw\nAlta,10\n"Bra, sto",20\n\n# none\nC,30\n')
    (tmp_path / "links.csv").write_text("\ufefftail;head;cost\r\nAlta;C;1,5\r\nC;Alta;2\r\n", encoding="utf-8")
    (tmp_path / "nodes.csv").write_text("node\n4\n2\n9\n")
    text = 'set BUS = csv("buses.csv", "bus"); set ARC = csv("links.csv", "tail", "head"); set N = csv("nodes.csv", "node");'
    assert symbols(text, tmp_path)["BUS"].index_set.labels == ("Alta", "Bra, sto", "C")
    assert symbols(text, tmp_path)["ARC"].index_set.labels == ("Alta,C", "C,Alta")
    assert value(text, "[sum(1 for (i, j) in ARC if i == b) for b in BUS]", tmp_path) == [1, 0, 1]
    assert value(text + "param c[N] = [1, 2, 3];", "c[9] * sum(n for n in N)", tmp_path) == 45


def test_what_selects_costs_what_it_selects():
    """A hundred thousand arcs at ten thousand nodes: a billion pairs."""
    text = """
    param n = 10000;
    set ARC = {(i, j) for i in 1..n, j in i+1..i+10};
    param u[ARC] = 1;
    """
    totals = np.array(value(text, "[sum(u[i, j] for (i, j) in ARC if j == k) for k in 1..n]"))
    assert totals[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] and (totals[10:] == 10).all()


@pytest.mark.parametrize("seed", range(6))
def test_selecting_gives_what_looking_at_all_gives(seed):
    """`j == n` selects; `not (j != n)` looks at every pair."""
    rng = np.random.default_rng(seed)
    pairs = sorted({(int(i), int(j)) for i, j in rng.integers(1, 9, (30, 2))}, key=lambda p: rng.random())
    labels = [f'("n{i}", {j})' for i, j in pairs]
    nodes = ", ".join(f'"n{k}"' for k in range(1, 9))
    text = f"set N = {{{nodes}}}; set A = {{{', '.join(labels)}}}; "
    text += f"param c[A] = {[int(v) for v in rng.integers(1, 99, len(pairs))]};"
    for selecting, looking in (
        ("i == m", "not (i != m)"),
        ("j == ord(m)", "not (j != ord(m))"),
        ("i == m and j == ord(m) and c[i, j] > 20", "not (i != m) and not (j != ord(m)) and c[i, j] > 20"),
        ("2 * j == ord(m) + 2", "not (2 * j != ord(m) + 2)"),
    ):
        found = [
            value(text, f"[sum(c[i, j] * ord(a) for (i, j) in A, a in A if {c} and a == (i, j)) for m in N]")
            for c in (selecting, looking)
        ]
        assert found[0] == found[1]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("set S = {};", ["BL0313"]),
        ('set S = {"a", 1};', ["BL0311"]),
        ('set S = {("a", 1), ("b", "c")};', ["BL0311"]),
        ('set S = {("a", "b"), ("c", "d"), ("a", "b")};', ["BL0311"]),
        ("set S = {1, 2, 1};", ["BL0311"]),
        ("set S = {1, 2.5};", ["BL0308"]),
        ('set S = {("a", "b")}; param p[S] = 1; param q = p["a"];', ["BL0310"]),
        ('set S = {("a", "b")}; param p[S] = 1; param q = p["b", "a"];', ["BL0309"]),
        ('set S = {("a", "b")}; param p[S] = 1; param q = sum(p[:, "b"]);', ["BL0310"]),
        ('set S = {("a", "b")}; param q = sum(1 for (i, j, k) in S);', ["BL0313"]),
        ('set S = {"a", "b"}; param q = sum(1 for (i, j) in S);', ["BL0313"]),
        ('set S = {("a", "b")}; param q = sum(i for (i, j) in S);', ["BL0311"]),
        ('set S = {("a", "b")}; param q = sum(a for a in S);', ["BL0311"]),
        ('set S = {("a", "b")}; param q = sum(sum(1 for (i, n) in S) for n in 1..3);', ["BL0201"]),
        ('set S = {("a", "b")}; param q = sum(1 for (i, i) in S);', ["BL0201"]),
        ('set S = {"a"}; param q = sum(1 for i in 1..3 if i in S);', ["BL0311"]),
        ('set S = {"a"}; set T = {"b"}; param q = sum(1 for i in T if i in S);', ["BL0311"]),
        ("param q = 3 in 4;", ["BL0313"]),
        ("param q = ord(3);", ["BL0311"]),
        ("param q = card(3);", ["BL0313"]),
        ('set S = {"a"}; param q = first(S);', ["BL0311"]),
        ("set S = {k for k in 1..3 if k > 5}; param q[S] = 1;", ["BL0317"]),
        ("set S = {k for k in 1..3 if k > 5}; param q = first(S);", ["BL0317"]),
        ("set S = {k / 2 for k in 1..3};", ["BL0308"]),
        ("set S = {s for s in S};", ["BL0203"]),
        ("set S = {k for k in 1..3 if y > k};", ["BL0312"]),
        ("param q = (1, 2);", ["BL0205"]),
        ("set T = {5, 7}; param c[T] = 1; param q = sum(c[1:2]);", ["BL0310"]),
    ],
)
def test_mistakes(text, expected):
    assert codes(text) == expected

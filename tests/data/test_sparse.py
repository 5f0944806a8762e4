"""Sparse matrices of data: read, given from Python, equal to dense ones in value and derivative, and never written out."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.runtime.execute import execute
from tests.export.cases import ExportedLibrary

RNG = np.random.default_rng(0)
A = np.where(RNG.random((12, 5)) < 0.3, np.round(RNG.normal(size=(12, 5)), 3), 0.0)
A[:, 3], A[4, :] = 0, 0  # a column and a row without entries
B = np.round(RNG.normal(size=12), 3)
RIDGE = """
param A[:, :] = npz("A.npz");
param b[rows(A)] = npz("b.npz", "b");
upper { var c in [0.01, 10]; minimize sumsqr(A @ w - 0.5 * b) + 0.1 * c + sum(A' @ (A @ w)); }
lower { var w[cols(A)]; minimize dot(2 * A / rows(A) @ w, A @ w) - 2 * dot(w, A' @ b) / rows(A) + c * sumsqr(w); }
"""


def save(path, kind="csr", matrix=A, **other):
    """As `scipy.sparse.save_npz` does; entries of COO are split in two, which add up."""
    rows, columns = np.nonzero(matrix)
    values = matrix[rows, columns]
    if kind == "csc":
        order = np.lexsort((rows, columns))
        rows, columns, values = rows[order], columns[order], values[order]
        count = np.bincount(columns, minlength=matrix.shape[1])
        members = {"indices": rows.astype(np.int32)}
    elif kind == "csr":
        count = np.bincount(rows, minlength=matrix.shape[0])
        members = {"indices": columns.astype(np.int32)}
    if kind == "coo":
        order = RNG.permutation(2 * len(rows))
        members = {"row": np.tile(rows, 2)[order], "col": np.tile(columns, 2)[order]}
        values = np.concatenate([values - 1, np.ones(len(rows))])[order]
    else:
        members["indptr"] = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    members |= {"data": values, "shape": np.array(matrix.shape), "format": np.array(kind.encode())}
    np.savez(path, **(members | other))


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "A.npz")
    np.savez(tmp_path / "b.npz", b=B, A=A)
    (tmp_path / "m.bilevel").write_text(RIDGE)
    (tmp_path / "dense.bilevel").write_text(RIDGE.replace('npz("A.npz")', 'npz("b.npz", "A")'))
    return tmp_path


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_values_and_derivatives_are_those_of_the_dense_matrix(kind, folder):
    save(folder / "A.npz", kind)
    sparse, dense = (Oracles(bl.load(folder / f"{name}.bilevel")) for name in ("m", "dense"))
    x, y, v = RNG.normal(size=1), RNG.normal(size=5), RNG.normal(size=5)
    for name in ("f", "g", "grad_f", "grad_g", "hess_yy_g_times", "hess_xy_g_times"):
        if name not in sparse.recipes:
            continue
        last = [v] if name.endswith("_times") else []
        found = [o.function(name).call([x, y, *o.problem.matrices, *last]) for o in (sparse, dense)]
        for one, other in zip(*found):
            assert np.allclose(np.array(one), np.array(other), rtol=1e-12, atol=1e-12), name


def test_the_graph_has_no_room_for_the_zeros(tmp_path):
    """1e6 places, 2,000 entries: no work vector of a function, nor its parameter, is as long as the matrix."""
    rows, columns = RNG.integers(0, 1000, 2000), RNG.integers(0, 1000, 2000)
    matrix = SimpleNamespace(
        shape=(1000, 1000),
        nnz=2000,
        tocoo=lambda: SimpleNamespace(row=rows, col=columns, data=np.ones(2000), shape=(1000, 1000)),
    )
    text = RIDGE.replace(' = npz("A.npz")', "").replace('npz("b.npz", "b")', "1")
    problem = bl.load(bl.Source("m", text), data={"A": matrix})
    entries = next(q for q in problem.parameters if q.name == "A").value
    assert entries.shape == (len({*zip(rows.tolist(), columns.tolist())}),) and entries.sum() == 2000
    oracles = Oracles(problem)
    for name in ("grad_f", "grad_g", "hess_yy_g_times"):
        assert oracles.function(name).sz_w() < 30_000, name


def test_three_executors_agree(folder):
    problem = bl.load(folder / "m.bilevel")
    library = ExportedLibrary(problem, "mgbio", folder / "out", max_iter=30)
    solver = library.solver()
    solver.call("solve")
    runs = [
        execute(library.program, *problem.start(), executor=e, settings={"max_iter": 30})
        for e in ("interpreted", "compiled")
    ]
    for run in runs:
        assert np.array_equal(solver.state, np.concatenate(list(run.state.values())))


def test_the_result_says_where_it_is_from_and_is_read_back(folder):
    matrix = SimpleNamespace(
        shape=A.shape,
        nnz=np.count_nonzero(A),
        tocoo=lambda: SimpleNamespace(row=np.nonzero(A)[0], col=np.nonzero(A)[1], data=A[np.nonzero(A)], shape=A.shape),
    )
    problem = bl.load(folder / "m.bilevel", data={"A": matrix})
    solution = bl.solve(problem, compile=False)
    assert solution.verified
    kept = solution.to_json()["made_from"]["parameters"]["A"]
    assert kept["shape"] == list(A.shape) and kept["entries"] == np.count_nonzero(A)
    json.dumps(kept)
    assert bl.verify(problem, {"c": solution["c"], "w": solution["w"]}).verified


@pytest.mark.parametrize(
    "members, said",
    [
        ({"format": np.array(b"bsr")}, "is in the format `bsr`"),
        ({"indptr": np.array([0, 1])}, "its rows do not follow each other"),
        ({"indices": np.full(np.count_nonzero(A), 5)}, "an entry outside of its shape"),
        ({"indices": np.full(np.count_nonzero(A), -1)}, "an entry outside of its shape"),
        ({"indices": np.zeros(3, int)}, "entries and 3 places"),
        ({"data": np.array(["x"] * np.count_nonzero(A))}, "is not an array of real numbers"),
        ({"data": np.full(np.count_nonzero(A), np.nan)}, "is not a number (NaN)"),
        ({"shape": np.array([12.5, 5])}, "its shape is not two numbers from 1"),
        ({"shape": np.array([12, 4])}, "an entry outside of its shape"),
        ({"indices": np.zeros((2, 2), int)}, "its places are not vectors of whole numbers"),
    ],
)
def test_a_damaged_file(members, said, folder):
    save(folder / "A.npz", **members)
    with pytest.raises(bl.BilevelError) as raised:
        bl.load(folder / "m.bilevel")
    assert said in raised.value.diagnostics[0].message and raised.value.diagnostics[0].code in ("BL0341", "BL0334")


@pytest.mark.parametrize(
    "text, code, said",
    [
        ('param A[:, :] = npz("b.npz");', "BL0341", "`b.npz` holds no sparse matrix of SciPy"),
        ('param A[:, :] = npz("none.npz");', "BL0341", "there is no file"),
        ('param A[3, 5] = npz("A.npz");', "BL0332", "is a 12 by 5 matrix, but it is declared as a 3 by 5 matrix"),
        ('param A[:] = npz("A.npz");', "BL0332", "declared as a vector"),
        ('param A[:, :] in {1, 2} = npz("A.npz");', "BL0335", "a sparse matrix has numbers"),
        ('param A = 2 * npz("A.npz");', "BL0340", 'called as `npz("file", "key")`'),
        ("param A = npz(3);", "BL0340", "a sparse matrix is read by"),
    ],
)
def test_mistakes(text, code, said, folder):
    rest = "upper { var c in [0, 1]; minimize c + w; } lower { var w; minimize (w - c)^2; }"
    (folder / "m.bilevel").write_text(text + rest)
    with pytest.raises(bl.BilevelError) as raised:
        bl.load(folder / "m.bilevel")
    assert raised.value.diagnostics[0].code == code and said in raised.value.diagnostics[0].message


def test_what_would_write_a_hundred_million_zeros_out_is_refused(folder):
    save(folder / "big.npz", matrix=np.zeros((1, 1)), shape=np.array([10_000, 10_000]), indptr=np.zeros(10_001, int))
    rest = "upper { var c in [0, 1]; minimize c + w[1]; } lower { var w[10000]; minimize sumsqr(w - c) + SUM; }"
    for use in ("sumsqr(A @ w)", "sum((A' @ (2 * A)) @ w)"):
        (folder / "m.bilevel").write_text('param A[:, :] = npz("big.npz");' + rest.replace("SUM", use))
        assert bl.load(folder / "m.bilevel").y.numel() == 10_000
    for use in ("sum(A[i, 1] * w[i] for i in 1..3)", "sum(A + 1)", "sum(A @ (w * [1 for i in 1..10000])) + norm(A)"):
        (folder / "m.bilevel").write_text('param A[:, :] = npz("big.npz");' + rest.replace("SUM", use))
        with pytest.raises(bl.BilevelError) as raised:
            bl.load(folder / "m.bilevel")
        assert {d.code for d in raised.value.diagnostics} == {"BL0315"}, use

"""Projections and factorisations give the same bits in CasADi's virtual machine and as compiled C.

All of them are outputs of one program with one phase, so that C is compiled once.
"""

from __future__ import annotations

import os
import shutil

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.functions.linalg import eigh, orthonormal_rows, positive_solve
from bilevel_dsl.functions.sets import project
from bilevel_dsl.methods.program import Phase, Program, Setting, Slot
from bilevel_dsl.runtime.execute import execute
from tests.functions.catalogue import CATALOGUE, starts

N = 5  # of the matrices


def _program() -> Program:
    """x and y stay; slots `set0`, `set1`, ... are the projections of the blocks of y, the last ones factorisations."""
    sizes = [entry.constraint_set.size for entry in CATALOGUE.values()] + [N * N, N]
    ends = np.cumsum([0, *sizes]).tolist()
    y, y_start, x_start = ca.MX.sym("y", ends[-1]), ca.MX.sym("y_start", ends[-1]), ca.MX.sym("x_start", 0)
    *blocks, matrix, right = ca.vertsplit(y, ends)
    outputs = {
        f"set{k}": project(entry.constraint_set, block) for k, (entry, block) in enumerate(zip(CATALOGUE.values(), blocks))
    }
    A = ca.reshape(matrix, N, N)
    e, U = eigh(A + A.T)
    Q, c = orthonormal_rows(A[:3, :], right[:3])
    outputs |= {
        "eigenvalues": e,
        "eigenvectors": ca.vec(U),
        "rows": ca.vec(Q),
        "right": c,
        "solution": positive_solve(A + A.T, right),
    }
    state = [Slot("phase", 1), Slot("signal", 1), Slot("x", 0), Slot("y", ends[-1])]
    state += [Slot(name, value.numel()) for name, value in outputs.items()]
    first = {"phase": ca.MX(0), "signal": ca.MX(0), "x": x_start, "y": y_start} | {
        name: ca.MX.zeros(value.numel()) for name, value in outputs.items()
    }
    same = {"allow_duplicate_io_names": True}

    def function(name, inputs, values):
        return ca.Function(
            name, list(inputs.values()), [ca.densify(v) for v in values.values()], list(inputs), list(values), same
        )

    return Program(
        "projections",
        "all sets",
        tuple(state),
        (),
        (),
        (Setting("tol", 0, ""), Setting("max_iter", 1, "", integer=True)),
        (),
        None,
        function("initial", {"x_start": x_start, "y_start": y_start}, first),
        (Phase("step", function("phase_step", {"y": y}, outputs)),),
        function("measures", {"y": y}, {"size": ca.dot(y, y)}),
        {},
    )


@pytest.mark.skipif(
    not (shutil.which("gcc") or shutil.which("clang") or shutil.which("cc")), reason="there is no C compiler"
)
def test_bits_are_equal(tmp_path, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path))
    program, rng = _program(), np.random.default_rng(7)
    columns = [starts(entry, rng) for entry in CATALOGUE.values()]
    matrices = [
        rng.standard_normal((N, N)),
        np.ones((N, N)),
        np.zeros((N, N)),
        np.diag([1e8, 1, 1, 1e-8, -1]),
        np.outer(range(N), range(N)).astype(float),
    ]
    compared = 0
    for k in range(len(columns[0])):
        y = np.concatenate([points[k] for points in columns] + [matrices[k % 5].ravel(), rng.standard_normal(N)])
        compiled, interpreted = (
            execute(program, np.zeros(0), y, executor=e, trace=False) for e in ("compiled", "interpreted")
        )
        assert (compiled.executor, interpreted.executor) == ("compiled", "interpreted")
        for slot in program.state:
            a, b = compiled.state[slot.name], interpreted.state[slot.name]
            assert a.tobytes() == b.tobytes(), (slot.name, a - b)
            compared += a.size
    assert compared > 4000 and os.listdir(tmp_path)

"""Recursions against the same models written out by hand: values, derivatives, executors, size of the C."""

from __future__ import annotations

import re
import subprocess

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import Source
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.runtime.execute import execute
from tests.export.cases import STRICT, ExportedLibrary, exported
from tests.runtime.conftest import compiler  # noqa: F401, a fixture
from tests.runtime.machines import assert_same

HEAD = """
param N = {n};
param A[2, 2] = [[0.9, 0.2], [-0.1, 0.8]];
param B[2, 2] = [[0.5, 0.1], [0.2, 1]];
param begin[2] = [1, -0.5];
param d[N] = linspace(0.1, 1, N);
param T[N, 2, 2];
upper {{ var q in [-2, 2] start 0.3; var U[2]; minimize sumsqr(q) + sum(U) + {cost}; }}
lower {{ var u[N, 2] in [-1, 1]; var p; minimize sum(u) + p * q + {cost}; }}
"""
CASES = {
    "plain": ("begin", "A @ x[k-1] + B @ u[k, :]"),
    "nonlinear": ("begin + U", "x[k-1] + 0.1 * tanh(A @ x[k-1]) * q + (B @ u[k, :]) * p"),
    "two back": ("begin", "if k == 1 then begin * q else 0.5 * x[k-1] - 0.3 * x[k-2] * x[k-1] + u[k, :]'"),
    "varying data": ("begin", "T[k, :, :] @ x[k-1] + d[k] * u[k, :]' + k * U"),
    "an entry of all": ("begin", "if k == 3 or k == 4 then sin(x[k-1]) else x[k-1] * x[0] + d[k] + u[k, :]'"),
    "components": ("begin", "[x[k-1][2] * p, x[k-1, 1] + sum(A[1, j] * x[k-1][j] for j in 1..2) * q]"),
    "linear system": ("begin", "solve(eye(2) - 0.1 * A * q, x[k-1] + u[k, :]')"),
    "matrices": ("A", "A' @ x[k-1] @ A + q * eye(2) + outer(u[k, :]', U)"),
    "scalars": ("q", "x[k-1] * 0.9 + sum(T[k, i, 1] * u[k, i] for i in 1..2) + x[k-1]^2 * 0.01"),
    "no recursion": ("begin", "(B @ u[k, :]) * d[k] + p"),
}


def recursive(base: str, step: str, n: int) -> str:
    cost = "sumsqr(x[N]) + sum(k * sumsqr(x[k]) for k in 0..N)"
    return HEAD.format(n=n, cost=cost) + f"let x[k in 0..N] = if k == 0 then {base} else {step};"


def written_out(base: str, step: str, n: int) -> str:
    cost = f"sumsqr(x{n})" + "".join(f" + {k} * sumsqr(x{k})" for k in range(n + 1))
    lets = []
    for k in range(n + 1):
        body = base if k == 0 else step
        if condition := re.match(r"if (.*) then (.*) else (.*)", body):
            holds = any(int(j) == k for j in re.findall(r"k == (\d)", condition[1]))
            body = condition[2] if holds else condition[3]
        body = re.sub(r"x\[k-(\d), (\d)\]", lambda m, k=k: f"x{k - int(m[1])}[{m[2]}]", body)
        body = re.sub(r"x\[k-(\d)\]", lambda m, k=k: f"x{k - int(m[1])}", body).replace("x[0]", "x0")
        body = re.sub(r"\bk\b", str(k), body)
        lets.append(f"let x{k} = {body};")
    return HEAD.format(n=n, cost=cost) + "\n".join(lets)


def functions(text: str, data) -> tuple[ca.Function, list[ca.DM]]:
    """f, its gradient, a Hessian-vector product and the Hessian; and the values of the parameters."""
    problem = bl.load(Source("m", text), data=data)
    z, v = ca.veccat(problem.x, problem.y), ca.MX.sym("v", problem.x.numel() + problem.y.numel())
    f = problem.f.expression
    gradient = ca.gradient(f, z)
    outputs = [f, gradient, ca.jtimes(gradient, z, v), ca.hessian(f, z)[0]]
    return ca.Function("f", [problem.x, problem.y, v, *problem.p], outputs), problem.matrices


@pytest.mark.parametrize("n", [1, 2, 7, 23])
@pytest.mark.parametrize("name", CASES)
def test_as_written_out(name, n):
    rng = np.random.default_rng(1)
    data = {"T": rng.normal(size=(n, 2, 2)) / 2}
    (f, values), (g, same) = (functions(write(*CASES[name], n), data) for write in (recursive, written_out))
    x, y, v = rng.normal(size=3) / 3, rng.normal(size=2 * n + 1) / 3, rng.normal(size=2 * n + 4)
    found, expected = f.call([x, y, v, *values]), g.call([x, y, v, *same])
    for a, b in zip(found, expected):
        np.testing.assert_allclose(np.array(a), np.array(b), rtol=1e-10, atol=1e-10)
    ahead, behind = (
        [float(f.call([z[:3], z[3:], v, *values])[0]) for z in np.concatenate([x, y]) + step * np.eye(2 * n + 4)]
        for step in (1e-6, -1e-6)
    )
    np.testing.assert_allclose(np.array(found[1]).ravel(), np.subtract(ahead, behind) / 2e-6, rtol=1e-5, atol=1e-5)


CONTROL = """
param N = {n};
param A[2, 2] = [[1, 0.1], [0, 1]];
param B[2, 1] = [[0.005], [0.1]];
let x[k in 0..N] = if k == 0 then [1, 0] else A @ x[k-1] + B @ u[k, :];
let shown[k in 0..N] = if k == 0 then [1, 0] else A @ shown[k-1] + B @ [-0.6 * shown[k-1, 1] - 0.9 * shown[k-1, 2]];
upper {{
  var q in [0.01, 10] start 1;
  var r in [0.01, 10] start 1;
  minimize sum((x[k, 1] - shown[k, 1])^2 for k in 1..N) + 0.01 * (r - 1)^2;
}}
lower {{
  var u[N, 1] in [-0.5, 0.5];
  minimize sum(q * x[k, 1]^2 + 0.1 * x[k, 2]^2 for k in 1..N) + r * sumsqr(u);
}}
report {{ path = x; }}
"""


def control(n: int):
    return bl.load(Source("control", CONTROL.format(n=n)))


@pytest.mark.parametrize("method", ["penalty", "kkt", "mpcc"])
def test_a_control_model_is_solved_and_verified(method):
    result = bl.solve(control(20), method=method)
    assert result.status == "converged" and result.verified
    np.testing.assert_allclose(result.upper, 2.4578e-4, rtol=1e-3)
    assert result.report["path"].shape == (21, 2)


CONSTANT = """
param N = 9;
param w[5] = [1, 2, 3, 4, 5];
let x[k in 0..N] = if k == 0 then q else 0.9 * x[k-1] + 0.1 * u[k];
upper {{ var q in [-1, 1] start 0.5; minimize (x[N] - 0.5)^2 + expect((q - 0.1 * w[i])^2 for i in 1..5); }}
lower {{
  var u[N]{box};
  minimize expect(sum((x[k] - 0.1 * w[i])^2 for k in 1..N) for i in 1..5) + sumsqr(u);
  {rows}
}}
"""


@pytest.mark.parametrize(
    "method, box, rows",
    [
        ("mgbio", "", ""),
        ("aid", "", ""),
        ("kkt", " in [-1, 1]", ""),
        ("mpcc", " in [-1, 1]", "subject to low[k in 1..N]: x[k] >= -2;"),
        ("branches", " in [-1, 1]", "subject to low[k in 1..N]: x[k] >= -2;"),
        (None, "", "subject to last: x[N] >= 0.4;"),
    ],
)
def test_a_follower_with_a_constant_hessian(method, box, rows):
    """CasADi keeps x and y as symbols in the Hessian, which does not depend on them."""
    result = bl.solve(bl.load(Source("constant", CONSTANT.format(box=box, rows=rows))), method=method)
    assert result.verified


def test_branches_takes_a_convex_quadratic_one():
    text = CONTROL.format(n=3).replace("q * x[k, 1]^2", "(x[k, 1] - q)^2").replace("r * sumsqr(u)", "sumsqr(u)")
    result = bl.solve(bl.load(Source("control", text)), method="branches")
    assert result.verified


@pytest.mark.usefixtures("compiler")
def test_the_same_bits_compiled_interpreted_and_exported(tmp_path):
    problem = control(12)
    program = METHODS["penalty"].program(Oracles(problem))
    runs = [execute(program, *problem.start(), executor=e, settings={"max_iter": 30}) for e in ("compiled", "interpreted")]
    assert_same(*runs)
    library = ExportedLibrary(problem, "penalty", tmp_path / "out", max_iter=30)
    solver = library.solver()
    solver.call("solve")
    assert np.array_equal(solver.state, np.concatenate(list(runs[0].state.values())))


@pytest.mark.usefixtures("compiler")
def test_the_c_is_strict_and_does_not_grow_with_the_horizon(tmp_path):
    sizes = {}
    for n in (150, 1000):
        exported(control(n), "penalty", tmp_path / str(n))
        sizes[n] = (tmp_path / str(n) / "functions.c").stat().st_size
    assert sizes[1000] < 1.5 * sizes[150]
    done = subprocess.run(["cc", *STRICT, "-O0", "-c", "functions.c"], cwd=tmp_path / "1000", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")

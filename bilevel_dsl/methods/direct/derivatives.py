"""Sparse derivatives of scalar graphs that have a few dense rows or columns among many sparse ones.

A compressed Jacobian takes one sweep for each colour of its columns (or rows). One dense row and one dense column
together give every column a colour of its own: the leader's decision enters all of the follower's conditions, and a budget
row all of its variables. So dense columns are taken forward, dense rows in reverse, and only the rest is coloured.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

DENSE = 40  # entries from which on a row or column is set apart, where it is far above the others too
FAR = 8  # times the mean


def jacobian(e: ca.SX, w: ca.SX, symmetric: bool = False) -> ca.SX:
    """de/dw; symmetric: e is a gradient, so that the same entries are dense on both sides."""
    pattern = ca.jacobian_sparsity(e, w)
    rows, columns = (np.array(v, int) for v in pattern.get_triplet())
    wide = _dense(np.bincount(columns, minlength=w.numel()))
    tall = wide if symmetric else _dense(np.bincount(rows[~wide[columns]], minlength=e.numel()))
    if not (wide.any() or tall.any()):
        return ca.jacobian(e, w, {"symmetric": True} if symmetric else {})
    sparse_columns, dense_columns = np.flatnonzero(~wide).tolist(), np.flatnonzero(wide).tolist()
    sparse_rows, dense_rows = np.flatnonzero(~tall).tolist(), np.flatnonzero(tall).tolist()
    core = ca.jacobian(e[sparse_rows], w[sparse_columns], {"symmetric": True} if symmetric else {})
    if symmetric:
        side = ca.jacobian(e, w[dense_columns])
        below = side[sparse_rows, :].T
        parts = ca.horzcat(ca.vertcat(core, below), ca.vertcat(side[sparse_rows, :], side[dense_rows, :]))
    else:
        below = (
            ca.vertcat(*[ca.gradient(e[i], w).T for i in dense_rows])[:, sparse_columns]
            if dense_rows
            else ca.SX(0, len(sparse_columns))
        )
        side = ca.jacobian(e, w[dense_columns]) if dense_columns else ca.SX(e.numel(), 0)
        parts = ca.horzcat(ca.vertcat(core, below), ca.vertcat(side[sparse_rows, :], side[dense_rows, :]))
    order_rows, order_columns = np.argsort(sparse_rows + dense_rows), np.argsort(sparse_columns + dense_columns)
    return parts[order_rows.tolist(), order_columns.tolist()]


def of_program(nlp: dict[str, ca.SX]) -> dict[str, ca.Function]:
    """The options `jac_g` and `hess_lag` of `casadi.nlpsol` for a program of scalars."""
    w, f, g = nlp["x"], nlp["f"], nlp["g"]
    p = nlp.get("p", ca.SX(0, 1))
    lam_f, lam_g = ca.SX.sym("lam_f"), ca.SX.sym("lam_g", g.numel())
    slope = ca.gradient(lam_f * f + ca.dot(lam_g, g), w)
    hessian = ca.triu(jacobian(slope, w, symmetric=True))
    return {
        "jac_g": ca.Function("nlp_jac_g", [w, p], [g, jacobian(g, w)], ["x", "p"], ["g", "jac_g_x"]),
        "hess_lag": ca.Function(
            "nlp_hess_l", [w, p, lam_f, lam_g], [hessian], ["x", "p", "lam_f", "lam_g"], ["triu_hess_gamma_x_x"]
        ),
    }


def _dense(counts: np.ndarray) -> np.ndarray:
    filled = counts[counts > 0]
    return counts > max(DENSE, FAR * float(np.mean(filled))) if len(filled) else np.zeros(len(counts), bool)

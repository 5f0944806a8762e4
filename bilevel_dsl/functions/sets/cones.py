"""The second-order cone, and symmetric matrices with bounded eigenvalues."""

from __future__ import annotations

import casadi as ca

from ...model import sets
from ..linalg import eigh
from ..select import Value, clip, either, norm, nought
from .asked import Description, column, inhabited, nlp_description, project, something_between


@project.register
def _(constraint_set: sets.SecondOrderCone, v: ca.MX) -> ca.MX:
    n = constraint_set.size
    z, t = ca.vertsplit(v, [0, n - 1, n])
    length = norm(z) if n > 1 else nought(t)
    on_boundary = 0.5 * (length + t)
    nearest = ca.vertcat(z * (on_boundary / length), on_boundary)
    return either(length <= t, v, either(length <= -t, nought(v), nearest))


@nlp_description.register
def _(constraint_set: sets.SecondOrderCone, v: ca.MX) -> Description:
    """Squared, with the last entry not negative: smooth, also at the apex."""
    n = v.numel()
    lower = ca.MX(ca.DM([-ca.inf] * (n - 1) + [0]))
    return lower, column(ca.inf, v), [(ca.sumsqr(v[: n - 1]) - v[n - 1] ** 2, -ca.inf, 0)] if n > 1 else []


@inhabited.register
def _(constraint_set: sets.SecondOrderCone) -> ca.MX:
    return ca.MX(1)


@project.register
def _(constraint_set: sets.Psd, v: ca.MX) -> ca.MX:
    return project_spectrum(v, constraint_set.n, 0, ca.inf)


@inhabited.register
def _(constraint_set: sets.Psd) -> ca.MX:
    return ca.MX(1)


@project.register
def _(constraint_set: sets.Spectral, v: ca.MX) -> ca.MX:
    return project_spectrum(v, constraint_set.n, constraint_set.lower, constraint_set.upper)


@inhabited.register
def _(constraint_set: sets.Spectral) -> ca.MX:
    return something_between(constraint_set.lower, constraint_set.upper)


def project_spectrum(v: ca.MX, n: int, low: Value, high: Value) -> ca.MX:
    """U diag(clip(e, low, high)) U' of the symmetric part U diag(e) U' of the matrix v."""
    V = ca.reshape(v, n, n)
    e, U = eigh(0.5 * (V + V.T))
    half = U @ (ca.repmat(clip(e, low, high), 1, n) * U.T)
    return ca.vec(0.5 * (half + half.T))

"""Spectral and orthogonal factorisations as CasADi expressions, for interpreted and generated code alike.

No solver nodes and no static memory; loops by `functions/control.py`, so that the generated C hardly
grows with n. NaN in the matrix makes everything NaN.
"""

from __future__ import annotations

from functools import cache

import casadi as ca

from .control import OUT_OF_LINE, repeat, repeat_while
from .select import either, norm

EPS = 2.0**-53
RULES = ("clip", "abs", "kernel")
SWEEPS = 10  # QR sweeps at most, per row; two are usual


# --- symmetric eigenvalues ------------------------------------------------------------------------


def eigh(A: ca.MX) -> tuple[ca.MX, ca.MX]:
    """A = U diag(e) U' of a symmetric n by n matrix: e (n by 1, in no particular order), U (n by n).

    Householder tridiagonalisation, then implicit QR sweeps with Wilkinson shifts, one on every
    unreduced block at a time. Backward stable: the error of e is a small multiple of eps ||A||,
    also for multiple and zero eigenvalues. Golub and Van Loan, section 8.3; EISPACK imtql2.
    """
    e, U = _eigh(A.shape[0])(ca.densify(A))
    return e, U


@cache
def _eigh(n: int) -> ca.Function:
    A = ca.MX.sym("A", n, n)
    if n <= 1:
        return ca.Function(f"eigh{n}", [A], [ca.vec(A), A * 0 + 1], OUT_OF_LINE)
    size = ca.sum1(ca.vec(ca.fabs(A)))
    # a power of two, so that scaling does not round
    scale = either(size > 0, 2 ** ca.floor(ca.log(size) / ca.log(ca.MX(2))), 1 + size)
    B, Q = _tridiagonal(A / scale)
    d = ca.diag(B)
    e = ca.vertcat(*[B[i + 1, i] for i in range(n - 1)], 0)
    floor = EPS * norm(ca.vertcat(d, e, e)) / n**0.5  # at most eps ||B||_2
    e = _deflated(d, e, floor)
    state = ca.horzcat(_counted(e), d, e, Q)
    final = repeat_while(_sweep(n), SWEEPS * n)(state, floor)
    return ca.Function(f"eigh{n}", [A], [scale * final[:, 1], final[:, 3:]], OUT_OF_LINE)


def _tridiagonal(A: ca.MX) -> tuple[ca.MX, ca.MX]:
    """B tridiagonal up to rounding, Q orthogonal with A = Q B Q'."""
    n = A.shape[0]
    below = ca.MX(ca.DM([0.0] + [1.0] * (n - 1)))
    state = ca.horzcat(below, A, ca.MX.eye(n))
    state = repeat(_reflection(n), n - 2)(ca.densify(state))
    return state[:, 1 : n + 1], state[:, n + 1 :]


def _reflection(n: int) -> ca.Function:
    """The Householder reflection H = I - b v v' that clears column k below the subdiagonal.

    The state is (mask of the rows below k, A, Q); it becomes (mask, H A H, Q H).
    """
    state = ca.MX.sym("state", n, 2 * n + 1)
    below, A, Q = state[:, 0], state[:, 1 : n + 1], state[:, n + 1 :]
    after = ca.vertcat(0, below[:-1])
    pivot = below - after  # e_{k+1}
    x = below * (A @ (ca.vertcat(below[1:], 1) - below))  # A e_k below the diagonal
    length, x1 = norm(x), ca.dot(pivot, x)
    v = x + either(x1 < 0, -length, length) * pivot
    b = either(ca.dot(v, v) < 1e-280, 0, 2 / ca.dot(v, v))
    p = b * (A @ v)
    w = p - (0.5 * b * ca.dot(p, v)) * v
    A = A - v @ w.T - w @ v.T
    Q = Q - (b * (Q @ v)) @ v.T
    return ca.Function("reflection", [state], [ca.horzcat(after, A, Q)], OUT_OF_LINE)


def _sweep(n: int) -> ca.Function:
    """One implicit QR step on every unreduced block of the tridiagonal matrix.

    The state is (links left, d, e, U) by columns; e[i] links rows i and i+1, and the last is 0.
    """
    state, floor = ca.MX.sym("state", n, n + 3), ca.MX.sym("floor")
    d, e, U = state[:, 1], state[:, 2], state[:, 3:]
    before = ca.vertcat(0, e[:-1])
    shift = _shifts(d, e, before)
    later = lambda v: ca.vertcat(v[1:], 0)
    steps = ca.vertcat(ca.horzcat(d, later(d), before, e, later(shift)).T, ca.horzcat(U[:, 1:], ca.MX.zeros(n, 1)))
    carry = ca.vertcat(1, 1, 0, d[0] - shift[0], U[:, 0])
    chased = _rotation(n).mapaccum("chase", n, 1)(carry, steps)[1]
    d, e = chased[0, :].T, ca.vertcat(chased[1, 1:].T, 0)
    e = _deflated(d, e, floor)
    return ca.Function("sweep", [state, floor], [ca.horzcat(_counted(e), d, e, chased[2:, :])], OUT_OF_LINE)


def _shifts(d: ca.MX, e: ca.MX, before: ca.MX) -> ca.MX:
    """For each row, the eigenvalue nearest the corner of the last 2 by 2 matrix of its block."""
    n = d.numel()
    theta = (ca.vertcat(0, d[:-1]) - d) / (2 * before)
    root = ca.sqrt(theta * theta + 1)
    shift = ca.if_else(before == 0, d, d - before / (theta + ca.if_else(theta < 0, -root, root)))
    linked, hop = e != 0, 1
    while hop < n:  # hand it up to the rows of the block, twice as far each time
        shift = ca.if_else(linked, ca.vertcat(shift[hop:], ca.MX.zeros(hop, 1)), shift)
        linked = ca.logic_and(linked, ca.vertcat(linked[hop:], ca.MX.zeros(hop, 1)))
        hop *= 2
    return shift


def _rotation(n: int) -> ca.Function:
    """The rotation of rows and columns i, i+1 that chases the bulge down by one.

    carry: (s, c, p, g, column i of U); step: (d[i], d[i+1], e[i-1], e[i], shift of row i+1,
    column i+1 of U). Gives the next carry and the final (d[i], e[i-1], column i).
    """
    carry, step = ca.MX.sym("carry", n + 4), ca.MX.sym("step", n + 5)
    scalars = _rotation_scalars()(carry[:4], step[:5])
    c, s = scalars[0], scalars[1]
    u, u_next = carry[4:], step[5:]
    return ca.Function(
        "rotation",
        [carry, step],
        [ca.vertcat(scalars[2:6], c * u_next - s * u), ca.vertcat(scalars[6:], s * u_next + c * u)],
        OUT_OF_LINE,
    )


@cache
def _rotation_scalars() -> ca.Function:
    """(c, s applied to the columns, next s, c, p, g, final d[i], final e[i-1])."""
    carry, step = ca.SX.sym("carry", 4), ca.SX.sym("step", 5)
    s, c, p, g = ca.vertsplit(carry)
    d, d_next, e_before, e, shift_next = ca.vertsplit(step)
    f, b = s * e, c * e
    r = ca.sqrt(f * f + g * g)
    tiny = r < 1e-140  # its square has lost digits: no rotation
    s, c = ca.if_else(tiny, 0, f / r), ca.if_else(tiny, 1, g / r)
    d_less = d - p
    t = (d_next - d_less) * s + 2 * c * b
    linked = e != 0
    choose = lambda yes, no: ca.if_else(linked, yes, no)
    out = [
        choose(c, 1),
        choose(s, 0),
        choose(s, 1),
        choose(c, 1),
        choose(s * t, 0),
        choose(c * t - b, d_next - shift_next),
        choose(d_less + s * t, d_less),
        ca.if_else(e_before != 0, choose(r, g), 0),
    ]
    return ca.Function("rotation_scalars", [carry, step], [ca.vertcat(*out)], OUT_OF_LINE)


def _deflated(d: ca.MX, e: ca.MX, floor: ca.MX) -> ca.MX:
    """e without its negligible entries."""
    local = EPS * (ca.fabs(d) + ca.vertcat(ca.fabs(d[1:]), 0))
    return ca.if_else(ca.logic_or(ca.fabs(e) <= local, ca.fabs(e) <= floor), 0, e)


def _counted(e: ca.MX) -> ca.MX:
    """A column with the number of links left as its first entry."""
    # not e != 0, which NaN satisfies
    return ca.vertcat(ca.sum1(ca.fabs(e) > 0), ca.MX.zeros(e.numel() - 1, 1))


def spectral_solve(H: ca.MX, b: ca.MX, mu: ca.MX, L: ca.MX, rule: str = "clip") -> ca.MX:
    """x = S(H)^-1 b, where S replaces the eigenvalues e of the symmetric H.

    rule "clip": min(max(e, mu), L); "abs": min(max(|e|, mu), L); "kernel": as "clip", but eigenvalues with
    |e| < mu are taken for zero and contribute nothing.

    Raises:
        ValueError: the rule is none of these.
    """
    e, U = eigh(H)
    return U @ (inverted_spectrum(e, mu, L, rule) * (U.T @ b))


def inverted_spectrum(e: ca.MX, mu: ca.MX, L: ca.MX, rule: str) -> ca.MX:
    """1 / S(e), entry by entry; see `spectral_solve`."""
    if rule not in RULES:
        raise ValueError(f"rule {rule!r}: expected one of {', '.join(RULES)}")
    size = ca.fabs(e) if rule == "abs" else e
    inverse = 1 / ca.if_else(size < mu, mu, ca.if_else(size > L, L, size))
    return ca.if_else(ca.fabs(e) < mu, 0, inverse) if rule == "kernel" else inverse


# --- linear systems -------------------------------------------------------------------------------


def positive_solve(A: ca.MX, b: ca.MX) -> ca.MX:
    """(A + E)^-1 b for symmetric n by n A and a diagonal E >= 0, which is 0 where A is safely positive definite.

    The pivots of Gauss-Jordan elimination are replaced by max(|d|, theta^2 / beta^2, delta): bounded factors.
    Gill, Murray, Wright, Practical Optimization (1981), section 4.4.2.2; Goodnight, Amer. Statist. 33 (1979), sweeping.
    """
    n = A.shape[0]
    diagonal = ca.fabs(ca.diag(A))
    off = ca.fabs(A - ca.diag(ca.diag(A)))
    largest, widest = ca.mmax(diagonal), ca.mmax(off) / max(1.0, (n * n - 1.0) ** 0.5)
    beta2 = ca.fmax(ca.fmax(largest, widest), 1e-8)
    delta = 1e-11 * ca.fmax(largest + ca.mmax(off), 1e-8)
    mark = ca.MX(ca.DM([1.0] + [0.0] * (n - 1)))
    state = ca.horzcat(mark, ca.MX.ones(n), A)
    swept = repeat(_sweep_pivot(n), n)(ca.densify(state), beta2, delta)
    return -(swept[:, 2:] @ b)


def _sweep_pivot(n: int) -> ca.Function:
    """Sweeps the row that the state marks; the state is (mark, 1 for rows not yet swept, A)."""
    state, beta2, delta = ca.MX.sym("state", n, n + 2), ca.MX.sym("beta2"), ca.MX.sym("delta")
    mark, rest, A = state[:, 0], state[:, 1], state[:, 2:]
    column = A @ mark
    d = ca.dot(mark, column)
    others = (rest - mark) * column
    theta = ca.mmax(ca.fabs(others))
    pivot = ca.fmax(ca.fmax(ca.fabs(d), theta * theta / beta2), delta)
    away = column - d * mark
    # rank-one elimination; then the row and the column of the pivot become away / pivot
    A = A - away @ (away / pivot).T
    line = away / pivot - A @ mark
    line = line - ca.dot(mark, line) * mark
    A = A + line @ mark.T + mark @ line.T + (-1 / pivot - d) * (mark @ mark.T)
    after = ca.vertcat(0, mark[:-1]) if n > 1 else mark
    return ca.Function("sweep_pivot", [state, beta2, delta], [ca.horzcat(after, rest - mark, A)], OUT_OF_LINE)


# --- orthogonal bases -----------------------------------------------------------------------------


def orthonormal_rows(A: ca.MX, b: ca.MX, tolerance: float = 1e-10) -> tuple[ca.MX, ca.MX]:
    """Q (m by n), c (m by 1) with { v : A v = b } = { v : Q v = c } and orthonormal rows of Q.

    Gram and Schmidt, twice each. A row that depends on those before it, up to `tolerance` of
    its length, becomes zero, in Q and in c; whether its b fits is not looked at.
    """
    m, n = A.shape
    rows = ca.horzcat(ca.densify(A), ca.densify(b))
    first = ca.MX(ca.DM([1.0] + [0.0] * (m - 1)))
    state = ca.horzcat(first, ca.MX.zeros(m, n + 1))
    state = repeat(_gram_schmidt(m, n, tolerance), m)(ca.densify(state), rows)
    return state[:, 1 : n + 1], state[:, n + 1]


def _gram_schmidt(m: int, n: int, tolerance: float) -> ca.Function:
    """Takes the row that the state marks. The state is (mark, Q, c)."""
    state, rows = ca.MX.sym("state", m, n + 2), ca.MX.sym("rows", m, n + 1)
    mark, Q, c = state[:, 0], state[:, 1 : n + 1], state[:, n + 1]
    row = (mark.T @ rows).T
    a, rest, right = row[:n], row[:n], row[n]
    for _ in range(2):
        along = Q @ rest
        rest, right = rest - Q.T @ along, right - ca.dot(along, c)
    length = norm(rest)
    keep = ca.logic_not(length <= tolerance * norm(a))  # NaN is kept
    new = either(keep, ca.vertcat(rest, right) / length, 0)
    after = ca.vertcat(0, mark[:-1]) if m > 1 else mark
    return ca.Function("gram_schmidt", [state, rows], [ca.horzcat(after, ca.horzcat(Q, c) + mark @ new.T)], OUT_OF_LINE)

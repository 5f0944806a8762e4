"""The augmented Lagrangian term of constraints h <= 0 and h == 0.

    A(h; mu, rho) = sum_i ( t_i^2 - mu_i^2 ) / (2 rho),   t_i = mu_i + rho h_i        (equality)
                                                          t_i = max(0, mu_i + rho h_i)  (h_i <= 0)

Its derivative with respect to h is t, which is also the next multiplier.
Rockafellar, SIAM J. Control 12 (1974); Andreani, Birgin, Martinez, Schuverdt, SIAM J. Optim. 18 (2008).
"""

from __future__ import annotations

import casadi as ca

from ...functions.select import positive


def updated(h: ca.MX, mu: ca.MX, rho: ca.MX, equalities: list[bool]) -> ca.MX:
    """t, the first-order multiplier estimate."""
    return positive_part(mu + rho * h, equalities)


def positive_part(t: ca.MX, equalities: list[bool]) -> ca.MX:
    """max(0, t), of equalities t itself."""
    free = ca.DM([1.0 if e else 0.0 for e in equalities])
    return free * t + (1 - free) * positive(t)


def term(h: ca.MX, mu: ca.MX, rho: ca.MX, equalities: list[bool]) -> ca.MX:
    t = updated(h, mu, rho, equalities)
    return (ca.dot(t, t) - ca.dot(mu, mu)) / (2 * rho)


def violation(h: ca.MX, mu: ca.MX, rho: ca.MX, equalities: list[bool]) -> ca.MX:
    """|h| for equalities, |max(h, -mu/rho)| for inequalities: infeasibility and complementarity."""
    v = (updated(h, mu, rho, equalities) - mu) / rho
    return ca.sqrt(ca.dot(v, v))


def within(z: ca.MX, bound: ca.MX, equalities: list[bool]) -> ca.MX:
    """The projection onto [0, bound], onto [-bound, bound] for equalities."""
    low = ca.DM([-1.0 if e else 0.0 for e in equalities]) * bound
    return ca.fmin(ca.fmax(z, low), bound)

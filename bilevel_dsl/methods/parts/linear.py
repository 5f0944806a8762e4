"""Systems H z = b with the follower's Hessian H: by its spectrum, by conjugate gradients, by a Neumann series.

The spectrum needs the dense matrix and serves any H; the other two need products H v only, and an H that is positive
definite. Conjugate gradients: Hestenes and Stiefel, J. Res. NBS 49 (1952); the series as in Ji, Yang, Liang, ICML 2021
(stocBiO), with the error (1 - step mu)^terms.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.linalg import eigh
from ...functions.select import either, norm
from ..flow import Method

Product = Callable[[ca.MX], ca.MX]


class Spectrum:
    """Eigenvalues e and eigenvectors U of H = hess_yy g at (x, y); computed once, if H depends on parameters only."""

    def __init__(self, m: Method):
        problem, nx, ny = m.oracles.problem, m.oracles.nx, m.oracles.ny
        if ca.depends_on(m.oracles.recipes["hess_yy_g"]()[0], ca.veccat(problem.x, problem.y)):
            self.e, self.U = eigh(m.hess_yy_g(m.state.x, m.state.y))
        else:
            e, U = eigh(m.hess_yy_g(ca.MX.zeros(nx), ca.MX.zeros(ny)))
            self.e, self.U = m.prepare("eigenvalues", e), ca.reshape(m.prepare("eigenvectors", U), ny, ny)

    @property
    def largest(self) -> ca.MX:
        """The largest absolute value of an eigenvalue."""
        return ca.sqrt(ca.mmax(self.e * self.e))

    def solver(self, inverse: ca.MX) -> Product:
        """v -> U diag(inverse) U' v: `inverse` stands for 1 / e, see `inverted`."""
        return lambda v: self.U @ (inverse * (self.U.T @ v))


def inverted(e: ca.MX, mu: ca.MX, L: ca.MX, rule: ca.MX) -> ca.MX:
    """1 / S(e), entry by entry. Rule 0: e is clipped to [mu, L]; 1: |e| is; 2: |e| < mu counts as infinite."""
    size = ca.fabs(e)
    clip = 1 / ca.fmin(ca.fmax(e, mu), L)
    absolute = 1 / ca.fmin(ca.fmax(size, mu), L)
    kernel = ca.if_else(size < mu, 0 * e, clip)
    return either(rule == 0, clip, either(rule == 1, absolute, kernel))


class ConjugateGradients:
    """z = H^-1 b, from where z stands: slots `<name>_z`, and a loop with one product a pass."""

    def __init__(self, m: Method, name: str, size: int):
        self.m, self.name = m, name
        for field, about in (("z", "the solution"), ("r", "the residual"), ("d", "the direction")):
            m.slot(f"{name}_{field}", size, f"H z = b: {about}")
        m.slot(f"{name}_left", 1, "passes that are left")
        m.slot(f"{name}_wanted", 1, "the residual that is small enough")

    def _at(self, field: str) -> ca.MX:
        return self.m.read(f"{self.name}_{field}")

    def _set(self, **fields: ca.MX) -> None:
        self.m.assign({f"{self.name}_{k}": v for k, v in fields.items()})

    @property
    def z(self) -> ca.MX:
        return self._at("z")

    def solve(self, product: Product, b: ca.MX, *, at_most: ca.MX | int, accuracy: ca.MX | float) -> None:
        """Until |H z - b| <= accuracy |b|, or `at_most` passes, or a direction without positive curvature.

        Args:
            product: v -> H v, in the symbols of the block that asks for it.
        """
        m, r = self.m, b - product(self.z)
        self._set(r=r, d=r, left=at_most, wanted=accuracy * norm(b))
        with m.when(norm(r) > self._at("wanted"), f"{self.name}_begin"), m.loop(self.name) as until:
            d, r = self._at("d"), self._at("r")
            Hd = product(d)
            rr, curved = ca.dot(r, r), ca.dot(d, Hd)
            sound = curved > 0
            a = either(sound, rr / curved, 0)
            new = r - a * Hd
            self._set(
                z=self.z + a * d, r=new, d=new + either(rr > 0, ca.dot(new, new) / rr, 0) * d, left=self._at("left") - 1
            )
            until(ca.logic_or(ca.logic_not(sound), ca.logic_or(norm(new) <= self._at("wanted"), self._at("left") <= 0)))


class Neumann:
    """z = step (b + (I - step H) b + ... ), `terms` of them: slot `<name>_z`."""

    def __init__(self, m: Method, name: str, size: int):
        self.m, self.name = m, name
        m.slot(f"{name}_z", size, "a part of H^-1 b")
        m.slot(f"{name}_power", size, "the last power of I - step H, times b")

    @property
    def z(self) -> ca.MX:
        return self.m.read(f"{self.name}_z")

    def solve(self, product: Product, b: ca.MX, *, terms: ca.MX | int, step: Callable[[], ca.MX]) -> None:
        """`step` is at most 1 / L."""
        m, power = self.m, f"{self.name}_power"
        m.assign({f"{self.name}_z": 0 * b, power: b})
        with m.repeat(terms, self.name):
            p = m.read(power)
            m.assign({f"{self.name}_z": self.z + step() * p, power: p - step() * product(p)})

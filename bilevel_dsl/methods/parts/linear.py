"""Systems H z = b with the follower's Hessian H: by its spectrum, by conjugate gradients, by a Neumann series.

The spectrum needs the dense matrix and serves any H; the others need products H v only. `LeastSquares` serves any H, the
other two an H that is positive definite.
Conjugate gradients: Hestenes and Stiefel, J. Res. NBS 49 (1952); the series as in Ji, Yang, Liang, ICML 2021 (stocBiO),
with the error (1 - step mu)^terms.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca

from ...functions.linalg import eigh
from ...functions.select import any_of, either, norm
from ..flow import Method

Product = Callable[[ca.MX], ca.MX]
NOTHING = 1e-8  # a right-hand side smaller than that is none


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


class _Slots:
    """A solver with slots of its own, `<name>_...`; z is its solution."""

    def __init__(self, m: Method, name: str):
        self.m, self.name = m, name

    def _at(self, field: str) -> ca.MX:
        return self.m.read(f"{self.name}_{field}")

    def _set(self, **fields: ca.MX) -> None:
        self.m.assign({f"{self.name}_{k}": v for k, v in fields.items()})

    @property
    def z(self) -> ca.MX:
        return self._at("z")


class ConjugateGradients(_Slots):
    """z = H^-1 b, from where z stands: slots `<name>_z`, and a loop with one product a pass."""

    def __init__(self, m: Method, name: str, size: int):
        super().__init__(m, name)
        for field, about in (("z", "the solution"), ("r", "the residual"), ("d", "the direction")):
            m.slot(f"{name}_{field}", size, f"H z = b: {about}")
        m.slot(f"{name}_left", 1, "passes that are left")
        m.slot(f"{name}_wanted", 1, "the residual that is small enough")
        m.slot(f"{name}_size", 1, "|b|")

    @property
    def error(self) -> ca.MX:
        """|H z - b| / |b| at the end of the last solve."""
        return norm(self._at("r")) / ca.fmax(self._at("size"), NOTHING)

    def solve(self, product: Product, b: ca.MX, *, at_most: ca.MX | int, accuracy: ca.MX | float) -> None:
        """Until |H z - b| <= accuracy |b|, or `at_most` passes, or a direction without positive curvature.

        Args:
            product: v -> H v, in the symbols of the block that asks for it.
        """
        m, r = self.m, b - product(self.z)
        self._set(r=r, d=r, left=at_most, wanted=accuracy * norm(b), size=norm(b))
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

    def descend(self, product: Product, b: ca.MX, *, passes: ca.MX | int, step: Callable[[], ca.MX]) -> None:
        """z <- z + step (b - H z), so many times."""
        r = b - product(self.z)
        self._set(r=r, size=norm(b))
        with self.m.repeat(passes, f"{self.name}_descent"):
            move = step() * self._at("r")
            self._set(z=self.z + move, r=self._at("r") - product(move))


class LeastSquares(_Slots):
    """z minimises |H z - b|: for an H of any signs, singular or not. Slots `<name>_z`, and a loop with two products a pass.

    Conjugate gradients on H H z = H b. What z starts with in the kernel of H stays; from 0, z goes to the answer of least
    norm. Hestenes, Stiefel, J. Res. NBS 49 (1952), section 10; Paige, Saunders, ACM TOMS 8 (1982) for where to stop.
    """

    def __init__(self, m: Method, name: str, size: int):
        super().__init__(m, name)
        for field, about in (("z", "the answer"), ("r", "b - H z"), ("s", "H r"), ("d", "the direction")):
            m.slot(f"{name}_{field}", size, f"min |H z - b|: {about}")
        m.slot(f"{name}_left", 1, "passes that are left")
        m.slot(f"{name}_accuracy", 1, "the error that is small enough")
        m.slot(f"{name}_size", 1, "|b|")
        m.slot(f"{name}_scale", 1, "|H|, as met")

    @property
    def error(self) -> ca.MX:
        """|r| / |b|, or |H r| / (|H| |r|) where that is smaller: no z does better, then."""
        solved = norm(self._at("r")) / ca.fmax(self._at("size"), NOTHING)
        return ca.fmin(solved, self._slope())

    def _slope(self) -> ca.MX:
        """|H r| / (|H| |r|): the cosine of the angle between r and the range of H, up to the condition of H."""
        return norm(self._at("s")) / ca.fmax(self._at("scale") * norm(self._at("r")), 1e-300)

    def _begin(self, product: Product, b: ca.MX, start: ca.MX | None) -> None:
        z = self.z if start is None else start
        r = b - product(z)
        s = product(r)
        scale = norm(s) / ca.fmax(norm(r), 1e-300)
        self._set(z=z, r=r, s=s, d=s, size=norm(b), scale=ca.fmax(scale, 0.5 * self._at("scale")))

    def solve(self, product: Product, b: ca.MX, *, at_most: ca.MX | int, accuracy: ca.MX | float) -> None:
        """Until |r| <= accuracy |b|, or H r is as good as zero, or `at_most` passes; from where z stands."""
        m = self.m
        self._begin(product, b, None)
        self._set(left=at_most, accuracy=accuracy)
        with m.when(ca.logic_not(self._solved()), f"{self.name}_begin"), m.loop(self.name) as until:
            d, s = self._at("d"), self._at("s")
            q = product(d)
            ss, qq = ca.dot(s, s), ca.dot(q, q)
            a = either(qq > 0, ss / qq, 0)
            r = self._at("r") - a * q
            new = product(r)
            self._set(z=self.z + a * d, r=r, s=new, d=new + either(ss > 0, ca.dot(new, new) / ss, 0) * d)
            scale = either(qq > 0, norm(q) / norm(d), 0)
            self._set(left=self._at("left") - 1, scale=ca.fmax(scale, self._at("scale")))
            until(any_of(self._solved(), self._at("left") <= 0, qq <= 0))

    def _solved(self) -> ca.MX:
        wanted = self._at("accuracy")
        small = norm(self._at("r")) <= wanted * self._at("size")
        return any_of(small, self._slope() <= 1e-4 * wanted)  # while b is in the range the angle is 1 / condition at least

    def descend(
        self, product: Product, b: ca.MX, *, passes: ca.MX | int, step: Callable[[], ca.MX], start: ca.MX | None = None
    ) -> None:
        """z <- z + step H (b - H z), so many times, from `start` or from where z stands."""
        self._begin(product, b, start)
        with self.m.repeat(passes, f"{self.name}_descent"):
            move = step() * self._at("s")
            r = self._at("r") - product(move)
            s = product(r)
            scale = either(norm(r) > 0, norm(s) / norm(r), 0)
            self._set(z=self.z + move, r=r, s=s, scale=ca.fmax(scale, self._at("scale")))


class Neumann(_Slots):
    """z = step (b + (I - step H) b + ... ), `terms` of them: slot `<name>_z`."""

    def __init__(self, m: Method, name: str, size: int):
        super().__init__(m, name)
        m.slot(f"{name}_z", size, "a part of H^-1 b")
        m.slot(f"{name}_power", size, "the last power of I - step H, times b: b - H z")
        m.slot(f"{name}_left", 1, "terms that are left")
        m.slot(f"{name}_wanted", 1, "the power that is small enough")

    @property
    def rest(self) -> ca.MX:
        """b - H z: the power that the series is cut at."""
        return self._at("power")

    def solve(
        self,
        product: Product,
        b: ca.MX,
        *,
        terms: ca.MX | int,
        step: Callable[[], ca.MX],
        wanted: ca.MX | float = 0,
        meet: Callable[[ca.MX], None] | None = None,
    ) -> None:
        """`step` is at most 1 / L; fewer terms where |b - H z| <= `wanted` before.

        Args:
            meet: takes |H p| / |p| of each power p, before `step` is asked for.
        """
        m = self.m
        self._set(z=0 * b, power=b, left=terms, wanted=wanted)
        over = lambda: any_of(self._at("left") <= 0, norm(self.rest) <= self._at("wanted"))  # noqa: E731
        with m.when(ca.logic_not(over()), f"{self.name}_begin"), m.loop(self.name) as until:
            p = self.rest
            Hp = product(p)
            if meet is not None:
                meet(either(norm(p) > 0, norm(Hp) / norm(p), 0))
            self._set(z=self.z + step() * p, power=p - step() * Hp, left=self._at("left") - 1)
            until(over())

"""Recomputes the reference values that are not closed forms, apart from bilevel_dsl: NumPy and SciPy only.

    python models/references.py          needs scipy; prints each value beside the one in the model file

The random data of a model are those of NumPy's default_rng with the seeds in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve, expm
from scipy.optimize import brentq, minimize, minimize_scalar

HERE = Path(__file__).parent
RECIPES: dict[str, Callable[[], float]] = {}


def reference(model: str):
    """Register the function that gives the upper objective at the answer of `model`."""

    def register(function):
        RECIPES[model] = function
        return function

    return register


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, shape)


def table(name: str) -> np.ndarray:
    return np.loadtxt(HERE / "applications" / name, delimiter=",", skiprows=1)


# --- papers ---------------------------------------------------------------------------------------


@reference("papers/p4")
def p4() -> float:
    """y = -x; the best of all local minima of the remaining function of x."""

    def psi(x):
        return np.cos(2 - 4 * x) / (1 + np.exp(2 - 4 * x)) + np.log((4 * x - 2) ** 2 + 1) / 2

    grid = np.linspace(0, 3, 301)
    best = grid[np.argmin(psi(grid))]
    return minimize_scalar(psi, bounds=(best - 0.01, best + 0.01), method="bounded", options={"xatol": 1e-12}).fun


@reference("papers/factorisation")
def factorisation() -> float:
    """All answers of the lower level are X Q: X from the eigenvectors, Q a rotation (signs do not matter)."""
    U = normal(1, 10, 3)
    values, vectors = np.linalg.eigh(U @ U.T + 0.01 * np.eye(10))
    X = vectors[:, -3:] * np.sqrt(values[-3:])

    def l1(angles, Q):
        a, b, c = angles
        return np.sum(np.sqrt((X @ Q @ expm(np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]]))) ** 2 + 1))

    rng = np.random.default_rng(0)
    starts = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in range(200)]
    return min(minimize(l1, np.zeros(3), args=(Q,), options={"gtol": 1e-10}).fun for Q in starts)


@reference("papers/pl_game")
def pl_game() -> float:
    """The hyper-objective is x' S x / 2; its minimum is 0 if S has no negative eigenvalue."""

    def subspace(seed):
        q, r = np.linalg.qr(normal(seed, 20, 10))
        return q * np.sign(np.diag(r))

    def eigenvalues(seed):
        return np.random.default_rng(seed).uniform(0.1, 1, 10)

    Bx, By = subspace(1), subspace(2)
    Sx, Sy = (normal(k, 1000, 10) * np.sqrt(eigenvalues(k + 1)) for k in (3, 5))
    C1, C2 = (np.sqrt(0.001) * normal(k, 1000, 20) @ normal(k + 1, 20, 20).T for k in (7, 9))
    P, Q = Bx @ Sx.T @ Sx @ Bx.T / 1000, By @ Sy.T @ Sy @ By.T / 1000
    R1, R2 = (Bx @ Bx.T @ C.T @ C @ By @ By.T / 1000 for C in (C1, C2))
    S = P - R1 @ np.linalg.pinv(Q, rcond=1e-10) @ R2.T
    S = S + S.T - P
    lowest = np.linalg.eigvalsh(S)[0]
    return 0.0 if lowest > -1e-12 else -np.inf


# --- applications -----------------------------------------------------------------------------------


@reference("applications/tolls")
def tolls() -> float:
    """The follower in closed form (water filling), SLSQP over the tolls from 60 starts."""
    free_flow, slope, demand = np.array([4, 6, 8, 5.0]), np.array([2, 1, 0.5, 4]), 10.0

    def flows(tolls):
        cost = free_flow + tolls
        order = np.argsort(cost)
        for k in range(4, 0, -1):
            used = order[:k]
            level = (demand + np.sum(cost[used] / slope[used])) / np.sum(1 / slope[used])
            if level >= cost[used].max():
                return np.where(np.isin(np.arange(4), used), (level - cost) / slope, 0.0)

    rng = np.random.default_rng(0)
    budget = {"type": "ineq", "fun": lambda t: 12 - t.sum()}
    runs = [
        minimize(
            lambda t: -t @ flows(t),
            rng.uniform(0, 5, 4),
            bounds=[(0, 5)] * 4,
            constraints=[budget],
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        for _ in range(60)
    ]
    return max(-r.fun for r in runs)


def _ridge(log_penalty: np.ndarray) -> tuple[float, np.ndarray]:
    """Validation loss and its gradient, by the normal equations."""
    train, validation = table("diabetes/train.csv"), table("diabetes/validation.csv")
    X, t, Xv, tv = train[:, :10], train[:, 10], validation[:, :10], validation[:, 10]
    penalty = np.exp(log_penalty)
    H = X.T @ X / 200 + np.diag(penalty)
    w = np.linalg.solve(H, X.T @ t / 200)
    misfit = Xv @ w - tv
    return misfit @ misfit / 240, -np.linalg.solve(H, Xv.T @ misfit / 120) * w * penalty


@reference("applications/ridge")
def ridge() -> float:
    root = brentq(lambda s: _ridge(np.full(10, s))[1].sum(), -5, 0, xtol=1e-14)
    return _ridge(np.full(10, root))[0]


@reference("applications/ridge_features")
def ridge_features() -> float:
    rng = np.random.default_rng(0)
    runs = [
        minimize(
            _ridge,
            rng.uniform(-10, 10, 10),
            jac=True,
            bounds=[(-10, 10)] * 10,
            method="L-BFGS-B",
            options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 5000},
        )
        for _ in range(100)
    ]
    return min(r.fun for r in runs)


@reference("applications/least_norm")
def least_norm() -> float:
    train = table("diabetes/train.csv")
    A = np.c_[train[:, :10], train[:, 2] + train[:, 3], train[:, 8] - train[:, 9], train[:, 0]]
    w = np.linalg.pinv(A, rcond=1e-10) @ train[:, 10]
    return w @ w


@reference("applications/inverse_lqr")
def inverse_lqr() -> float:
    data, N, h = table("inverse_lqr/noisy.csv"), 40, 0.1
    lag = np.subtract.outer(np.arange(N), np.arange(N))
    Gp, Gv = (lag >= 0) * (lag + 0.5) * h**2, (lag >= 0) * h

    def misfit(log_q):
        a, b = np.exp(log_q)
        u = np.linalg.solve(a * Gp.T @ Gp + b * Gv.T @ Gv + np.eye(N), -a * Gp.T @ np.ones(N))
        position, velocity = np.r_[1, 1 + Gp @ u][:N], np.r_[0, Gv @ u][:N]
        return np.sum((position - data[:, 1]) ** 2) + np.sum((velocity - data[:, 2]) ** 2) + np.sum((u - data[:, 3]) ** 2)

    return minimize(misfit, np.log([4, 2]), options={"gtol": 1e-9}).fun


class _Digits:
    """The classifier of hyper_cleaning: the lower level by Newton's method, warm-started; implicit derivatives."""

    def __init__(self):
        def rows(name):
            digits = table(name)
            return np.c_[digits[:, :64] / 16, np.ones(len(digits))], np.eye(10)[digits[:, 64].astype(int)]

        (self.X, self.Y), (self.Xv, self.Yv) = rows("digits/train.csv"), rows("digits/validation.csv")
        self.W = np.zeros((65, 10))

    @staticmethod
    def loss(X, Y, W):
        """Cross entropy of each row, and the probabilities."""
        Z = X @ W
        E = np.exp(Z)
        return np.log(E.sum(1)) - (Y * Z).sum(1), E / E.sum(1, keepdims=True)

    def hessian(self, weight, P):
        """650 by 650, W by columns, as a Cholesky factor."""
        H = np.zeros((10, 65, 10, 65))
        for a in range(10):
            for b in range(10):
                entry = weight * (P[:, a] * (a == b) - P[:, a] * P[:, b]) / 200
                H[a, :, b, :] = self.X.T @ (entry[:, None] * self.X)
        return cho_factor(H.reshape(650, 650) + 0.01 * np.eye(650))

    def train(self, weight):
        def objective(W):
            return np.mean(weight * self.loss(self.X, self.Y, W)[0]) + 0.005 * np.sum(W**2)

        for _ in range(50):
            P = self.loss(self.X, self.Y, self.W)[1]
            gradient = self.X.T @ (weight[:, None] * (P - self.Y)) / 200 + 0.01 * self.W
            if np.abs(gradient).max() < 1e-13:
                break
            step = -cho_solve(self.hessian(weight, P), gradient.T.ravel()).reshape(10, 65).T
            length = 1.0
            while length > 1e-6 and objective(self.W + length * step) > objective(self.W) + 1e-15:
                length /= 2
            self.W = self.W + length * step
        return P

    def validation(self, weight):
        P = self.train(weight)
        loss, Pv = self.loss(self.Xv, self.Yv, self.W)
        gradient = self.Xv.T @ (Pv - self.Yv) / 200
        adjoint = cho_solve(self.hessian(weight, P), gradient.T.ravel()).reshape(10, 65).T
        return loss.mean(), -np.sum((P - self.Y) * (self.X @ adjoint), 1) / 200


@reference("applications/hyper_cleaning")
def hyper_cleaning() -> float:
    runs = [
        minimize(
            _Digits().validation,
            np.full(200, start),
            jac=True,
            bounds=[(0, 1)] * 200,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 400},
        )
        for start in (0.5, 1.0)
    ]
    return min(r.fun for r in runs)


# --- libraries --------------------------------------------------------------------------------------


def _follower(objective, rows) -> Callable[[np.ndarray], np.ndarray]:
    """The answer of a follower with two variables, at least 0, and rows(x, y) <= 0."""

    def answer(x):
        return minimize(
            lambda y: objective(x, y),
            [1, 1],
            bounds=[(0, None)] * 2,
            method="SLSQP",
            constraints=[{"type": "ineq", "fun": lambda y: -np.array(rows(x, y))}],
            options={"ftol": 1e-14, "maxiter": 200},
        ).x

    return answer


def _outrata_1993(rows) -> float:
    answer = _follower(
        lambda x, y: 0.5 * (1 + 0.2 * x) * y[0] ** 2 + 0.5 * (1 + 0.1 * x) * y[1] ** 2 - (3 + 1.333 * x) * y[0] - x * y[1],
        rows,
    )
    upper = lambda x: 0.5 * np.sum((answer(x) - [3, 4]) ** 2)
    grid = np.linspace(0, 20, 81)
    best = grid[np.argmin([upper(x) for x in grid])]
    return minimize_scalar(upper, bounds=(best - 0.25, best + 0.25), method="bounded", options={"xatol": 1e-10}).fun


@reference("libraries/bolib/outrata_1993_ex31")
def outrata_1993_ex31() -> float:
    return _outrata_1993(
        lambda x, y: [(-0.333 + 0.1 * x) * y[0] + y[1] + 0.1 * x - 2, y[0] + (-0.333 - 0.1 * x) * y[1] + 0.1 * x - 2]
    )


@reference("libraries/bolib/outrata_1993_ex32")
def outrata_1993_ex32() -> float:
    return _outrata_1993(lambda x, y: [-0.333 * y[0] + y[1] + 0.1 * x - 1, y @ y - 0.1 * x - 9])


@reference("libraries/bolib/outrata_1990_ex1a")
def outrata_1990_ex1a() -> float:
    answer = _follower(
        lambda x, y: 0.5 * (y[0] ** 2 - 4 * y[0] * y[1] + 5 * y[1] ** 2) - x @ y,
        lambda x, y: [-0.333 * y[0] + y[1] - 2, y[0] - 0.333 * y[1] - 2],
    )
    upper = lambda x: 0.1 * x @ x + 0.5 * np.sum((answer(x) - [3, 4]) ** 2) - 12.5
    return min(
        minimize(upper, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}).fun
        for start in ([0, 0], [1, 3], [3, 1])
    )


def main() -> None:
    for model, recipe in RECIPES.items():
        text = (HERE / f"{model}.bilevel").read_text()
        written = float(re.search(r"reference\s*{\s*upper = ([-\d.e]+);", text).group(1))
        found = recipe()
        print(
            f"{model:<40}{found:>22.15g}{written:>22.15g}{abs(found - written) / max(1, abs(written)):>12.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()

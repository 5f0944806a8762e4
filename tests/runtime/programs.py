"""Small methods written directly as programs, each for one property of the executors."""

from __future__ import annotations

import casadi as ca
import numpy as np

from bilevel_dsl.methods.program import Phase, Program, Setting, Signal, Slot

SAME = {"allow_duplicate_io_names": True}
TOL = Setting("tol", 1e-9, "bound on the residual", 0)
MAX_ITER = Setting("max_iter", 500, "iterations", 0, integer=True)


def function(name: str, inputs: list[ca.MX], outputs: dict[str, ca.MX]) -> ca.Function:
    inputs = [v for v in inputs if v.numel()]  # an empty symbol has no name
    return ca.Function(
        name, inputs, [ca.densify(ca.MX(v)) for v in outputs.values()], [v.name() for v in inputs], list(outputs), SAME
    )


def slots(**sizes: int) -> tuple[Slot, ...]:
    return tuple(Slot(name, size, f"slot {name}") for name, size in sizes.items())


def newton(**settings: float) -> Program:
    """Damped Newton on y^3 = p, with no upper variables."""
    x_start, y_start, y, k = (ca.MX.sym(n, s) for n, s in (("x_start", 0), ("y_start", 1), ("y", 1), ("k", 1)))
    p, damping = ca.MX.sym("p0"), ca.MX.sym("o_damping")
    step = -(y**3 - p) / (3 * y**2)
    return Program(
        "newton",
        "cube root",
        slots(phase=1, signal=1, x=0, y=1, k=1),
        (Slot("p0", 1, "parameter c", "c", ()),),
        (np.array([7.0]),),
        (TOL, MAX_ITER, Setting("damping", 0.7, "fraction of the step", 0, 1)),
        (),
        None,
        function(
            "initial", [x_start, y_start], {"x": x_start, "y": y_start, "phase": ca.MX(0), "signal": ca.MX(0), "k": ca.MX(0)}
        ),
        (Phase("step", function("phase_step", [y, k, p, damping], {"y": y + damping * step, "k": k + 1})),),
        function("measures", [y, p], {"residual": ca.fabs(y**3 - p), "upper": y**2}),
        {"residual": "tol"},
    )


def descent(n: int = 7, m: int = 9, seed: int = 3) -> Program:
    """Gradient descent on |A y - b|^2 + sum tanh(y) with a line search: three phases, data, prepared A'A."""
    rng = np.random.default_rng(seed)
    A, b = rng.normal(size=(m, n)), rng.normal(size=m)
    y, trial, gradient = (ca.MX.sym(v, n) for v in ("y", "trial", "gradient"))
    x, value, step, signal = ca.MX.sym("x", 2), ca.MX.sym("value"), ca.MX.sym("step"), ca.MX.sym("signal")
    columns, right = ca.MX.sym("p0", m * n), ca.MX.sym("p1", m)
    gram, pulled = ca.MX.sym("gram", n * n), ca.MX.sym("pulled", n)
    shrink, tol = ca.MX.sym("o_shrink"), ca.MX.sym("o_tol")
    matrix, Q = ca.reshape(columns, m, n), ca.reshape(gram, n, n)

    def objective(v):
        return ca.dot(v, Q @ v) / 2 - ca.dot(pulled, v) + ca.sum1(ca.tanh(v)) / 10

    slope = Q @ y - pulled + (1 - ca.tanh(y) ** 2) / 10
    starts = [ca.MX.sym("x_start", 2), ca.MX.sym("y_start", n)]
    zero = ca.MX.zeros(n)
    first = {
        "phase": ca.MX(0),
        "signal": ca.MX(0),
        "x": ca.sin(starts[0]),
        "y": starts[1],
        "trial": zero,
        "gradient": zero,
        "value": ca.MX(0),
        "step": ca.MX(1),
    }
    norm = ca.sqrt(ca.dot(slope, slope))
    decreased = objective(trial) <= value - 1e-4 * step * ca.dot(gradient, gradient)
    return Program(
        "descent",
        "least squares",
        slots(phase=1, signal=1, x=2, y=n, trial=n, gradient=n, value=1, step=1),
        (Slot("p0", m * n, "parameter A", "A", (m, n)), Slot("p1", m, "parameter b", "b", (m,))),
        (A.ravel(order="F"), b),
        (TOL, MAX_ITER, Setting("shrink", 0.5, "of the step", 0.01, 0.99)),
        slots(gram=n * n, pulled=n),
        function("prepare", [columns, right], {"gram": ca.vec(matrix.T @ matrix), "pulled": matrix.T @ right}),
        function("initial", starts, first),
        (
            Phase(
                "begin",
                function(
                    "phase_begin",
                    [x, y, gram, pulled],
                    {
                        "gradient": slope,
                        "value": objective(y),
                        "step": ca.MX(1),
                        "trial": y - slope,
                        "x": x * ca.cos(x) + 0.1,
                        "phase": ca.MX(1),
                    },
                ),
            ),
            Phase(
                "search",
                function(
                    "phase_search",
                    [trial, gradient, value, step, y, gram, pulled, shrink],
                    {
                        "step": ca.if_else(decreased, step, step * shrink),
                        "trial": y - ca.if_else(decreased, step, step * shrink) * gradient,
                        "phase": ca.if_else(decreased, 2, 1),
                    },
                ),
            ),
            Phase(
                "accept",
                function(
                    "phase_accept",
                    [trial, gradient, tol, signal],
                    {
                        "y": trial,
                        "phase": ca.MX(0),
                        "signal": ca.if_else(ca.sqrt(ca.dot(gradient, gradient)) <= tol, int(Signal.CONVERGED), 0),
                    },
                ),
            ),
        ),
        function("measures", [y, x, gram, pulled], {"stationarity": norm, "value": objective(y), "angle": x[0]}),
    )


def counter(updates=None, *, measure=None) -> Program:
    """Counts in y. `updates(count)` are further outputs of its phase, `measure(count)` is what "distance" is."""
    y, x_start, y_start, x = ca.MX.sym("y"), ca.MX.sym("x_start", 2), ca.MX.sym("y_start"), ca.MX.sym("x", 2)
    spoil = updates(y + 1) if updates else {}
    return Program(
        "counter",
        "count",
        slots(phase=1, signal=1, x=2, y=1),
        (),
        (),
        (TOL, MAX_ITER),
        (),
        None,
        function("initial", [x_start, y_start], {"phase": ca.MX(0), "signal": ca.MX(0), "x": x_start, "y": y_start}),
        (Phase("count", function("phase_count", [y, x], {"y": y + 1, "x": 0.5 * x, **spoil})),),
        function("measures", [y, x], {"count": y, "distance": measure(y) if measure else ca.sqrt(ca.dot(x, x))}),
        {"distance": "tol"} if measure is not None else {},
    )


def failing_at(k: int, value: float) -> Program:
    """x becomes `value` (infinity, no number) in iteration k."""
    return counter(lambda n: {"x": ca.if_else(n >= k, ca.MX(value), ca.MX(1)) * ca.MX.ones(2)})


def signalling(signal: Signal, at: int = 3) -> Program:
    return counter(lambda n: {"signal": ca.if_else(n >= at, int(signal), 0)})


def endless() -> Program:
    """Its only phase never completes an iteration."""
    return counter(lambda n: {"phase": ca.MX(0.5)})


def lost(phase: float) -> Program:
    """Its third call asks for a phase that does not exist."""
    return counter(lambda n: {"phase": ca.if_else(n >= 3, ca.MX(phase), 0)})

"""The built-in functions: how many arguments, what shape comes out, and their values on numbers.

`elementwise` ones take arrays of equal shape or scalars. The others have a rule that gives the shape
of the result from the arguments, or says in words what is wrong. What is evaluated before solving only
(`data_only`) has no counterpart in CasADi; for all others `model/build.py` has one under the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from .ir import Shape

DATA_ONLY = ("floor", "ceil", "round", "linspace", "orth", "normal", "uniform", "permutation")
REDUCTIONS = ("sum", "prod", "mean", "min", "max")
FILES = ("csv", "npy", "npz", "json")
OF_SETS = {  # a declaration of the same name goes before them
    "card": ("card(S)", "how many elements a set has"),
    "ord": ("ord(e)", "the place of an element in the set that it runs over, from 1; `ord(e, S)`: in the set S"),
    "first": ("first(S)", "the first element of a set"),
    "last": ("last(S)", "the last element of a set"),
}
SET_FUNCTIONS = (
    "box",
    "simplex",
    "capped_simplex",
    "ball",
    "l1ball",
    "linfball",
    "halfspace",
    "hyperplane",
    "affine",
    "spectral",
    "integer",
)
SET_NAMES = ("nonneg", "free", "soc", "psd", "binary")


class Misuse(Exception):
    """What is wrong with the arguments, as the end of a sentence; and a hint."""

    def __init__(self, message: str, *hints: str):
        super().__init__(message)
        self.hints = hints


@dataclass(frozen=True)
class Builtin:
    name: str
    least: int  # arguments
    most: int | None
    shape: Callable[..., Shape] | None  # of the argument shapes; None: elementwise
    value: Callable
    signature: str
    doc: str
    sizes: int | None = None  # from this argument on: whole numbers that make the shape
    keywords: tuple[str, ...] = ()

    @property
    def data_only(self) -> bool:
        return self.name in DATA_ONLY


# --- elementwise --------------------------------------------------------------------------------


def _sigmoid(x):
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _huber(x, delta=1.0):
    size = np.abs(x)
    return np.where(size <= delta, 0.5 * x * x, delta * (size - 0.5 * delta))


def _smooth_abs(x, eps=1e-3):
    return np.sqrt(x * x + eps * eps)


_ONE = {
    "abs": (np.abs, "absolute value"),
    "sqrt": (np.sqrt, "square root"),
    "exp": (np.exp, "exponential"),
    "log": (np.log, "natural logarithm"),
    "log1p": (np.log1p, "log(1 + x)"),
    "expm1": (np.expm1, "exp(x) - 1"),
    "sin": (np.sin, "sine"),
    "cos": (np.cos, "cosine"),
    "tan": (np.tan, "tangent"),
    "asin": (np.arcsin, "arc sine"),
    "acos": (np.arccos, "arc cosine"),
    "atan": (np.arctan, "arc tangent"),
    "sinh": (np.sinh, "hyperbolic sine"),
    "cosh": (np.cosh, "hyperbolic cosine"),
    "tanh": (np.tanh, "hyperbolic tangent"),
    "sigmoid": (_sigmoid, "1 / (1 + exp(-x))"),
    "softplus": (_softplus, "log(1 + exp(x))"),
    "sign": (np.sign, "-1, 0 or 1"),
    "relu": (lambda x: np.where(x > 0, x, 0 * x), "max(x, 0)"),
    "floor": (np.floor, "largest whole number not above"),
    "ceil": (np.ceil, "smallest whole number not below"),
    "round": (np.round, "nearest whole number"),
}
_TWO = {
    "atan2": (2, np.arctan2, "atan2(y, x)", "angle of the point (x, y)"),
    "huber": (1, _huber, "huber(x, delta=1)", "x^2/2 near zero, delta (abs(x) - delta/2) beyond delta"),
    "smooth_abs": (1, _smooth_abs, "smooth_abs(x, eps=1e-3)", "sqrt(x^2 + eps^2)"),
}


# --- shapes ---------------------------------------------------------------------------------------


def words(shape: Shape) -> str:
    """A shape as a reader says it."""
    if len(shape) < 2:
        return f"a vector of {shape[0]}" if shape else "a scalar"
    return f"a {' by '.join(map(str, shape))} {'matrix' if len(shape) == 2 else 'array'}"


def exactly(value: float) -> str:
    """Short, but not so short that it looks like a whole number that it is not."""
    return f"{value:g}" if not np.isfinite(value) or float(f"{value:g}") != np.round(value) else repr(float(value))


def _any_to_scalar(a: Shape) -> Shape:
    return ()


def _square(a: Shape) -> Shape:
    if len(a) != 2 or a[0] != a[1]:
        raise Misuse(f"needs a square matrix, not {words(a)}")
    return a


def _trace(a: Shape) -> Shape:
    _square(a)
    return ()


def _dot(a: Shape, b: Shape) -> Shape:
    if prod(a) != prod(b):
        raise Misuse(f"needs two of equal length, not {words(a)} and {words(b)}")
    return ()


def _diag(a: Shape) -> Shape:
    if len(a) == 1:
        return (a[0], a[0])
    if len(a) == 2 and a[0] == a[1]:
        return (a[0],)
    raise Misuse(f"needs a vector or a square matrix, not {words(a)}")


def _vec(a: Shape) -> Shape:
    return (prod(a),)


def _columns(a: Shape) -> tuple[int, int]:
    return a if len(a) == 2 else (prod(a), 1)


def _hcat(*shapes: Shape) -> Shape:
    rows = {_columns(s)[0] for s in shapes}
    if len(rows) > 1:
        raise Misuse(f"puts side by side what has equally many rows, not {' and '.join(words(s) for s in shapes)}")
    return (rows.pop(), sum(_columns(s)[1] for s in shapes))


def _vcat(*shapes: Shape) -> Shape:
    if all(len(s) < 2 for s in shapes):
        return (sum(prod(s) for s in shapes),)
    columns = {_columns(s)[1] for s in shapes}
    if len(columns) > 1:
        raise Misuse(
            f"stacks what has equally many columns, not {' and '.join(words(s) for s in shapes)}",
            "a vector is a column; transpose it with `'` to make a row",
        )
    return (sum(_columns(s)[0] for s in shapes), columns.pop())


def _kron(a: Shape, b: Shape) -> Shape:
    (m, n), (p, q) = _columns(a), _columns(b)
    return (m * p, n * q) if len(a) == 2 or len(b) == 2 else (m * p,)


def _outer(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise Misuse(f"needs two vectors, not {words(a)} and {words(b)}")
    return (a[0], b[0])


def _vector(a: Shape) -> Shape:
    if len(a) != 1:
        raise Misuse(f"needs a vector, not {words(a)}")
    return a


def _vector_to_scalar(a: Shape) -> Shape:
    _vector(a)
    return ()


def _solve(a: Shape, b: Shape) -> Shape:
    _square(a)
    if not b or b[0] != a[0]:
        raise Misuse(f"needs a right-hand side with {a[0]} rows, not {words(b)}")
    return b


def _tall(a: Shape) -> Shape:
    if len(a) != 2 or a[0] < a[1]:
        raise Misuse(f"needs a matrix with at least as many rows as columns, not {words(a)}")
    return a


# --- values on numbers; one value, no batch ---------------------------------------------------------


def _norm(x):
    return np.sqrt(np.sum(x * x))


def _softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def _logsumexp(x):
    m = np.max(x)
    return m + np.log(np.sum(np.exp(x - m)))


def _flat(x):
    return np.ravel(x, order="F")


def _two_dimensional(x):
    x = np.asarray(x, float)
    return x if x.ndim == 2 else x.reshape(-1, 1)


def _vcat_value(*parts):
    if all(np.ndim(p) < 2 for p in parts):
        return np.concatenate([np.ravel(p) for p in parts])
    return np.vstack([_two_dimensional(p) for p in parts])


def _kron_value(a, b):
    out = np.kron(_two_dimensional(a), _two_dimensional(b))
    return out if np.ndim(a) == 2 or np.ndim(b) == 2 else out.ravel()


def _orth(a):
    """Orthonormal columns that span those of a full-rank a; signs as of a Q R factor with positive R."""
    q, r = np.linalg.qr(a)
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def _generator(seed):
    if not 0 <= seed < 2**53 or seed != np.round(seed):
        raise Misuse(f"takes as seed a whole number from 0, not {float(seed):g}")
    return np.random.default_rng(int(seed))


def _normal(shape, mean, deviation, seed):
    if not deviation >= 0:
        raise Misuse(f"takes a standard deviation from 0, not {float(deviation):g}")
    return _generator(seed).normal(mean, deviation + 0.0, shape)  # -0.0 is refused by NumPy


def _uniform(shape, low, high, seed):
    if not (np.isfinite(low) and np.isfinite(high) and low <= high and np.isfinite(high - low)):
        raise Misuse(f"takes the lower end first, and finite ends, not {float(low):g} and {float(high):g}")
    return _generator(seed).uniform(low, high, shape)


def _entry(name, least, most, shape, value, signature, doc, **more):
    return Builtin(name, least, most, shape, value, signature, doc, **more)


BUILTINS: dict[str, Builtin] = {
    b.name: b
    for b in [
        *(_entry(n, 1, 1, None, v, f"{n}(x)", d) for n, (v, d) in _ONE.items()),
        *(_entry(n, k, 2, None, v, s, d) for n, (k, v, s, d) in _TWO.items()),
        _entry(
            "dot",
            2,
            2,
            _dot,
            lambda a, b: np.sum(_flat(a) * _flat(b)),
            "dot(a, b)",
            "sum of the products of the entries",
        ),
        _entry("norm", 1, 1, _any_to_scalar, _norm, "norm(x)", "Euclidean norm, of a matrix the Frobenius norm"),
        _entry("norm1", 1, 1, _any_to_scalar, lambda x: np.sum(np.abs(x)), "norm1(x)", "sum of the absolute values"),
        _entry("norminf", 1, 1, _any_to_scalar, lambda x: np.max(np.abs(x)), "norminf(x)", "largest absolute value"),
        _entry("sumsqr", 1, 1, _any_to_scalar, lambda x: np.sum(x * x), "sumsqr(x)", "sum of the squares"),
        _entry("trace", 1, 1, _trace, np.trace, "trace(A)", "sum of the diagonal"),
        _entry("diag", 1, 1, _diag, np.diag, "diag(x)", "a diagonal matrix, or the diagonal of one"),
        _entry("eye", 1, 1, None, lambda s: np.eye(*s, *s), "eye(n)", "the n by n identity", sizes=0),
        _entry("zeros", 1, 2, None, lambda s: np.zeros(s), "zeros(m) or zeros(m, n)", "all 0", sizes=0),
        _entry("ones", 1, 2, None, lambda s: np.ones(s), "ones(m) or ones(m, n)", "all 1", sizes=0),
        _entry("vec", 1, 1, _vec, _flat, "vec(A)", "the columns of A under each other"),
        _entry(
            "reshape",
            2,
            3,
            None,
            lambda s, a: np.reshape(a, s, order="F"),
            "reshape(a, m) or reshape(a, m, n)",
            "the same entries, by columns",
            sizes=1,
        ),
        _entry("rows", 1, 1, lambda a: (), lambda a: float(_columns(np.shape(a))[0]), "rows(A)", "number of rows"),
        _entry("cols", 1, 1, lambda a: (), lambda a: float(_columns(np.shape(a))[1]), "cols(A)", "number of columns"),
        _entry("vcat", 1, None, _vcat, _vcat_value, "vcat(a, b, ...)", "stacked on top of each other"),
        _entry(
            "hcat",
            1,
            None,
            _hcat,
            lambda *p: np.hstack([_two_dimensional(v) for v in p]),
            "hcat(a, b, ...)",
            "side by side",
        ),
        _entry("kron", 2, 2, _kron, _kron_value, "kron(A, B)", "Kronecker product"),
        _entry("outer", 2, 2, _outer, np.outer, "outer(a, b)", "a b'"),
        _entry("softmax", 1, 1, _vector, _softmax, "softmax(x)", "exp(x) / sum(exp(x))"),
        _entry("logsumexp", 1, 1, _vector_to_scalar, _logsumexp, "logsumexp(x)", "log(sum(exp(x)))"),
        _entry("solve", 2, 2, _solve, np.linalg.solve, "solve(A, b)", "x with A @ x = b"),
        _entry("inv", 1, 1, _square, np.linalg.inv, "inv(A)", "inverse"),
        _entry("det", 1, 1, _trace, np.linalg.det, "det(A)", "determinant"),
        _entry("orth", 1, 1, _tall, _orth, "orth(A)", "orthonormal columns that span those of A"),
        _entry(
            "linspace",
            3,
            3,
            None,
            lambda s, a, b: np.linspace(a, b, *s),
            "linspace(a, b, n)",
            "n numbers from a to b, evenly",
            sizes=2,
        ),
        _entry(
            "normal",
            2,
            4,
            None,
            _normal,
            "normal(mean, sd, m, n, seed=k)",
            "random numbers of NumPy's default_rng(k)",
            sizes=2,
            keywords=("seed",),
        ),
        _entry(
            "uniform",
            2,
            4,
            None,
            _uniform,
            "uniform(low, high, m, n, seed=k)",
            "random numbers of NumPy's default_rng(k)",
            sizes=2,
            keywords=("seed",),
        ),
        _entry(
            "permutation",
            1,
            1,
            None,
            lambda s, seed: _generator(seed).permutation(*s) + 1.0,
            "permutation(n, seed=k)",
            "1..n in random order",
            sizes=0,
            keywords=("seed",),
        ),
    ]
}

TAKEN_NAMES = (  # cannot be declared
    frozenset(BUILTINS) | set(REDUCTIONS) | set(FILES) | set(SET_FUNCTIONS) | set(SET_NAMES) | {"expect", "dual"}
)
FUNCTION_NAMES = TAKEN_NAMES | set(OF_SETS)

"""The constraint sets, a record each with all that is known of it without CasADi.

A new set is a record here, its class in `model/sets.py`, and what solvers need of it in a file of `functions/sets/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..diagnostics import Span
from .nodes.arithmetic import EVERYTHING, Interval
from .nodes.ir import Node, Shape, const, node
from .whole import Mistake, empty, mistake

VECTORS, SQUARE = "vectors", "square matrices"
Ends = Callable[..., tuple[Node, Node]]  # of the place of the set in the model, and of its arguments


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstraintSet:
    """A kind of set, as it stands after `in`. Functions of data take the values of the arguments, in their order.

    Attributes:
        signature: how it is written, with its name in front of the parenthesis.
        doc: what it is, in a line, of a point x.
        words: the end of "the variable is ...".
        defaults: arguments at the end that may be left out, and what they are then.
        of: VECTORS or SQUARE, if it is a set of these only.
        shapes: of the arguments, from the shape of the variable and those of the arguments as given; None: scalars.
        spreads: whether a scalar may stand for an array of the variable's shape.
        empty: why it has no point, or None; of the shape of the variable and the data, which are numbers.
        entries: between which numbers every entry of a point lies.
        excess: by how much a point is outside, at most 0 inside; of the point and the data.
        box: its two ends, if it is a box of reals or of whole numbers: for intersections.
        spectrum: the ends of the eigenvalues, if it is a set of symmetric matrices with bounded ones.
        curved: whether its boundary is curved, so that a program over it is not linear.
        whole: of whole numbers only.
        mistake: what is wrong with its data beyond emptiness, by name of the variable.
        bare: message and hint where its name stands without arguments; else they are made from the signature.
    """

    signature: str
    doc: str
    words: str
    defaults: tuple[float, ...] = ()
    of: str = ""
    shapes: Callable[..., tuple[Shape, ...]] | None = None
    spreads: bool = False
    empty: Callable[..., str | None] = lambda shape, *data: None
    entries: Callable[..., Interval] = lambda *data: EVERYTHING
    excess: Callable[..., float]
    box: Ends | None = None
    spectrum: Ends | None = None
    curved: bool = False
    whole: bool = False
    mistake: Callable[..., Mistake | None] | None = None
    bare: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        return self.signature.partition("(")[0]

    @property
    def most(self) -> int:
        """How many arguments it takes at most."""
        inside = self.signature.partition("(")[2]
        return inside.count(",") + 1 if inside else 0

    @property
    def least(self) -> int:
        return self.most - len(self.defaults)


# --- shapes of arguments ----------------------------------------------------------------------------


def _two_arrays(shape: Shape, *given: Shape) -> tuple[Shape, ...]:
    return shape, shape


def _array_and_number(shape: Shape, *given: Shape) -> tuple[Shape, ...]:
    return shape, ()


def _equations(shape: Shape, a: Shape, b: Shape) -> tuple[Shape, ...]:
    rows = a[0] if len(a) == 2 else 1
    return (rows, shape[0]), (rows,)


# --- emptiness --------------------------------------------------------------------------------------


def _nothing_between(shape: Shape, low: np.ndarray, high: np.ndarray) -> str | None:
    low, high = np.broadcast_arrays(low, high)
    wrong = np.argwhere((low > high) | (low == np.inf) | (high == -np.inf))
    if not len(wrong):
        return None
    at = tuple(wrong[0])
    where = f" of entry {', '.join(str(i + 1) for i in at)}" if at else ""
    if low[at] <= high[at]:
        return f"nothing{where} lies between {low[at]:g} and {high[at]:g}"
    return f"the lower bound{where} is {low[at]:g}, above the upper one, {high[at]:g}"


def _no_total(shape: Shape, total: np.ndarray) -> str | None:
    return None if 0 <= total < np.inf else f"its total is {float(total):g}"


def _too_many(shape: Shape, k: np.ndarray) -> str | None:
    return None if 0 <= k <= shape[0] else f"{shape[0]} entries from 0 to 1 cannot sum to {float(k):g}"


def _no_ball(shape: Shape, *data: np.ndarray) -> str | None:
    radius = data[-1]
    if not radius >= 0:
        return f"its radius is {float(radius):g}"
    return None if all(np.isfinite(v).all() for v in data) else "its center or radius is infinite"


def _no_halfspace(shape: Shape, a: np.ndarray, b: np.ndarray) -> str | None:
    return _infinite(a, b) or (f"a is zero, and b is {float(b):g}" if not a.any() and b < 0 else None)


def _no_hyperplane(shape: Shape, a: np.ndarray, b: np.ndarray) -> str | None:
    return _infinite(a, b) or (f"a is zero, and b is {float(b):g}" if not a.any() and b != 0 else None)


def _contradiction(shape: Shape, A: np.ndarray, b: np.ndarray) -> str | None:
    if _infinite(A, b):
        return _infinite(A, b)
    nearest = np.linalg.lstsq(A, b, rcond=None)[0]
    apart = np.linalg.norm(A @ nearest - b) > 1e-8 * (1 + np.linalg.norm(b))
    return "the equations contradict each other" if apart else None


def _infinite(*data: np.ndarray) -> str | None:
    return None if all(np.isfinite(v).all() for v in data) else "its data are infinite"


# --- points outside ---------------------------------------------------------------------------------


def _outside_box(x, low, high):
    return max((low - x).max(), (x - high).max())


def _outside_simplex(x, total, cap=np.inf):
    return max(-x.min(), (x - cap).max(), abs(x.sum() - total) / x.size)


def _outside_spectrum(x, low=0.0, high=np.inf):
    spectrum = np.linalg.eigvalsh((x + x.T) / 2)
    return max(np.abs(x - x.T).max(), low - spectrum[0], spectrum[-1] - high)


# --- ends -------------------------------------------------------------------------------------------


def _as_written(span: Span, low: Node, high: Node) -> tuple[Node, Node]:
    return low, high


def _from_zero(span: Span) -> tuple[Node, Node]:
    return const(0.0, span), const(np.inf, span)


def _around(span: Span, center: Node, radius: Node) -> tuple[Node, Node]:
    low, high = (node(op, (center, radius), center.shape, span) for op in "-+")
    return low, high


# --- the sets, in the order in which messages name them ----------------------------------------------

_RECORDS = (
    ConstraintSet(
        signature="box(lower, upper)",
        doc="lower <= x <= upper; scalars or arrays; inf allowed",
        words="in a box",
        shapes=_two_arrays,
        spreads=True,
        empty=_nothing_between,
        entries=lambda low, high: (low.min(), high.max()),
        excess=_outside_box,
        box=_as_written,
    ),
    ConstraintSet(
        signature="nonneg",
        doc="x >= 0",
        words="nonnegative",
        entries=lambda: (0.0, np.inf),
        excess=lambda x: -x.min(),
        box=_from_zero,
    ),
    ConstraintSet(signature="free", doc="everything, as without a set", words="free", excess=lambda x: 0.0),
    ConstraintSet(
        signature="simplex(total)",
        doc="x >= 0, sum(x) == total; the total is 1 if it is left out",
        words="in a simplex",
        defaults=(1.0,),
        of=VECTORS,
        empty=_no_total,
        entries=lambda total: (0.0, total),
        excess=_outside_simplex,
    ),
    ConstraintSet(
        signature="capped_simplex(k)",
        doc="0 <= x <= 1, sum(x) == k",
        words="in a capped simplex",
        of=VECTORS,
        empty=_too_many,
        entries=lambda k: (0.0, 1.0),
        excess=lambda x, k: _outside_simplex(x, k, cap=1.0),
    ),
    ConstraintSet(
        signature="ball(center, radius)",
        doc="norm(x - center) <= radius",
        words="in a ball",
        shapes=_array_and_number,
        spreads=True,
        empty=_no_ball,
        entries=lambda center, radius: ((center - radius).min(), (center + radius).max()),
        excess=lambda x, center, radius: np.linalg.norm(x - center) - radius,
        curved=True,
    ),
    ConstraintSet(
        signature="l1ball(radius)",
        doc="norm1(x) <= radius",
        words="in an l1 ball",
        empty=_no_ball,
        entries=lambda radius: (-radius, radius),
        excess=lambda x, radius: np.abs(x).sum() - radius,
    ),
    ConstraintSet(
        signature="linfball(center, radius)",
        doc="norminf(x - center) <= radius",
        words="in a box",
        shapes=_array_and_number,
        spreads=True,
        empty=_no_ball,
        entries=lambda center, radius: ((center - radius).min(), (center + radius).max()),
        excess=lambda x, center, radius: np.abs(x - center).max() - radius,
        box=_around,
    ),
    ConstraintSet(
        signature="halfspace(a, b)",
        doc="dot(a, x) <= b",
        words="in a half-space",
        shapes=_array_and_number,
        empty=_no_halfspace,
        excess=lambda x, a, b: np.sum(a * x) - b,
    ),
    ConstraintSet(
        signature="hyperplane(a, b)",
        doc="dot(a, x) == b",
        words="in a hyperplane",
        shapes=_array_and_number,
        empty=_no_hyperplane,
        excess=lambda x, a, b: abs(np.sum(a * x) - b),
    ),
    ConstraintSet(
        signature="affine(A, b)",
        doc="A @ x == b",
        words="in an affine set",
        of=VECTORS,
        shapes=_equations,
        empty=_contradiction,
        excess=lambda x, A, b: np.abs(A @ x - b).max(),
    ),
    ConstraintSet(
        signature="soc",
        doc="the second-order cone: the last entry is at least the norm of the others",
        words="in the second-order cone",
        of=VECTORS,
        excess=lambda x: np.linalg.norm(x[:-1]) - x[-1],
        curved=True,
    ),
    ConstraintSet(
        signature="psd",
        doc="symmetric positive semidefinite matrices",
        words="positive semidefinite",
        of=SQUARE,
        excess=_outside_spectrum,
        spectrum=_from_zero,
        curved=True,
    ),
    ConstraintSet(
        signature="spectral(low, high)",
        doc="symmetric matrices with eigenvalues from low to high",
        words="symmetric, with bounded eigenvalues",
        of=SQUARE,
        empty=_nothing_between,
        excess=_outside_spectrum,
        spectrum=_as_written,
        curved=True,
    ),
    ConstraintSet(
        signature="binary",
        doc="0 or 1; of the leader",
        words="0 or 1",
        entries=lambda: (0.0, 1.0),
        excess=lambda x: np.minimum(np.abs(x), np.abs(x - 1)).max(),
        box=lambda span: (const(0.0, span), const(1.0, span)),
        whole=True,
    ),
    ConstraintSet(
        signature="integer(lower, upper)",
        doc="whole numbers from lower to upper; of the leader",
        words="whole, in a box",
        shapes=_two_arrays,
        spreads=True,
        empty=lambda shape, low, high: empty(low, high),
        entries=lambda low, high: (low.min(), high.max()),
        excess=lambda x, low, high: max(_outside_box(x, low, high), np.abs(x - np.round(x)).max()),
        box=_as_written,
        whole=True,
        mistake=mistake,
        bare=("`integer` needs bounds", "`integer(0, 10)` takes 0, 1, ..., 10"),
    ),
)
CONSTRAINT_SETS: dict[str, ConstraintSet] = {s.name: s for s in _RECORDS}

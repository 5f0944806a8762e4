"""The constraint set after `in`: what it is, that its data fit the variable, and that it is not empty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..diagnostics import Span, did_you_mean
from ..syntax import ast
from .builtins import SET_FUNCTIONS, SET_NAMES, words
from .habits import SETS
from .ir import Node, Shape, const, node
from .whole import WHOLE, empty, mistake

SIGNATURES = {
    "box": "box(lower, upper)",
    "nonneg": "nonneg",
    "free": "free",
    "simplex": "simplex(total)",
    "capped_simplex": "capped_simplex(k)",
    "ball": "ball(center, radius)",
    "l1ball": "l1ball(radius)",
    "linfball": "linfball(center, radius)",
    "halfspace": "halfspace(a, b)",
    "hyperplane": "hyperplane(a, b)",
    "affine": "affine(A, b)",
    "soc": "soc",
    "psd": "psd",
    "spectral": "spectral(low, high)",
    "binary": "binary",
    "integer": "integer(lower, upper)",
}
KNOWN = ", ".join(["[l, u]", *SIGNATURES])


@dataclass(frozen=True, eq=False)
class SetSpec:
    """A constraint set with checked data: `args` have the shape that `model/sets.py` wants."""

    kind: str
    args: tuple[Node, ...]
    span: Span


class Sets:
    """Reads sets for one variable at a time; `lowering` lowers the expressions in them."""

    def __init__(self, lowering):
        self.lowering = lowering
        self.problems = lowering.problems

    def of(self, expressions: tuple[ast.Expr, ...], shape: Shape, name: str) -> SetSpec | None:
        """The set of a variable; None after a mistake."""
        found = [self._one(e, shape, name) for e in expressions]
        if any(s is None for s in found):
            return None
        if not found:
            return SetSpec("free", (), self.lowering.here)
        whole = found[0]
        for s, e in zip(found[1:], expressions[1:]):
            whole = whole and self._both(whole, s, e)
        return whole if whole is None or self._inhabited(whole, shape, name) else None

    # --- one set -------------------------------------------------------------------------

    def _one(self, e: ast.Expr, shape: Shape, name: str) -> SetSpec | None:
        if isinstance(e, ast.Array):
            if len(e.items) != 2:
                hints = (
                    ("a list of values is not a set: whole numbers are `integer(lower, upper)`",) if len(e.items) > 2 else ()
                )
                message = f"a box has two ends, `[lower, upper]`, and this has {len(e.items)}"
                return self._fail("BL0320", message, e, *hints)
            return self._make("box", e.items, shape, name, e)
        if isinstance(e, ast.Name):
            return self._named(e, shape, name)
        if isinstance(e, ast.Call) and (e.function.id in SET_FUNCTIONS or e.function.id in SET_NAMES):
            if e.keywords:
                return self._fail(
                    "BL0320",
                    f"`{e.function.id}` takes no named arguments",
                    e,
                    f"it is called as `{SIGNATURES[e.function.id]}`",
                )
            return self._make(e.function.id, e.arguments, shape, name, e)
        if isinstance(e, (ast.Labels, ast.Range)):
            return self._fail("BL0320", "an index set is not a constraint set", e, _instead(e))
        if isinstance(e, ast.Call) and self.lowering.symbols.get(e.function.id) is None:
            return self._unknown(e.function)
        return self._fail("BL0320", "this is not a constraint set", e, f"the sets are: {KNOWN}")

    def _named(self, e: ast.Name, shape: Shape, name: str) -> SetSpec | None:
        if e.id in SET_NAMES:
            return self._make(e.id, (), shape, name, e)
        if e.id == "simplex":
            return self._make("simplex", (), shape, name, e)
        symbol = self.lowering.symbols.get(e.id)
        if symbol is not None and symbol.kind == "set":
            if symbol.index_set is not None or isinstance(symbol.decl.value, (ast.Range, ast.Labels)):
                return self._fail(
                    "BL0320",
                    f"`{e.id}` is an index set, and a variable needs a constraint set",
                    e,
                    "whole numbers are `integer(lower, upper)`",
                    other=(symbol.span, "declared here"),
                )
            return self._one(symbol.decl.value, shape, name)
        if symbol is not None:
            return self._fail(
                "BL0320",
                f"`{e.id}` is a {symbol.words}, not a constraint set",
                e,
                f"the sets are: {KNOWN}",
                other=(symbol.span, "declared here"),
            )
        if e.id == "integer":
            return self._fail("BL0305", "`integer` needs bounds", e, "`integer(0, 10)` takes 0, 1, ..., 10")
        if e.id in SIGNATURES:
            return self._fail("BL0305", f"`{e.id}` needs arguments", e, f"it is called as `{SIGNATURES[e.id]}`")
        return self._unknown(e)

    def _unknown(self, name: ast.Name) -> None:
        hints = (
            (SETS[name.id.lower()],)
            if name.id.lower() in SETS
            else did_you_mean(
                name.id,
                [*SET_FUNCTIONS, *SET_NAMES, *(s.name for s in self.lowering.symbols.values() if s.kind == "set")],
            )
        )
        self._fail("BL0320", f"there is no set `{name.id}`", name, *(hints or (f"the sets are: {KNOWN}",)))

    def _make(self, kind: str, items: tuple[ast.Expr, ...], shape: Shape, name: str, e: ast.Expr) -> SetSpec | None:
        least, most = {
            "box": (2, 2),
            "simplex": (0, 1),
            "capped_simplex": (1, 1),
            "ball": (2, 2),
            "l1ball": (1, 1),
            "linfball": (2, 2),
            "halfspace": (2, 2),
            "hyperplane": (2, 2),
            "affine": (2, 2),
            "spectral": (2, 2),
            "integer": (2, 2),
        }.get(kind, (0, 0))
        if not least <= len(items) <= most:
            exact = f"{least or 'no'} argument{'s' * (least != 1)}"
            wanted = exact if least == most else f"{least} or {most} arguments"
            return self._fail(
                "BL0305", f"`{kind}` needs {wanted}, not {len(items)}", e, f"it is called as `{SIGNATURES[kind]}`"
            )
        before = len(self.problems.errors)
        args = [
            self.lowering.data(
                i, "a constraint set may not depend on variables", "write it as a constraint under `subject to`"
            )
            for i in items
        ]
        if len(self.problems.errors) > before or any(a.bad for a in args):
            return None
        if kind == "simplex" and not args:
            args = [const(1.0, e.span)]
        if not self._shape_fits(kind, shape, name, e):
            return None
        wanted = _argument_shapes(kind, shape, args)
        out = []
        for item, arg, want in zip(items or (e,), args, wanted):
            if arg.shape != want and not (arg.shape == () and kind in ("box", "ball", "linfball", "integer")):
                return self._fail(
                    "BL0322",
                    f"`{name}` is {words(shape)}: its set needs {words(want)} here, not {words(arg.shape)}",
                    item,
                )
            out.append(arg)
        if kind == "integer" and not self._whole_bounds(out, items, name, e):
            return None
        return SetSpec(kind, tuple(out), e.span)

    def _whole_bounds(self, bounds: list[Node], items: tuple[ast.Expr, ...], name: str, e: ast.Expr) -> bool:
        """That `integer` has bounds, whole ones, and a number between them."""
        values = [self.lowering.peek(b) for b in bounds]
        if any(v is None for v in values):
            return False
        wrong = None if any(np.isnan(v).any() for v in values) else mistake(*values, name)  # NaN: `_inhabited` says so
        if wrong is not None:
            self._fail(
                wrong.code, wrong.words, e if wrong.bound is None else items[wrong.bound], *filter(None, [wrong.hint])
            )
        return wrong is None

    def _shape_fits(self, kind: str, shape: Shape, name: str, e: ast.Expr) -> bool:
        needs = {
            "psd": "square",
            "spectral": "square",
            "soc": "vector",
            "affine": "vector",
            "simplex": "vector",
            "capped_simplex": "vector",
        }.get(kind)
        if needs == "square" and (len(shape) != 2 or shape[0] != shape[1]):
            self._fail("BL0322", f"`{kind}` is a set of square matrices, but `{name}` is {words(shape)}", e)
            return False
        if needs == "vector" and len(shape) != 1:
            self._fail("BL0322", f"`{kind}` is a set of vectors, but `{name}` is {words(shape)}", e)
            return False
        return True

    # --- two sets ------------------------------------------------------------------------

    def _both(self, a: SetSpec, b: SetSpec, e: ast.Expr) -> SetSpec | None:
        """The intersection, where its projection is exact: of boxes, and of spectral sets."""
        boxes, spectra = _as_box(a), _as_spectrum(a)
        others = _as_box(b), _as_spectrum(b)
        if a.kind == "free" or b.kind == "free":
            return b if a.kind == "free" else a
        if boxes and others[0]:
            whole = a.kind in WHOLE or b.kind in WHOLE
            return _clipped("integer" if whole else "box", boxes, others[0], e.span)
        if spectra and others[1]:
            return _clipped("spectral", spectra, others[1], e.span)
        return self._fail(
            "BL0323",
            f"the projection onto `{a.kind}` and `{b.kind}` together is not known exactly",
            e,
            "keep one of them as the set, and write the other one as a constraint under `subject to`",
            other=(a.span, "the first set"),
        )

    # --- emptiness -----------------------------------------------------------------------

    def _inhabited(self, s: SetSpec, shape: Shape, name: str) -> bool:
        values = [self.lowering.peek(a) for a in s.args]
        if any(v is None for v in values):
            return False
        nan = [k for k, v in enumerate(values) if np.isnan(v).any()]
        reason = "its data are not numbers" if nan else _empty(s.kind, values, shape)
        if reason is None:
            return True
        self.problems.error(
            "BL0321",
            f"the set of `{name}` is empty: {reason}" if not nan else f"the set of `{name}` has data that are not numbers",
            s.span,
        )
        return False

    def _fail(self, code: str, message: str, e: ast.Node, *hints: str, other: tuple[Span, str] | None = None) -> None:
        self.problems.error(code, message, e.span, hints=hints, secondary=[other] if other else ())


def _instead(e: ast.Labels | ast.Range) -> str:
    """What is meant by `in 0..5` or `in {0, 1}`."""
    if isinstance(e, ast.Range):
        ends = f"{e.lower.span.text}, {e.upper.span.text}"
        return f"an interval is written `[{ends}]`, its whole numbers `integer({ends})`"
    return "0 or 1 is `binary`, other whole numbers are `integer(lower, upper)`"


def _argument_shapes(kind: str, shape: Shape, args: list[Node]) -> tuple[Shape, ...]:
    if kind == "affine":
        rows = args[0].shape[0] if len(args[0].shape) == 2 else 1
        return (rows, shape[0]), (rows,)
    return {
        "box": (shape, shape),
        "integer": (shape, shape),
        "ball": (shape, ()),
        "linfball": (shape, ()),
        "halfspace": (shape, ()),
        "hyperplane": (shape, ()),
    }.get(kind, ((),) * len(args))


def _as_box(s: SetSpec) -> tuple[Node, Node] | None:
    if s.kind == "nonneg":
        return const(0.0, s.span), const(np.inf, s.span)
    if s.kind == "linfball":
        center, radius = s.args
        ends = (node(op, (center, radius), center.shape, s.span) for op in "-+")
        return tuple(ends)
    if s.kind == "binary":
        return const(0.0, s.span), const(1.0, s.span)
    return s.args if s.kind in ("box", "integer") else None


def _as_spectrum(s: SetSpec) -> tuple[Node, Node] | None:
    if s.kind == "psd":
        return const(0.0, s.span), const(np.inf, s.span)
    return s.args if s.kind == "spectral" else None


def _clipped(kind: str, a: tuple[Node, Node], b: tuple[Node, Node], span: Span) -> SetSpec:
    def pick(op, u, v):
        return node(op, (u, v), u.shape or v.shape, span)

    return SetSpec(kind, (pick("max2", a[0], b[0]), pick("min2", a[1], b[1])), span)


def _empty(kind: str, v: list[np.ndarray], shape: Shape) -> str | None:
    """Why the set has no point, or None."""
    if kind == "integer":
        return empty(*v)
    if kind in ("box", "spectral"):
        low, high = np.broadcast_arrays(*v)
        wrong = np.argwhere((low > high) | (low == np.inf) | (high == -np.inf))
        if len(wrong):
            at = tuple(wrong[0])
            where = f" of entry {', '.join(str(i + 1) for i in at)}" if at else ""
            return (
                f"nothing{where} lies between {low[at]:g} and {high[at]:g}"
                if low[at] <= high[at]
                else f"the lower bound{where} is {low[at]:g}, above the upper one, {high[at]:g}"
            )
    if kind == "simplex" and not 0 <= v[0] < np.inf:
        return f"its total is {float(v[0]):g}"
    if kind == "capped_simplex" and not 0 <= v[0] <= shape[0]:
        return f"{shape[0]} entries from 0 to 1 cannot sum to {float(v[0]):g}"
    if kind in ("ball", "l1ball", "linfball"):
        if not v[-1] >= 0:
            return f"its radius is {float(v[-1]):g}"
        if not all(np.isfinite(x).all() for x in v):
            return "its center or radius is infinite"
    if kind in ("halfspace", "hyperplane", "affine") and not all(np.isfinite(x).all() for x in v):
        return "its data are infinite"
    if kind == "halfspace" and not v[0].any() and v[1] < 0:
        return f"a is zero, and b is {float(v[1]):g}"
    if kind == "hyperplane" and not v[0].any() and v[1] != 0:
        return f"a is zero, and b is {float(v[1]):g}"
    if kind == "affine":
        A, b = v
        nearest = np.linalg.lstsq(A, b, rcond=None)[0]
        if np.linalg.norm(A @ nearest - b) > 1e-8 * (1 + np.linalg.norm(b)):
            return "the equations contradict each other"
    return None

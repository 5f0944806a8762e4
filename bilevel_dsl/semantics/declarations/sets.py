"""The constraint set after `in`: what it is, that its data fit the variable, and that it is not empty."""

from __future__ import annotations

import numpy as np

from ...diagnostics import Span, did_you_mean
from ...syntax import ast
from ..builtins import words
from ..checked import SetSpec
from ..constraint_sets import CONSTRAINT_SETS, SQUARE, VECTORS, ConstraintSet
from ..expressions.values import lower_data, peek
from ..names.habits import SETS
from ..names.scope import Scope
from ..nodes.ir import Node, Shape, const, node

KNOWN = ", ".join(["[l, u]", *CONSTRAINT_SETS])


class Sets:
    """Reads sets for one variable at a time."""

    def __init__(self, scope: Scope):
        self.scope = scope
        self.problems = self.scope.problems

    def of(self, expressions: tuple[ast.Expr, ...], shape: Shape, name: str) -> SetSpec | None:
        """The set of a variable; None after a mistake."""
        found = [self._one(e, shape, name) for e in expressions]
        if any(s is None for s in found):
            return None
        if not found:
            return SetSpec("free", (), self.scope.here)
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
        if isinstance(e, ast.Call) and e.function.id in CONSTRAINT_SETS:
            if e.keywords:
                return self._fail(
                    "BL0320",
                    f"`{e.function.id}` takes no named arguments",
                    e,
                    f"it is called as `{CONSTRAINT_SETS[e.function.id].signature}`",
                )
            return self._make(e.function.id, e.arguments, shape, name, e)
        if isinstance(e, (ast.Labels, ast.Range)):
            return self._fail("BL0320", "an index set is not a constraint set", e, _instead(e))
        if isinstance(e, ast.Call) and self.scope.symbols.get(e.function.id) is None:
            return self._unknown(e.function)
        return self._fail("BL0320", "this is not a constraint set", e, f"the sets are: {KNOWN}")

    def _named(self, e: ast.Name, shape: Shape, name: str) -> SetSpec | None:
        if e.id in CONSTRAINT_SETS and not CONSTRAINT_SETS[e.id].least:
            return self._make(e.id, (), shape, name, e)
        symbol = self.scope.symbols.get(e.id)
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
        if e.id in CONSTRAINT_SETS:
            known = CONSTRAINT_SETS[e.id]
            message, hint = known.bare or (f"`{e.id}` needs arguments", f"it is called as `{known.signature}`")
            return self._fail("BL0305", message, e, hint)
        return self._unknown(e)

    def _unknown(self, name: ast.Name) -> None:
        hints = (
            (SETS[name.id.lower()],)
            if name.id.lower() in SETS
            else did_you_mean(
                name.id,
                [*CONSTRAINT_SETS, *(s.name for s in self.scope.symbols.values() if s.kind == "set")],
            )
        )
        self._fail("BL0320", f"there is no set `{name.id}`", name, *(hints or (f"the sets are: {KNOWN}",)))

    def _make(self, kind: str, items: tuple[ast.Expr, ...], shape: Shape, name: str, e: ast.Expr) -> SetSpec | None:
        known = CONSTRAINT_SETS[kind]
        least, most = known.least, known.most
        if not least <= len(items) <= most:
            exact = f"{least or 'no'} argument{'s' * (least != 1)}"
            wanted = exact if least == most else f"{least} or {most} arguments"
            return self._fail(
                "BL0305", f"`{kind}` needs {wanted}, not {len(items)}", e, f"it is called as `{known.signature}`"
            )
        before = len(self.problems.errors)
        args = [
            lower_data(
                self.scope, i, "a constraint set may not depend on variables", "write it as a constraint under `subject to`"
            )
            for i in items
        ]
        if len(self.problems.errors) > before or any(a.bad for a in args):
            return None
        args += [const(value, e.span) for value in known.defaults[len(known.defaults) - most + len(args) :]]
        if not self._shape_fits(known, shape, name, e):
            return None
        wanted = known.shapes(shape, *(a.shape for a in args)) if known.shapes else ((),) * len(args)
        for item, arg, want in zip(items or (e,), args, wanted):
            if arg.shape != want and not (known.spreads and arg.shape == ()):
                return self._fail(
                    "BL0322",
                    f"`{name}` is {words(shape)}: its set needs {words(want)} here, not {words(arg.shape)}",
                    item,
                )
        return SetSpec(kind, tuple(args), e.span) if self._data_fit(known, args, items, name, e) else None

    def _data_fit(self, known: ConstraintSet, args: list[Node], items: tuple[ast.Expr, ...], name: str, e: ast.Expr) -> bool:
        """What a set asks of its data beyond a point: that `integer` has bounds, and whole ones."""
        if known.mistake is None:
            return True
        values = [peek(self.scope, a) for a in args]
        if any(v is None for v in values):
            return False
        wrong = None if any(np.isnan(v).any() for v in values) else known.mistake(*values, name)  # NaN: `_inhabited`
        if wrong is not None:
            self._fail(
                wrong.code, wrong.words, e if wrong.bound is None else items[wrong.bound], *filter(None, [wrong.hint])
            )
        return wrong is None

    def _shape_fits(self, known: ConstraintSet, shape: Shape, name: str, e: ast.Expr) -> bool:
        fits = {VECTORS: len(shape) == 1, SQUARE: len(shape) == 2 and shape[0] == shape[-1]}.get(known.of, True)
        if not fits:
            self._fail("BL0322", f"`{known.name}` is a set of {known.of}, but `{name}` is {words(shape)}", e)
        return fits

    # --- two sets ------------------------------------------------------------------------

    def _both(self, a: SetSpec, b: SetSpec, e: ast.Expr) -> SetSpec | None:
        """The intersection, where its projection is exact: of boxes, and of spectral sets."""
        first, second = a.record, b.record
        if a.kind == "free" or b.kind == "free":
            return b if a.kind == "free" else a
        if first.box and second.box:
            kind = "integer" if first.whole or second.whole else "box"
            return _clipped(kind, first.box(a.span, *a.args), second.box(b.span, *b.args), e.span)
        if first.spectrum and second.spectrum:
            return _clipped("spectral", first.spectrum(a.span, *a.args), second.spectrum(b.span, *b.args), e.span)
        return self._fail(
            "BL0323",
            f"the projection onto `{a.kind}` and `{b.kind}` together is not known exactly",
            e,
            "keep one of them as the set, and write the other one as a constraint under `subject to`",
            other=(a.span, "the first set"),
        )

    # --- emptiness -----------------------------------------------------------------------

    def _inhabited(self, s: SetSpec, shape: Shape, name: str) -> bool:
        values = [peek(self.scope, a) for a in s.args]
        if any(v is None for v in values):
            return False
        nan = [k for k, v in enumerate(values) if np.isnan(v).any()]
        reason = "its data are not numbers" if nan else s.record.empty(shape, *values)
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


def _clipped(kind: str, a: tuple[Node, Node], b: tuple[Node, Node], span: Span) -> SetSpec:
    def pick(op, u, v):
        return node(op, (u, v), u.shape or v.shape, span)

    return SetSpec(kind, (pick("max2", a[0], b[0]), pick("min2", a[1], b[1])), span)

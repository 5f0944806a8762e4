"""What is known before solving: numbers, sizes, conditions, index sets."""

from __future__ import annotations

import numpy as np

from ..diagnostics import Span
from ..syntax import ast
from .builtins import FILES, exactly, words
from .evaluate import TooLarge, evaluate
from .frames import TOP, Env
from .indexing import WHOLE
from .ir import IndexSet, Node, bad
from .parts import Part
from .symbols import MANY
from .zeros import KEPT_SPARSE


class Values(Part):
    """The part of the lowering that evaluates data."""

    def scalar_data(self, e: ast.Expr, what: str) -> float | None:
        """The number that `e` is, known before solving."""
        found = self.data(e, f"{what} must be known before solving")
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
            return None
        value = self.peek(found, freeze=True)
        return None if value is None else float(value)

    def data(self, e: ast.Expr, rule: str, *hints: str, env: Env = TOP) -> Node:
        """`e`, which may not depend on variables."""
        found = self.expr(e, env)
        if not found.bad and found.variables:
            self._not_data(found, e.span, rule, hints)
            return bad(e.span)
        return found

    def _not_data(self, found: Node, span: Span, rule: str, hints=()) -> None:
        names = sorted(found.variables)
        symbol = self.symbols[names[0]]
        if symbol.kind == "let":  # an entry of its own, while it is defined
            what, declared = f"an entry of `{names[0]}`", [(symbol.span, "which is defined here")]
        else:
            what, declared = f"the variable `{names[0]}`", [(symbol.span, f"`{names[0]}` is a variable")]
        self.problems.error("BL0312", f"{rule}: this depends on {what}", span, hints=hints, secondary=declared)

    def peek(self, found: Node, freeze: bool = False) -> np.ndarray | None:
        """The value of data; None if a parameter has none. `freeze`: the value decides the structure."""
        if found.bad or any(p not in self.params for p in found.params):
            return None
        if freeze:
            self.frozen |= found.params
        try:
            return evaluate(found, self.params)
        except np.linalg.LinAlgError:
            self.problems.error("BL0306", "a matrix in this expression is singular", found.span)
            return None
        except TooLarge as error:
            self.problems.error("BL0315", str(error), error.node.span, hints=(KEPT_SPARSE,))
            return None

    def condition(self, e: ast.Expr, env: Env) -> np.ndarray | None:
        """The truth of a condition on data, in each iteration."""
        found = self.data(
            e,
            "a condition on iterations must be known before solving",
            "what depends on a variable is chosen inside: `sum(if x[i] > 1 then x[i] else 0 for i in 1..n)`",
            env=env,
        )
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error(
                "BL0314",
                f"a condition is true or false, not {words(found.shape)}",
                e.span,
                hints=("it is read in each iteration: write `c[i]`, not `c`",),
            )
            return None
        value = self.peek(found, freeze=True)
        return None if value is None else value != 0

    def whole_numbers(self, e: ast.Expr, env: Env, what: str) -> np.ndarray | None:
        found = self.data(e, f"{what} must be known before solving", env=env)
        if found.bad:
            return None
        if found.shape != ():
            self.problems.error("BL0306", f"{what} is a single number, not {words(found.shape)}", e.span)
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if not np.all(np.isfinite(value)) or np.any(value != np.round(value)) or np.any(np.abs(value) > 2**53):
            wrong = np.ravel(value)[np.argmax(np.ravel(~np.isfinite(value) | (value != np.round(value))))]
            self.problems.error("BL0308", f"{what} is {exactly(wrong)}, which is not a whole number", e.span, hints=WHOLE)
            return None
        return value.astype(np.int64)

    def index_set(
        self, e: ast.Expr, env: Env = TOP, quiet: bool = False, what: str = "a generator runs over"
    ) -> IndexSet | None:
        """The set that a generator runs over, or that is a dimension; `what` begins the sentence that it is none."""
        if isinstance(e, ast.Name) and e.id not in env.names:
            symbol = self.symbols.get(e.id)
            if symbol is not None and symbol.kind == "set":
                self.resolve(symbol)
                if symbol.index_set is None and symbol.state == "done" and not quiet:
                    self.problems.error(
                        "BL0313",
                        f"`{e.id}` is a constraint set, and an index set is needed here",
                        e.span,
                        secondary=[(symbol.span, "declared here")],
                    )
                return symbol.index_set
        if isinstance(e, ast.Labels):
            return self.written_set(e, env=env)
        if isinstance(e, ast.SetOf):
            return self.selected_set(e, env)
        if isinstance(e, ast.Call) and e.function.id in FILES:
            return self.set_from_file(e)
        if isinstance(e, ast.Range):
            ends = [self.whole_numbers(end, env, "the end of a range") for end in (e.lower, e.upper)]
            if any(end is None for end in ends):
                return None
            if any(np.size(end) != 1 for end in ends):
                self.problems.error(
                    "BL0313",
                    "this range has other ends in each iteration",
                    e.span,
                    hints=(f"a generator may run over it: `sum(... for j in {e.span.text})`",),
                )
                return None
            if ends[1] - ends[0] > MANY:
                self.problems.error("BL0315", f"this range has {int(ends[1] - ends[0] + 1):,} members", e.span)
                return None
            return IndexSet.of_numbers("", np.arange(int(ends[0]), int(ends[1]) + 1), e.span)
        found = self.data(e, "the set of a generator must be known before solving", env=env)
        if found.bad:
            return None
        if found.shape == () or found.batch is not None or len(found.shape) > 1:
            end = e.span.text if found.shape == () else "n"
            self.problems.error(
                "BL0313",
                f"{what} a set or a range, not {words(found.shape)}",
                e.span,
                hints=(f"a range is written `1..{end}`",),
            )
            return None
        value = self.peek(found, freeze=True)
        if value is None:
            return None
        if np.any(value != np.round(value)):
            self.problems.error("BL0313", f"{what} whole numbers, and these are not", e.span)
            return None
        return IndexSet.of_numbers("", value, e.span)

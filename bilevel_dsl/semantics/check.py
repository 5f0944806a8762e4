"""A syntax tree to a checked model, or all the diagnostics at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..diagnostics import Collector, Source, Span
from ..syntax import ast
from ..syntax.room import collector_paused, deep_recursion
from .advice import advise
from .blocks import check_blocks, head
from .builtins import FILES, words
from .checked import Checked, CheckedConstraint, CheckedObjective, CheckedParam, CheckedVar
from .constraints import Constraints
from .declarations import Declarations
from .entries import Entries
from .frames import TOP
from .given import given_values
from .infinite import around_use, refuse_infinite, use_of
from .ir import Dim, Shape, postorder
from .parameters import fit
from .sets import Sets
from .symbols import Symbol, declare
from .unused import check_functions
from .walk import loop_variables, names_of_files
from .whole import CONTINUOUS, FOLLOWER
from .zeros import refuse_dense


def check(
    tree: ast.Model,
    *,
    source: Source,
    base_dir: Path = Path("."),
    data: Mapping[str, object] | None = None,
    params: Mapping[str, str] | None = None,
    data_dirs: tuple[Path, ...] = (),
) -> Checked:
    """The checked model.

    Args:
        data: values of parameters by name: numbers, lists, arrays, {label: value}.
        params: values of parameters as expressions of the language, as on the command line; they win over `data`.
        base_dir: the folder of the model, which data files are relative to and below; or below one of `data_dirs`.

    Raises:
        BilevelError: everything that is wrong with the model and its data.
    """
    found = examine(tree, source=source, base_dir=base_dir, data=data, params=params, data_dirs=data_dirs)
    found.problems.raise_errors()
    return found.checked


@dataclass(frozen=True)
class Examined:
    """What is known of a model that may have mistakes: its names, as far as they could be resolved."""

    checked: Checked | None  # None after an error
    symbols: dict[str, Symbol]
    problems: Collector


def examine(
    tree: ast.Model,
    *,
    source: Source,
    base_dir: Path = Path("."),
    data: Mapping[str, object] | None = None,
    params: Mapping[str, str] | None = None,
    data_dirs: tuple[Path, ...] = (),
) -> Examined:
    """As `check`, but mistakes are part of the result; for editors."""
    problems = Collector()
    with deep_recursion(), collector_paused():
        work = _Check(tree, source, base_dir, tuple(data_dirs), data or {}, params or {}, problems)
        try:
            checked = work.run()
        except MemoryError:
            checked = None
            problems.error("BL0315", "the arrays of this model do not fit into memory", None)
    return Examined(checked, work.symbols, problems)


class _Check:
    def __init__(self, tree, source: Source, base: Path, data_dirs, data, params, problems: Collector):
        self.tree, self.source, self.problems = tree, source, problems
        self.symbols, self.levels = declare(tree, problems)
        here = Span(source, 0, 0)
        self.lowering = Declarations(self.symbols, problems, here, base, data_dirs, data, params)
        self.lowering.levels = self.levels
        self.lowering.loops = cache(lambda: loop_variables(tree))
        self.lowering.texts_by_use = names_of_files(tree, FILES)

    def run(self) -> Checked | None:
        check_blocks(self.tree, self.levels, self.source, self.problems)
        self.lowering.resolve_all()
        upper, lower = (self.variables(level) for level in ("upper", "lower"))
        f = self.objectives(self.levels.upper)
        g = self.objectives(self.levels.lower)
        constraints = {"upper": self.upper_constraints(), "lower": self.lowering.read_lower_constraints()}
        entries = Entries(self.tree, self.lowering)
        report = entries.report()
        options, spans = entries.options()
        reference = entries.reference()
        check_functions(self.symbols, self.lowering)  # names in functions that no expression calls
        if self.problems.errors:
            return None
        self.level_rules(f, g, constraints["lower"], lower)
        if self.problems.errors:
            return None
        checked = Checked(
            self.name(),
            self.parameters(),
            tuple(s.index_set for s in self.symbols.values() if s.index_set),
            tuple(upper),
            tuple(lower),
            f[0],
            tuple(g),
            tuple(constraints["upper"]),
            tuple(constraints["lower"]),
            tuple(report),
            options,
            spans,
            reference,
            duals=self.lowering.checked_duals(),
            text_hash=sha256(self.source.text.encode()).hexdigest(),
            path=self.source.name,
            given=given_values(self.symbols, self.lowering.outside),
            tree=self.tree,
            filled=tuple(self.lowering.filled.values()),
        )
        refuse_infinite(checked, self.lowering)
        refuse_dense(checked, self.problems)
        if self.problems.errors:
            return None
        advise(checked, self.problems)
        object.__setattr__(checked, "warnings", tuple(self.problems.warnings))
        return checked

    def name(self) -> str:
        named = [s for s in self.tree.statements if isinstance(s, ast.ProblemName)]
        return named[0].name.id if named else Path(self.source.name).stem

    # --- what the levels hold ------------------------------------------------------------

    def variables(self, level: str) -> list[CheckedVar]:
        sets, found = Sets(self.lowering), []
        for symbol in self.symbols.values():
            if symbol.kind != "var" or symbol.level != level or symbol.dims is None:
                continue
            shape = symbol.shape
            spec = sets.of(symbol.decl.sets, shape, symbol.name)
            if spec is not None and spec.record.whole and level == "lower":
                self.problems.error(
                    "BL0326",
                    f"the follower's variable `{symbol.name}` would take whole numbers only, and followers are continuous",
                    spec.span,
                    hints=(FOLLOWER, CONTINUOUS),
                )
            start = self.start(symbol.decl, shape)
            if spec is not None:
                found.append(
                    CheckedVar(symbol.name, level, symbol.follower, shape, symbol.dims, spec, start, symbol.decl.span)
                )
        return found

    def start(self, decl: ast.Var, shape) -> np.ndarray | None:
        if decl.start is None:
            return None
        node = self.lowering.data(decl.start, "a start is a number, known before solving")
        value = self.lowering.peek(node)
        if value is None:
            return None
        fitted = fit(value, shape)
        if fitted is None:
            self.problems.error(
                "BL0332",
                f"the start of `{decl.name.id}` is {words(value.shape)}, but the variable is {words(shape)}",
                decl.start.span,
                secondary=[(decl.name.span, "declared here")],
            )
        elif not np.isfinite(fitted).all():
            self.problems.error("BL0334", f"the start of `{decl.name.id}` is not finite", decl.start.span)
        return fitted

    def objectives(self, levels: list[ast.Level]) -> list[CheckedObjective]:
        found = []
        for level in levels:
            for item in [i for i in level.items if isinstance(i, ast.Objective)][:1]:
                node = self.lowering.expr(item.value, TOP)
                if node.bad:
                    continue
                if level.kind == "lower":
                    for found_dual in (n for n in postorder(node) if n.op == "dual"):
                        self.lowering.refuse_in_lower_level(found_dual.span)
                if node.shape != ():
                    self.problems.error(
                        "BL0304",
                        f"an objective is a single number, and this is {words(node.shape)}",
                        item.value.span,
                        hints=("add up the entries with `sum(...)`, or take `dot`, `norm` or `sumsqr`",),
                    )
                    continue
                follower = level.name.id if level.kind == "lower" and level.name else ""
                found.append(CheckedObjective(node, 1 if item.sense == "minimize" else -1, follower, item.span))
        return found

    def upper_constraints(self) -> list[CheckedConstraint]:
        reader = Constraints(self.lowering)
        for block in self.levels.upper:
            for item in block.items:
                if isinstance(item, ast.Constraint):
                    reader.read(item, "upper", "")
        return reader.found

    # --- rules over the whole model ------------------------------------------------------

    def level_rules(self, f, g, lower_constraints, lower: list[CheckedVar]) -> None:
        for level in self.levels.lower:
            follower = level.name.id if level.name else ""
            if not any(v.follower == follower for v in lower):
                self.problems.error(
                    "BL0211",
                    f"the `lower` block{f' `{follower}`' if follower else ''} has no variable",
                    head(level),
                    hints=("what the follower decides is declared in its block: `var y;`",),
                )
        for objective in g:
            mine = {v.name for v in lower if v.follower == objective.follower}
            if mine and not objective.node.variables & {v.name for v in lower}:
                shown = sorted(mine)[0]
                self.problems.error(
                    "BL0350",
                    "the lower objective uses no variable of the lower level",
                    objective.span,
                    hints=(f"the follower decides `{shown}`: what does it gain by that?",),
                )
        self._independence(g, lower_constraints, lower)

    def _independence(self, g, lower_constraints, lower: list[CheckedVar]) -> None:
        owner = {v.name: v for v in lower}
        for thing in [*g, *lower_constraints]:
            foreign = sorted(n for n in thing.node.variables if n in owner and owner[n].follower != thing.follower)
            if foreign:
                v = owner[foreign[0]]
                self.problems.error(
                    "BL0212",
                    f"the follower `{thing.follower}` uses `{v.name}`, which the follower `{v.follower}` decides",
                    use_of(thing.node, v.name),
                    secondary=[(v.span, f"decided by `{v.follower}`"), *around_use(thing, v.name)],
                    hints=("followers that depend on each other play a game of their own, which is not supported",),
                )

    def parameters(self) -> tuple[CheckedParam, ...]:
        frozen = self.lowering.frozen
        return tuple(
            CheckedParam(s.name, *_as_numbers(s), s.value, s.name in frozen, s.decl.span, s.pattern)
            for s in self.symbols.values()
            if s.kind == "param" and s.value is not None and s.universe is None
        )


def _as_numbers(s: Symbol) -> tuple[Shape, tuple[Dim, ...]]:
    """The shape of the numbers that a parameter is: of a sparse matrix those of its entries."""
    return (s.shape, s.dims) if s.pattern is None else ((s.pattern.size,), (Dim(s.pattern.size),))

"""A syntax tree to a checked model, or all the diagnostics at once."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..diagnostics import Collector, Source, Span, did_you_mean
from ..syntax import ast
from .advice import advise
from .builtins import words
from .checked import Checked, CheckedConstraint, CheckedNamed, CheckedObjective, CheckedParam, CheckedVar
from .constraints import Constraints
from .declarations import Declarations, fit
from .generators import TOP
from .ir import Node, postorder
from .sets import Sets
from .symbols import Levels, Symbol, declare
from .unused import check_functions
from .walk import loop_variables


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
    with _deep_recursion(), _no_collection():
        work = _Check(tree, source, base_dir, tuple(data_dirs), data or {}, params or {}, problems)
        try:
            checked = work.run()
        except MemoryError:
            checked = None
            problems.error("BL0315", "the arrays of this model do not fit into memory", None)
    return Examined(checked, work.symbols, problems)


@contextmanager
def _deep_recursion():
    """Trees are at most a few hundred deep (see syntax/tokens.py), and each level takes several calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 20_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def _no_collection():
    """Nodes form no cycles: looking for some, again and again, would take most of the time of a large model."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Check:
    def __init__(self, tree, source: Source, base: Path, data_dirs, data, params, problems: Collector):
        self.tree, self.source, self.problems = tree, source, problems
        self.symbols, self.levels = declare(tree, problems)
        here = Span(source, 0, 0)
        self.lowering = Declarations(self.symbols, problems, here, base, data_dirs, data, params)
        self.lowering.levels = self.levels
        self.lowering.loops = cache(lambda: loop_variables(tree))

    def run(self) -> Checked | None:
        self.structure()
        self.lowering.resolve_all()
        upper, lower = (self.variables(level) for level in ("upper", "lower"))
        f = self.objectives(self.levels.upper)
        g = self.objectives(self.levels.lower)
        constraints = {"upper": self.upper_constraints(), "lower": self.lowering.read_lower_constraints()}
        report = self.report()
        options, spans = self.options()
        reference = self.reference()
        self.names()
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
            tree=self.tree,
        )
        self.infinite_data(checked)
        if self.problems.errors:
            return None
        advise(checked, self.problems)
        object.__setattr__(checked, "warnings", tuple(self.problems.warnings))
        return checked

    # --- the blocks ----------------------------------------------------------------------

    def structure(self) -> None:
        """One upper block, one lower block or several named ones, one objective in each, no block twice."""
        end = Span(self.source, max(0, len(self.source.text.rstrip()) - 1), len(self.source.text.rstrip()))
        for kind, found in (("upper", self.levels.upper), ("lower", self.levels.lower)):
            if not found:
                self.problems.error(
                    "BL0207",
                    f"the model has no `{kind}` block",
                    end,
                    "the end of the file",
                    hints=(
                        f"the {'leader' if kind == 'upper' else 'follower'} is written "
                        f"`{kind} {{ {'' if kind == 'upper' else 'var y; '}minimize ...; }}`",
                    ),
                )
        self._one_of_each(self.levels)
        for level in self.levels:
            objectives = [i for i in level.items if isinstance(i, ast.Objective)]
            if not objectives:
                self.problems.error(
                    "BL0210",
                    f"the `{level.kind}` block has no objective",
                    _head(level),
                    hints=("write `minimize ...;` or `maximize ...;`",),
                )
            for again in objectives[1:]:
                self.problems.error(
                    "BL0209",
                    f"the `{level.kind}` block has a second objective",
                    again.span,
                    "the second",
                    secondary=[(objectives[0].span, "the first")],
                )
        for kind in (ast.Options, ast.Report, ast.Reference, ast.ProblemName):
            blocks = [s for s in self.tree.statements if isinstance(s, kind)]
            word = {
                ast.Options: "options",
                ast.Report: "report",
                ast.Reference: "reference",
                ast.ProblemName: "problem",
            }[kind]
            for again in blocks[1:]:
                self.problems.error(
                    "BL0208",
                    f"there is a second `{word}`",
                    _head(again),
                    secondary=[(_head(blocks[0]), "the first one")],
                )
            if kind is ast.ProblemName and blocks and self.tree.statements[0] is not blocks[0]:
                self.problems.error("BL0214", "`problem` is the first statement of a model", blocks[0].span)

    def _one_of_each(self, levels: Levels) -> None:
        for again in levels.upper[1:]:
            self.problems.error(
                "BL0208",
                "there is a second `upper` block",
                _head(again),
                secondary=[(_head(levels.upper[0]), "the first one")],
            )
        names: dict[str, ast.Level] = {}
        for level in levels.lower:
            name = level.name.id if level.name else ""
            if name in names:
                message = f"two `lower` blocks are called `{name}`" if name else "several `lower` blocks need names"
                self.problems.error(
                    "BL0208",
                    message,
                    _head(level),
                    secondary=[(_head(names[name]), "the first one")],
                    hints=() if name else ("write `lower NAME { ... }` for each follower",),
                )
            elif names and "" in (name, *names):
                self.problems.error(
                    "BL0208",
                    "several `lower` blocks need names",
                    _head(level),
                    secondary=[(_head(next(iter(names.values()))), "the first one")],
                    hints=("write `lower NAME { ... }` for each follower",),
                )
            names.setdefault(name, level)

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

    def report(self) -> list[CheckedNamed]:
        found: dict[str, CheckedNamed] = {}
        for entry in self._entries(ast.Report):
            node = self.lowering.expr(entry.value, TOP)
            if entry.name.id in found:
                self.problems.error(
                    "BL0201",
                    f"`{entry.name.id}` is reported twice",
                    entry.name.span,
                    secondary=[(found[entry.name.id].span, "first here")],
                )
            if not node.bad:
                found[entry.name.id] = CheckedNamed(entry.name.id, node, entry.span)
        return list(found.values())

    def _entries(self, kind) -> list[ast.Entry]:
        return [e for s in self.tree.statements if isinstance(s, kind) for e in s.entries]

    def options(self) -> tuple[dict[str, float | str], dict[str, Span]]:
        values: dict[str, float | str] = {}
        spans: dict[str, Span] = {}
        for entry in self._entries(ast.Options):
            key = entry.name.id
            if key in values:
                self.problems.error(
                    "BL0201", f"the option `{key}` is set twice", entry.span, secondary=[(spans[key], "first here")]
                )
                continue
            if key == "ties":
                self._ties(entry)
                continue
            value = self._option_value(entry)
            if value is not None:
                values[key], spans[key] = value, entry.span
        return values, spans

    def _ties(self, entry: ast.Entry) -> None:
        """Only what every method does anyway: several answers of the follower are told apart in the leader's favour."""
        word = entry.value.value if isinstance(entry.value, ast.Text) else None
        if word != "optimistic":
            wrong = (
                "ties against the leader are not supported"
                if word == "pessimistic"
                else 'the option `ties` is "optimistic" or nothing'
            )
            self.problems.error(
                "BL0392",
                wrong,
                entry.value.span,
                hints=("several answers of the follower are told apart in the leader's favour",),
            )

    def _option_value(self, entry: ast.Entry) -> float | str | None:
        if isinstance(entry.value, ast.Text):
            return entry.value.value
        if isinstance(entry.value, ast.Name) and entry.value.id not in self.symbols:
            self.problems.error(
                "BL0306",
                f"`{entry.value.id}` is neither a number nor a declared parameter",
                entry.value.span,
                hints=(f'a word is written as a string: "{entry.value.id}"',),
            )
            return None
        return self.lowering.scalar_data(entry.value, f"the option `{entry.name.id}`")

    def reference(self) -> dict[str, float | str | np.ndarray]:
        found: dict[str, float | str | np.ndarray] = {}
        for entry in self._entries(ast.Reference):
            key = entry.name.id
            symbol = self.symbols.get(key)
            if key == "source":
                if not isinstance(entry.value, ast.Text):
                    self.problems.error("BL0306", "the source of a reference is a string", entry.value.span)
                    continue
                found[key] = entry.value.value
            elif key in ("upper", "lower"):
                value = self.lowering.scalar_data(entry.value, f"the reference of the {key} objective")
                if value is not None:
                    found[key] = value
            elif symbol is not None and symbol.kind == "var":
                self._reference_point(entry, symbol, found)
            else:
                names = [s.name for s in self.symbols.values() if s.kind == "var"]
                self.problems.error(
                    "BL0202",
                    f"`{key}` is not a variable",
                    entry.name.span,
                    hints=did_you_mean(key, [*names, "upper", "lower", "source"])
                    or ("a reference has `upper`, `lower`, `source` and values of variables",),
                )
        return found

    def _reference_point(self, entry: ast.Entry, symbol, found) -> None:
        value = self.lowering.peek(self.lowering.data(entry.value, "a reference is known before solving"))
        if value is None or symbol.dims is None:
            return
        fitted = fit(value, symbol.shape)
        if fitted is None:
            self.problems.error(
                "BL0332",
                f"the reference of `{symbol.name}` is {words(value.shape)}, but the variable is {words(symbol.shape)}",
                entry.value.span,
                secondary=[(symbol.span, "declared here")],
            )
            return
        found[symbol.name] = fitted

    def names(self) -> None:
        """Names in functions that no expression calls."""
        check_functions(self.symbols, self.lowering)

    # --- rules over the whole model ------------------------------------------------------

    def level_rules(self, f, g, lower_constraints, lower: list[CheckedVar]) -> None:
        for level in self.levels.lower:
            follower = level.name.id if level.name else ""
            if not any(v.follower == follower for v in lower):
                self.problems.error(
                    "BL0211",
                    f"the `lower` block{f' `{follower}`' if follower else ''} has no variable",
                    _head(level),
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
                    _use(thing.node, v.name),
                    secondary=[(v.span, f"decided by `{v.follower}`"), *_around(thing, v.name)],
                    hints=("followers that depend on each other play a game of their own, which is not supported",),
                )

    def parameters(self) -> tuple[CheckedParam, ...]:
        frozen = self.lowering.frozen
        return tuple(
            CheckedParam(s.name, s.shape, s.dims, s.value, s.name in frozen, s.decl.span)
            for s in self.symbols.values()
            if s.kind == "param" and s.value is not None
        )

    def infinite_data(self, checked: Checked) -> None:
        """Infinity is a bound, not a number to compute with."""
        nodes = [
            checked.upper_objective,
            *checked.lower_objectives,
            *checked.upper_constraints,
            *checked.lower_constraints,
        ]
        infinite = {p.name: p for p in checked.params if not np.isfinite(p.value).all()}
        for thing in nodes:
            for name in sorted(self._computed_with(thing.node, infinite)):
                p = infinite.pop(name)
                at = tuple(int(i) + 1 for i in np.argwhere(~np.isfinite(p.value))[0])
                entry = f"`{name}[{', '.join(map(str, at))}]`" if at else f"`{name}`"
                self.problems.error(
                    "BL0334",
                    f"{entry} is infinite, and an objective or a constraint computes with it",
                    _use(thing.node, name),
                    secondary=[(p.span, "declared here"), *_around(thing, name)],
                    hints=("infinity is for bounds alone: of sets, or on one side of a constraint",),
                )

    def _computed_with(self, root: Node, infinite: Mapping[str, CheckedParam]) -> set[str]:
        """Those of the parameters that make data infinite which meet variables, or the result itself."""
        if not root.params & infinite.keys():
            return set()
        data = [a for n in postorder(root) if n.variables for a in n.args if a.is_data] if root.variables else [root]
        return {
            name
            for a in data
            if (names := a.params & infinite.keys()) and not np.isfinite(self.lowering.peek(a)).all()
            for name in names
        }


def _use(root: Node, name: str) -> Span:
    """Where an expression uses a variable or a parameter: there, or in a `let` or a function."""
    return next(n.span for n in postorder(root) if n.op in ("var", "param") and n.attr == name)


def _around(thing, name: str) -> list[tuple[Span, str]]:
    """The objective or constraint, where the use is written elsewhere."""
    use = _use(thing.node, name)
    return [] if thing.span.start <= use.start < thing.span.end else [(thing.span, "used here")]


def _head(statement: ast.Node) -> Span:
    """The first line of a block."""
    span = statement.span
    end = span.source.text.find("\n", span.start, span.end)
    return Span(span.source, span.start, span.end if end < 0 else end)

"""A syntax tree to a checked model, or all the diagnostics at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

from ..diagnostics import Collector, Source, Span
from ..syntax import ast
from ..syntax.room import collector_paused, deep_recursion
from .builtins import FILES
from .checked import Checked
from .declarations.constraints import read_upper_constraints
from .declarations.duals import checked_duals, read_lower_constraints
from .declarations.entries import Entries
from .declarations.given import given_values
from .declarations.names import resolve_all
from .declarations.objectives import checked_objectives
from .declarations.parameters import checked_parameters
from .declarations.variables import checked_variables
from .names.scope import Scope
from .names.symbols import Symbol, declare
from .names.walk import loop_variables, names_of_files
from .rules.advice import advise
from .rules.blocks import check_blocks
from .rules.dense import refuse_dense
from .rules.infinite import refuse_infinite
from .rules.levels import check_levels
from .rules.unused import check_functions


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
        scope = _scope(tree, source, base_dir, tuple(data_dirs), data or {}, params or {}, problems)
        try:
            checked = _checked(tree, source, scope)
        except MemoryError:
            checked = None
            problems.error("BL0315", "the arrays of this model do not fit into memory", None)
    return Examined(checked, scope.symbols, problems)


def _scope(tree: ast.Model, source: Source, base: Path, data_dirs, data, params, problems: Collector) -> Scope:
    symbols, levels = declare(tree, problems)
    return Scope(
        symbols,
        problems,
        Span(source, 0, 0),
        base,
        data_dirs,
        outside={**data, **params},
        texts=set(params),
        levels=levels,
        loops=cache(lambda: loop_variables(tree)),
        texts_by_use=cache(lambda: names_of_files(tree, FILES)),
    )


def _checked(tree: ast.Model, source: Source, scope: Scope) -> Checked | None:
    """The model, or None after an error."""
    problems = scope.problems
    check_blocks(tree, scope.levels, source, problems)
    resolve_all(scope)
    upper, lower = (checked_variables(scope, level) for level in ("upper", "lower"))
    f, g = checked_objectives(scope, scope.levels.upper), checked_objectives(scope, scope.levels.lower)
    upper_rows, lower_rows = read_upper_constraints(scope), read_lower_constraints(scope)
    entries = Entries(tree, scope)
    report = entries.report()
    options, spans = entries.options()
    reference = entries.reference()
    check_functions(scope)  # names in functions that no expression calls
    if problems.errors:
        return None
    check_levels(scope, g, lower_rows, lower)
    if problems.errors:
        return None
    checked = Checked(
        _name(tree, source),
        checked_parameters(scope),
        tuple(s.index_set for s in scope.symbols.values() if s.index_set),
        tuple(upper),
        tuple(lower),
        f[0],
        tuple(g),
        tuple(upper_rows),
        tuple(lower_rows),
        tuple(report),
        options,
        spans,
        reference,
        duals=checked_duals(scope),
        text_hash=sha256(source.text.encode()).hexdigest(),
        path=source.name,
        given=given_values(scope.symbols, scope.outside),
        tree=tree,
        filled=tuple(scope.filled.values()),
    )
    refuse_infinite(checked, scope)
    refuse_dense(checked, problems)
    if problems.errors:
        return None
    advise(checked, problems)
    return replace(checked, warnings=tuple(problems.warnings))


def _name(tree: ast.Model, source: Source) -> str:
    named = [s for s in tree.statements if isinstance(s, ast.ProblemName)]
    return named[0].name.id if named else Path(source.name).stem

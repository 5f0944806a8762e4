"""The first half of the pipeline: read, parse, check. It needs neither CasADi nor a compiler."""

from __future__ import annotations

from pathlib import Path

from .diagnostics import Source
from .semantics.check import check
from .semantics.checked import Checked
from .syntax import ast
from .syntax.parser import load_source, parse


def read(
    model: str | Path | Source,
    *,
    data: dict[str, object] | None = None,
    params: dict[str, str] | None = None,
    data_dirs: tuple[str | Path, ...] = (),
    kept: dict[str, object] | None = None,
    kept_wins: bool = False,
) -> Checked:
    """The checked model.

    Args:
        model: a file, or a text; data files of a text are relative to the folder of its name.
        data: values of parameters by name: numbers, lists, lists of rows, arrays.
        params: the same as expressions of the language, `{"demand": "12"}`; they win over `data`.
        data_dirs: folders from which the model may read files, besides its own.
        kept: values of parameters that an earlier result was made from, for those without a value.
        kept_wins: they also stand in place of values in the model.

    Raises:
        BilevelError: everything that is wrong with the file, the model or the data, at once.
    """
    source = model if isinstance(model, Source) else load_source(model)
    tree = parse(source)
    return check(
        tree,
        source=source,
        base_dir=Path(source.name).parent,
        data={**_wanted(tree, kept or {}, kept_wins), **(data or {})},
        params=params,
        data_dirs=tuple(map(Path, data_dirs)),
    )


def _wanted(tree: ast.Model, kept: dict[str, object], wins: bool) -> dict[str, object]:
    """Of the values, those of parameters of the model; unless they win, of such as have no value there."""
    params = [s for s in tree.statements if isinstance(s, ast.Param)]
    return {s.name.id: kept[s.name.id] for s in params if s.name.id in kept and (wins or s.value is None)}

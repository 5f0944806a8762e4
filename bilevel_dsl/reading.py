"""The first half of the pipeline: read, parse, check. It needs neither CasADi nor a compiler."""

from __future__ import annotations

from pathlib import Path

from .diagnostics import Source
from .semantics.check import check
from .semantics.checked import Checked
from .syntax.parser import load_source, parse


def read(
    model: str | Path | Source,
    *,
    data: dict[str, object] | None = None,
    params: dict[str, str] | None = None,
    data_dirs: tuple[str | Path, ...] = (),
) -> Checked:
    """The checked model.

    Args:
        model: a file, or a text; data files of a text are relative to the folder of its name.
        data: values of parameters by name: numbers, lists, lists of rows, arrays.
        params: the same as expressions of the language, `{"demand": "12"}`; they win over `data`.
        data_dirs: folders from which the model may read files, besides its own.

    Raises:
        BilevelError: everything that is wrong with the file, the model or the data, at once.
    """
    source = model if isinstance(model, Source) else load_source(model)
    return check(
        parse(source),
        source=source,
        base_dir=Path(source.name).parent,
        data=data,
        params=params,
        data_dirs=tuple(map(Path, data_dirs)),
    )

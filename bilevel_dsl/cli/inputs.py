"""Files named on the command line: data for parameters, and points.

What cannot be opened ends with exit status 2, what holds no usable data with 3. No file can run code.
"""

from __future__ import annotations

import csv
import json
import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnostics import BilevelError, Diagnostic

if TYPE_CHECKING:
    import numpy as np

    from ..report.origin import Kept

LARGEST = 1 << 30  # bytes, also of an unpacked NPZ


def given(arguments: Namespace) -> dict:
    """The arguments of `read` and `load` about data, from the flags."""
    return {"data": read_data(arguments.data), "params": dict(arguments.param), "data_dirs": tuple(arguments.data_dir)}


def read_data(paths: list[str]) -> dict[str, object]:
    """The values of all parameters in data files; a later file wins.

    - `.json`: an object, name -> number, list, list of rows, or {label: value}; a text or labels, where the model has such;
    - `.npz`: one array for each name;
    - `.csv`: a header of names with a column of numbers below each; or `NAME.csv`, only numbers: the value of NAME.

    Raises:
        BilevelError: BL0512 cannot be read, BL0513 malformed.
    """
    values: dict[str, object] = {}
    for path in paths:
        kind = os.path.splitext(path)[1].lower()
        if kind not in _READERS:
            _refuse("BL0512", f"`{path}` is no data file: its name does not end in .json, .csv or .npz", status=2)
        values |= _guarded(path, _READERS[kind])
    return values


def read_point(path: str) -> Kept:
    """A result file: of its object, the entry `variables`, and what it was made from, where it says so.

    Raises:
        BilevelError: BL0512 cannot be read, BL0513 malformed.
    """
    return _guarded(path, _point)


def read_trace(path: str) -> dict[str, np.ndarray]:
    """The columns of a trace as `solve --trace` writes it: `iteration`, and the measures; empty cells are NaN.

    Raises:
        BilevelError: BL0512 cannot be read, BL0513 malformed.
    """
    return _guarded(path, _trace)


def _guarded(path: str, reader: Callable[[str], dict]) -> dict:
    from ..semantics.data.files import Unreadable

    try:
        if os.path.isdir(path):
            _refuse("BL0512", f"`{path}` is a folder, not a file", status=2)
        if os.stat(path).st_size > LARGEST:
            _refuse("BL0512", f"`{path}` is larger than {LARGEST >> 30} GiB", status=2)
        return reader(path)
    except FileNotFoundError:
        _refuse("BL0512", f"there is no file `{path}`", status=2)
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name, text that is not UTF-8
        if isinstance(problem, UnicodeDecodeError):
            _refuse("BL0513", f"`{path}` is not UTF-8 text (byte {problem.start + 1})")
        _refuse("BL0512", f"`{path}` cannot be read: {getattr(problem, 'strerror', None) or problem}", status=2)
    except Unreadable as problem:
        _refuse("BL0513", str(problem), *problem.hints)


def _refuse(code: str, message: str, *hints: str, status: int = 3):
    raise BilevelError(Diagnostic(code, message, hints=hints, exit_status=status))


# --- JSON ---------------------------------------------------------------------------------------


def _object(path: str) -> dict:
    from ..semantics.data.files import Unreadable

    def unique(pairs: list[tuple[str, object]]) -> dict:
        names = [name for name, _ in pairs]
        for name in set(names):
            if names.count(name) > 1:
                raise Unreadable(f"`{path}` has the name `{name}` twice")
        return dict(pairs)

    text = Path(path).read_text(encoding="utf-8-sig")
    try:
        content = json.loads(text, object_pairs_hook=unique, parse_int=float)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        raise Unreadable(f"`{path}` is not JSON: {problem.msg} ({place})") from None
    except RecursionError:
        raise Unreadable(f"`{path}` is nested too deeply") from None
    if not isinstance(content, dict):
        raise Unreadable(f"`{path}` is not a JSON object of names and values", 'write {"name": value, ...}')
    return content


def _json(path: str) -> dict[str, object]:
    return {name: _value(path, name, value) for name, value in _object(path).items()}


def _value(path: str, name: str, value: object) -> object:
    from ..semantics.data.files import array_of

    return value if isinstance(value, dict) or _is_text(value) else array_of(value, f"`{name}` in `{path}`")


def _is_text(value: object) -> bool:
    """A text, or labels: whether the model wants them is seen later."""
    return isinstance(value, str) or isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _point(path: str) -> Kept:
    from ..report.origin import Kept
    from ..semantics.data.files import Unreadable, array_of

    content = _object(path)
    variables = content.get("variables")
    if not isinstance(variables, dict):
        raise Unreadable(
            f"`{path}` has no entry `variables` with names and values",
            'a point is written {"variables": {"x": [1, 2], ...}}, as by `solve --json`',
        )
    if not variables:
        raise Unreadable(f"`{path}` holds no point: its `variables` are empty")
    values = {name: array_of(value, f"`{name}` in `{path}`") for name, value in variables.items()}
    origin = content.get("made_from")
    origin = origin if isinstance(origin, dict) else {}
    given = origin.get("parameters")
    given = given if isinstance(given, dict) else {}
    digests = {name: value for name, value in given.items() if _is_digest(value)}
    parameters = {name: _value(path, name, value) for name, value in given.items() if name not in digests}
    index, text_hash = content.get("index"), origin.get("hash")
    index = {name: axes for name, axes in index.items() if _is_index(axes)} if isinstance(index, dict) else {}
    return Kept(values, index, parameters, digests, text_hash if isinstance(text_hash, str) else "")


def _is_digest(value: object) -> bool:
    if not isinstance(value, dict) or "sha256" not in value:
        return False
    shape = value.get("shape")
    return isinstance(shape, list) and all(isinstance(n, (int, float)) for n in shape)


def _is_index(axes: object) -> bool:
    """For each dimension null, or a list of labels, numbers, and lists of both."""

    def is_element(e: object) -> bool:
        return isinstance(e, (str, float, int)) or isinstance(e, list) and all(isinstance(p, (str, float, int)) for p in e)

    return isinstance(axes, list) and all(a is None or isinstance(a, list) and all(map(is_element, a)) for a in axes)


# --- NPZ ----------------------------------------------------------------------------------------


def _npz(path: str) -> dict[str, np.ndarray]:
    import zipfile
    import zlib

    import numpy as np

    from ..semantics.data.files import Unreadable, require_numbers

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise Unreadable(f"the arrays of `{path}` are larger than {LARGEST >> 30} GiB")
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                require_numbers(arrays, name, path)
            values = {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        raise Unreadable(
            f"`{path}` is not a NumPy archive of numbers",
            "it is written by `numpy.savez`; arrays of Python objects are refused",
        ) from None
    for name, value in values.items():
        if getattr(value, "dtype", None) is None or value.dtype.kind not in "iuf":
            raise Unreadable(f"`{name}` in `{path}` is not an array of real numbers")
    return values


# --- CSV ----------------------------------------------------------------------------------------


def _csv(path: str) -> dict[str, np.ndarray]:
    from ..semantics.data.files import Unreadable

    with open(path, encoding="utf-8-sig", newline="") as file:
        text = file.read()
    first = text.partition("\n")[0]
    separator = ";" if ";" in first and "," not in first else ","
    try:
        lines = enumerate(csv.reader(text.splitlines(), delimiter=separator), 1)
        rows = [(k, [cell.strip() for cell in line]) for k, line in lines if any(map(str.strip, line))]
    except csv.Error as problem:
        raise Unreadable(f"`{path}` is not CSV: {problem}") from None
    if not rows:
        raise Unreadable(f"`{path}` is empty")
    if all(map(_is_number, rows[0][1])):
        return {Path(path).stem: _numbers_only(path, rows)}
    return _columns(path, rows)


def _trace(path: str) -> dict[str, np.ndarray]:
    import numpy as np

    from ..semantics.data.files import Unreadable

    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows or rows[0][0].strip() != "iteration":
        raise Unreadable(f"`{path}` is no trace: its first column is not `iteration`", "`solve --trace FILE` writes one")
    names, body = [name.strip() for name in rows[0]], rows[1:]
    if not body:
        raise Unreadable(f"`{path}` has names, but no numbers below them")
    for line, row in enumerate(body, 2):
        if len(row) != len(names):
            raise Unreadable(f"`{path}`, line {line}: {len(row)} columns, but {len(names)} names in the first line")
    cell = lambda line, k, text: float("nan") if not text.strip() else _number(path, line, k, text)  # noqa: E731
    return {name: np.array([cell(line, k + 1, row[k]) for line, row in enumerate(body, 2)]) for k, name in enumerate(names)}


def _numbers_only(path: str, rows: list[tuple[int, list[str]]]) -> np.ndarray:
    """A number, a vector (one row or one column), or a matrix."""
    import numpy as np

    from ..semantics.data.files import Unreadable

    width = len(rows[0][1])
    for line, cells in rows:
        if len(cells) != width:
            raise Unreadable(f"`{path}`, line {line}: {len(cells)} columns, but {width} in the lines before")
    array = np.array([[_number(path, line, k, cell) for k, cell in enumerate(cells, 1)] for line, cells in rows])
    return array[0, 0] if array.size == 1 else array.ravel() if 1 in array.shape else array


def _columns(path: str, rows: list[tuple[int, list[str]]]) -> dict[str, np.ndarray]:
    """Named columns; a shorter one ends with empty cells. One row gives numbers, several give vectors."""
    import numpy as np

    from ..semantics.data.files import Unreadable

    (_, names), body = rows[0], rows[1:]
    for name in names:
        if not name.isidentifier():
            raise Unreadable(
                f"`{path}`, line {rows[0][0]}: `{name}` is not the name of a parameter",
                "the first line has the names of the parameters, or all lines have only numbers",
            )
        if names.count(name) > 1:
            raise Unreadable(f"`{path}` has two columns `{name}`")
    if not body:
        raise Unreadable(f"`{path}` has names, but no numbers below them")
    values: dict[str, list[float]] = {name: [] for name in names}
    ended: set[str] = set()
    for line, cells in body:
        if len(cells) > len(names):
            raise Unreadable(f"`{path}`, line {line}: {len(cells)} columns, but {len(names)} names in the first line")
        for k, name in enumerate(names):
            cell = cells[k] if k < len(cells) else ""
            if cell and name in ended:
                raise Unreadable(f"`{path}`, line {line}: a number for `{name}` below an empty cell")
            if cell:
                values[name].append(_number(path, line, k + 1, cell))
            else:
                ended.add(name)
    return {name: np.array(column[0] if len(body) == 1 and column else column) for name, column in values.items()}


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: str, line: int, column: int, cell: str) -> float:
    from ..semantics.data.files import Unreadable

    try:
        return float(cell)
    except ValueError:
        shown = f"`{cell[:20]}` is not a number" if cell else "the cell is empty"
        raise Unreadable(f"`{path}`, line {line}, column {column}: {shown}") from None


_READERS: dict[str, Callable[[str], dict]] = {".json": _json, ".npz": _npz, ".csv": _csv}

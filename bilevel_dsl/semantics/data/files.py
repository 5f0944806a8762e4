"""Numbers from files: csv, npy, npz, json. Nothing that is read can run code.

Files are looked for relative to the model, and only below its folder or a folder given for data.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from ...diagnostics import did_you_mean

LARGEST = 1 << 30  # bytes
MOST_DIMENSIONS = 8


class Unreadable(Exception):
    """Why a data file gives no numbers, as a sentence; and a hint."""

    def __init__(self, message: str, *hints: str):
        super().__init__(message)
        self.hints = hints


def read(kind: str, name: str, key: str | None, base: Path, data_dirs: tuple[Path, ...]) -> np.ndarray:
    """The numbers of a file as an array.

    Args:
        kind: "csv" | "npy" | "npz" | "json"; `key` names the entry of the last two.

    Raises:
        Unreadable: missing, outside of the folders, malformed, or not numbers.
    """
    path = find(name, base, data_dirs)
    try:
        array = {
            "csv": lambda: _csv(path),
            "npy": lambda: _npy(path),
            "npz": lambda: _npz(path, key),
            "json": lambda: _json(path, key),
        }[kind]()
    except OSError as error:
        raise Unreadable(f"`{name}` cannot be read: {error.strerror or error}") from error
    if array.ndim > MOST_DIMENSIONS:
        raise Unreadable(f"`{name}` has an array of {array.ndim} dimensions; at most {MOST_DIMENSIONS} are possible")
    return array


def find(name: str, base: Path, data_dirs: tuple[Path, ...]) -> Path:
    """The file, below `base` or one of `data_dirs`; links that lead elsewhere are refused."""
    if "\0" in name or not name:
        raise Unreadable("this is not a file name")
    folders = [base, *data_dirs]
    outside = False
    for folder in folders:
        root = folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            outside = True
            continue
        if path.is_file():
            if path.stat().st_size > LARGEST:
                raise Unreadable(f"`{name}` is larger than {LARGEST >> 30} GiB")
            return path
        if path.is_dir():
            raise Unreadable(f"`{name}` is a folder, not a file")
    if outside:
        raise Unreadable(
            f"`{name}` is not below the folder of the model",
            "data outside of it need `--data-dir FOLDER`, and a name relative to that folder",
        )
    raise Unreadable(
        f"there is no file `{name}` in the folder of the model",
        *_near(name, folders) or ("names are relative to the model; other folders are given with `--data-dir FOLDER`",),
    )


def _near(name: str, folders: list[Path]) -> tuple[str, ...]:
    """The hint for a misspelt name."""
    files: list[str] = []
    for folder in folders:
        place = (folder / name).parent
        try:
            files += [str(Path(name).with_name(f.name)) for f in islice(place.iterdir(), 1000) if f.is_file()]
        except OSError:  # no such folder
            pass
    return did_you_mean(name, files)


def _csv(path: Path) -> np.ndarray:
    """Numbers by rows, separated by commas or semicolons; a first line of names is passed over."""
    plain = _plain_csv(path)
    if plain is not None:
        return plain
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"`{path.name}` is not UTF-8 text") from error
    lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise Unreadable(f"`{path.name}` is empty")
    separator = ";" if ";" in lines[0][1] and "," not in lines[0][1] else ","
    if not all(map(_is_number, lines[0][1].split(separator))) and len(lines) > 1:
        lines = lines[1:]
    try:
        table = np.loadtxt([line for _, line in lines], delimiter=separator, comments=None, ndmin=2)
        return table[:, 0] if table.shape[1] == 1 else table
    except ValueError:  # read again, to say where
        pass
    width = len(lines[0][1].split(separator))
    rows = np.empty((len(lines), width))
    for row, (number, line) in zip(rows, lines):
        cells = line.split(separator)
        if len(cells) != width:
            raise Unreadable(f"`{path.name}`, line {number}: {len(cells)} columns, but {width} in the lines before")
        for k, cell in enumerate(cells):
            try:
                row[k] = float(cell)
            except ValueError:
                shown = cell.strip()[:20] or "an empty cell"
                raise Unreadable(f"`{path.name}`, line {number}, column {k + 1}: `{shown}` is not a number") from None
    return rows[:, 0] if width == 1 else rows


def _plain_csv(path: Path) -> np.ndarray | None:
    """Of a file with nothing but numbers below at most one line of names, read in C; None for every other."""
    with open(path, "rb") as file:
        first = file.readline()
    if not first.strip() or not first.isascii():
        return None
    head = first.decode()
    separator = ";" if ";" in head and "," not in head else ","
    named = not all(map(_is_number, head.split(separator)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = np.loadtxt(path, delimiter=separator, comments=None, ndmin=2, skiprows=int(named), encoding="ascii")
    except (ValueError, UserWarning):  # no numbers, rows of different lengths, comments: all this is said by `_csv`
        return None
    return table[:, 0] if table.shape[1] == 1 else table


def _npy(path: Path) -> np.ndarray:
    try:
        return _numbers(np.load(path, allow_pickle=False), path.name)
    except (ValueError, EOFError) as error:
        raise Unreadable(f"`{path.name}` is not a NumPy file of numbers") from error


@contextmanager
def archive_of(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """An open NPZ; whatever is wrong with it while it is read is `Unreadable`."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise Unreadable(f"`{path.name}` is not a NumPy archive of numbers")
            yield archive
    except (Unreadable, OSError):
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise Unreadable(f"`{path.name}` is not a NumPy archive of numbers") from error


def _npz(path: Path, key: str | None) -> np.ndarray:
    with archive_of(path) as archive:
        names = list(archive.files)
        if key not in names:
            hints = did_you_mean(key, names) or (f"it has: {', '.join(names[:8])}",)
            raise Unreadable(f"`{path.name}` has no array `{key}`", *hints)
        require_numbers(archive, key, path.name)
        return _numbers(archive[key], path.name)


def require_numbers(archive: np.lib.npyio.NpzFile, key: str, name: str) -> None:
    """Refuse a member of an NPZ by its header, before any of it is unpacked.

    Raises:
        Unreadable: no numbers, or more of them than may be read.
        ValueError: it is no array.
    """
    members = archive.zip.namelist()
    with archive.zip.open(key if key in members else f"{key}.npy") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
    if kind.kind not in "iuf":
        raise Unreadable(f"`{key}` in `{name}` is not an array of real numbers")
    if math.prod(shape) * kind.itemsize > LARGEST:
        raise Unreadable(f"`{key}` in `{name}` is larger than {LARGEST >> 30} GiB")


def _json(path: Path, key: str | None) -> np.ndarray:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = str(error)
        if isinstance(error, json.JSONDecodeError):
            where = f"{error.msg} (line {error.lineno}, column {error.colno})"
        raise Unreadable(f"`{path.name}` is not JSON: {where}") from error
    if not isinstance(content, dict) or key not in content:
        names = ", ".join(list(content)[:8]) if isinstance(content, dict) else "no names at all"
        near = did_you_mean(key, content) if isinstance(content, dict) else ()
        raise Unreadable(f"`{path.name}` has no entry `{key}`", *near or (f"it has: {names}",))
    return array_of(content[key], f"`{key}` in `{path.name}`")


def array_of(value: object, what: str) -> np.ndarray:
    """A number, or lists of numbers, as an array.

    Raises:
        Unreadable: something in it is no number, or rows differ in length.
    """
    if isinstance(value, bool) or isinstance(value, str) or value is None or isinstance(value, dict):
        raise Unreadable(f"{what} is not a number: {_shown(value)}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise Unreadable(f"{what} has rows of different lengths") from error
    return _numbers(array, what)


def _numbers(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind not in "iuf":
        first = next((v for v in array.ravel().tolist() if not _is_number(v)), array.dtype.name)
        raise Unreadable(f"{what} has an entry that is not a number: {_shown(first)}")
    return array.astype(float)


def _shown(value: object) -> str:
    """As it stands in a JSON file, cut."""
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))[:40]


def _is_number(value: object) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)

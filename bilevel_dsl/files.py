"""Output files: each appears whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from .diagnostics import BilevelError, Diagnostic


def write_whole(path: str | Path, text: str | bytes) -> None:
    """Write `text` as UTF-8, or bytes, to `path`, by way of a temporary file beside it.

    What is no ordinary file (a pipe, /dev/stdout) is written to directly. A symbolic link stays one.

    Raises:
        BilevelError: BL0511, with the reason in the words of the system (exit status 2); then
            `path` is as it was before.
    """
    require_place(path)
    try:
        if _is_special(path):
            with open(path, "wb") as file:
                file.write(_bytes(text))
        else:
            _replace(os.path.realpath(path), text)
    except OSError as problem:
        raise _refused(path, problem.strerror or str(problem)) from None


def require_place(path: str | Path) -> None:
    """Refuse before the work what could not be written after it: a folder, or a file in no folder.

    Raises:
        BilevelError: BL0511.
    """
    try:
        folder = os.path.dirname(os.path.realpath(path))
    except ValueError as problem:  # a zero byte in the name
        raise _refused(path, str(problem)) from None
    if os.path.isdir(path):
        raise _refused(path, "it is a folder, not a file")
    if not _is_special(path) and not os.path.isdir(folder):
        raise _refused(path, f"there is no folder `{os.path.dirname(path) or folder}`")


def _refused(path: str | Path, why: str) -> BilevelError:
    return BilevelError(Diagnostic("BL0511", f"`{path}` cannot be written: {why}", exit_status=2))


def _is_special(path: str | Path) -> bool:
    return os.path.exists(path) and not os.path.isfile(path)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _replace(target: str, text: str | bytes) -> None:
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(_bytes(text))
        os.replace(temporary, target)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise

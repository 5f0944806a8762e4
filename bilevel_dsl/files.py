"""Output files: each appears whole, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .diagnostics import BilevelError, Diagnostic


def write_whole(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, by way of a temporary file beside it.

    What is no ordinary file (a pipe, /dev/stdout) is written to directly. A symbolic link stays one.

    Raises:
        BilevelError: BL0511, with the reason in the words of the system (exit status 2); then
            `path` is as it was before.
    """
    target = os.path.realpath(path)
    try:
        if _is_special(target):
            with open(target, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            return
        _replace(target, text)
    except (OSError, ValueError) as problem:  # ValueError: a zero byte in the name
        reason = getattr(problem, "strerror", None) or str(problem)
        raise BilevelError(Diagnostic("BL0511", f"`{path}` cannot be written: {reason}", exit_status=2)) from None


def require_place(path: str | Path) -> None:
    """Refuse before the work what could not be written after it: a folder, or a file in no folder.

    Raises:
        BilevelError: BL0511.
    """
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        problem = f"`{path}` is a folder, not a file"
    elif not os.path.isdir(folder):
        problem = f"`{path}` cannot be written: there is no folder `{os.path.dirname(path) or folder}`"
    else:
        return
    raise BilevelError(Diagnostic("BL0511", problem, exit_status=2))


def _is_special(target: str) -> bool:
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "it is a folder")
    return not stat.S_ISREG(mode)


def _replace(target: str, text: str) -> None:
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(temporary, target)
    except BaseException:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise

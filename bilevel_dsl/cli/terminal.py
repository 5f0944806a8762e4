"""What the terminal can show, and output that may be cut off."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ..diagnostics import BilevelError, Diagnostic, render

if TYPE_CHECKING:
    from ..report.page import Line

MANY = 20  # diagnostics shown on a terminal


def use_color(choice: str, file: TextIO) -> bool:
    """`choice` is auto, always or never; auto colours a terminal unless NO_COLOR or TERM=dumb says no."""
    if choice != "auto":
        return choice == "always"
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def printed(page: list[Line], color: str) -> str:
    """Lines of a page for standard output, with colours where they are wanted."""
    from ..report.page import plain, styled

    return (styled(page) if use_color(color, sys.stdout) else plain(page)) + "\n"


def use_unicode(file: TextIO) -> bool:
    try:
        "\N{CHECK MARK}\N{MULTIPLICATION X}\N{HORIZONTAL ELLIPSIS}".encode(file.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width() -> int:
    """Columns of the terminal; 80 where there is none, unless COLUMNS says otherwise."""
    return shutil.get_terminal_size((80, 24)).columns


def tell(diagnostics: Sequence[Diagnostic], color: str) -> None:
    """Diagnostics to standard error; of very many the first."""
    text = render(diagnostics[:MANY], use_color(color, sys.stderr))
    if text:
        print(text, file=sys.stderr)
    if len(diagnostics) > MANY:
        print(f"\n... and {len(diagnostics) - MANY} more", file=sys.stderr)


def tolerate() -> None:
    """A character that the encoding lacks is shown as `?`, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def emit(text: str) -> None:
    """Print a result to standard output, at once.

    Raises:
        BilevelError: BL0511, it could not be written. A closed pipe (`| head`) is no error.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard()
    except OSError as problem:
        discard()
        raise BilevelError(
            Diagnostic("BL0511", f"standard output cannot be written: {problem.strerror}", exit_status=2)
        ) from None


def discard() -> None:
    """Nothing more can be printed: let what is buffered go nowhere, so that the exit stays silent."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # not a file
        pass

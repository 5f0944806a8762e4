"""The command that lays models out: in place, or from standard input to standard output."""

from __future__ import annotations

import argparse
import sys

from ..diagnostics import BilevelError, Diagnostic, Source
from ..files import write_whole
from .terminal import emit, tell

UNFORMATTED = 3


def fmt(arguments: argparse.Namespace) -> int:
    """Each model by itself: a mistake in one does not keep the others from being laid out."""
    status = 0
    for name in arguments.models:
        try:
            status = max(status, _one(name, arguments))
        except BilevelError as error:
            tell(error.diagnostics, arguments.color)
            status = max(status, error.exit_status)
    return status


def _one(name: str, arguments: argparse.Namespace) -> int:
    from ..syntax.format import diff, format_source

    source = _standard_input() if name == "-" else _file(name)
    if arguments.diff:
        changes = diff(source)
        emit(changes)
        return UNFORMATTED if changes and arguments.check else 0
    text = format_source(source)
    if arguments.check:
        if text != source.text:
            print(f"{source.name} is not in the canonical layout", file=sys.stderr)
        return UNFORMATTED if text != source.text else 0
    if name == "-":
        emit(text)
    elif text != source.text:
        write_whole(name, text)
        print(f"{name}: laid out", file=sys.stderr)
    return 0


def _file(name: str) -> Source:
    from ..syntax.parser import load_source

    return load_source(name)


def _standard_input() -> Source:
    try:
        return Source("<stdin>", sys.stdin.buffer.read().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n"))
    except UnicodeDecodeError as problem:
        raise BilevelError(
            Diagnostic("BL0505", f"standard input is not UTF-8 text (byte {problem.start + 1})", exit_status=2)
        ) from None

"""Ctrl-C, remembered, and SIGTERM, which batch systems send before they kill, taken as Ctrl-C.

Where it comes within a wrapper of CasADi, its exception may be cleared like that of a conversion:
whoever enters a loop asks `taken()`, and stops before it begins.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_pressed: list[int] = []


def _note(number, frame) -> None:
    _pressed.append(number)
    raise KeyboardInterrupt


def _press(number, frame) -> None:
    signal.raise_signal(signal.SIGINT)


@contextmanager
def remembered() -> Iterator[None]:
    """Within, a press or SIGTERM raises KeyboardInterrupt and is known to `taken`; in the main thread only."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) in (None, _note):
        yield
        return
    _pressed.clear()
    before, ended = signal.signal(signal.SIGINT, _note), signal.signal(signal.SIGTERM, _press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, ended)


def taken() -> bool:
    """Whether it was pressed and nothing has ended for it; who asks is the one to end."""
    found = bool(_pressed)
    _pressed.clear()
    return found

"""Ctrl-C, remembered: where it comes within a wrapper of CasADi, its exception may be cleared like that of a conversion.

Whoever enters a loop asks `taken()`, and stops before it begins.
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


@contextmanager
def remembered() -> Iterator[None]:
    """Within, a press raises KeyboardInterrupt, as ever, and is known to `taken`; in the main thread only."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) in (None, _note):
        yield
        return
    _pressed.clear()
    before = signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def taken() -> bool:
    """Whether it was pressed and nothing has ended for it; who asks is the one to end."""
    found = bool(_pressed)
    _pressed.clear()
    return found

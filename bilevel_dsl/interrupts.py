"""Ctrl-C, remembered, and SIGTERM, which batch systems send before they kill, taken as Ctrl-C.

Where it comes within a wrapper of CasADi, its exception may be cleared like that of a conversion:
whoever enters a loop asks `taken()`, or lets `heed()` raise it again, and stops before it begins.
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
def remembered(*, terminated: bool = True) -> Iterator[None]:
    """Within, a press raises KeyboardInterrupt and is known to `taken`; in the main thread only.

    Args:
        terminated: SIGTERM is a press too.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) in (None, _note):
        yield
        return
    _pressed.clear()
    before = signal.signal(signal.SIGINT, _note)
    ended = signal.signal(signal.SIGTERM, _press) if terminated else None
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if terminated:
            signal.signal(signal.SIGTERM, ended)


def unheard() -> None:
    """It was pressed where something else was told of it, which has ended by itself: `taken` will know."""
    _pressed.append(signal.SIGINT)


def taken() -> bool:
    """Whether it was pressed and nothing has ended for it; who asks is the one to end."""
    found = bool(_pressed)
    _pressed.clear()
    return found


def heed() -> None:
    """Raise KeyboardInterrupt where it was pressed and nothing has ended for it."""
    if taken():
        raise KeyboardInterrupt

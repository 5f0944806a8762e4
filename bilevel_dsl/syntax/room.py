"""Room for work on large trees: deep recursion, and no search for garbage."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager

_FRAMES = 20_000  # enough for `MAX_CHAIN` links inside of `MAX_NESTING` brackets


@contextmanager
def deep_recursion():
    """Room for a walk down any tree that the parser lets through."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@contextmanager
def collector_paused():
    """Trees and what is made of them are no garbage in a cycle; looking for it takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

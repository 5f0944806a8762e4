"""Progress of a solve: one line on a terminal, written over itself."""

from __future__ import annotations

import shutil
from time import perf_counter
from typing import TextIO

from .values import number, rough

_CLEAR = "\r\033[K"
_BETWEEN = 0.1  # seconds


class Progress:
    """Writes to `file`, which is a terminal. `close` removes the line."""

    def __init__(self, file: TextIO):
        self.file = file
        self.began, self.shown, self.is_up = perf_counter(), 0.0, False

    def stage(self, name: str) -> None:
        """What is being done now: `compiling`, `verifying`."""
        self._write(f"{name} ..." + " (Ctrl-C leaves it out)" * (name == "verifying"))

    def iteration(self, iterations: int, measures: dict[str, float]) -> None:
        now = perf_counter()
        if now - self.shown < _BETWEEN:
            return
        self.shown = now
        parts = [f"iteration {iterations}"]
        if "upper" in measures:
            parts.append(f"upper {number(measures['upper'])}")
        if "stationarity" in measures:
            parts.append(f"stationarity {rough(measures['stationarity'])}")
        self._write("   ".join([*parts, f"{now - self.began:.1f} s", "(Ctrl-C keeps the best point)"]))

    def _write(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        self.file.write(_CLEAR + text[: columns - 1])
        self.file.flush()
        self.is_up = True

    def close(self) -> None:
        if self.is_up:
            self.file.write(_CLEAR)
            self.file.flush()
            self.is_up = False

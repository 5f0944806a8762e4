"""The pipeline: parse, check, build, choose a method, compile, iterate, certify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .model.problem import Problem
from .report.solution import Solution


def load(path: str | Path, *, data: dict[str, object] | None = None,
         data_dirs: tuple[str | Path, ...] = ()) -> Problem:
    """Read, check and build the model in `path`; `data` replaces or supplies parameters."""
    raise RuntimeError


def solve(problem: Problem, method: str | None = None, *, tol: float | None = None, max_iter: int | None = None,
          time_limit: float | None = None, options: dict[str, float] | None = None,
          start: dict[str, np.ndarray] | None = None, compile: bool = True,
          on_progress: Callable[[int, dict[str, float]], None] | None = None, seed: int = 0) -> Solution:
    """Solve `problem` and certify the answer; `method` None or "auto" picks by class."""
    raise RuntimeError


def export_c(problem: Problem, directory: str | Path, *, method: str | None = None, real: str = "double",
             options: dict[str, float] | None = None) -> list[Path]:
    """Write the standalone C solver of `problem` into `directory`; returns the files."""
    raise RuntimeError

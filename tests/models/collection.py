"""The models of the repository. A file more in `models/` is a test more."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import bilevel_dsl as bl

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "models"
BENCHMARK = FOLDER / "libraries" / "benchmark"  # solved by `benchmarks/libraries.py`
MODELS = sorted(
    str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.bilevel") if BENCHMARK not in path.parents
)
LIBRARIES = [name for name in MODELS if name.startswith("libraries/")]


@cache
def load(name: str) -> bl.Problem:
    return bl.load(FOLDER / f"{name}.bilevel")

"""Every model solved by `bileveldsl solve MODEL` with no flag: a table in Markdown.

    python benchmarks/models.py [FOLDER ...]        default: models

Cold is the wall time of the whole command with an empty compile cache, warm the better of two more. Run it by hand on a
quiet machine; tests check answers, never times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent
HEAD = (
    "model",
    "method",
    "upper objective",
    "reference",
    "relative error",
    "iterations",
    "cold, s",
    "warm, s",
    "status",
    "verified",
)


def solve(model: Path, cache: str) -> tuple[dict, float]:
    """The result as `--json` writes it, {} if there is none, and the wall time in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        clock = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "bilevel_dsl", "solve", str(model), "--json", str(out), "-q"],
            cwd=ROOT,
            env={**os.environ, "BILEVELDSL_CACHE": cache},
            capture_output=True,
        )
        seconds = perf_counter() - clock
        return (json.loads(out.read_text()) if out.exists() else {}), seconds


def row(model: Path) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as cache:
        result, cold = solve(model, cache)
        warm = min(solve(model, cache)[1] for _ in range(2))
    reference = result.get("reference") or {}
    return (
        model.stem,
        result.get("method", "-"),
        number(result.get("upper"), 10),
        number(reference.get("upper"), 10),
        number(reference.get("relative_error"), 2),
        str(result.get("iterations", "-")),
        f"{cold:.2f}",
        f"{warm:.2f}",
        result.get("status", "no result"),
        "yes" if result.get("verified") else "**no**",
    )


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}g}"


def main() -> None:
    folders = [Path(p).resolve() for p in sys.argv[1:]] or [ROOT / "models"]
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    for folder in folders:
        for model in [folder] if folder.is_file() else sorted(folder.rglob("*.bilevel")):
            print("| " + " | ".join(row(model)) + " |", flush=True)


if __name__ == "__main__":
    main()

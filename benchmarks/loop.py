"""The cost of one iteration, compiled against interpreted: a table in Markdown.

    python benchmarks/loop.py [MODEL ...]           default: a few models of different sizes

Both executors run the same iterations from the same start, in turn, in one process; the best of three runs counts.
Compilation is not in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods.registry import METHODS, fitting
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.session import start_point

ROOT = Path(__file__).parent.parent / "models"
DEFAULT = (
    "papers/p1",
    "papers/p6",
    "papers/circle",
    "papers/factorisation",
    "papers/pl_game",
    "papers/matrix_sensing",
    "applications/tolls",
    "applications/ridge_features",
    "applications/hyper_cleaning",
)
ITERATIONS = 50
RUNS = 3


def microseconds(problem: bl.Problem, method: str) -> tuple[int, float, float]:
    """Iterations, and microseconds for one of them, compiled and interpreted."""
    program = METHODS[method].program(Oracles(problem))
    x, y = start_point(problem, None)
    best = {"compiled": float("inf"), "interpreted": float("inf")}
    for _ in range(RUNS):
        for executor in best:
            run = execute(program, x, y, settings={"max_iter": ITERATIONS}, executor=executor, trace=False)
            best[executor] = min(best[executor], run.timings["solve"] / run.iterations * 1e6)
    return run.iterations, best["compiled"], best["interpreted"]


def main() -> None:
    print("| model | variables | method | iterations | compiled, us | interpreted, us | ratio |\n|" + " --- |" * 7)
    for path in [Path(p) for p in sys.argv[1:]] or [ROOT / f"{name}.bilevel" for name in DEFAULT]:
        problem = bl.load(path)
        size = f"{problem.x.numel()} + {problem.y.numel()}"
        for method in (m for m in fitting(problem) if METHODS[m].automatic and not METHODS[m].direct):
            iterations, compiled, interpreted = microseconds(problem, method)
            print(
                f"| {path.stem} | {size} | {method} | {iterations} | {compiled:.2f} | {interpreted:.2f} "
                f"| {interpreted / compiled:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

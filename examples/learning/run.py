"""Tune a penalty for each feature; which features does it drop, and what is gained over one penalty for all?"""

from pathlib import Path

import numpy as np

import bilevel_dsl as bl

FOLDER = Path(__file__).parent
tuned = bl.solve(bl.load(FOLDER / "penalties.bilevel"))
one = bl.load(FOLDER / "penalties.bilevel")
grid = [bl.evaluate(one, {"log_penalty": np.full(10, t)}, effort="quick") for t in np.linspace(-6, 0, 13)]

print(f"one penalty, best of a grid  {min(grid):.6f}")
print(f"a penalty for each feature   {tuned.upper:.6f}, {'verified' if tuned.verified else 'not verified'}")
print(f"features dropped             {tuned.report['dropped']:.0f}")

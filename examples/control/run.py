"""Find the weights of a recorded run, then look at them under another plant constant."""

from pathlib import Path

import bilevel_dsl as bl

model = Path(__file__).parent / "weights.bilevel"
found = bl.solve(bl.load(model))
position, speed = found["q"]
print(f"weights: position {position:.4f}, speed {speed:.4f}; sum of squares {found.upper:.6f}")
print("verified" if found.verified else "not verified")

truth = bl.verify(bl.load(model), {"q": [5.0, 1.0], "u": found["u"]})
failed = [c.name for c in truth.certificate.claims if c.verdict is bl.Verdict.FAILED]
print(f"with weights 5 and 1 these forces fail: {', '.join(failed)}")

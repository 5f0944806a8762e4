"""How the revenue of a toll road grows with the demand: one model, solved for several values of a parameter."""

from pathlib import Path

import bilevel_dsl as bl

MODEL = Path(__file__).parents[2] / "models" / "applications" / "tolls.bilevel"


def main() -> None:
    print("demand  revenue  " + "".join(f"{road:>8}" for road in ("bridge", "tunnel", "ring", "centre")) + "  (tolls)")
    start = None
    for demand in (6, 8, 10, 12, 14):
        problem = bl.load(MODEL, data={"demand": demand})
        solution = bl.solve(problem, start=start)
        if not solution.verified:
            raise SystemExit(f"demand {demand}: {solution.status}, not verified")
        start = solution.variables  # the answer for one demand is a good start for the next
        print(f"{demand:6}  {solution.upper:7.3f}  " + "".join(f"{toll:8.3f}" for toll in solution["t"]))


if __name__ == "__main__":
    main()

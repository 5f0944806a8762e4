"""Solve a day of the market, and print it hour by hour; the whole result goes to day.csv, one row an entry."""

from pathlib import Path

import bilevel_dsl as bl

problem = bl.load(Path(__file__).parent / "market.bilevel")
day = bl.solve(problem)
day.save_table("day.csv")

prices, profits = day.report["prices"], day.report["profits"]
print("hour  mark-up   Alta  Brighton   Cole   Dale    Elm   profit")
for h in (0, 5, 11, 17, 23):
    row = "".join(f"{p:{width}.2f}" for p, width in zip(prices[h], (7, 10, 7, 7, 7)))
    print(f"{h + 1:4d}  {day['markup'][h]:7.2f}{row}  {profits[h]:7.1f}")
print(f"the day: {day.upper:.1f}, {'verified' if day.verified else 'not verified'}")

"""Measure from the command line: `python -m tests.truth --count 20 --family linear -v`, or `--show linear:3`."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .families import FAMILIES, instance
from .measure import COLUMNS, run, shown, table


def main() -> int:
    """Print the table; exit status 1 where something verified is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="instances of each family")
    parser.add_argument("--family", action="append", choices=list(FAMILIES), help="only this one (may stand several times)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--show", metavar="FAMILY:SEED", help="print a model, its best point and the points beside it")
    parser.add_argument("-v", "--verbose", action="store_true", help="say each case that is not as it should be")
    given = parser.parse_args()
    if given.show:
        return show(given.show)
    names = [(f, s) for f in given.family or FAMILIES for s in range(given.seed, given.seed + given.count)]
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        outcomes = []
        for out in pool.map(run, names):
            outcomes.append(out)
            for note in out.notes if given.verbose else ():
                print(note, file=sys.stderr, flush=True)
    print(table(outcomes))
    print("\n" + "\n".join(f"{head}: {words}" for head, words in COLUMNS))
    return int(any(o.counts.get("WRONG", 0) + o.counts.get("moved WRONG", 0) for o in outcomes))


def show(name: str) -> int:
    """Print one instance."""
    family, seed = name.split(":")
    one = instance(family, int(seed))
    print(one.text)
    print(f"# best: {shown(one.best)}: f = {one.judge(one.best).value:.9g}, the range of f is {one.scale:.4g}")
    for values in one.moved:
        print(f"# beside: {shown(values)}: {one.judge(values).why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

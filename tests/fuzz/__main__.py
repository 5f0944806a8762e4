"""Fuzz for a while: `python -m tests.fuzz --seconds 600 --seed 1`. Texts that fail are written beside each other."""

from __future__ import annotations

import argparse
import time
import traceback
from collections import Counter
from pathlib import Path

from .generate import Generator
from .judge import judge
from .mutate import mutated

SECONDS = 2.0  # for a text, all phases together


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0, help="the first; each text has its own")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for texts that fail")
    arguments = parser.parse_args()
    models = [path.read_text(encoding="utf-8") for path in sorted(Path("models").rglob("*.bilevel"))]
    end, seed, outcomes = time.monotonic() + arguments.seconds, arguments.seed, Counter()
    while time.monotonic() < end:
        text = Generator(seed).program()
        if seed % 3:
            text = mutated(models[seed % len(models)] if models and seed % 3 == 1 else text, seed)
        try:
            clock = time.perf_counter()
            outcome = judge(text)
            if time.perf_counter() - clock > SECONDS:
                outcome = "slow"
        except Exception as error:  # every exception but a diagnostic is a find
            traceback.print_exc()
            outcome = type(error).__name__
        if outcome not in ("read", "refused"):
            arguments.keep.mkdir(exist_ok=True)
            (arguments.keep / f"{seed}.bilevel").write_text(text, encoding="utf-8", errors="replace")
            print(f"seed {seed}: {outcome}")
        outcomes[outcome] += 1
        seed += 1
    print(dict(outcomes))
    return int(any(outcome not in ("read", "refused") for outcome in outcomes))


if __name__ == "__main__":
    raise SystemExit(main())

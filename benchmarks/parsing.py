"""What a text of 1 MB costs, beside Lark's parser alone on the same tokens, and a small model as a whole process.

    python benchmarks/parsing.py [MEGABYTES]

Processor time, the best of three runs. Ratios are what can be compared between machines.
"""

from __future__ import annotations

import gc
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import lark

from bilevel_dsl.diagnostics import Collector, Source
from bilevel_dsl.semantics.check import check
from bilevel_dsl.syntax.grammar import grammar
from bilevel_dsl.syntax.parser import parse
from bilevel_dsl.syntax.tokens import END, Lexeme, tokenize

SMALL = Path(__file__).parent.parent / "models/papers/p4.bilevel"
RUNS = 3


def text(size: int) -> str:
    """A model of `size` characters, nearly all of them constraints."""
    head = "upper {\n  var x[50] in [0, 1];\n  minimize sum(x) + sum(y);\n  subject to\n"
    rows, length, k = [], 0, 0
    while length < size:
        i, j, n, m = (k * step % 50 + 1 for step in (1, 3, 5, 7))
        rows.append(f"  c{k}: {k % 7 + 1}.5 * x[{i}] + x[{j}]^2 - sin(y[{m}]) * {k % 11 + 2} <= {k % 13 + 5} + x[{n}];\n")
        length, k = length + len(rows[-1]), k + 1
    return head + "".join(rows) + "}\nlower {\n  var y[50] in [0, 1];\n  minimize sum((y - x)^2);\n}\n"


def best(work) -> float:
    times = []
    for _ in range(RUNS):
        gc.collect()
        gc.disable()  # as `parse` and `check` do
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
        gc.enable()
    return min(times)


def lark_alone(source: Source):
    """Feeds the tokens to Lark's parser and does nothing else."""
    terminal = grammar().terminal
    tokens = [Lexeme(terminal.get(t.type, t.type), t.text, t.start, t.end) for t in tokenize(source, Collector())]

    def work() -> None:
        feed = grammar().lark.parse_interactive().parser_state.feed_token
        for token in tokens:
            feed(token)
        feed(Lexeme(END, "", 0, 0), True)

    return work


def process(*command: str) -> float:
    """Processor time of a process, user and system: the median of runs."""
    times = []
    for _ in range(10 * RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def main() -> None:
    source = Source("large", text(int(1e6 * float(sys.argv[1] if len(sys.argv) > 1 else 1))))
    tree = parse(source)
    alone = best(lark_alone(source))
    rows = [
        (f"Lark {lark.__version__} alone, given the tokens", alone),
        ("tokens", best(lambda: tokenize(source, Collector()))),
        ("parse, as a whole", best(lambda: parse(source))),
        ("check, after that", best(lambda: check(tree, source=source))),
    ]
    print(f"{len(source.text) / 1e6:.1f} MB, Python {sys.version.split()[0]}\n")
    print("| what | seconds | of Lark alone |\n| --- | --- | --- |")
    for what, seconds in rows:
        print(f"| {what} | {seconds:.2f} | {seconds / alone:.1f} |")
    empty = process(sys.executable, "-c", "import numpy, lark")
    small = process(sys.executable, "-m", "bilevel_dsl", "check", str(SMALL))
    print(
        f"\n{SMALL.name} as a process: {small:.2f} s, {small / empty:.2f} of Python with NumPy and Lark alone, {empty:.2f} s"
    )


if __name__ == "__main__":
    main()

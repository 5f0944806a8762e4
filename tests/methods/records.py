"""Golden records: every method on every small problem of the test set, down to the bits.

    python -m tests.methods.records write      after a change that is meant to change bits
    python -m tests.methods.records compare    says what differs

Both take the name of a method.

A record is the status, the iterations, the calls of each phase, and digests of the final state, slot by slot, and of the
trace. Bits depend on the mathematical library of the machine, so the file holds a fingerprint of it; elsewhere there is
nothing to compare.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import casadi as ca
import numpy as np

import bilevel_dsl as bl
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods.registry import METHODS, fitting
from bilevel_dsl.model.problem import Problem
from bilevel_dsl.runtime.execute import execute
from tests.problems import TWO_LEVEL

FILE = Path(__file__).parent / "golden" / "records.json"
MODELS = Path(__file__).parents[2] / "models"
RECORDED = ("penalty", "kkt", "dbgd", "mgbio")  # whose bits others rely on; the rest is tested by known answers
LARGEST = 60  # unknowns of both levels
MOST = 150  # iterations


def digest(values: np.ndarray) -> str:
    """A short name for the bits of an array; all NaNs are alike."""
    values = np.where(np.isnan(values), np.nan, np.asarray(values, float)) + 0.0
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:12]


def fingerprint() -> str:
    """Of what the bits rest on: CasADi, its elementary functions here, and the products of matrices."""
    v = ca.MX.sym("v", 400)
    functions = ca.Function(
        "f",
        [v],
        [
            ca.vertcat(
                ca.exp(v),
                ca.log(v),
                ca.sin(v),
                ca.cos(v),
                ca.tanh(v),
                ca.sqrt(v),
                v**1.7,
                ca.atan(v),
                ca.mtimes(ca.reshape(v, 20, 20), ca.reshape(v, 20, 20))[:],
            )
        ],
    )
    values = np.array(functions(np.linspace(0.05, 9, 400))).ravel()
    return f"{ca.__version__} {digest(values)}"


def cases() -> Iterator[tuple[str, Problem, np.ndarray, np.ndarray]]:
    """Name, problem and start."""
    for name, case in TWO_LEVEL.items():
        yield f"tests/{name}", case.problem, case.x0, case.y0
    for path in sorted(p for p in MODELS.rglob("*.bilevel") if "benchmark" not in p.parts):
        problem = bl.load(path)
        if problem.x.numel() + problem.y.numel() <= LARGEST:
            yield str(path.relative_to(MODELS).with_suffix("")), problem, *problem.start()


def record(method: str, problem: Problem, x0: np.ndarray, y0: np.ndarray) -> dict[str, object]:
    """Of one run, with the defaults of the method and at most `MOST` iterations."""
    program = METHODS[method].program(Oracles(problem))
    run = execute(program, x0, y0, executor="interpreted", settings={"max_iter": MOST})
    return {
        "status": run.status.label,
        "iterations": run.iterations,
        "calls": run.phase_calls,
        "trace": digest(np.column_stack(list(run.trace.values()))),
        "state": {name: digest(v) for name, v in run.state.items()},
    }


def records(only: str = "", of: str = "") -> dict[str, dict[str, object]]:
    """All of them, by "method case"; of methods and cases that begin so."""
    return {
        f"{method} {name}": record(method, problem, x0, y0)
        for name, problem, x0, y0 in cases()
        if name.startswith(of)
        for method in fitting(problem)
        if (method.startswith(only) if only else method in RECORDED)
    }


def known() -> dict[str, dict[str, object]] | None:
    """The golden records; None where they are of another machine."""
    found = json.loads(FILE.read_text())
    return found["records"] if found["fingerprint"] == fingerprint() else None


def differences(before: dict, found: dict) -> list[str]:
    """In words; slots that only one of them has do not count."""
    said = []
    for key in sorted(set(before) & set(found)):
        a, b = before[key], found[key]
        said += [
            f"{key}: {what} {a[what]}, now {b[what]}"
            for what in ("status", "iterations", "calls", "trace")
            if a[what] != b[what]
        ]
        said += [
            f"{key}: other bits in `{slot}`"
            for slot in a["state"]
            if slot in b["state"] and a["state"][slot] != b["state"][slot]
        ]
    return said


def main(command: str, only: str = "") -> int:
    if command == "write":
        FILE.parent.mkdir(exist_ok=True)
        kept = known() or {} if only else {}
        found = {"fingerprint": fingerprint(), "records": {**kept, **records(only)}}
        FILE.write_text(json.dumps(found, indent=1) + "\n")
        return 0
    if known() is None:
        print("the records are of another machine or CasADi")
        return 2
    said = differences(known(), records(only))
    print("\n".join(said) or "equal bits")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Entries of a recursion in CasADi, in code whose size does not grow with their number.

A step is a Function, ten steps are a Function that calls it ten times, a hundred one that calls that ten times. So the graph
of a recursion, its derivatives and the exported C have a few pieces for each power of ten.
"""

from __future__ import annotations

from collections.abc import Callable

import casadi as ca
import numpy as np

from ..semantics.nodes.ir import Node, Run

BASE = 10  # calls in one function


def recursion(n: Node, args: list[ca.MX], translate: Callable[[Node, dict], ca.MX]) -> ca.MX:
    """All entries, a column each."""
    size = int(np.prod(n.shape[1:], dtype=int))
    columns = ca.MX(size, 0)
    for run in n.attr:
        columns = ca.horzcat(columns, _of_run(run, size, columns, args, translate))
    return columns


def _of_run(run: Run, size: int, before: ca.MX, args: list[ca.MX], translate) -> ca.MX:
    slots: dict[str | int, ca.MX] = {}
    if run.window:
        slots["window"] = ca.MX.sym("window", size, run.window)
    if len(run.fixed):
        slots["fixed"] = ca.MX.sym("fixed", size, len(run.fixed))
    slots |= {k: ca.MX.sym(f"shared_{k}", *args[k].shape) for k in run.shared}
    slots |= {k: ca.MX.sym(f"mapped_{k}", args[k].numel() // run.count) for k in run.mapped}
    entry = ca.densify(ca.vec(translate(run.step, slots)))
    step = _Steps(ca.Function("step_1", list(slots.values()), [entry]), size, run.window, len(run.mapped))
    values = {"window": before[:, before.shape[1] - run.window :], "fixed": before[:, run.fixed.tolist()]}
    values |= {k: args[k] for k in run.shared}
    values |= {k: ca.reshape(ca.densify(args[k]), -1, run.count) for k in run.mapped}
    return step.times(run.count, [values[k] for k in slots])


class _Steps:
    """Functions of as many steps as are asked for, from that of one."""

    def __init__(self, step: ca.Function, size: int, window: int, mapped: int):
        self.size, self.window, self.mapped = size, window, mapped
        self._made = {1: step}

    def times(self, count: int, values: list[ca.MX]) -> ca.MX:
        """`count` entries, a column each."""
        if count == 1:
            return self._made[1].call(values, True, False)[0]
        longest = BASE ** max(k for k in range(20) if BASE**k < count)
        last = len(values) - self.mapped
        found, at = values[0] if self.window else ca.MX(self.size, 0), 0
        skip = found.shape[1]
        while at < count:
            part = min(longest, count - at)
            now = list(values)
            if self.window:
                now[0] = found[:, found.shape[1] - self.window :]
            now[last:] = [v[:, at : at + part] for v in values[last:]]
            found = ca.horzcat(found, self._function(part)(*now))
            at += part
        return found[:, skip:]

    def _function(self, count: int) -> ca.Function:
        if count not in self._made:
            one = self._made[1]
            last = one.n_in() - self.mapped
            inputs = [
                ca.MX.sym(one.name_in(k), one.size1_in(k), count if k >= last else one.size2_in(k))
                for k in range(one.n_in())
            ]
            self._made[count] = ca.Function(f"step_{count}", inputs, [self.times(count, inputs)])
        return self._made[count]

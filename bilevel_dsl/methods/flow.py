"""Methods as their papers write them: a Python function with loops and branches, closed into a `Program`.

    m = Method("bome", oracles, SETTINGS)
    s, o = m.state, m.settings
    m.slots(x=m.P_X(m.x_start), y=m.y_start, z=m.y_start)
    with m.iteration():
        s.z = s.y
        with m.repeat(o.T, "lower"):
            s.z = s.z - o.alpha * m.grad_y_g(s.x, s.z)
        ...
        m.stop(Signal.DIVERGED, when=norm(s.x) > 1e12)
    return m.program(measures)

The function runs once, when the program is built. `s.x` is the value of slot x at this point of the method, `s.x = e` gives
it another. Between two control points (`iteration`, `loop`, `repeat`, `when`) a method is straight-line; a control point
ends a block. Every block that computes something becomes one phase of the program, the jump at its end the value of the
slot `phase`, and the head of the iteration is phase 0. So an expression is good up to the next control point only: what is
needed beyond it belongs in a slot, and an expression that is kept longer is refused with the line that does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate

import casadi as ca

from ..diagnostics import did_you_mean
from ..functions.oracles import Oracles
from ..functions.sampled import objective_of
from ..functions.select import either
from .blocks import Block, threaded
from .draft import Draft
from .parts.sampling import Random
from .program import Phase, Program, Setting, Signal
from .samples import Sample, counts_of, no_samples, objective, require_samples


class MethodError(Exception):
    """A mistake in the text of a method, with the line that makes it."""

    def __init__(self, message: str):
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__ + ".flow"):
            frame = frame.f_back
        while frame.f_back is not None and frame.f_globals.get("__name__") == "contextlib":
            frame = frame.f_back
        super().__init__(f"{frame.f_code.co_filename}:{frame.f_lineno}: {message}")


class State:
    """`s.x` is the value of slot x at this point of the method; `s.x = e` gives it another."""

    def __init__(self, method: Method):
        object.__setattr__(self, "_method", method)

    def __getattr__(self, name: str) -> ca.MX:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._method.read(name)

    def __setattr__(self, name: str, value: ca.MX | float) -> None:
        self._method.write(name, value)


class Method(Draft):
    """The vocabulary of a method: slots, control, and the oracles of the problem by their names."""

    def __init__(self, name: str, oracles: Oracles, settings: tuple[Setting, ...], built: Mapping[str, float] | None = None):
        """`built`: settings that are known when the program is built, where they are not the defaults."""
        self._blocks: list[Block] = []
        self._block: Block | None = None  # the one that is being written
        self._head: Block | None = None
        self._first: dict[str, ca.MX | float] = {}
        self._random: Random | None = None
        super().__init__(name, oracles, settings, built)
        self.state = State(self)

    # --- slots -------------------------------------------------------------------------

    def slot(self, name: str, size: int = 1, doc: str = "", start: ca.MX | float = 0) -> None:
        """A slot of the state, a column, and its value before the first iteration (a number fills it)."""
        if name in self._slots:
            raise MethodError(f"there is a slot `{name}` already")
        start = ca.MX(start)
        if start.numel() not in (1, size):
            raise MethodError(f"slot `{name}` has {size} entries, its start {start.numel()}")
        self.declare(name, size, doc)
        self._first[name] = ca.vec(start) if start.numel() == size else ca.repmat(start, size, 1)

    def slots(self, **starts: ca.MX | float) -> None:
        """A slot for each, as large as its start."""
        for name, start in starts.items():
            self.slot(name, ca.MX(start).numel(), "", start)

    def read(self, name: str) -> ca.MX:
        """The value of a slot here; between iterations that of the last one."""
        self._known(name)
        if self._block is None:
            return self.symbol(name)
        return self._block.values.get(name, self._block.symbol(name))

    def write(self, name: str, value: ca.MX | float) -> None:
        """From here on the slot has this value."""
        self._known(name)
        if self._block is None:
            raise MethodError(f"`{name}` is given a value outside of an iteration; its first value is a `start`")
        value = ca.MX(value)
        if value.numel() != self._slots[name].size:
            raise MethodError(f"slot `{name}` has {self._slots[name].size} entries, the value {value.numel()}")
        self._fresh(value, f"slot `{name}`")
        self._block.values[name] = value

    def assign(self, values: dict[str, ca.MX | float]) -> None:
        """All of these slots at once."""
        for name, value in values.items():
            self.write(name, value)

    def _known(self, name: str) -> None:
        if name not in self._slots:
            hints = "; ".join(did_you_mean(name, self._slots))
            raise MethodError(f"there is no slot `{name}`{f' ({hints})' if hints else ''}")

    def _fresh(self, value: ca.MX, what: str) -> None:
        """Refuses what was read before a control point."""
        own = self._block.own()
        for used in ca.symvar(value):
            if used.name() in self._slots and used.__hash__() not in own:
                raise MethodError(f"{what} uses `{used.name()}` as it was before a control point; keep it in a slot")

    def __getattr__(self, name: str) -> Callable[..., ca.MX]:
        """An oracle with the data bound: `m.grad_y_g(x, y)`, `m.hess_xy_g_times(x, y, v)`.

        With a sample as third argument, `m.grad_y_g(x, y, zeta)`, it is that of the drawn samples.
        """
        if name.startswith("_") or "oracles" not in self.__dict__ or name not in self.oracles.recipes:
            raise AttributeError(name)
        return lambda x, y, *more: self._oracle(name, x, y, *more)

    def _oracle(self, name: str, x: ca.MX, y: ca.MX, *more: ca.MX | Sample):
        if more and isinstance(more[0], Sample):
            sample, more = more[0], more[1:]
            if sample.which != objective_of(name):
                raise MethodError(f"`{name}` is no oracle of {sample.which}, of which the sample is")
            if not sample.whole:
                self._count(name)
                return sample.value(name, x, y, *more)
        self._count(name)
        return self.oracles.function(name)(x, y, *self.p, *more)

    def _count(self, name: str, times: int = 1) -> None:
        if self._block is not None:
            self._block.oracles[name] += times

    def P_X(self, v: ca.MX) -> ca.MX:  # noqa: N802, as papers write it
        self._count("project_x")
        return self.oracles.project_x(v, self.p)

    def P_Y(self, v: ca.MX) -> ca.MX:  # noqa: N802
        self._count("project_y")
        return self.oracles.project_y(v, self.p)

    # --- samples -----------------------------------------------------------------------

    def draw(self, which: str, size: int, *, replace: bool = True) -> Sample:
        """Samples of the means `expect(...)` of "f" or "g": `size` of each, or all where there are fewer.

        Their random numbers begin with the setting `seed` and live in the state. An objective without `expect` is not
        sampled: its oracles then are those of all of it, and the program remarks on that. So they are for the size 0.

        Args:
            replace: a sample may be drawn twice.

        Raises:
            BilevelError: BL0411, the objective cannot be sampled.
        """
        self._inside("`draw`")
        problem = self.oracles.problem
        sizes, counts = objective(problem, which).samples, counts_of(problem, which, size)
        if not sizes:
            return self.sample(which, ca.MX(0, 1))
        if size <= 0:
            return Sample(which, ca.MX(0, 1), None, [])
        stream = self._stream()
        kind = stream.indices if replace else stream.distinct
        return self._sampled(which, ca.vertcat(*[kind(count, n) for count, n in zip(counts, sizes)]), counts)

    def uniform(self, count: int = 1) -> ca.MX:
        """Random numbers in [0, 1), of the stream that samples are drawn by."""
        self._inside("`uniform`")
        return self._stream().uniform(count)

    def _stream(self) -> Random:
        if self._random is None:
            if not hasattr(self.settings, "seed"):
                raise MethodError("a method that draws samples has a setting `seed`")
            self._random = Random(self, "random", self.settings.seed)
        return self._random

    def sample_size(self, which: str, size: int) -> int:
        """Entries of `indices` of such a draw, for a slot that keeps them; 0 where nothing is sampled."""
        return sum(counts_of(self.oracles.problem, which, size))

    def sample(self, which: str, indices: ca.MX) -> Sample:
        """The sample with these numbers: `indices` of one that was drawn, kept in a slot."""
        sizes, given = objective(self.oracles.problem, which).samples, ca.MX(indices).numel()
        if not sizes:
            self._remark(no_samples(self.oracles.problem, which, self.name))
            return Sample(which, indices, None, [])
        for size in range(1, given + 1):
            counts = counts_of(self.oracles.problem, which, size)
            if sum(counts) == given:
                return self._sampled(which, indices, counts)
        raise MethodError(f"{given} indices are no sample of {which}")

    def _sampled(self, which: str, indices: ca.MX, counts: tuple[int, ...]) -> Sample:
        require_samples(self.oracles.problem, which)
        self._count("samples", sum(counts))
        oracles = self.oracles.sampled(which, counts)
        each = ca.vertsplit(indices, [0, *accumulate(counts)])
        return Sample(
            which, indices, oracles, [*(self.p[k] for k in oracles.parameters), *each, *self._looked_up(oracles, each)]
        )

    # --- control -----------------------------------------------------------------------

    @contextmanager
    def iteration(self, name: str = "step") -> Iterator[None]:
        """One pass is an iteration: measured, traced, and stopped by the driver."""
        if self._head is not None:
            raise MethodError("a method has one iteration")
        self._head = Block(name, self)
        self._enter(self._head)
        yield
        self._leave(self._head)
        self._block = None

    @contextmanager
    def loop(self, name: str) -> Iterator[Callable[[ca.MX], None]]:
        """`with m.loop("trial") as until:` again and again, at least once, `until(condition)` at the end of a pass."""
        first, conditions = Block(name, self), []
        self._leave(first)
        self._enter(first)

        def until(condition: ca.MX) -> None:
            if conditions:
                raise MethodError(f"loop `{name}` has an `until` already")
            conditions.append(self._condition(condition, f"`until` of loop `{name}`"))

        yield until
        if not conditions:
            raise MethodError(f"loop `{name}` has no `until` and would never end")
        self._fresh(conditions[0], f"`until` of loop `{name}`")
        after = Block(f"after_{name}", self)
        self._leave((conditions[0], after, first))
        self._enter(after)

    @contextmanager
    def when(self, condition: ca.MX, name: str) -> Iterator[None]:
        """Only where the condition holds."""
        condition = self._condition(condition, f"`when` of `{name}`")
        inside, after = Block(name, self), Block(f"after_{name}", self)
        self._leave((condition, inside, after))
        self._enter(inside)
        yield
        self._leave(after)
        self._enter(after)

    @contextmanager
    def repeat(self, times: ca.MX | float, name: str) -> Iterator[None]:
        """A number of times that may be a setting, and may be 0."""
        count = f"{name}_count"
        if count not in self._slots:
            self.slot(count, 1, f"passes of `{name}`")
        self.write(count, 0)
        with self.when(ca.MX(times) > 0, f"{name}_begin"), self.loop(name) as until:
            yield
            self.write(count, self.read(count) + 1)
            until(self.read(count) >= times)

    def called(self, name: str) -> None:
        """The block that begins here has this name in the program."""
        self._inside("`called`")
        self._block.name = name

    def stop(self, signal: Signal, when: ca.MX) -> None:
        """The iteration ends at the end of this block, with a signal, where the condition holds."""
        condition = self._condition(when, f"`stop` with {signal.name}")
        before = self._block.values.get("signal", ca.MX(0))
        self.write("signal", either(condition, int(signal), before))
        self._block.exits.append(condition)

    def finish(self, when: ca.MX | float = 1) -> None:
        """The iteration ends at the end of this block, where the condition holds."""
        self._block.exits.append(self._condition(when, "`finish`"))

    def _condition(self, condition: ca.MX, what: str) -> ca.MX:
        self._inside(what)
        condition = ca.MX(condition)
        if condition.numel() != 1:
            raise MethodError(f"{what} is a column of {condition.numel()} entries, not one condition")
        self._fresh(condition, what)
        return condition

    def _inside(self, what: str) -> None:
        if self._block is None:
            raise MethodError(f"{what} stands outside of an iteration")

    def _enter(self, block: Block) -> None:
        self._blocks.append(block)
        self._block = block

    def _leave(self, goto: object) -> None:
        if self._block is None:
            raise MethodError("control stands outside of an iteration")
        for condition in reversed(self._block.exits):
            self._fresh(condition, "a `stop`")
            goto = (condition, self._head, goto)
        self._block.goto = goto

    # --- closing -----------------------------------------------------------------------

    def program(self, measures: dict[str, ca.MX], tolerances: dict[str, str] | None = None) -> Program:
        """The finished program.

        Args:
            measures: numbers that describe the state between iterations, by name.
            tolerances: measure -> setting: converged when every one listed is at most its setting.
        """
        if self._head is None or self._block is not None:
            raise MethodError("a method has one iteration, and is closed after it")
        blocks = threaded(self._blocks, self._head)
        names = _told_apart([b.name for b in blocks])
        number = {id(b): k for k, b in enumerate(blocks)}

        def jump(goto: object) -> ca.MX:
            if isinstance(goto, tuple):
                return either(goto[0], jump(goto[1]), jump(goto[2]))
            return ca.MX(number[id(goto)])

        phases = [
            Phase(name, self.function(f"phase_{name}", {**b.values, "phase": jump(b.goto)}, b.symbols), dict(b.oracles))
            for name, b in zip(names, blocks)
        ]
        return self.closed(self._first, measures, tuple(phases), tolerances)


def _told_apart(names: list[str]) -> list[str]:
    """Each once, with a number where it was there before: calls are counted by name, and C has one function of a name."""
    found: list[str] = []
    for name in names:
        k = 2
        unique = name
        while unique in found:
            unique, k = f"{name}_{k}", k + 1
        found.append(unique)
    return found

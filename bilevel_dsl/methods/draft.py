"""What a method consists of before it is closed into a `Program`: slots, settings, data, prepared values.

The functions of the program take exactly the symbols that occur in them.
"""

from __future__ import annotations

from types import SimpleNamespace

import casadi as ca

from ..functions.emptiness import all_inhabited
from ..functions.oracles import Oracles, expanded
from .program import INHABITED, Phase, Program, Setting, Slot

SAME_NAMES = {"allow_duplicate_io_names": True}  # a phase reads `x` and writes `x`


class Draft:
    def __init__(self, name: str, oracles: Oracles, settings: tuple[Setting, ...]):
        self.name = name
        self.oracles = oracles
        self.settings = SimpleNamespace(**{s.name: ca.MX.sym(f"o_{s.name}") for s in settings})
        self.x_start = ca.MX.sym("x_start", oracles.nx)
        self.y_start = ca.MX.sym("y_start", oracles.ny)
        self._settings = settings
        self._slots: dict[str, Slot] = {}
        self._symbols: dict[str, ca.MX] = {}
        self._prepared: dict[str, tuple[ca.MX, ca.MX]] = {}
        self.declare("phase", 1, "index of the phase to run next")
        self.declare("signal", 1, "what the method itself found")
        self._parameters = [(f"p{k}", q) for k, q in enumerate(oracles.problem.parameters)]
        self._columns: dict[str, ca.MX] = {}
        for name_, q in self._parameters:
            if q.is_dual:  # multipliers are no data: the method finds them
                self.declare(name_, q.symbol.numel(), q.name)
            else:
                self._columns[name_] = ca.MX.sym(name_, q.symbol.numel())

    @property
    def p(self) -> list[ca.MX]:
        """The parameters of the problem, as its functions take them."""
        columns = [self._columns.get(name) for name, _ in self._parameters]
        columns = [self.read(name) if c is None else c for c, (name, _) in zip(columns, self._parameters)]
        return [ca.reshape(c, q.symbol.shape) for c, (_, q) in zip(columns, self._parameters)]

    @property
    def starting_p(self) -> list[ca.MX]:
        """The same before the first iteration, when no multiplier is known: zeros."""
        columns = [self._columns.get(name, ca.MX.zeros(q.symbol.numel())) for name, q in self._parameters]
        return [ca.reshape(c, q.symbol.shape) for c, (_, q) in zip(columns, self._parameters)]

    @property
    def duals(self) -> list[str]:
        """The slots of the multipliers that stand for `dual(...)`, in the order of the parameters."""
        return [name for name, q in self._parameters if q.is_dual]

    # --- declaring ---------------------------------------------------------------------

    def declare(self, name: str, size: int, doc: str) -> None:
        """A slot of the state."""
        self._slots[name] = Slot(name, size, doc)
        self._symbols[name] = ca.MX.sym(name, size)

    def size_of(self, name: str) -> int:
        return self._slots[name].size

    def symbol(self, name: str) -> ca.MX:
        """The value of a slot between iterations."""
        return self._symbols[name]

    def prepare(self, name: str, expression: ca.MX) -> ca.MX:
        """`expression` of data and settings, computed once: a symbol of its value (a column)."""
        symbol = ca.MX.sym(name, expression.numel())
        self._prepared[name] = (symbol, ca.vec(expression))
        return symbol

    # --- closing -----------------------------------------------------------------------

    def closed(
        self,
        first: dict[str, ca.MX],
        measures: dict[str, ca.MX],
        phases: tuple[Phase, ...],
        tolerances: dict[str, str] | None,
    ) -> Program:
        """The finished program. State that `first` does not name starts at zero."""
        first = {name: first.get(name, ca.MX.zeros(slot.size)) for name, slot in self._slots.items()}
        problem = self.oracles.problem
        condition = all_inhabited(problem)
        if condition is not None:
            self.prepare(INHABITED, ca.Function(INHABITED, [*problem.p], [condition])(*self.starting_p))
        prepared = {name: value for name, (_, value) in self._prepared.items()}
        return Program(
            method=self.name,
            problem_name=problem.name,
            state=tuple(self._slots.values()),
            data=tuple(
                Slot(name, q.symbol.numel(), f"parameter {q.name}", q.name, q.shape)
                for name, q in self._parameters
                if not q.is_dual
            ),
            data_values=tuple(v for v, q in zip(problem.data, problem.parameters) if not q.is_dual),
            settings=self._settings,
            prepared=tuple(Slot(n, s.numel()) for n, (s, _) in self._prepared.items()),
            prepare=self.function("prepare", prepared, {}) if prepared else None,
            initial=self.function("initial", first, {}),
            phases=phases,
            measures=self.function("measures", measures, self._symbols),
            tolerances=tolerances or {},
        )

    def function(self, name: str, outputs: dict[str, ca.MX], state: dict[str, ca.MX]) -> ca.Function:
        """A Function of the symbols that occur in `outputs`: those of `state` and all that are not of the state."""
        values = []
        for key, value in outputs.items():
            size = self._slots[key].size if key in self._slots else None
            value = ca.densify(ca.vec(ca.MX(value)))
            assert size in (None, value.numel()), f"{name}: {key} has {value.numel()} entries, not {size}"
            values.append(value)
        known = {
            **{n: state[n] for n in self._slots if n in state},
            **{n: s for n, (s, _) in self._prepared.items()},
            **self._columns,
            **{f"o_{n}": s for n, s in vars(self.settings).items()},
            "x_start": self.x_start,
            "y_start": self.y_start,
        }
        used = {v.name() for v in ca.symvar(ca.veccat(*values))}
        assert used <= set(known), f"{name} uses unknown symbols {used - set(known)}"
        inputs = [n for n in known if n in used]
        return expanded(ca.Function(name, [known[n] for n in inputs], values, inputs, list(outputs), SAME_NAMES))

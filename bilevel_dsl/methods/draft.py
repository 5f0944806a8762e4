"""What a method consists of before it is closed into a `Program`: slots, settings, data, prepared values.

The functions of the program take exactly the symbols that occur in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import casadi as ca

from ..diagnostics import Diagnostic
from ..functions.expand import expanded
from ..functions.oracles import Oracles
from ..functions.sampled import SampledOracles
from ..functions.sets import all_inhabited
from .program import INHABITED, Phase, Program, Setting, Slot
from .samples import batch_size

SAME_NAMES = {"allow_duplicate_io_names": True}  # a phase reads `x` and writes `x`


class Draft:
    def __init__(self, name: str, oracles: Oracles, settings: tuple[Setting, ...], built: Mapping[str, float] | None = None):
        self.name = name
        self.oracles = oracles
        self.settings = SimpleNamespace(**{s.name: ca.MX.sym(f"o_{s.name}") for s in settings if not s.built})
        for s in settings:
            if s.built:
                asked = (built or {}).get(s.name)
                choice = int(s.default if asked is None else asked) if s.choices else None
                value = batch_size(oracles.problem, s.name, asked, s.default) if choice is None else choice
                setattr(self.settings, s.name, value)
        self.remarks: list[Diagnostic] = []
        self.x_start = ca.MX.sym("x_start", oracles.nx)
        self.y_start = ca.MX.sym("y_start", oracles.ny)
        self._settings = tuple(s for s in settings if not s.built)
        self._slots: dict[str, Slot] = {}
        self._symbols: dict[str, ca.MX] = {}
        self._prepared: dict[str, tuple[ca.MX, ca.MX]] = {}
        self.declare("phase", 1, "index of the phase to run next")
        self.declare("signal", 1, "what the method itself found")
        self._parameters = [(f"p{k}", q) for k, q in enumerate(oracles.problem.parameters)]
        self._columns: dict[str, ca.MX] = {}
        self._data: dict[str, ca.MX] = {}  # the same as matrices, each once: a reshape of long data is a copy of them
        self._tables: dict[tuple[SampledOracles, int], ca.MX] = {}
        for name_, q in self._parameters:
            self._columns[name_] = ca.MX.sym(name_, q.symbol.numel())
            self._data[name_] = ca.reshape(self._columns[name_], q.symbol.shape)
        self._multipliers = oracles.problem.slots
        for name_, d in self._multipliers.items():
            self.declare(name_, d.size, f"dual({d.name})")

    @property
    def p(self) -> list[ca.MX]:
        """The parameters of the problem, as its functions take them."""
        multipliers = [ca.reshape(self.read(name), d.symbol.shape) for name, d in self._multipliers.items()]
        return [*self._data.values(), *multipliers]

    @property
    def starting_p(self) -> list[ca.MX]:
        """The same before the first iteration, when no multiplier is known: zeros."""
        return [*self._data.values(), *(ca.MX.zeros(d.symbol.shape) for d in self._multipliers.values())]

    @property
    def duals(self) -> list[str]:
        """The slots of the multipliers that stand for `dual(...)`, in their order."""
        return list(self._multipliers)

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

    def _looked_up(self, oracles: SampledOracles, indices: list[ca.MX]) -> list[ca.MX]:
        """What the oracles of a sample take of the data, for these drawn numbers."""
        lookups = oracles.sample.lookups
        places = [lookup.places for lookup in lookups if lookup.places is not None]
        places = iter(ca.graph_substitute(places, list(oracles.sample.indices), indices) if places else [])
        found = []
        for k, lookup in enumerate(lookups):
            source = self._source(oracles, k)
            entries = source if lookup.places is None else source[next(places)]
            found.append(ca.reshape(entries, lookup.values.shape))
        return found

    def _source(self, oracles: SampledOracles, k: int) -> ca.MX:
        """The column that lookup k is of: data, or a table that is prepared once."""
        lookup = oracles.sample.lookups[k]
        if lookup.parameter:
            return next(self._columns[name] for name, q in self._parameters if q.name == lookup.parameter)
        if (oracles, k) not in self._tables:
            table = ca.Function("table", [*self.oracles.problem.p], [ca.densify(ca.vec(lookup.table))])(*self.starting_p)
            self._tables[oracles, k] = self.prepare(f"table_{len(self._tables) + 1}", table)
        return self._tables[oracles, k]

    def _remark(self, remark: Diagnostic) -> None:
        if all(remark.message != said.message for said in self.remarks):
            self.remarks.append(remark)

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
            data=tuple(Slot(name, q.symbol.numel(), f"parameter {q.name}", q.name, q.shape) for name, q in self._parameters),
            data_values=problem.data,
            settings=self._settings,
            prepared=tuple(Slot(n, s.numel()) for n, (s, _) in self._prepared.items()),
            prepare=self.function("prepare", prepared, {}) if prepared else None,
            initial=self.function("initial", first, {}),
            phases=phases,
            measures=self.function("measures", measures, self._symbols),
            tolerances=tolerances or {},
            remarks=tuple(self.remarks),
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
            **{f"o_{s.name}": getattr(self.settings, s.name) for s in self._settings},
            "x_start": self.x_start,
            "y_start": self.y_start,
        }
        used = {v.name() for v in ca.symvar(ca.veccat(*values))}
        assert used <= set(known), f"{name} uses unknown symbols {used - set(known)}"
        inputs = [n for n in known if n in used]
        return expanded(ca.Function(name, [known[n] for n in inputs], values, inputs, list(outputs), SAME_NAMES))

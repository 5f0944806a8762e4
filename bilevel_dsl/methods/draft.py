"""Writing a method down: named state, settings and phases, closed into a `Program`.

    draft = Draft("dbgd", oracles, SETTINGS)
    x = draft.state("x", n, "the point")
    draft.phase("step", {"x": ..., "phase": 0})

Expressions may use any state, setting, data or prepared symbol of the draft; the functions
made from them take exactly the symbols that occur.
"""

from __future__ import annotations

from types import SimpleNamespace

import casadi as ca

from ..functions.emptiness import all_inhabited
from ..functions.oracles import Oracles, expanded
from .program import INHABITED, Phase, Program, Setting, Slot

SAME_NAMES = {"allow_duplicate_io_names": True}  # a phase reads `x` and writes `x`


class Draft:
    def __init__(self, method: str, oracles: Oracles, settings: tuple[Setting, ...]):
        self.method = method
        self.oracles = oracles
        self.settings = settings
        self.option = SimpleNamespace(**{s.name: ca.MX.sym(f"o_{s.name}") for s in settings})
        self.x_start = ca.MX.sym("x_start", oracles.nx)
        self.y_start = ca.MX.sym("y_start", oracles.ny)
        self._slots: dict[str, Slot] = {}
        self._symbols: dict[str, ca.MX] = {}
        self._prepared: dict[str, tuple[ca.MX, ca.MX]] = {}
        self._phases: list[tuple[str, dict[str, ca.MX]]] = []
        self.state("phase", 1, "index of the phase to run next")
        self.state("signal", 1, "what the method itself found")
        named = [(f"p{k}", q) for k, q in enumerate(oracles.problem.parameters)]
        self._columns = [self.state(name, q.symbol.numel(), q.name) if q.is_dual else ca.MX.sym(name, q.symbol.numel())
                         for name, q in named]  # multipliers are no data: the method finds them
        self.p = [ca.reshape(c, q.symbol.shape) for c, (_, q) in zip(self._columns, named)]
        self.data = tuple(Slot(name, q.symbol.numel(), f"parameter {q.name}", q.name, q.shape)
                          for name, q in named if not q.is_dual)

    # --- declaring ---------------------------------------------------------------------

    def state(self, name: str, size: int = 1, doc: str = "") -> ca.MX:
        assert name not in self._slots, name
        self._slots[name] = Slot(name, size, doc)
        self._symbols[name] = ca.MX.sym(name, size)
        return self._symbols[name]

    def prepare(self, name: str, expression: ca.MX) -> ca.MX:
        """`expression` of data and settings, computed once: a symbol of its value (a column)."""
        symbol = ca.MX.sym(name, expression.numel())
        self._prepared[name] = (symbol, ca.vec(expression))
        return symbol

    def phase(self, name: str, updates: dict[str, ca.MX]) -> None:
        self._phases.append((name, updates))

    def __getitem__(self, name: str) -> ca.MX:
        return self._symbols[name]

    # --- closing -----------------------------------------------------------------------

    def program(self, initial: dict[str, ca.MX], measures: dict[str, ca.MX],
                tolerances: dict[str, str] | None = None) -> Program:
        """The finished program. State that `initial` does not name starts at zero."""
        first = {name: initial.get(name, ca.MX.zeros(slot.size)) for name, slot in self._slots.items()}
        unknown = set(initial) - set(first)
        assert not unknown, unknown
        problem = self.oracles.problem
        condition = all_inhabited(problem)
        if condition is not None:
            self.prepare(INHABITED, ca.Function(INHABITED, [*problem.p], [condition])(*self.p))
        prepared = {name: value for name, (_, value) in self._prepared.items()}
        return Program(
            method=self.method,
            problem_name=problem.name,
            state=tuple(self._slots.values()),
            data=self.data,
            data_values=tuple(v for v, q in zip(problem.data, problem.parameters) if not q.is_dual),
            settings=self.settings,
            prepared=tuple(Slot(n, s.numel()) for n, (s, _) in self._prepared.items()),
            prepare=self._function("prepare", prepared) if prepared else None,
            initial=self._function("initial", first),
            phases=tuple(Phase(n, self._function(f"phase_{n}", u)) for n, u in self._phases),
            measures=self._function("measures", measures),
            tolerances=tolerances or {},
        )

    def _function(self, name: str, outputs: dict[str, ca.MX]) -> ca.Function:
        values = []
        for key, value in outputs.items():
            size = self._slots[key].size if key in self._slots else None
            value = ca.densify(ca.vec(ca.MX(value)))
            assert size in (None, value.numel()), f"{name}: {key} has {value.numel()} entries, not {size}"
            values.append(value)
        known = {
            **self._symbols,
            **{n: s for n, (s, _) in self._prepared.items()},
            **{c.name(): c for c in self._columns},
            **{f"o_{n}": s for n, s in vars(self.option).items()},
            "x_start": self.x_start,
            "y_start": self.y_start,
        }
        used = {v.name() for v in ca.symvar(ca.veccat(*values))}
        assert used <= set(known), f"{name} uses unknown symbols {used - set(known)}"
        inputs = [n for n in known if n in used]
        symbols = [known[n] for n in inputs]
        return expanded(ca.Function(name, symbols, values, inputs, list(outputs), SAME_NAMES))

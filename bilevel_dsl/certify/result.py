"""A certificate: numbers with tolerances, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """One number of the certificate, and the tolerance it is held against."""

    name: str  # "upper_feasibility", "lower_feasibility", "lower_gap", "stationarity", ...
    value: float  # NaN where it could not be computed
    tolerance: float | None  # None: for information
    doc: str = ""

    @property
    def passed(self) -> bool:
        return self.tolerance is None or bool(self.value <= self.tolerance)  # NaN fails


@dataclass(frozen=True)
class Certificate:
    """What is known of a point, computed apart from the method that found it."""

    checks: tuple[Check, ...]
    scope: str = "local"
    notes: tuple[str, ...] = ()  # sentences: "the follower has a better answer: ...", "one-sided derivative"
    details: dict[str, object] = field(default_factory=dict)  # further JSON entries

    @property
    def verified(self) -> bool:
        return bool(self.checks) and all(c.passed for c in self.checks)

    def __getitem__(self, name: str) -> float:
        return next(c.value for c in self.checks if c.name == name)

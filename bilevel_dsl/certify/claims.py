"""What is said of a point: claims, each with a verdict and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np


class Verdict(str, Enum):
    """How much is known of one claim."""

    PROVED = "proved"  # an argument that needs no luck
    SEARCHED = "searched"  # looked for, not found; the words say how far
    FAILED = "failed"  # with a witness
    NOT_CHECKED = "not checked"  # with the reason


@dataclass(frozen=True)
class Claim:
    """One claim about a point.

    Args:
        name: "feasible", "follower_optimal", "follower_answer", "leader_stationary", "leader_global", "multipliers".
        words: what the verdict rests on, how far was searched, or why not checked; in the modeller's words.
        value, tolerance: the number that was held against a tolerance, where there is one.
        witness: where it failed, what to try: values of variables by name, and what they gain.
    """

    name: str
    verdict: Verdict
    words: str
    value: float | None = None
    tolerance: float | None = None
    witness: dict[str, object] | None = None

    @property
    def decided(self) -> dict:
        """Values of variables in the witness, by name."""
        values = (self.witness or {}).get("variables")
        return values if isinstance(values, dict) else {}

    @property
    def passed(self) -> bool:
        """What was not checked never passes."""
        return self.verdict in (Verdict.PROVED, Verdict.SEARCHED)

    @property
    def needed(self) -> bool:
        """Whether `verified` needs it; that a local solution is the global one is for information."""
        return self.name != "leader_global"


@dataclass(frozen=True)
class Certificate:
    """What is known of a point, computed apart from the method that found it."""

    claims: tuple[Claim, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)  # upper_feasibility, lower_gap, ...; NaN: not computed
    tolerances: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # sentences
    details: dict[str, object] = field(default_factory=dict)  # further JSON entries
    trouble: str = ""  # "the follower is unbounded": no answer exists at this decision of the leader
    ties: str = "optimistic"  # whose choice an answer of several is: "pessimistic": the follower's, against the leader
    negligible: dict[str, np.ndarray | float] = field(default_factory=dict)  # "upper", "lower", "variable NAME": as zero
    cut_short: bool = False  # after the first claim that failed: nothing was said of the leader

    @property
    def verified(self) -> bool:
        """Feasible, the follower optimal, its answer the leader's choice, and the leader stationary."""
        needed = [c for c in self.claims if c.needed]
        return bool(needed) and all(c.passed for c in needed)

    @property
    def proved(self) -> bool:
        """Each of them proved."""
        needed = [c for c in self.claims if c.needed]
        return bool(needed) and all(c.verdict is Verdict.PROVED for c in needed)

    @property
    def exact(self) -> bool:
        """Proved in rational numbers; the proof is `details["exact"]`."""
        return self.proved and "exact" in self.details

    @property
    def scope(self) -> str:
        """ "local", "global (searched)" or "global (proved)": of the leader's decision."""
        found = self.claim("leader_global")
        return f"global ({found.verdict.value})" if found and found.passed else "local"

    def claim(self, name: str) -> Claim | None:
        """The claim `name`, None where it does not apply."""
        return next((c for c in self.claims if c.name == name), None)

    def __getitem__(self, name: str) -> float:
        """The number `name`: "upper_feasibility", "lower_feasibility", "lower_gap", "stationarity", ..."""
        return self.numbers[name]


def unchecked(why: str) -> Certificate:
    """The certificate of a point of which nothing was checked."""
    names = ("feasible", "follower_optimal", "follower_answer", "leader_stationary", "leader_global")
    return Certificate(tuple(Claim(name, Verdict.NOT_CHECKED, why) for name in names))

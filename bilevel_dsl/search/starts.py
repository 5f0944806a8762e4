"""Other places to begin: what the certificates found, decisions inside the leader's sets, its extreme choices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..certify.certificate import Examination
from ..certify.claims import Certificate
from ..certify.stationarity import project_x, project_y
from ..functions.oracles import Oracles
from ..functions.start import start_point
from .attempt import Attempt, Start

FAR = 10.0  # lengths around the point, where a variable has no bound
WORDS = {
    "follower_optimal": "a better answer of the follower",
    "follower_answer": "an answer of the follower that the leader prefers",
    "leader_stationary": "a better decision near by",
    "leader_global": "a better decision elsewhere",
}


def witnesses(oracles: Oracles, attempt: Attempt) -> Iterator[Start]:
    """Where the certificate of an attempt has seen something better, the follower's answers first."""
    certificate: Certificate | None = attempt.certificate
    if certificate is None or certificate.trouble:  # where the follower is unbounded each answer has a better one, for ever
        return
    for name, words in WORDS.items():
        claim = certificate.claim(name)
        witness = claim.witness if claim else None
        if not witness:
            continue
        here = _by_name(oracles, attempt.x, attempt.y)
        if "variables" in witness:
            x, y = start_point(oracles.problem, here | witness["variables"])
            yield Start(x=x, y=y, words=words)
        elif "direction" in witness:
            step, _ = start_point(oracles.problem, here | witness["direction"])  # of a hundredth of a length
            yield Start(x=project_x(oracles, attempt.x + step), y=attempt.y, words="a descent direction of the leader")


def better_answer(oracles: Oracles, attempt: Attempt) -> np.ndarray | None:
    """The better answer of the follower that the certificate of an attempt has found, if any."""
    claim = attempt.certificate.claim("follower_optimal") if attempt.certificate else None
    if claim is None or not claim.witness or "variables" not in claim.witness:
        return None
    return start_point(oracles.problem, _by_name(oracles, attempt.x, attempt.y) | claim.witness["variables"])[1]


def elsewhere(oracles: Oracles, x: np.ndarray, y: np.ndarray, seed: int) -> Iterator[Start]:
    """Decisions all over the leader's set: its middle, its two ends, then at random; y is the follower's answer there."""
    if not oracles.nx:
        yield from _answers_elsewhere(oracles, x, y, seed)
        return
    examined = Examination(oracles, x, y)
    known = examined.finite and examined.leader.describable
    size = examined.scales.x if known else np.maximum(1.0, np.abs(x))
    lower, upper = examined.leader.limits(examined.place, x)[:2] if known else (np.full(x.size, -np.inf),) * 2
    upper = upper if known else np.full(x.size, np.inf)
    low = np.where(np.isfinite(lower), lower, x - FAR * size)
    high = np.where(np.isfinite(upper), upper, x + FAR * size)
    rng = np.random.default_rng(seed)
    fixed = [np.full(x.size, 0.5), np.zeros(x.size), np.ones(x.size)]
    for k in range(10**6):
        u = fixed[k] if k < len(fixed) else rng.random(x.size)
        there = project_x(oracles, low + (high - low) * u)
        found = examined.reaction(there, y) if known and examined.region.describable else None
        yield Start(x=there, y=y if found is None else found.y, words=f"start {k + 2}")


def _answers_elsewhere(oracles: Oracles, x: np.ndarray, y: np.ndarray, seed: int) -> Iterator[Start]:
    """A simple bilevel problem has no decisions of the leader: the follower's variables begin elsewhere."""
    rng = np.random.default_rng(seed)
    size = np.maximum(1.0, np.abs(y))
    for k in range(10**6):
        yield Start(x=x, y=project_y(oracles, y + size * rng.normal(size=y.size) * 3.0 ** (k % 3)), words=f"start {k + 2}")


def _by_name(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    problem = oracles.problem
    return {v.name: np.reshape((x if v.level == "upper" else y)[v.slice], v.shape, order="F") for v in problem.variables}

"""The certificate against known answers, and against points that look right but are not."""

from __future__ import annotations

import casadi as ca
import numpy as np
import pytest

from bilevel_dsl.certify.certificate import Examination, certify
from bilevel_dsl.certify.claims import Certificate, Verdict
from bilevel_dsl.certify.follower import Response
from bilevel_dsl.certify.reaction import Reactions
from bilevel_dsl.certify.totals import total_slope
from bilevel_dsl.functions.oracles import Oracles
from tests.problems import TWO_LEVEL, box, problem


def respond(oracles: Oracles, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The follower's answer to x, from y."""
    return Examination(oracles, x, y).follower.answer(x, y).y


def verdict(certificate: Certificate, name: str) -> Verdict:
    return certificate.claim(name).verdict


EXACT = ["p0", "p1", "p2", "p3", "p6", "upper row", "lower row", "lower equality"]


@pytest.mark.parametrize("name", EXACT)
def test_known_answers_are_verified(name):
    case = TWO_LEVEL[name]
    nx = case.x0.size
    certificate = certify(Oracles(case.problem), case.answer[:nx], case.answer[nx:])
    assert certificate.verified, certificate


@pytest.mark.parametrize("name", EXACT)
def test_a_leader_elsewhere_is_not_stationary(name):
    case = TWO_LEVEL[name]
    oracles = Oracles(case.problem)
    x = case.answer[:1] - 0.3
    certificate = certify(oracles, x, respond(oracles, x, case.answer[1:]))
    assert certificate.claim("follower_optimal").passed
    assert verdict(certificate, "leader_stationary") is Verdict.FAILED and not certificate.verified
    assert certificate.claim("leader_stationary").witness["gain"] > 0


@pytest.mark.parametrize("name", EXACT)
def test_a_follower_elsewhere_has_a_gap(name):
    case = TWO_LEVEL[name]
    y = case.answer[1:] + 0.1 * np.arange(1, case.answer.size)
    certificate = certify(Oracles(case.problem), case.answer[:1], y)
    assert not certificate.verified
    assert Verdict.FAILED in (verdict(certificate, "follower_optimal"), verdict(certificate, "feasible"))


def test_first_order_trap_is_reported():
    """Mirrlees 1999: (1.991221, 0.894708) is stationary for the follower, but not optimal."""
    mirrlees = problem(
        lambda x, y: (x - 2) ** 2 + (y - 1) ** 2,
        lambda x, y: -x * ca.exp(-((y + 1) ** 2)) - ca.exp(-((y - 1) ** 2)),
        1,
        1,
        y_set=box(1, -2, 2),
    )
    trap = certify(Oracles(mirrlees), np.array([1.991221]), np.array([0.894708]))
    found = trap.claim("follower_optimal")
    assert found.verdict is Verdict.FAILED and not trap.verified
    assert "gives the follower" in found.words and found.witness["variables"]["y"][0] < 0
    best = respond(Oracles(mirrlees), np.array([1.0]), np.array([0.95]))
    assert best == pytest.approx([0.957504024], abs=1e-6)


def test_the_follower_choice_that_hurts_the_leader_is_told():
    """y anywhere on the line y1 + y2 = x is optimal; (x/2, x/2) is not what the leader wants."""
    case = TWO_LEVEL["p3"]
    certificate = certify(Oracles(case.problem), case.answer[:1], np.array([4 / 3, 4 / 3]))
    assert certificate.claim("follower_optimal").passed
    assert verdict(certificate, "follower_answer") is Verdict.FAILED and not certificate.verified
    assert certificate.details["leader_best"] == pytest.approx(2 / 3, abs=1e-3)


def test_nan_is_never_verified():
    certificate = certify(Oracles(TWO_LEVEL["p0"].problem), np.array([np.nan]), np.array([1.0]))
    assert not certificate.verified


@pytest.mark.parametrize("seed", range(4))
def test_hypergradient_against_differences(seed):
    """Quadratic lower level with an equality: y(x) in closed form from its KKT system."""
    rng = np.random.default_rng(seed)
    nx, ny = 3, 4
    M = rng.standard_normal((ny, ny))
    Q, R, a = M @ M.T + np.eye(ny), rng.standard_normal((ny, nx)), rng.standard_normal(ny)
    c = rng.standard_normal((1, nx))
    target = rng.standard_normal(ny)

    def f(x, y):
        return ca.sumsqr(y - target) + ca.sum1(ca.sin(x)) + ca.dot(x, x) * y[0]

    made = problem(
        f,
        lambda x, y: ca.dot(y, ca.DM(Q) @ y) / 2 + ca.dot(y, ca.DM(R) @ x),
        nx,
        ny,
        lower=[("eq", lambda x, y: ca.dot(ca.DM(a), y) - ca.DM(c) @ x)],
    )
    K = np.block([[Q, a[:, None]], [a[None, :], np.zeros((1, 1))]])

    def answer(x):
        return np.linalg.solve(K, np.concatenate([-R @ x, c @ x]))[:ny]

    def value(x, y):
        return np.sum((y - target) ** 2) + np.sum(np.sin(x)) + x @ x * y[0]

    x = rng.standard_normal(nx)
    examined = Examination(Oracles(made), x, answer(x))
    here = examined.local_of(Response(answer(x), 0.0, 0.0, True))
    reactions = Reactions(
        examined.place,
        examined.leader,
        examined.region,
        examined.follower,
        examined.scales,
        examined.frame.upper_rows,
        False,
        (x, answer(x)),
    )
    slope = total_slope(examined.place, here, reactions) * examined.scales.f / examined.scales.x
    h = 1e-6
    differences = [(value(x + h * e, answer(x + h * e)) - value(x - h * e, answer(x - h * e))) / (2 * h) for e in np.eye(nx)]
    assert slope == pytest.approx(differences, rel=1e-6, abs=1e-6)


def test_ctrl_c_within_ipopt_is_not_taken_for_a_failure(monkeypatch):
    """IPOPT ends by itself on Ctrl-C, and CasADi keeps the exception: the press counts all the same."""
    import signal

    case = TWO_LEVEL["p3"]
    follower = Examination(Oracles(case.problem), np.array([1.0]), np.array([0.0, 0.0])).follower
    solver = follower._solver("g", 0, False, False)

    def pressed(**arguments):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass  # as CasADi does
        return solver(**arguments)

    monkeypatch.setattr(follower, "_solver", lambda *arguments: pressed)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        follower.respond(np.array([1.0]), np.array([0.0, 0.0]))
    assert signal.getsignal(signal.SIGINT) is handler


def test_descent_on_the_other_side_of_a_kink_is_found():
    """y = -sqrt(x) meets its bound -1 at x = 1 with a multiplier of zero; the leader gains by going back."""
    made = problem(
        lambda x, y: -x + x * y + 10 * y**2,
        lambda x, y: -x * y**2 + y**4 / 2,
        1,
        1,
        x_set=box(1, -1, 1),
        y_set=box(1, -1, 1),
    )
    certificate = certify(Oracles(made), np.array([1.0]), np.array([-1.0]))
    assert certificate.claim("follower_optimal").passed
    assert verdict(certificate, "leader_stationary") is Verdict.FAILED and not certificate.verified


def test_a_minimum_at_a_kink_is_verified():
    """y = max(0, 1 - x), f = x + 3 y: the kink at x = 1 is the minimum."""
    made = problem(
        lambda x, y: x + 3 * y,
        lambda x, y: y,
        1,
        1,
        x_set=box(1, 0, 5),
        y_set=box(1, 0, 9),
        lower=[("le", lambda x, y: 1 - x - y)],
    )
    certificate = certify(Oracles(made), np.array([1.0]), np.array([0.0]))
    assert certificate.verified and "linear program" in certificate.claim("leader_stationary").words


@pytest.mark.parametrize("x, y", [(-1.0, 1 / 3), (0.5, 1.0)])
def test_a_better_answer_far_away_is_found(x, y):
    """Local minimisers of the follower; the global ones lie at the far end of its range."""
    g = (lambda x, y: x * y**2 / 2 - x * y**3) if x < 0 else (lambda x, y: y**3 - 3 * y)
    made = problem(lambda x, y: x - y, g, 1, 1, x_set=box(1, -1, 1), y_set=box(1, -1, 1) if x < 0 else box(1, -2.5, 9))
    certificate = certify(Oracles(made), np.array([x]), np.array([y]))
    assert verdict(certificate, "follower_optimal") is Verdict.FAILED and not certificate.verified


def test_a_follower_with_a_single_admissible_point_is_resolved():
    """x = 5 leaves only y = 2 between two rows: no interior, which an interior-point method needs."""
    made = problem(
        lambda x, y: (x - 5) ** 2 + (2 * y + 1) ** 2,
        lambda x, y: (y - 1) ** 2 - 1.5 * x * y,
        1,
        1,
        x_set=box(1, 0, 9),
        y_set=box(1, 0, np.inf),
        lower=[("le", lambda x, y: x - 0.5 * y - 4), ("le", lambda x, y: x + y - 7)],
    )
    certificate = certify(Oracles(made), np.array([5.0]), np.array([2.0]))
    assert certificate.claim("follower_optimal").passed

"""A result for reading: why it stopped, what is known of the point, the point.

Nothing is wider than `width` (from 50), and nothing needs Unicode
unless `unicode` is true.
"""

from __future__ import annotations

import math
import textwrap

import numpy as np

from ..certify.claims import Claim, Verdict
from ..model.problem import labels_of
from .page import DIM, Line, Page, declared
from .solution import Point, Solution
from .values import number, rough

STOPPED = {
    "converged": "every tolerance of the method is met",
    "iteration_limit": "max_iter iterations are done; --max-iter allows more",
    "time_limit": "the time is over; --time-limit allows more",
    "stalled": "no further progress: steps below what rounding allows",
    "diverged": "iterates or objective leave every bound; is the problem bounded?",
    "infeasible": "the constraints could not be met",
    "not_finite": "a function or derivative became infinite or not a number",
    "interrupted": "stopped by the user; the best point so far is kept",
}
MISSED = "the method could not meet its conditions; the point meets the constraints"
NARROW = 70  # characters of a page below which the words of a claim stand under it
MOST_ATTEMPTS = 8  # lines of them
MOST_ENTRIES = 6  # of an answer that is told beside another
MOST_WORDS = 3  # further lines of them
TITLES = {
    "feasible": "feasible",
    "follower_optimal": "follower optimal",
    "follower_answer": "follower's answer",
    "multipliers": "multipliers",
    "leader_stationary": "leader stationary",
    "leader_global": "leader global",
}
REFUTED = {
    "feasible": "a constraint is broken",
    "follower_optimal": "the follower has a better answer",
    "follower_answer": "the leader would pick another answer of the follower",
    "multipliers": "the multipliers are not the follower's",
    "leader_stationary": "the leader can do better near by",
}
_LABEL, _WIDEST_LABEL = 18, 30  # columns of names
_DIGITS = 7  # of objectives: one more than of variables, so that ties of rounding do not look like errors
_GOOD, _POOR, _BAD = "bold green", "bold yellow", "bold red"


def lines(
    result: Point, *, width: int = 80, unicode: bool = False, verbose: bool = False, warnings: bool = True
) -> list[Line]:
    """The table of a result.

    Args:
        verbose: with all entries, settings, evaluations and the measures of the method.
        warnings: with one line for each warning of the model.
    """
    names = [len(declared(v.name, v.shape)) + 2 for v in (*result.problem.variables, *result.problem.report)]
    page = Page(width, unicode, min(max(_LABEL, *names), _WIDEST_LABEL))
    page.add((_title(result), _tint(result)))
    page.blank()
    _verdict(page, result)
    page.blank()
    _objectives(page, result)
    _values(page, result, verbose)
    _work(page, result, verbose)
    _remarks(page, result, warnings)
    return page.lines


# --- the parts ------------------------------------------------------------------------------------


def _title(result: Point) -> str:
    """What is known of the point; why the method stopped is a detail."""
    return f"{result.problem.name}: {headline(result)}"


def headline(result: Point) -> str:
    certificate = result.certificate
    if certificate.verified:
        known = "proved" if certificate.proved else "verified"
        shown = "proved (exact)" if certificate.exact else known
        return f"{shown}, a {certificate.scope.removesuffix(f' ({known})')} solution"
    if certificate.trouble:
        return f"not verified, {certificate.trouble}"
    if isinstance(result, Solution) and result.no_point:
        return f"no answer, {STOPPED['infeasible']}"
    if not result.variables and isinstance(result, Solution):
        return f"not verified, {result.status.replace('_', ' ')}"
    failed = [c for c in certificate.claims if c.needed and c.verdict is Verdict.FAILED]
    return f"not verified, {_refuted(result, failed[0].name)}" if failed else "not verified"


def _refuted(result: Point, name: str) -> str:
    certificate = result.certificate
    if name == "leader_stationary" and "infimum" in certificate.details:
        return f"{'an infimum' if result.problem.f.sense > 0 else 'a supremum'} that no decision attains"
    if name == "follower_answer" and certificate.ties == "pessimistic":
        return "an adverse follower would answer otherwise"
    return REFUTED[name]


def _tint(result: Point) -> str:
    return {0: _GOOD, 6: _POOR, 7: _POOR, 130: _POOR}.get(result.exit_status, _BAD)


def _verdict(page: Page, result: Point) -> None:
    """What is known, claim by claim, and why it stopped."""
    claims = result.certificate.claims
    page.entry("what is known", _known(result))
    name = max((len(TITLES[c.name]) for c in claims), default=0)
    verdict = max((len(c.verdict.value) for c in claims), default=0)
    for claim in claims:
        _claim(page, claim, name, verdict)
    if isinstance(result, Solution):
        words = STOPPED[result.status] if result.status != "infeasible" or result.no_point else MISSED
        page.entry("why it stopped", f"{result.status.replace('_', ' ')}: {words}")


def _known(result: Point) -> str:
    claims = [c for c in result.certificate.claims if c.needed]
    if not claims or all(c.verdict is Verdict.NOT_CHECKED for c in claims):
        return "nothing: " + (claims[0].words if claims else "the answer was not checked")
    if result.certificate.verified:
        open_ = [TITLES[c.name] for c in claims if c.verdict is not Verdict.PROVED]
        searched = f"nothing speaks against it; searched, not proved: {', '.join(open_)}"
        return searched if open_ else "all claims are proved"
    failed = [TITLES[c.name] for c in claims if c.verdict is Verdict.FAILED]
    missing = [TITLES[c.name] for c in claims if c.verdict is Verdict.NOT_CHECKED]
    parts = [f"failed: {', '.join(failed)}"] if failed else []
    return "; ".join(parts + ([f"not checked: {', '.join(missing)}"] if missing else []))


def _claim(page: Page, claim: Claim, name: int, verdict: int) -> None:
    passed = claim.passed or not claim.needed
    mark, style = page.mark(passed) if claim.passed or claim.needed else ("-" if page.unicode else "--", DIM)
    head = f"  {mark} {TITLES[claim.name]:<{name}}  {claim.verdict.value:<{verdict}}  "
    number = ""
    if claim.value is not None and claim.tolerance is not None and not math.isnan(claim.value):
        number = f"{rough(claim.value)} {'<=' if claim.value <= claim.tolerance else '>'} {rough(claim.tolerance)}; "
    beside = page.width >= NARROW
    indent = len(head) if beside else 6
    words = textwrap.wrap(number + claim.words, page.width - indent) or [""]
    first = [(words.pop(0), DIM)] if beside else []
    page.add((head[: len(mark) + 2], style), (head[len(mark) + 2 :], "" if passed else style), *first)
    for line in words[:MOST_WORDS]:
        page.add((" " * indent + line, DIM))


def _objectives(page: Page, result: Point) -> None:
    problem, reference = result.problem, result.problem.reference
    if not result.variables:
        return
    if _is_broken(result):
        upper, lower = (number(v, _DIGITS) for v in (result.upper, result.lower))
        page.entry("objectives", f"none, as a constraint is broken; at the values below upper {upper}, lower {lower}")
        page.blank()
        return
    error = result.reference_error()
    for level, objective, value, known in (
        ("upper", problem.f, result.upper, reference.upper),
        ("lower", problem.g, result.lower, reference.lower),
    ):
        sense = "minimize" if objective.sense > 0 else "maximize"
        more = "" if known is None else f"   reference {number(known, _DIGITS)}"
        if level == "upper" and error is not None:
            more += f", relative error {rough(error)}"
        shown = _without_noise(result, level, value)
        page.entry(f"{level} ({sense})", number(shown, _DIGITS) + more, "bold")
    if result.ties == "report":
        _ends(page, result)
    if reference.source and (reference.upper is not None or reference.lower is not None):
        page.entry("reference from", reference.source)
    page.blank()


def _is_broken(result: Point) -> bool:
    return any(c.name == "feasible" and c.verdict is Verdict.FAILED for c in result.certificate.claims)


def _ends(page: Page, result: Point) -> None:
    """The upper objective with the best and with the worst of the follower's answers for the leader, and these."""
    details = result.certificate.details
    for title, key in (("best answer", "leader_best"), ("worst answer", "leader_worst")):
        if key not in details:
            page.entry(title, "not known")
            continue
        answer = details.get(f"{key}_answer", {v.name: result.variables[v.name] for v in result.problem.lower_variables})
        shown = "; ".join(f"{name} = {_brief(value)}" for name, value in answer.items())
        page.entry(title, f"{number(details[key], _DIGITS)}   {shown}")


def _brief(value) -> str:
    entries = [number(v) for v in np.ravel(value)]
    more = ["..."] if len(entries) > MOST_ENTRIES else []
    text = ", ".join(entries[:MOST_ENTRIES] + more)
    return f"[{text}]" if np.ndim(value) else text


def _without_noise(result: Point, name: str, value):
    """Zero for what no check can tell from it: not an entry of the certificate, no change."""
    least = result.certificate.negligible.get(name, 0.0)
    return np.where(np.abs(value) <= least, 0.0, value)[()]


def _values(page: Page, result: Point, verbose: bool) -> None:
    """Variables, then the entries of `report`."""
    if not result.variables:
        return
    elided = False
    for v in result.problem.variables:
        shown = _without_noise(result, f"variable {v.name}", result.variables[v.name])
        elided |= page.array(v.name, v.shape, shown, v.labels, whole=verbose)
    if result.report:
        page.blank()
    for r in result.problem.report:
        elided |= page.array(r.name, r.shape, result.report[r.name], labels_of(r.index), whole=verbose)
    if elided:
        page.add(("  (cut to fit; -v shows every entry)", DIM))
    page.blank()


def _work(page: Page, result: Point, verbose: bool) -> None:
    spent = ", ".join(f"{name} {_seconds(t)}" for name, t in result.timings.items() if t >= 5e-4)
    total = _seconds(sum(result.timings.values()))
    if isinstance(result, Solution):
        since = "" if not result.reason else f", {'' if result.reason.startswith('from ') else 'since '}{result.reason}"
        page.entry("method", result.method + since)
        count = f"{result.iterations} iteration{'s' * (result.iterations != 1)}, {result.executor}"
        page.entry("work", f"{count}, {total} s" + (f" ({spent})" if spent else ""))
    else:
        page.entry("work", f"{total} s")
    if isinstance(result, Solution) and len(result.attempts) > 1:
        _attempts(page, result)
    if verbose and isinstance(result, Solution):
        page.entry("settings", ", ".join(f"{k} {v:g}" for k, v in result.settings.items()))
        page.entry("evaluations", ", ".join(f"{k} {v}" for k, v in result.evaluations.items()))
        page.entry("measures", ", ".join(f"{k} {number(v)}" for k, v in result.measures.items()))


def _attempts(page: Page, result: Solution) -> None:
    """A line for each attempt whose end was examined, one for the others, and the answers at which they ended."""
    told = [a for a in result.attempts if a.examined or a.chosen]
    for k, a in enumerate(told[:MOST_ATTEMPTS]):
        end = "no point" if a.upper is None else number(_without_noise(result, "upper", a.upper), _DIGITS)
        known = "verified" if a.verified else "not verified"
        words = f"{a.method} from {a.start}: {a.status.replace('_', ' ')} at {end}, {known}, {_seconds(a.seconds)} s"
        page.entry("attempts" if k == 0 else "", words + (" (this one)" if a.chosen else ""), "" if a.chosen else DIM)
    rest = len(result.attempts) - len(told[:MOST_ATTEMPTS])
    if rest:
        page.entry("", f"and {rest} more that ended no better (--json FILE has all)", DIM)
    if result.answers[1:] or result.answers and result.answers[0][1] > 1:
        found = ", ".join(
            f"{number(_without_noise(result, 'upper', v), _DIGITS)} ({times})" for v, times in result.answers[:MOST_ATTEMPTS]
        )
        page.entry("answers found", f"{found}, of {len(result.attempts)} attempts")


def _seconds(t: float) -> str:
    return f"{t:.3f}" if t < 0.1 else f"{t:.2f}" if t < 10 else f"{t:.0f}"


def _remarks(page: Page, result: Point, warnings: bool) -> None:
    notes = [("note", note) for note in result.certificate.notes]
    if warnings:
        notes += [("warning", d.message + (f" (line {d.primary.span.line})" if d.primary else "")) for d in result.warnings]
    if notes:
        page.blank()
    for kind, text in notes:
        page.paragraph(kind, text)

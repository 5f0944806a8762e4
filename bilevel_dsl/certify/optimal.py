"""Is the follower's answer the best one? Convex: a dual bound. Small: an interval search. Else: many starts.

Each part of the follower that is separate from the others is answered, and its gap measured, by itself. Gaps are
relative to the change of the objective over one length (`scales.variation`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter

import casadi as ca
import numpy as np

from ..intervals.boxes import Search, minimise
from ..model.problem import entry_of
from .affine import convex_by_parts
from .blocks import at_leader, blocks, scalar_graph
from .claims import Claim, Verdict
from .curvature import curvature, curvatures
from .effort import Budget
from .follower import FAR, Follower, Response
from .local import Local, local
from .place import Place, Region
from .scales import TIED, Scales, coupling, variation
from .separate import least_squares
from .starts import candidates, scattered
from .tangent import spread, tangent

GAP = 10.0  # times the tolerance of the certificate
PROVABLE = 3  # variables of a block up to which boxes are searched
RULED = 500_000  # operations of g up to which the rules of convexity are applied
SHORT = 1e-2  # of the change over one length: the least range of g that is looked for, where a gap comes near the tolerance
APART = 1e-3  # lengths between two answers that count as two
FEW = 3  # starts where samples are too dear
SAMPLING = 2.0  # seconds of samples of one part at most


@dataclass
class Part:
    """One separate part of the follower and what was found of it."""

    entries: np.ndarray
    size: float  # the change of g over one length of its variables
    least: float  # that can be told from rounding
    answers: list[tuple[np.ndarray, float]] = field(default_factory=list)  # values, and g above that of the base point
    proved: str = ""  # by what; empty: searched
    samples: int = 0
    starts: int = 0


@dataclass(frozen=True)
class Optimal:
    claim: Claim
    gap: float  # NaN where it is not known
    answer: Response | None  # the follower's best answer that was found
    parts: tuple[Part, ...] = ()
    convex: bool = False
    unbounded: bool = False
    notes: tuple[str, ...] = ()


def optimal(
    place: Place,
    region: Region,
    follower: Follower,
    scales: Scales,
    x: np.ndarray,
    y: np.ndarray,
    budget: Budget,
    *,
    seed: int,
    tol: float,
) -> Optimal:
    """The claim on the follower's answer y to x, and the better or further answers met on the way."""
    answer = follower.answer(x, y)
    if not answer.solved and _runs_away(place, region, follower, scales, x, y, answer):
        return _unbounded(place, answer.y, "its objective falls without end along a direction")
    if not answer.solved:
        if follower.violation(x, y) > 1e-6:
            words = "no answer of the follower was found: its constraints may have no point here"
            return Optimal(Claim("follower_optimal", Verdict.NOT_CHECKED, words), np.nan, None)
        answer = Response(y, place.value("g", x, y), place.value("f", x, y), False, answer.status)
    convex, held = _convexity(place, region, x, y)
    parts = [Part(entries, *_part_size(place, region, scales, x, answer.y, entries)) for entries in held]
    if convex:
        answer, gap = polished(place, region, follower, scales, answer, x)
        if gap > GAP * tol:
            answer, gap = _by_linear_program(place, region, follower, answer, x, gap)
        if gap <= GAP * tol:
            parts = [replace(p, proved=f"duality gap {gap:.1g}") for p in parts]
            return _judged(
                place, region, follower, parts, x, y, answer, tol, f"a convex follower, duality gap {gap:.1g}", convex=True
            )
        found = _judged(
            place,
            region,
            follower,
            parts,
            x,
            y,
            answer,
            tol,
            f"a convex follower, solved again; its duality gap is known to {gap:.1g} only",
            convex=True,
        )
        if answer.solved or not found.claim.passed:
            return found
        words = f"a convex follower that could not be solved again; its duality gap is known to {gap:.1g} only"
        return replace(found, claim=replace(found.claim, verdict=Verdict.NOT_CHECKED, words=words))
    rng = np.random.default_rng(seed)
    trouble = _search(place, region, follower, parts, x, answer, budget, rng, scales)
    if trouble is not None:
        return _unbounded(place, *trouble)
    for part in parts:
        if len(part.entries) <= PROVABLE and not budget.over:
            trouble = _prove(place, region, follower, part, x, answer.y, budget, tol)
            if trouble is not None:
                return _unbounded(place, *trouble)
    return _judged(place, region, follower, parts, x, y, answer, tol, "", over=budget.over)


# --- convexity and the dual bound --------------------------------------------------------------


def _convexity(place: Place, region: Region, x: np.ndarray, y: np.ndarray) -> tuple[bool, list[np.ndarray]]:
    """Whether g and the set of the follower are convex in y by their structure; and its separate parts."""
    held = blocks(place, region)
    lower, upper, low, high = region.limits(place, x)
    if _objective_convex(place, x, lower, upper):
        return _rows_convex(place, region, x, lower, upper, low, high), held
    large = at_leader(place, place.oracles.function("g"), x, largest=RULED) is None
    return large and _quadratic_convex(place, region, x, y), held


def convex_objective(place: Place, x: np.ndarray) -> bool:
    """Whether g is convex in y by its structure, on the whole space."""
    free = np.full(place.ny, np.inf)
    return _objective_convex(place, x, -free, free)


def _objective_convex(place: Place, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    """By rules, of the graph of scalars or, where that is long, of what is left between affine parts."""
    g = place.oracles.function("g")
    if not g.is_a("SXFunction") and convex_by_parts(place, x, lower, upper):
        return True
    scalar = at_leader(place, g, x, largest=RULED)
    return scalar is not None and curvature(scalar, lower, upper) in ("constant", "affine", "convex")


def _rows_convex(place, region, x, lower, upper, low, high) -> bool:
    if not region.count:
        return True
    rows = at_leader(place, region._values, x)
    if rows is None:
        return not any(ca.which_depends(ca.densify(region.rows), place.problem.y, 2, True))
    for kind, l, h in zip(curvatures(rows, lower, upper), low, high):
        fits = {"constant": True, "affine": True, "convex": not np.isfinite(l), "concave": not np.isfinite(h)}
        if not fits.get(kind, False):
            return False
    return True


def _quadratic_convex(place: Place, region: Region, x, y) -> bool:
    """Of a graph too large for rules: a constant Hessian that is positive semidefinite, and affine rows."""
    problem = place.problem
    if place.ny > 400 or ca.depends_on(
        ca.jtimes(ca.gradient(problem.g.expression, problem.y), problem.y, ca.MX.ones(place.ny)), problem.y
    ):
        return False
    if region.count and any(ca.which_depends(ca.densify(region.rows), problem.y, 2, True)):
        return False
    spectrum = np.linalg.eigvalsh(place("hess_yy_g", x, y)[0])
    return bool(spectrum[0] >= -1e-12 * max(np.abs(spectrum).max(), 1e-300))


def polished(
    place: Place, region: Region, follower: Follower, scales: Scales, answer: Response, x: np.ndarray
) -> tuple[Response, float]:
    """The answer after Newton steps on its active set, and a bound of its gap if the follower is convex.

    The Lagrangian of a convex problem lies above its tangent plane: g >= L(y) + grad L (y' - y), so the gap is at most
    the complementarity sum plus |grad L| times how far y' may be: to its bounds, else FAR lengths.
    """
    best, gap = answer, np.inf
    for _ in range(3):
        here = local(place, region, scales, follower.frame.rows, answer, x)
        if here is None:
            break
        bound = dual_gap(place, region, scales, here, x, answer.y) if follower.violation(x, answer.y) <= 1e-9 else np.inf
        if bound < gap:
            best, gap = answer, bound
        if gap <= 1e-12 or len(answer.y) > 500:
            break
        hold = here.equal | (here.multipliers > 0)
        A = here.A[hold]
        K = np.block([[here.hessian, A.T], [A, np.zeros((len(A), len(A)))]])
        right = -np.concatenate([here.g_y + here.A.T @ here.multipliers, here.value[hold]])
        step = least_squares(K, right, 1e-12)[: answer.y.size]
        lower, upper = region.limits(place, x)[:2]
        moved = np.clip(answer.y + scales.y * step, lower, upper)
        g = place.value("g", x, moved)
        if not np.isfinite(g) or np.max(np.abs(step), initial=0.0) > 0.1:
            break
        answer = Response(moved, g, place.value("f", x, moved), answer.solved, answer.status, answer.multipliers)
    return best, gap


def _by_linear_program(
    place: Place, region: Region, follower: Follower, answer: Response, x: np.ndarray, gap: float
) -> tuple[Response, float]:
    """The same by a linear program where that tells more: a convex g has g(y') - g(y) >= g_y (y' - y).

    Of a linear g its vertex is an answer.
    """
    found = tangent(place, region, follower.frame, x, answer.y)
    if found is None or found.status != "optimal":
        return answer, gap
    if follower.linear:
        y = found.y
        return Response(y, place.value("g", x, y), place.value("f", x, y), True, "vertex", found.multipliers), 0.0
    return answer, min(gap, found.gap)


def dual_gap(place: Place, region: Region, scales: Scales, here: Local, x: np.ndarray, y: np.ndarray) -> float:
    """The bound of `polished`, relative to the change of g over one length."""
    lower, upper = region.limits(place, x)[:2]
    slope = here.g_y + here.A.T @ here.multipliers
    reach = np.where(slope > 0, y - lower, upper - y) / scales.y
    reach = np.where(np.isfinite(reach), reach, FAR)
    rounding = 4e-16 * (np.abs(here.g_y) + np.abs(here.A.T) @ np.abs(here.multipliers))
    slope = np.maximum(np.abs(slope) - rounding, 0.0)
    return float(-here.multipliers @ here.value + slope @ reach)


# --- search --------------------------------------------------------------------------------------


def _part_size(place, region, scales, x, y, entries) -> tuple[float, float]:
    lower, upper = region.limits(place, x)[:2]
    least = TIED * coupling(place, x, y, scales.x, scales.y, entries)
    return max(variation(place, "g", x, y, scales.y, lower, upper, entries), least), least


def _search(
    place: Place,
    region: Region,
    follower: Follower,
    parts: list[Part],
    x: np.ndarray,
    answer: Response,
    budget: Budget,
    rng: np.random.Generator,
    scales: Scales,
) -> tuple[np.ndarray, str] | None:
    """Further answers of every part, from the local minima of its samples; a trouble where g is -inf or falls for ever."""
    cost = _seconds(place, x, answer.y)
    starts: list[list[np.ndarray]] = []
    for part in parts:
        part.answers.append((answer.y[part.entries], 0.0))
        n = len(part.entries)
        count = min(budget.effort.samples * n, 1600)
        affordable = int(min(SAMPLING, 0.3 * budget.left) / cost)
        scans = min(budget.effort.scans, affordable // (4 * n))
        count = min(count, affordable // 2)
        if count < 10 or scans < 5:
            starts.append(scattered(place, region, follower.frame, x, answer.y, part.entries, FEW, rng))
            continue
        found = candidates(place, region, follower.frame, x, answer.y, part.entries, count, scans, rng)
        if found.trouble is not None:
            return found.trouble
        part.samples = found.samples
        starts.append(found.points[: budget.effort.starts])
    for k in range(max(map(len, starts), default=0)):
        if budget.over and k >= 1:  # one other start is the least
            break
        point = answer.y.copy()
        for part, own in zip(parts, starts):
            if k < len(own):
                point[part.entries] = own[k]
                part.starts += 1
        found = follower.answer(x, point)
        if found.solved:
            for part, own in zip(parts, starts):
                if k < len(own):
                    _keep(place, follower, part, x, answer.y, found.y[part.entries])
        elif _runs_away(place, region, follower, scales, x, answer.y, found):
            return found.y, "its objective falls without end along a direction"
        else:  # a derivative is no number there: what the solver began at, and where it stopped, are better all the same
            for part, own in zip(parts, starts):
                for values in (own[k], found.y[part.entries]) if k < len(own) else ():
                    _keep(place, follower, part, x, answer.y, values, better=True)
    return None


def _seconds(place: Place, x: np.ndarray, y: np.ndarray) -> float:
    """Of one evaluation of g among many; samples of what is dear are fewer."""
    begun = perf_counter()
    place.value("g", x, y)
    return max(perf_counter() - begun, 2e-6) if not place.oracles.function("g").is_a("SXFunction") else 2e-6


def _keep(
    place: Place, follower: Follower, part: Part, x: np.ndarray, base: np.ndarray, values: np.ndarray, better: bool = False
) -> None:
    """Take down the answer of one part, if it is a new one; `better`: and if it is the best so far."""
    lengths = follower.frame.y[part.entries]
    if any(np.max(np.abs(values - known) / lengths) <= APART for known, _ in part.answers):
        return
    point = base.copy()
    point[part.entries] = values
    change = place.value("g", x, point) - place.value("g", x, base)
    if better and not change < min(c for _, c in part.answers):
        return
    if np.isfinite(change) and follower.violation(x, point) <= 1e-6:
        part.answers.append((values, change))


def _prove(
    place: Place, region: Region, follower: Follower, part: Part, x: np.ndarray, base: np.ndarray, budget: Budget, tol: float
) -> tuple[np.ndarray, str] | None:
    """Interval branch and bound on one part; what it finds better is kept, what it proves is noted."""
    objective = at_leader(place, place.oracles.function("g"), x, base, part.entries)
    rows, low, high = _rows_of(place, region, part, x, base)
    if objective is None or (region.count and rows is None):
        return None
    lower, upper = (v[part.entries] for v in region.limits(place, x)[:2])
    values, change = min(part.answers, key=lambda a: a[1])
    zero = float(objective(ca.DM(base[part.entries])))
    tolerance = GAP * tol * part.size
    search: Search = minimise(
        objective,
        lower,
        upper,
        rows=rows if low.size else None,
        rows_low=low,
        rows_high=high,
        known=(values, zero + change),
        tolerance=0.5 * tolerance,
        most=budget.effort.boxes,
        deadline=budget.deadline,
        feasibility=1e-9 * follower.frame.rows[_touching(region, place, part)] if low.size else 0.0,
    )
    if search.reason.startswith("unbounded"):
        point = base.copy()
        if search.point is not None:
            point[part.entries] = search.point
        return point, search.reason.replace("unbounded", "its objective has no lower bound", 1)
    if search.point is not None:
        _keep(place, follower, part, x, base, np.asarray(search.point))
    if search.complete:
        part.proved = f"{search.boxes} boxes of an interval search"
    return None


def _touching(region: Region, place: Place, part: Part) -> np.ndarray:
    """The rows in which entries of the part appear."""
    if not region.count:
        return np.zeros(0, int)
    pattern = ca.jacobian(region.rows, place.problem.y).sparsity()
    entries = set(part.entries.tolist())
    return np.array(sorted({i for i, j in zip(*pattern.get_triplet()) if j in entries}), int)


def _rows_of(place: Place, region: Region, part: Part, x, base):
    """The rows of one part as a Function of its entries, with their limits."""
    which = _touching(region, place, part)
    if not which.size:
        return None, np.zeros(0), np.zeros(0)
    low, high = (v[which] for v in region.limits(place, x)[2:])
    chosen = ca.Function(
        "chosen", [place.problem.x, place.problem.y, *place.problem.p], [ca.densify(region.rows[[int(i) for i in which]])]
    )
    if scalar_graph(chosen) is None:
        return None, low, high
    return at_leader(place, chosen, x, base, part.entries), low, high


def _runs_away(place, region, follower: Follower, scales: Scales, x, base, found: Response) -> bool:
    """Whether a re-solution went off to infinity, and further out on its way g goes on to fall."""
    away = (found.y - base) / scales.y
    far = float(np.max(np.abs(away), initial=0.0))
    if not (found.status == "Diverging_Iterates" or far > FAR) or not np.isfinite(far):
        return found.status == "Diverging_Iterates"
    direction = away / far
    values = []
    for reach in (10.0, 1e3, 1e5):
        point = base + reach * scales.y * direction
        if follower.violation(x, point) > 1e-6 * reach:
            return False
        values.append(place.value("g", x, point))
    return bool(values[0] > values[1] > values[2] and values[0] - values[2] > 10 * scales.g)


# --- the verdict -----------------------------------------------------------------------------------


def _unbounded(place: Place, y: np.ndarray, why: str) -> Optimal:
    witness = {"variables": by_name(place, y, "lower")}
    words = f"the follower is unbounded: {why}"
    return Optimal(Claim("follower_optimal", Verdict.FAILED, words, witness=witness), np.nan, None, unbounded=True)


def _judged(
    place: Place,
    region: Region,
    follower: Follower,
    parts: list[Part],
    x: np.ndarray,
    y: np.ndarray,
    answer: Response,
    tol: float,
    words: str,
    *,
    convex: bool = False,
    over: bool = False,
) -> Optimal:
    """The verdict from what was found: of each part the best answer, against what y gives it."""
    best = answer.y.copy()
    base, tolerance = answer.g, float(f"{GAP * tol:.12g}")
    worst, gain, worst_part = 0.0, 0.0, None
    for part in parts:
        values, change = min(part.answers, key=lambda a: a[1], default=(answer.y[part.entries], 0.0))
        point = answer.y.copy()
        point[part.entries] = y[part.entries]
        own = place.value("g", x, point) - base - change  # what y loses in this part
        if change < 0:
            best[part.entries] = values
        size = max(part.size, 1e-13 * abs(base))
        gap = max(0.0, own) / size if np.isfinite(own) else np.nan
        if SHORT * tolerance < gap <= tolerance and follower.linear:
            reached = spread(place, region, follower.frame, x, answer.y, part.entries)
            gap = max(0.0, own) / max(min(size, reached), SHORT * size, part.least)
        if not gap <= worst:
            worst, gain, worst_part = gap, own, part
    found = Response(
        best,
        place.value("g", x, best),
        place.value("f", x, best),
        answer.solved,
        answer.status,
        answer.multipliers if np.array_equal(best, answer.y) else None,
    )
    if not worst <= tolerance:
        entries = worst_part.entries if worst_part is not None and len(parts) > 1 else None
        shown = _shown(place, best, entries)
        sense = place.problem.g.sense
        words = f"{shown} gives the follower {abs(gain):.4g} {'less' if sense > 0 else 'more'}"
        witness = {"variables": by_name(place, best, "lower"), "gain": float(gain)}
        claim = Claim("follower_optimal", Verdict.FAILED, words, worst, tolerance, witness)
        return Optimal(claim, worst, found, tuple(parts), convex)
    all_proved = all(p.proved for p in parts)
    if not words:
        words = _how_far(parts)
    if not convex and not all_proved and not any(p.starts or p.samples for p in parts if not p.proved):
        verdict = Verdict.NOT_CHECKED
        words = "the time is over" if over else "the follower is not known to be convex, and too large to be searched"
    else:
        verdict = Verdict.PROVED if all_proved and parts or not place.ny else Verdict.SEARCHED
    return Optimal(Claim("follower_optimal", verdict, words, worst, tolerance), worst, found, tuple(parts), convex)


def _how_far(parts: list[Part]) -> str:
    """What an answer that no better one was found for rests on."""
    if all(p.proved for p in parts):
        words = sorted({p.proved for p in parts})
        return words[0] if len(parts) == 1 else f"{len(parts)} separate parts: {', '.join(words[:2])}"
    open_ = [p for p in parts if not p.proved]
    largest = max(open_, key=lambda p: len(p.entries))
    sampled = f" from {largest.samples} samples" if largest.samples else ""
    words = (
        f"{largest.starts} start{'s' * (largest.starts != 1)}{sampled}, {len(largest.answers)} "
        f"basin{'s' * (len(largest.answers) != 1)} found"
    )
    if len(parts) > 1:
        words += f"; {len(parts) - len(open_)} of {len(parts)} separate parts proved"
    return words


def _shown(place: Place, y: np.ndarray, entries: np.ndarray | None) -> str:
    """The first entries that matter, as a modeller writes them: `y[2] = 7.3`."""
    chosen = list(range(y.size) if entries is None else entries)
    words = []
    for i in chosen[:3]:
        words.append(f"{entry_of(place.problem.lower_variables, i)} = {y[i]:.6g}")
    return ", ".join(words) + (", ..." if len(chosen) > 3 else "")


def by_name(place: Place, values: np.ndarray, level: str) -> dict[str, object]:
    """A flat column of one level as values of variables by name."""
    variables = place.problem.upper_variables if level == "upper" else place.problem.lower_variables
    return {
        v.name: float(values[v.offset]) if not v.shape else np.reshape(values[v.slice], v.shape, order="F").tolist()
        for v in variables
    }

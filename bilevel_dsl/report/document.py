"""A result as one JSON object. Strict JSON: NaN and the infinities become null."""

from __future__ import annotations

import json
import math
import platform

import numpy as np

from ..diagnostics import to_json
from ..methods.registry import METHODS
from .indices import index_of
from .origin import made_from
from .solution import Point, Solution

SCHEMA = 2
TIMINGS = ("parse", "build", "compile", "solve", "verify")
CHECKS = ("upper_feasibility", "lower_feasibility", "lower_gap", "stationarity")


def document(result: Point) -> dict:
    """The object: fixed keys first; a point that was not solved for has None where a solve has words."""
    problem, reference = result.problem, result.problem.reference
    solved = isinstance(result, Solution)
    return strict(
        {
            "schema": SCHEMA,
            "problem": problem.name,
            "status": result.status if solved else None,
            "verified": result.verified,
            "proved": result.proved,
            "upper": result.upper,
            "lower": result.lower,
            "variables": result.variables,
            "index": index_of(result),
            "certificate": _certificate(result),
            "duals": result.duals,
            "report": result.report,
            "reference": {
                "upper": reference.upper,
                "lower": reference.lower,
                "variables": reference.variables,
                "source": reference.source,
                "relative_error": result.reference_error(),
            },
            "method": result.method if solved else None,
            "reason": result.reason if solved else None,
            "settings": _settings(result) if solved else {},
            "scaling": result.scaling if solved else {},
            "kinks": list(result.kinks) if solved else [],
            "reductions": list(result.reductions) if solved else [],
            "seed": result.seed,
            "executor": result.executor if solved else None,
            "iterations": result.iterations if solved else 0,
            "evaluations": result.evaluations if solved else {},
            "measures": result.measures if solved else {},
            "attempts": [vars(a) for a in result.attempts] if solved else [],
            "answers": [{"upper": value, "attempts": times} for value, times in result.answers] if solved else [],
            "timings": {**dict.fromkeys(TIMINGS, 0.0), **result.timings},
            "warnings": [to_json(d) for d in result.warnings],
            "versions": versions(),
            "hash": problem.text_hash,
            "made_from": made_from(problem),
        }
    )


def json_text(result: Point) -> str:
    """The object as text: one line per entry, vectors and rows of numbers unbroken."""
    return _pretty(document(result), "") + "\n"


def versions() -> dict[str, str]:
    from bilevel_dsl import __version__

    return {
        "bilevel_dsl": __version__,
        "python": platform.python_version(),
        "casadi": _version("casadi"),
        "numpy": np.__version__,
    }


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # it takes a tenth of a second, with all of `email`

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _certificate(result: Point) -> dict:
    certificate = result.certificate
    return {
        **dict.fromkeys(CHECKS),
        **certificate.numbers,
        "scope": certificate.scope,
        "ties": certificate.ties,
        "claims": [
            {
                "name": c.name,
                "verdict": c.verdict.value,
                "value": c.value,
                "tolerance": c.tolerance,
                "words": c.words,
                "witness": c.witness,
            }
            for c in certificate.claims
        ],
        "trouble": certificate.trouble or None,
        "tolerances": certificate.tolerances,
        "notes": list(certificate.notes),
        **certificate.details,
    }


def _settings(result: Solution) -> dict[str, float | str]:
    """With the names of choices in place of their numbers."""
    choices = {s.name: s.choices for s in METHODS[result.method].settings if s.choices}
    return {name: choices[name][int(value)] if name in choices else value for name, value in result.settings.items()}


def strict(value):
    """Plain JSON values: arrays as lists (matrices by rows), what is not finite as None."""
    if isinstance(value, dict):
        return {str(name): strict(entry) for name, entry in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [strict(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _pretty(value, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, dict) and value:
        entries = [f"{inner}{json.dumps(name)}: {_pretty(entry, inner)}" for name, entry in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(entry, (list, dict)) for entry in value):
        return "[\n" + ",\n".join(inner + _pretty(entry, inner) for entry in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)

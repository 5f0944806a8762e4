"""Bilevel optimization from a text language, with verified answers and standalone C solvers.

    import bilevel_dsl as bl

    problem = bl.load("model.bilevel", data={"demand": 12})
    solution = bl.solve(problem)
    print(solution.status, solution.verified, solution.upper, solution["t"])

Names are imported when first used, so that `import bilevel_dsl` costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "load": "session",
    "solve": "session",
    "export_c": "session",
    "verify": "session",
    "check_proof": "session",
    "compare": "comparing",
    "plot": "plotting",
    "functions_of": "session",
    "follow": "decisions",
    "evaluate": "decisions",
    "Problem": "model.problem",
    "Solution": "report.solution",
    "Point": "report.solution",
    "Picture": "report.picture",
    "Reaction": "report.reaction",
    "Certificate": "certify.claims",
    "Claim": "certify.claims",
    "Verdict": "certify.claims",
    "BilevelError": "diagnostics",
    "Diagnostic": "diagnostics",
    "Source": "diagnostics",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module `bilevel_dsl` has no attribute `{name}`")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

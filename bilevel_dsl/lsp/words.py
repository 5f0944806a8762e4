"""What the words of the language mean, in a line each: shown on hover and in completions."""

from __future__ import annotations

from ..semantics.builtins import BUILTINS, OF_SETS

KEYWORDS = {
    "problem": "names the model",
    "param": "data, known before solving",
    "set": "an index set, or a named constraint set",
    "function": "an expression with arguments, put in where it is called",
    "let": "a named expression over any variables, or one for each element: `let x[k in 0..N] = ...;`",
    "upper": "the leader: its variables, objective and constraints",
    "lower": "the follower: its variables, objective and constraints",
    "var": "variables of this level",
    "in": "in a set; in a condition, whether it is",
    "start": "where methods start",
    "minimize": "the objective of this level, a scalar",
    "maximize": "the objective of this level, a scalar",
    "subject to": "constraints of this level",
    "to": "`subject to`: constraints of this level",
    "for": "a loop: `e for i in I, j in J if c`",
    "if": "a choice, `if c then a else b`, or a condition on iterations",
    "then": "a choice: `if c then a else b`",
    "else": "a choice: `if c then a else b`",
    "and": "both hold",
    "or": "one of them holds",
    "not": "it does not hold",
    "inf": "infinity: no bound",
    "options": "settings of the solver; the command line wins",
    "report": "named results, evaluated at the solution",
    "reference": "a known answer, printed beside the result",
}
KEYWORDS["subject"] = KEYWORDS["s.t."] = KEYWORDS["subject to"]

SETS = {
    "box": ("box(l, u)", "l <= x <= u; scalars or arrays; inf allowed"),
    "nonneg": ("nonneg", "x >= 0"),
    "free": ("free", "everything, as without a set"),
    "simplex": ("simplex(total)", "x >= 0, sum(x) == total; the total is 1 if it is left out"),
    "capped_simplex": ("capped_simplex(k)", "0 <= x <= 1, sum(x) == k"),
    "ball": ("ball(center, radius)", "norm(x - center) <= radius"),
    "l1ball": ("l1ball(radius)", "norm1(x) <= radius"),
    "linfball": ("linfball(center, radius)", "norminf(x - center) <= radius"),
    "halfspace": ("halfspace(a, b)", "dot(a, x) <= b"),
    "hyperplane": ("hyperplane(a, b)", "dot(a, x) == b"),
    "affine": ("affine(A, b)", "A @ x == b"),
    "soc": ("soc", "the second-order cone: the last entry is at least the norm of the others"),
    "psd": ("psd", "symmetric positive semidefinite matrices"),
    "spectral": ("spectral(lo, hi)", "symmetric matrices with eigenvalues from lo to hi"),
    "binary": ("binary", "0 or 1; of the leader"),
    "integer": ("integer(lo, hi)", "whole numbers from lo to hi; of the leader"),
}
FUNCTIONS = {
    "sum": ("sum(x) or sum(e for i in I)", "of all entries, or over all iterations"),
    "prod": ("prod(x) or prod(e for i in I)", "product of all entries, or over all iterations"),
    "mean": ("mean(x) or mean(e for i in I)", "mean of all entries, or over all iterations"),
    "min": ("min(x), min(a, b, ...) or min(e for i in I)", "smallest entry; entry by entry; or over all iterations"),
    "max": ("max(x), max(a, b, ...) or max(e for i in I)", "largest entry; entry by entry; or over all iterations"),
    "expect": ("expect(e for i in 1..N)", "mean over samples; stochastic methods draw from them"),
    "dual": (
        "dual(label)",
        "multiplier of a constraint of the lower level: change of its optimal value per unit of the right-hand side",
    ),
    "csv": (
        'csv("file") or csv("file", "column", ...)',
        "numbers by rows, or columns of a table; below the folder of the model",
    ),
    "npy": ('npy("file")', "an array of NumPy"),
    "npz": ('npz("file", "key")', "one array of an archive of NumPy"),
    "json": ('json("file", "key")', "an entry of a JSON object: a number, a list, or a list of rows"),
    **OF_SETS,
    **{b.name: (b.signature, b.doc) for b in BUILTINS.values()},
}


def built_in(name: str) -> tuple[str, str]:
    """How it is written, and what it is."""
    return FUNCTIONS.get(name) or SETS[name]

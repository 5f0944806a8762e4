"""What the words of the language mean, in a line each: shown on hover and in completions."""

from __future__ import annotations

from ..semantics.builtins import BUILTINS, CALLED
from ..semantics.constraint_sets import CONSTRAINT_SETS

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


def built_in(name: str) -> tuple[str, str]:
    """How it is written, and what it is."""
    if name in CALLED:
        return CALLED[name]
    found = BUILTINS.get(name) or CONSTRAINT_SETS[name]
    return found.signature, found.doc

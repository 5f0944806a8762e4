"""A problem without its mathematics, for pickles: CasADi expressions live in one process."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import casadi as ca

from ..semantics.checked import Checked
from .sampling import Sampling

EXPRESSIONS = (ca.MX, ca.SX, ca.Function, Sampling, Checked)


def without_expressions(value: object) -> object:
    """The same with None in the place of every expression, in all fields of records, tuples, lists and dictionaries."""
    if isinstance(value, EXPRESSIONS):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: without_expressions(getattr(value, f.name)) for f in fields(value)}
        if all(plain[name] is getattr(value, name) for name in plain):
            return value
        found = object.__new__(type(value))
        for name, entry in plain.items():
            object.__setattr__(found, name, entry)
        return found
    if isinstance(value, (tuple, list)):
        entries = [without_expressions(entry) for entry in value]
        same = all(a is b for a, b in zip(entries, value))
        return value if same else type(value)(entries)
    if isinstance(value, dict):
        return {name: without_expressions(entry) for name, entry in value.items()}
    return value

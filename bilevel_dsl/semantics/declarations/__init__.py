"""What is declared, by its kind; `dual` is here as it reads the constraints of the lower level."""

from __future__ import annotations

from ..expressions.calls import BY_NAME
from ..names.resolve import RESOLVE
from .duals import lower_dual
from .names import resolve_function, resolve_let, resolve_set, resolve_var
from .parameters import resolve_param

RESOLVE.update(
    {
        "param": resolve_param,
        "set": resolve_set,
        "let": resolve_let,
        "function": resolve_function,
        "var": resolve_var,
    }
)
BY_NAME["dual"] = lower_dual

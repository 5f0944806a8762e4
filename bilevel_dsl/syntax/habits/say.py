"""A habit as a mistake."""

from __future__ import annotations

from ..place import Mistake, Place

CODE = "BL0112"


def say(p: Place, message: str, hint: str, *, first: int = 0, last: int = 0, repair=None) -> Mistake:
    return Mistake(CODE, message, p.span(first, last), hints=(hint,) if hint else (), repair=repair)

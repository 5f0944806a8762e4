"""How the name of a model is shown: Greek letters, and what follows as a subscript."""

from __future__ import annotations

import re

_LETTERS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
GREEK = dict(zip(f"{_LETTERS} {_CAPITALS}".split(), "αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ"))
_PARTS = re.compile(r"([A-Za-z]+?)_?(\d+)|([A-Za-z]+)_(\w+)")


def parts(name: str) -> tuple[str, str]:
    """The letter or word, and the subscript: `x1` is x and 1, `lambda_max` lambda and max, `free_flow` is one word."""
    found = _PARTS.fullmatch(name)
    if found and found[1]:
        return found[1], found[2]
    if found and (found[3] in GREEK or len(found[3]) == 1):
        return found[3], found[4]
    return name, ""

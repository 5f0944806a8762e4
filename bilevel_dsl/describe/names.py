"""How the name of a model is shown: Greek letters, and what follows as a subscript."""

from __future__ import annotations

import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "iota": "ι",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}
_PARTS = re.compile(r"([A-Za-z]+?)_?(\d+)|([A-Za-z]+)_(\w+)")


def parts(name: str) -> tuple[str, str]:
    """The letter or word, and the subscript: `x1` is x and 1, `lambda_max` is lambda and max, `free_flow` is one word."""
    found = _PARTS.fullmatch(name)
    if found and found[1]:
        return found[1], found[2]
    if found and (found[3] in GREEK or len(found[3]) == 1):
        return found[3], found[4]
    return name, ""

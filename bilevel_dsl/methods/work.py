"""The work of a run: calls of oracles by kind, as many as the method writes in each phase, times the calls of the phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from .program import Program

KINDS = ("f", "g", "grad_f", "grad_g", "products", "hessians", "projections", "samples", "others")
OF = {  # oracle -> what a call of it counts as; of others see `_kinds`
    "f_grad_y_f": ("f", "grad_f"),
    "g_grad_y_g": ("g", "grad_g"),
    "hess_yy_g": ("hessians",),
    "hess_xy_g": ("hessians",),
    "hess_yy_g_times": ("products",),
    "hess_xy_g_times": ("products",),
    "hess_yx_g_times": ("products",),
    "project_x": ("projections",),
    "project_y": ("projections",),
}


def calls(program: Program, phase_calls: Mapping[str, int]) -> dict[str, int]:
    """By kind; samples are those that were drawn. Empty where the method works with functions of its own.

    Every method takes slopes of g: one that writes no call of them (penalty, kkt) has put f and g into functions of its own,
    and the calls that it does write would be a false count.
    """
    if not any("grad_g" in OF.get(name, _kinds(name)) for phase in program.phases for name in phase.oracles):
        return {}
    found = Counter()
    for phase in program.phases:
        for name, times in phase.oracles.items():
            for kind in OF.get(name, _kinds(name)):
                found[kind] += times * phase_calls.get(phase.name, 0)
    return {kind: found[kind] for kind in KINDS}


def _kinds(name: str) -> tuple[str, ...]:
    if name.startswith("grad") and name[-1] in "fg":
        return (f"grad_{name[-1]}",)
    return (name,) if name in KINDS else ("others",)


def reads_max_iter(program: Program) -> bool:
    """Whether the length of the run is a part of the method, so that it cannot be paused."""
    return any("o_max_iter" in phase.function.name_in() for phase in program.phases)

"""The settings of a run: defaults, the model's `options`, the caller's; each checked."""

from __future__ import annotations

import numpy as np

from ..diagnostics import BilevelError, Diagnostic, Label, did_you_mean
from ..model.problem import Problem
from .program import Setting
from .registry import METHODS, MethodInfo
from .samples import default_batch

OF_THE_SOLVE = ("method", "ties")  # options of a model that are no settings of a method


def merge_settings(
    info: MethodInfo, problem: Problem, *, options: dict[str, float | str] | None = None, **named: float | None
) -> dict[str, float]:
    """Defaults, then the model's `options` (but for those of other methods), then the caller's."""
    values = {s.name: _default(s, problem) for s in info.settings}
    for key, value in problem.options.items():
        if key not in OF_THE_SOLVE and not _is_of_another(info, key):
            values[key] = _setting(info, key, value, problem.option_spans.get(key))
    for key, value in (options or {}).items():
        values[key] = _setting(info, key, value, None)
    for key, value in named.items():
        if value is not None:
            values[key] = _setting(info, key, value, None)
    return values


def _default(setting: Setting, problem: Problem) -> float:
    """A batch is no larger than there are samples: asked for more, a method refuses."""
    return default_batch(problem, setting.default) if setting.built and not setting.choices else setting.default


def known_to(info: MethodInfo, options: dict[str, float | str] | None) -> dict[str, float | str]:
    """Those of the options that are settings of the method."""
    return {key: value for key, value in (options or {}).items() if any(s.name == key for s in info.settings)}


def unused_options(info: MethodInfo, problem: Problem) -> tuple[Diagnostic, ...]:
    """A warning for each option of the model that is a setting of other methods than the one that runs."""
    return tuple(
        Diagnostic(
            "BL0409",
            f"`{key}` is no setting of {info.name}, the method that runs, and has no effect",
            Label(problem.option_spans[key], f"a setting of {', '.join(owners)}"),
            severity="warning",
        )
        for key in problem.options
        if key not in OF_THE_SOLVE and (owners := _is_of_another(info, key))
    )


def _is_of_another(info: MethodInfo, key: str) -> list[str]:
    """The methods that have a setting which `info` has not."""
    if any(s.name == key for s in info.settings):
        return []
    return [m.name for m in METHODS.values() if any(s.name == key for s in m.settings)]


def _setting(info: MethodInfo, key: str, value, span) -> float:
    known = {s.name: s for s in info.settings}
    label = Label(span, "") if span else None
    status = 3 if span else 2
    if key not in known:
        raise BilevelError(
            Diagnostic(
                "BL0403",
                f"{info.name} has no setting `{key}`",
                label,
                hints=(*did_you_mean(key, known), f"its settings are: {', '.join(known)}"),
                exit_status=status,
            )
        )
    setting = known[key]
    shown = f"{value:g}" if isinstance(value, (int, float)) else f"`{value}`"
    if setting.choices:
        names = {word: float(i) for i, choice in enumerate(setting.choices) for word in (choice, str(i))}
        text = shown.strip("`")
        if text not in names:
            raise BilevelError(
                Diagnostic(
                    "BL0404",
                    f"`{key}` is {shown}, which is not one of its choices",
                    label,
                    hints=(f"the choices are: {', '.join(setting.choices)}",),
                    exit_status=status,
                )
            )
        return names[text]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not setting.lower <= number <= setting.upper or (setting.integer and number != np.floor(number)):
        outside = setting.lower > number or number > setting.upper
        wrong = "out of its range" if outside else f"not {_kind(setting)}"
        raise BilevelError(
            Diagnostic(
                "BL0404",
                f"`{key}` is {shown}, which is {wrong}",
                label,
                hints=(f"it is {_kind(setting)}{_range(setting)}",),
                exit_status=status,
            )
        )
    return number


def _kind(setting: Setting) -> str:
    return "a whole number" if setting.integer else "a number"


def _range(setting: Setting) -> str:
    """The values that are allowed, as the end of a sentence; empty if all are."""
    if np.isfinite(setting.upper):
        low = f" from {setting.lower:g} to" if np.isfinite(setting.lower) else " up to"
        return f"{low} {setting.upper:g}"
    return f", at least {setting.lower:g}" if np.isfinite(setting.lower) else ""

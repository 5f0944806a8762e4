"""The methods: what they are, what they require, their settings, their papers."""

from __future__ import annotations

from collections.abc import Iterable

from ..methods import MethodInfo
from ..methods.program import Setting
from ..syntax.expected import listed
from .page import DIM, Line, Page


def overview(methods: Iterable[MethodInfo], width: int) -> list[Line]:
    """All about each method; of several a line each at the end, where a terminal leaves the reader."""
    page, methods = Page(width), list(methods)
    for method in methods:
        page.blank()
        page.add((method.name, "bold"), (f": {method.title}", ""))
        page.blank()
        for k, requirement in enumerate(method.requirements):
            page.entry("accepts" if k == 0 else "", requirement)
        page.blank()
        wide = max(len(_default(setting)) for setting in method.settings)
        for setting in method.settings:
            page.entry(setting.name, f"{_default(setting).ljust(wide)}  {setting.doc}{_choices(setting)}")
        page.blank()
        for k, paper in enumerate(method.papers):
            page.entry("papers" if k == 0 else "", paper, DIM)
    if len(methods) > 1:
        for head, automatic in (("`auto` may take", True), ("of papers", False)):
            page.blank()
            page.add((head, "bold"))
            for method in (m for m in methods if m.automatic == automatic):
                page.entry(method.name, method.title)
    return page.lines


def _default(setting: Setting) -> str:
    return setting.choices[int(setting.default)] if setting.choices else f"{setting.default:g}"


def _choices(setting: Setting) -> str:
    return f" ({listed(list(setting.choices))})" if setting.choices else ""

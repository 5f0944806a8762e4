"""The commands that tell what a model is, and write one to start from; nothing is solved."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..diagnostics import BilevelError, Diagnostic, did_you_mean
from ..files import require_place, write_whole
from .inputs import given
from .terminal import emit, printed, use_unicode, width


def explain(arguments: argparse.Namespace) -> int:
    from ..describe.explain import as_json, explain, lines
    from ..model.build import build
    from ..reading import read

    checked = read(arguments.model, **given(arguments))
    found = explain(checked, build(checked))
    if arguments.format == "json":
        emit(json.dumps(as_json(found), indent=2, ensure_ascii=False) + "\n")
    else:
        emit(printed(lines(found, width(), use_unicode(sys.stdout)), arguments.color))
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Neither CasADi nor a compiler is needed."""
    from importlib import import_module

    from ..describe.page import page
    from ..reading import read

    if arguments.output:
        require_place(arguments.output)
    module = {"text": "text", "latex": "latex", "html": "mathml"}[arguments.notation]
    text = import_module(f"..describe.{module}", __package__).render(page(read(arguments.model, **given(arguments))))
    write_whole(arguments.output, text) if arguments.output else emit(text)
    return 0


def dump(checked, stage: str, method: str | None) -> str:
    """What `check --dump` prints of a checked model.

    Raises:
        BilevelError: the method is unknown, does not fit, or is no program.
    """
    from ..describe import dump as describe

    if stage == "ir":
        return describe.ir(checked)
    from ..model.build import build

    problem = build(checked)
    if stage == "problem":
        return describe.problem(problem)
    from ..session import program_of

    return describe.program(program_of(problem, method))


def interface(arguments: argparse.Namespace) -> int:
    from ..describe.interface import interface
    from ..semantics.check import examine
    from ..syntax.parser import load_source, parse

    source = load_source(arguments.model)
    tree = parse(source)
    values = given(arguments) | {"data_dirs": tuple(map(Path, arguments.data_dir))}
    examined = examine(tree, source=source, base_dir=Path(arguments.model).parent, **values)
    emit(json.dumps(interface(examined, tree, source), indent=2, ensure_ascii=False) + "\n")
    return 0


def new(arguments: argparse.Namespace) -> int:
    from ..templates import TEMPLATES, text

    if arguments.template is None:
        emit("".join(f"{name:<15} {what}\n" for name, what in TEMPLATES.items()))
        return 0
    if arguments.template not in TEMPLATES:
        from .arguments import UsageError

        raise UsageError(
            "\n".join(
                [
                    f"there is no template `{arguments.template}`",
                    *did_you_mean(arguments.template, TEMPLATES),
                    f"the templates are: {', '.join(TEMPLATES)}",
                ]
            )
        )
    path = arguments.file or f"{arguments.template}.bilevel"
    require_place(path)
    if os.path.lexists(path):
        raise BilevelError(
            Diagnostic(
                "BL0514",
                f"`{path}` exists already, and is left as it is",
                exit_status=2,
                hints=(f"another name: bileveldsl new {arguments.template} NAME.bilevel",),
            )
        )
    write_whole(path, text(arguments.template))
    emit(f"{path}\n")
    print(f"to solve it: bileveldsl solve {path}", file=sys.stderr)
    return 0

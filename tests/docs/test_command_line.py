"""docs/command_line.md names every command and flag, and none that does not exist."""

from __future__ import annotations

import contextlib
import io
import re

import pytest

from bilevel_dsl.cli import main
from bilevel_dsl.cli.commands import COMMANDS
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "command_line.md").read_text(encoding="utf-8")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def help_of(command: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["help", command]) == 0
    return out.getvalue()


def test_the_table_has_a_row_for_each_command():
    assert sorted(re.findall(r"^\| `(\w+)", PAGE, re.MULTILINE)[: len(COMMANDS)]) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_flag_is_told_of(command):
    assert set(FLAG.findall(help_of(command))) - {"--help"} <= set(FLAG.findall(PAGE))


def test_each_flag_exists():
    assert set(FLAG.findall(PAGE)) <= {flag for command in COMMANDS for flag in FLAG.findall(help_of(command))}

"""The commands and their flags."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from ..diagnostics import did_you_mean
from ..templates import TEMPLATES
from .flags import (
    add_color,
    add_data,
    add_effort,
    add_method,
    add_model,
    add_ties,
    add_volume,
    count,
    from_one,
    interval,
    points,
    positive,
)

STATUSES = """\
exit status:
  0 verified                  4 infeasible                  8 numerical failure
  1 internal error            5 unbounded or diverged     130 interrupted
  2 usage or file             6 limit reached
  3 error in model or data    7 converged, not verified
"""

_MAIN = """\
examples:
  bileveldsl solve tolls.bilevel
  bileveldsl solve tolls.bilevel --param demand=12 --json result.json
  bileveldsl check tolls.bilevel
  bileveldsl codegen tolls.bilevel -o solver/

"""

_SOLVE = """\
examples:
  bileveldsl solve tolls.bilevel
  bileveldsl solve tolls.bilevel --data roads.csv --tol 1e-8 --json result.json
  bileveldsl solve tolls.bilevel --method penalty -O s_end=1e-5
"""

_CHECK = """\
examples:
  bileveldsl check tolls.bilevel
  bileveldsl check tolls.bilevel --pedantic
  bileveldsl check tolls.bilevel --format json
"""

_EXPLAIN = """\
Nothing is solved. Every statement names the line of the model that makes it so.

examples:
  bileveldsl explain tolls.bilevel
  bileveldsl explain tolls.bilevel --format json
"""

_SHOW = """\
examples:
  bileveldsl show tolls.bilevel
  bileveldsl show tolls.bilevel --latex > tolls.tex
  bileveldsl show tolls.bilevel --html -o tolls.html
"""

_INTERFACE = """\
Values of parameters are not needed: shapes that depend on missing ones are
null.

examples:
  bileveldsl interface tolls.bilevel
"""

_FMT = """\
Comments, blank lines between groups and the author's line breaks are kept.
With --check the exit status is 3 if a model is laid out otherwise.

examples:
  bileveldsl fmt tolls.bilevel
  bileveldsl fmt --check models/*.bilevel
  bileveldsl fmt - < tolls.bilevel
"""

_METHODS = """\
examples:
  bileveldsl methods
  bileveldsl methods penalty
"""

_CODEGEN = """\
examples:
  bileveldsl codegen tolls.bilevel -o solver/ && make -C solver
  bileveldsl codegen tolls.bilevel -o solver/ --method penalty --real float
"""

_VERIFY = """\
The point is a JSON file as `solve --json` writes it; this much is enough:
  {"variables": {"t": [1, 2], "y": 3}}

examples:
  bileveldsl solve tolls.bilevel --json result.json
  bileveldsl verify tolls.bilevel result.json --tol 1e-8
"""


_COMPARE = """\
A method is NAME or NAME:SETTING=VALUE,SETTING=VALUE. All begin at the start of
the model. Stationarity and the follower's gap are computed apart from them.

examples:
  bileveldsl compare tolls.bilevel penalty kkt dbgd
  bileveldsl compare noise.bilevel soba:batch=16 saba --seeds 5 --plot all.svg
  bileveldsl compare game.bilevel mgbio mgbio:rule=abs --json all.json
"""


_PLOT = """\
Of a model: the leader's objective over one or two of the leader's variables,
with every answer of the follower. SHOW is another thing to show: lower, a
variable of the follower, an entry of the report. What has a set is drawn over
it where no --over is given. The model is solved first, and the answer marked.
Of a trace, a .csv file of `solve --trace`: the run over its iterations.

examples:
  bileveldsl plot toll.bilevel -o toll.png
  bileveldsl plot tolls.bilevel --over t[bridge]=0:5 -o tolls.svg
  bileveldsl plot game.bilevel y --over x=-2:2 -o response.png
  bileveldsl plot tolls.bilevel latency --point result.json -o latency.png
  bileveldsl plot run.csv -o run.svg
"""


_LSP = """\
It is started by the editor: diagnostics while typing, hover, definitions,
rename, completion, formatting, fixes.
It needs pygls: pip install 'pygls>=2'

examples:
  bileveldsl lsp
"""


_NEW = f"""\
templates:
{chr(10).join(f"  {name:<15} {what}" for name, what in TEMPLATES.items())}

examples:
  bileveldsl new tolls
  bileveldsl new simple mine.bilevel
"""


class UsageError(Exception):
    """What is wrong with the command line, for a person."""


class _Parser(argparse.ArgumentParser):
    """Reports a mistake as an exception, with a suggestion, and shortens no flags."""

    def __init__(self, **options):
        super().__init__(**options, allow_abbrev=False, formatter_class=_Help)

    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{message.removeprefix('argument ')}\n{self.format_usage().rstrip()}\n`{self.prog} --help` tells more"
        )


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=25, width=80)

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        commands = action._get_subactions() if hasattr(action, "_get_subactions") else ()
        widths = (len(a.metavar or a.dest) + 4 for a in commands)  # they stand two further in
        self._action_max_length = max(self._action_max_length, *widths, 0)


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line as attributes; `command` is the name of the command.

    Raises:
        UsageError: it is not understood.
        SystemExit: after `--help` and `--version`.
    """
    parser, commands = _parsers()
    if argv[:1] == ["help"]:
        argv = [*argv[1:2], "--help"]
    command = next((a for a in argv if not a.startswith("-")), None)
    if command is not None and command not in commands:
        if command.endswith((".bilevel", ".bl")):
            parser.error(f"a command is missing before `{command}` - did you mean `bileveldsl solve {command}`?")
        _unknown(parser, "command", command, list(commands))
    arguments, unknown = parser.parse_known_args(argv)
    if arguments.command is None:
        parser.error("a command is missing")
    if unknown:
        known = [flag for action in commands[arguments.command]._actions for flag in action.option_strings]
        _unknown(
            commands[arguments.command],
            "flag" if unknown[0].startswith("-") else "argument",
            unknown[0].partition("=")[0],
            known,
        )
    return arguments


def _unknown(parser: argparse.ArgumentParser, what: str, word: str, known: list[str]) -> NoReturn:
    hint = "".join(f" - {h}" for h in did_you_mean(word, known))
    parser.error(f"there is no {what} `{word}`{hint}")


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(
        prog="bileveldsl",
        usage="bileveldsl COMMAND MODEL [flags]",
        description="Bilevel optimization: problems as text, verified answers, standalone C.",
        epilog=_MAIN + STATUSES,
    )
    parser.add_argument("--version", action="store_true", help="print versions and exit")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog="bileveldsl")

    for name, command in COMMANDS.items():
        usage = " ".join(filter(None, ["bileveldsl", name, command.takes, "[flags]"]))
        description = command.summary[0].upper() + command.summary[1:] + "."
        command.flags(
            group.add_parser(name, usage=usage, help=command.summary, description=description, epilog=command.epilog)
        )
    return parser, group.choices


def _solve(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    method = parser.add_argument_group("method")
    add_method(method)
    method.add_argument("--max-iter", type=count, metavar="N", help="iterations at most")
    method.add_argument("--time-limit", type=positive, metavar="SEC", help="seconds at most, the verification included")
    method.add_argument("--start", metavar="FILE", help="start from the point in a JSON result (or --warm-start)")
    method.add_argument("--warm-start", dest="start", metavar="FILE", help=argparse.SUPPRESS)
    method.add_argument("--seed", type=count, default=0, metavar="N", help="of all random choices (default 0)")
    add_effort(method, ("quick", "normal", "thorough", "no"))
    method.add_argument(
        "--effort",
        choices=("quick", "normal", "thorough"),
        default="normal",
        metavar="LEVEL",
        help="of the search: quick (one attempt), normal, thorough",
    )
    add_ties(method)
    method.add_argument("--starts", type=count, metavar="N", help="starts of the leader, in place of what --effort says")
    method.add_argument(
        "--jobs",
        type=from_one,
        default=1,
        metavar="J",
        help="processes for them; the answer is the same (default 1)",
    )
    method.add_argument(
        "--compile",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="call the C compiler: auto (default: once a run has taken as long), always, never",
    )
    method.add_argument("--no-compile", action="store_true", help="the same as --compile never")
    output = parser.add_argument_group("output (FILE - is standard output, in place of the table)")
    output.add_argument("--json", metavar="FILE", help="write the whole result")
    output.add_argument("--csv", metavar="FILE", help="write objectives, variables, report as one row")
    output.add_argument("--table", metavar="FILE", help="write one CSV row for each entry: name, indices, value")
    output.add_argument("--trace", metavar="FILE", help="write one CSV row for each iteration")
    output.add_argument("--plot", metavar="FILE", help="draw the run: .png, .svg or .pdf; needs matplotlib")
    add_volume(output)
    add_color(output)


def _check(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--pedantic", action="store_true", help="warn of all that is worth a second look")
    parser.add_argument(
        "--dump",
        choices=("ir", "problem", "program"),
        metavar="STAGE",
        help="print what the model is on its way to a solver: ir, problem, program",
    )
    parser.add_argument("--method", metavar="NAME", help="of --dump program (default: what `auto` takes)")
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        metavar="FORMAT",
        help="json: diagnostics as data (default: text)",
    )
    add_color(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        metavar="FORMAT",
        help="json: the same as data (default: text)",
    )
    add_color(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    notation = parser.add_mutually_exclusive_group()
    for name, text in (
        ("text", "Unicode text (default)"),
        ("latex", "LaTeX, to paste into a document"),
        ("html", "a page with MathML"),
    ):
        notation.add_argument(f"--{name}", dest="notation", action="store_const", const=name, default="text", help=text)
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")
    add_color(parser)


def _interface(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_color(parser)


def _new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", nargs="?", metavar="TEMPLATE", help="its name; none: list the templates")
    parser.add_argument("file", nargs="?", metavar="FILE", help="the model to write (default: TEMPLATE.bilevel)")
    add_color(parser)


def _fmt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("models", nargs="+", metavar="MODEL", help="files to lay out in place; -: standard input to output")
    parser.add_argument("--check", action="store_true", help="write nothing, tell which models would change")
    parser.add_argument("--diff", action="store_true", help="write nothing, show what would change")
    add_color(parser)


def _methods(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="METHOD", help="all about one method")
    add_color(parser)


def _codegen(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write into; made if needed")
    parser.add_argument(
        "--real",
        choices=("double", "float"),
        default="double",
        metavar="TYPE",
        help="number type of the solver: double (default), float",
    )
    add_method(parser)
    add_color(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("point", metavar="POINT", help="JSON file with the values of all variables")
    parser.add_argument("--tol", type=positive, default=1e-6, metavar="TOL", help="tolerance of the checks (1e-6)")
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="of the starts for the follower (default 0)")
    add_ties(parser)
    parser.add_argument("--time-limit", type=positive, metavar="SEC", help="seconds at most")
    add_effort(parser, ("quick", "normal", "thorough"))
    parser.add_argument("--json", metavar="FILE", help="write the whole result; - for standard output")
    add_volume(parser)
    add_color(parser)


def _compare(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("methods", nargs="+", metavar="METHOD", help="NAME or NAME:SETTING=VALUE,...")
    parser.add_argument(
        "--seeds", type=from_one, default=1, metavar="N", help="runs of methods that draw samples (default 1)"
    )
    parser.add_argument("--tol", type=positive, metavar="TOL", help="relative tolerance of every method")
    parser.add_argument("--max-iter", type=count, metavar="N", help="iterations at most of each run")
    parser.add_argument("--time-limit", type=positive, metavar="SEC", help="seconds at most of each run")
    add_effort(parser, ("quick", "normal", "thorough"))
    parser.add_argument("--no-compile", action="store_true", help="do not call the C compiler")
    parser.add_argument("--json", metavar="FILE", help="write everything, with the points on the way")
    parser.add_argument("--csv", metavar="FILE", help="write one row for each point on the way")
    parser.add_argument("--plot", metavar="FILE", help="draw .png, .svg or .pdf; needs matplotlib")
    add_volume(parser)
    add_color(parser)


def _plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .bilevel file, or a trace (.csv)")
    parser.add_argument("show", nargs="?", metavar="SHOW", help="upper (default), lower, a variable, an entry of the report")
    parser.add_argument("-o", "--output", required=True, metavar="PICTURE", help=".png, .svg or .pdf; needs matplotlib")
    parser.add_argument(
        "--over",
        action="append",
        default=[],
        type=interval,
        metavar="NAME[=LOW:HIGH]",
        help="a variable of the leader, or an entry: t[bridge]=0:5; twice: shades",
    )
    parser.add_argument("--points", type=points, metavar="N", help="along each axis (default 61; of two axes 15)")
    parser.add_argument("--point", metavar="FILE", help="the answer, a JSON result: nothing is solved")
    parser.add_argument("--no-solve", action="store_true", help="no answer: other variables are as the model starts them")
    parser.add_argument("--seed", type=count, default=0, metavar="N", help="of all random choices (default 0)")
    parser.add_argument(
        "--effort",
        choices=("quick", "normal", "thorough"),
        default="quick",
        metavar="LEVEL",
        help="how much is searched for the follower's answers at each place: quick (default), normal, thorough",
    )
    add_data(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no warnings")
    add_color(parser)


def _lsp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="over standard input and output (always; editors ask)")


# --- flags that commands share ------------------------------------------------------------------


class Command(NamedTuple):
    """How a command is called; what it does is in `commands.COMMANDS`."""

    takes: str  # its arguments, in the line of usage
    summary: str  # in the list of commands
    epilog: str  # under its flags
    flags: Callable[[argparse.ArgumentParser], None]  # adds arguments and flags


COMMANDS: dict[str, Command] = {
    "solve": Command("MODEL", "solve a model and verify the answer", _SOLVE, _solve),
    "check": Command("MODEL", "report errors and warnings of a model", _CHECK, _check),
    "explain": Command("MODEL", "tell the class of a model, and which methods accept it", _EXPLAIN, _explain),
    "show": Command("MODEL", "show a model as mathematics", _SHOW, _show),
    "interface": Command("MODEL", "describe what goes in and what comes out, as JSON", _INTERFACE, _interface),
    "new": Command("[TEMPLATE [FILE]]", "write a model to start from", _NEW, _new),
    "fmt": Command("MODEL...", "lay models out canonically", _FMT, _fmt),
    "methods": Command("[METHOD]", "list the methods, with their papers and settings", _METHODS, _methods),
    "codegen": Command("MODEL -o DIR", "write a standalone C solver", _CODEGEN, _codegen),
    "verify": Command("MODEL POINT", "check any point, wherever it comes from", _VERIFY, _verify),
    "compare": Command("MODEL METHOD...", "run several methods on a model: one table", _COMPARE, _compare),
    "plot": Command("FILE [SHOW] -o PICTURE", "draw a model, its answer, or a trace", _PLOT, _plot),
    "lsp": Command("", "serve editors with the language server protocol", _LSP, _lsp),
}

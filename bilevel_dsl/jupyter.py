"""Models in the cells of a notebook.

%load_ext bilevel_dsl.jupyter

%%bilevel solution --method penalty
param demand;                       # the Python variable of this name
upper { ... }
lower { ... }
"""

from __future__ import annotations

from dataclasses import replace
from html import escape

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from .diagnostics import BilevelError, Diagnostic, Source
from .report.page import Line, plain
from .report.table import lines
from .syntax import ast
from .syntax.parser import parse

_STYLES = {
    "bold": "font-weight: bold",
    "dim": "opacity: 0.6",
    "green": "color: #1a7f37",
    "yellow": "color: #9a6700",
    "red": "color: #cf222e",
    "cyan": "color: #1b7c83",
}


class ModelError(BilevelError):
    """Shown as a message about the cell, without a traceback through our code."""

    def _render_traceback_(self) -> list[str]:
        return str(self).split("\n")


@magics_class
class BilevelMagics(Magics):
    @magic_arguments()
    @argument("name", nargs="?", help="the Python variable that the solution is kept in")
    @argument("--method", help="auto, or a method by name")
    @argument("--tol", type=float, help="relative tolerance")
    @argument("--max-iter", type=int, help="iterations at most")
    @argument("--time-limit", type=float, metavar="SEC", help="seconds at most for the iterations")
    @argument("-O", action="append", default=[], dest="options", metavar="KEY=VALUE", help="a setting of the method")
    @argument("--no-compile", action="store_true", help="run without a C compiler")
    @argument("--no-python", action="store_true", help="take no values from Python variables")
    @cell_magic
    def bilevel(self, line: str, cell: str):
        """Solve the model in this cell.

        Parameters of the model take the values of Python variables of the same name: numbers, lists and arrays, and
        dictionaries by label. Where the model has a value of its own, the Python variable wins if it holds numbers.
        Data files are read below the folder of the notebook.
        """
        from . import session

        arguments = parse_argstring(self.bilevel, line)
        if arguments.name and not arguments.name.isidentifier():
            raise UsageError(f"`{arguments.name}` is not the name of a variable")
        source = Source("cell", cell)
        options = _options(arguments.options)
        try:
            data = {} if arguments.no_python else self._data(parse(source))
            problem = session.load(source, data=data)
            solution = session.solve(
                problem,
                arguments.method,
                tol=arguments.tol,
                max_iter=arguments.max_iter,
                time_limit=arguments.time_limit,
                options=options,
                compile=not arguments.no_compile,
            )
        except BilevelError as error:
            raise ModelError(map(_in_notebook, error.diagnostics)) from None
        if arguments.name:
            self.shell.user_ns[arguments.name] = solution
        if data:
            print(f"from Python: {', '.join(data)}")
        return solution

    def _data(self, tree: ast.Model) -> dict[str, object]:
        """Python variables that stand for parameters."""
        names, found = self.shell.user_ns, {}
        for s in tree.statements:
            if isinstance(s, ast.Param) and s.name.id in names:
                value = names[s.name.id]
                if s.value is None or _is_numeric(value):
                    found[s.name.id] = value
        return found


def _in_notebook(d: Diagnostic) -> Diagnostic:
    """What is missing is assigned here, not given on a command line."""
    hint = "assign it: the Python variable of this name is used"
    return replace(d, hints=(hint,)) if d.code == "BL0330" else d


def _is_numeric(value: object) -> bool:
    import numpy as np

    if isinstance(value, dict):
        return bool(value) and all(isinstance(k, str) and _is_numeric(v) for k, v in value.items())
    if isinstance(value, (bool, str)) or callable(value):
        return False
    try:
        return np.asarray(value).dtype.kind in "iuf"
    except ValueError:
        return False


def _options(pairs: list[str]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        key, equal, value = pair.partition("=")
        if not (key and equal and value):
            raise UsageError(f"-O needs KEY=VALUE, not `{pair}`")
        options[key] = value
    return options


# --- display ------------------------------------------------------------------------------------------


def as_html(page: list[Line]) -> str:
    """The lines of a result with their colours."""
    body = "\n".join("".join(_piece(text, style) for text, style in line) for line in page)
    return f'<pre style="line-height: 1.3">{body}</pre>'


def _piece(text: str, style: str) -> str:
    css = "; ".join(_STYLES[word] for word in style.split() if word in _STYLES)
    return f'<span style="{css}">{escape(text)}</span>' if css else escape(text)


def load_ipython_extension(shell) -> None:
    shell.register_magics(BilevelMagics)
    for name in ("Point", "Solution"):
        home = ("bilevel_dsl.report.solution", name)
        html, text = (shell.display_formatter.formatters[kind] for kind in ("text/html", "text/plain"))
        html.for_type_by_name(*home, lambda result: as_html(lines(result, width=100, unicode=True)))
        text.for_type_by_name(*home, lambda result, printer, cycle: printer.text(plain(lines(result))))

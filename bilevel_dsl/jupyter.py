"""Models in the cells of a notebook.

%load_ext bilevel_dsl.jupyter

%%bilevel solution --method penalty
param demand;                       # the Python variable of this name
upper { ... }
lower { ... }
"""

from __future__ import annotations

from dataclasses import replace

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from .diagnostics import BilevelError, Diagnostic, Source
from .report.page import plain
from .report.table import lines
from .syntax import ast
from .syntax.parser import parse


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
    @argument("--show", action="store_true", help="show the model as mathematics, above the result")
    @argument("--take", metavar="A,B", help="take the values of these Python variables, and of no others")
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
            tree = parse(source)
            data = {} if arguments.no_python else self._data(tree, arguments.take)
            problem = session.load(source, data=data)
            if arguments.name and not any(isinstance(s, ast.ProblemName) for s in tree.statements):
                problem = replace(problem, name=arguments.name)
            if arguments.show:
                display(problem)
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

    def _data(self, tree: ast.Model, take: str | None) -> dict[str, object]:
        """Python variables that stand for parameters; `take`: those that are named, and no others."""
        names, found = self.shell.user_ns, {}
        wanted = None if take is None else [name.strip() for name in take.split(",") if name.strip()]
        for name in wanted or ():
            if name not in names:
                raise UsageError(f"there is no Python variable `{name}`")
            found[name] = names[name]
        for s in tree.statements if wanted is None else ():
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


def load_ipython_extension(shell) -> None:
    shell.register_magics(BilevelMagics)
    text = shell.display_formatter.formatters["text/plain"]
    for name in ("Point", "Solution"):
        show = lambda result, printer, cycle: printer.text(plain(lines(result)))
        text.for_type_by_name("bilevel_dsl.report.solution", name, show)

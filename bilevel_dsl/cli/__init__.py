"""The command line: arguments, files, exit statuses; no mathematics.

Results go to standard output; diagnostics, progress and advice to standard error.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import warnings

from ..diagnostics import BilevelError
from ..interrupts import remembered
from .arguments import UsageError, parse
from .terminal import discard, emit, tell, tolerate

INTERNAL, USAGE, INTERRUPTED = 1, 2, 130


def main(argv: list[str] | None = None) -> int:
    """Run `bileveldsl ARGV` and return the exit status.

    0 converged and verified, or done; 1 internal error; 2 usage or file; 3 error in model or data; 4 infeasible;
    5 unbounded or diverged; 6 limit reached; 7 converged but not verified; 8 numerical failure; 130 interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    tolerate()
    arguments = None
    try:
        if "--version" in argv[:1]:
            return _version()
        arguments = parse(argv)
        with remembered():
            return _run(arguments)
    except SystemExit:  # after --help
        return 0
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except BilevelError as error:
        tell(error.diagnostics, getattr(arguments, "color", "auto"))
        return error.exit_status
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        discard()
        return 0
    except MemoryError:
        print("error: there is not enough memory for this model", file=sys.stderr)
        return 3
    except Exception as error:
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):  # Ctrl-C within an extension module
            return _interrupted()
        return _internal(error, getattr(arguments, "verbose", False))


def _run(arguments) -> int:
    from .commands import COMMANDS

    with warnings.catch_warnings():  # overflow in data is reported as a diagnostic, not by NumPy
        warnings.simplefilter("ignore", RuntimeWarning)
        return COMMANDS[arguments.command](arguments)


def _version() -> int:
    from ..report.document import versions

    emit("".join(f"{name} {number}\n" for name, number in versions().items()))
    return 0


def _interrupted() -> int:
    print("interrupted", file=sys.stderr)
    return INTERRUPTED


def _internal(error: Exception, verbose: bool) -> int:
    """A bug of ours: one line, and the traceback where it can be found."""
    text = "".join(traceback.format_exception(error))
    message = f"internal error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")
    if verbose:
        where = "the traceback is above"
        print(text, file=sys.stderr)
    else:
        try:
            handle, path = tempfile.mkstemp(prefix="bileveldsl-error-", suffix=".txt")
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
            where = f"the traceback is in {path}"
        except OSError:
            where = "-v shows the traceback"
    print(
        f"{message[:300]}\nThis is a bug of bileveldsl, not of your model: please report it with the model; {where}.",
        file=sys.stderr,
    )
    return INTERNAL

"""Compiled programs, kept by content.

A library is named `<key>-<content>.so`: the key is a hash of all that decides what the compiler makes
(the program, our code and templates, compiler, flags, versions), `content` one of the file itself. So a
file that is found is either whole or made again under a name that never stood for anything else, and
processes need no lock: each compiles in a folder of its own and renames the result.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import casadi as ca

from ..cache import own_folder
from .compiler import Compiler, CompilerFailed, find_compiler
from .csource import TEMPLATES, NotCompilable, functions_source, template
from .layout import Layout
from .library import Library

BUDGET = 256 * 2**20  # bytes of libraries kept; the longest unused go first
TIMEOUT = 120.0  # seconds for one compilation
LARGEST = 1_500_000  # lines of C
LONG = 100_000  # entries of data
_STALE = 3600.0  # seconds after which the folder of a compilation that was killed is removed
_DIGITS = 32
_TEMPLATES = ("driver.c", "driver.h", "product.c")
_SUFFIX = ".dll" if sys.platform == "win32" else ".so"

_private: str | None = None  # folder of this process, where the user's cache cannot be used


def library(layout: Layout, make: bool = True) -> Library | None:
    """The compiled form of a program, from the cache or, with `make`, made now; None without a compiler.

    Raises:
        CompilerFailed: the compiler fails, or takes too long.
        NotCompilable: the program has no C, or too much of it.
    """
    folder = cache_folder()
    compiler = find_compiler(folder / "compilers.json")
    if compiler is None:
        return None
    key = _key(layout, compiler)
    kept = _kept(folder, key)
    if kept is not None or not make:
        return kept
    return _made(folder, key, _sources(layout), compiler)


def _sources(layout: Layout) -> dict[str, str]:
    functions = functions_source(layout)
    lines = functions.count("\n")
    if lines > LARGEST:
        raise NotCompilable(f"{lines} lines of C are more than a compiler can take")
    return {"driver.h": template("driver.h"), "driver.c": template("driver.c"), "functions.c": functions}


def _key(layout: Layout, compiler: Compiler) -> str:
    """Of what the sources are made from: serialised functions are had in a tenth of the time of their C.

    Not where data are long: there the row of every entry of a matrix is written down, but not in C.
    """
    try:
        long = max((slot.size for slot in layout.program.data), default=0) > LONG
        functions = [functions_source(layout)] if long else [bound.function.serialize() for bound in layout.functions]
    except RuntimeError as error:
        raise NotCompilable(str(error).strip().splitlines()[-1]) from error
    places = [(b.name, b.inputs, b.outputs, b.runs) for b in layout.functions]
    numbers = (layout.state, layout.measures, layout.good, layout.scratch, layout.results, layout.tolerances)
    parts = [
        *functions,
        repr(places),
        repr(numbers),
        repr(sorted(layout.offsets.items())),
        _our_code(),
        *compiler.command,
        *compiler.flags,
        compiler.identity,
        ca.__version__,
        platform.machine(),
        sys.platform,
    ]
    return _digest("\0".join(parts).encode())


@cache
def _our_code() -> str:
    """Digest of all that makes sources of a program: a checkout changes without a new version."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), *(TEMPLATES / n for n in _TEMPLATES)]
    return _digest(b"\0".join(path.read_bytes() for path in files))


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:_DIGITS]


def _kept(folder: Path, key: str) -> Library | None:
    """The library from the cache; a file that is not what its name says is removed."""
    for path in sorted(folder.glob(f"{key}-*{_SUFFIX}")):
        try:
            if path.stem.partition("-")[2] == _digest(path.read_bytes()):
                found = Library(path)
                with suppress(OSError):  # a folder that we may only read
                    os.utime(path)
                return found
        except (OSError, AttributeError, ValueError):  # gone meanwhile, or not loadable
            pass
        with suppress(OSError):
            path.unlink()
    return None


def _made(folder: Path, key: str, sources: dict[str, str], compiler: Compiler) -> Library:
    try:
        path = _compile(folder, key, sources, compiler)
    except OSError as error:  # read-only, or full
        if folder == private_folder():
            raise CompilerFailed(f"the library cannot be written: {error.strerror}") from error
        return _made(private_folder(), key, sources, compiler)
    try:
        made = Library(path)
    except (OSError, AttributeError, ValueError) as error:
        path.unlink(missing_ok=True)
        raise CompilerFailed("the compiled library cannot be loaded", str(error)) from error
    if made.arithmetic != 0:
        path.unlink(missing_ok=True)
        raise CompilerFailed("the compiled library does not round as it must")
    prune(folder, keep=path)
    return made


def _compile(folder: Path, key: str, sources: dict[str, str], compiler: Compiler) -> Path:
    with tempfile.TemporaryDirectory(prefix="compiling-", dir=folder, ignore_cleanup_errors=True) as work:
        for name, text in sources.items():
            Path(work, name).write_text(text, encoding="utf-8", newline="\n")
        output = f"made{_SUFFIX}"
        compiler.compile([n for n in sources if n.endswith(".c")], output, Path(work), TIMEOUT)
        content = Path(work, output).read_bytes()
        path = folder / f"{key}-{_digest(content)}{_SUFFIX}"
        os.replace(Path(work, output), path)
        return path


# --- the folder -----------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where libraries are kept: the user's cache, or a folder of this process, removed at the end."""
    return own_folder("compiled") or private_folder()


def private_folder() -> Path:
    global _private
    if _private is None or not os.path.isdir(_private):
        _private = tempfile.mkdtemp(prefix="bileveldsl-")
        atexit.register(shutil.rmtree, _private, ignore_errors=True)
    return Path(_private)


def prune(folder: Path, keep: Path | None = None, budget: int = BUDGET) -> None:
    """Remove what was not used for longest until `budget` holds, and what killed compilations left."""
    now, files = time.time(), []
    for path in folder.iterdir():
        try:
            info = path.stat()
        except OSError:
            continue
        if path.suffix == _SUFFIX:
            files.append((info.st_mtime, info.st_size, path))
        elif path.name.startswith("compiling-") and now - info.st_mtime > _STALE:
            shutil.rmtree(path, ignore_errors=True)
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= budget:
            return
        if path != keep:
            with suppress(OSError):
                path.unlink()
                total -= size

"""Compiled programs by content: kept, found, made again, bounded, and safe under parallel and killed runs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bilevel_dsl.runtime import compile as cache
from bilevel_dsl.runtime.compile import library, prune
from bilevel_dsl.runtime.compiler import Compiler, CompilerFailed
from bilevel_dsl.runtime.execute import execute
from bilevel_dsl.runtime.layout import lay_out
from tests.runtime import programs

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("compiler", "empty_cache")


def answer(program=None) -> float:
    run = execute(program or programs.newton(), np.zeros(0), np.ones(1), executor="compiled")
    return float(run.state["y"][0])


def libraries(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix == cache._SUFFIX)


@pytest.fixture
def no_compiling(monkeypatch):
    """From here on nothing may be compiled."""

    def compile(*_):
        raise AssertionError("compiled again")

    return lambda: monkeypatch.setattr(Compiler, "compile", compile)


def test_found_again(empty_cache, no_compiling):
    first = library(lay_out(programs.newton()))
    no_compiling()
    again = library(lay_out(programs.newton()))
    assert first.path == again.path == libraries(empty_cache)[0]
    assert first.arithmetic == 0


def test_what_changes_the_key(monkeypatch):
    compiler = Compiler(("cc",), "cc 1")
    key = lambda program, compiler=compiler: cache._key(lay_out(program), compiler)
    same = key(programs.descent())
    assert same == key(programs.descent(seed=4))  # data are no part of a program
    others = [
        key(programs.descent(n=8)),
        key(programs.newton()),
        key(programs.descent(), Compiler(("cc",), "cc 2")),
        key(programs.descent(), Compiler(("cc", "-m32"), "cc 1")),
    ]
    monkeypatch.setattr(cache, "_our_code", lambda: "another version of the driver")
    others.append(key(programs.descent()))
    assert len({same, *others}) == 6


def test_the_key_is_the_same_in_every_process():
    code = (
        "from tests.runtime import programs; from bilevel_dsl.runtime import compile as c;"
        "from bilevel_dsl.runtime.compiler import Compiler; from bilevel_dsl.runtime.layout import lay_out;"
        "print(c._key(lay_out(programs.descent()), Compiler(('cc',), 'cc 1')))"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            text=True,
            capture_output=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert keys == {cache._key(lay_out(programs.descent()), Compiler(("cc",), "cc 1"))}


@pytest.mark.parametrize("content", [b"", b"\x7fELF and nothing more", None])
def test_a_broken_file_is_made_again(empty_cache, content):
    path = library(lay_out(programs.newton())).path
    whole = path.read_bytes()
    path.unlink()  # the old one is still mapped
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert answer() == pytest.approx(7 ** (1 / 3))
    (made,) = libraries(empty_cache)
    assert made.stem.partition("-")[2] == cache._digest(made.read_bytes())


def test_a_file_under_a_false_name_is_not_loaded(empty_cache):
    """The library of another program under this one's key."""
    newton = library(lay_out(programs.newton())).path
    key = newton.name.partition("-")[0]
    other = library(lay_out(programs.counter())).path
    newton.unlink()
    (empty_cache / f"{key}-{'0' * 32}{cache._SUFFIX}").write_bytes(other.read_bytes())
    assert answer() == pytest.approx(7 ** (1 / 3))
    assert not list(empty_cache.glob("*-0000*"))


def test_parallel_processes(empty_cache):
    code = "from tests.runtime.test_cache import answer; print(answer())"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(5)
    ]
    results = {process.communicate(timeout=60)[0] for process in processes}
    assert results == {f"{answer()}\n"}
    assert len({path.name.partition("-")[0] for path in libraries(empty_cache)}) == 1
    assert not list(empty_cache.glob("compiling-*")) and not list(empty_cache.glob("*.json.*"))


@pytest.fixture
def hanging_compiler(tmp_path, monkeypatch):
    """A compiler that says who it is, and then works for a minute."""
    script, started = tmp_path / "slowcc", tmp_path / "started"
    script.write_text(f'#!/bin/sh\ncase "$1" in --version) echo slow compiler 1; exit;; esac\ntouch {started}\nsleep 60\n')
    script.chmod(0o755)
    monkeypatch.setenv("BILEVELDSL_CC", str(script))
    return started


@pytest.mark.skipif(os.name != "posix", reason="a shell script as compiler")
def test_a_killed_compilation(empty_cache, hanging_compiler, monkeypatch):
    code = "from tests.runtime.test_cache import answer; answer()"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    while not hanging_compiler.exists() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    left = list(empty_cache.glob("compiling-*"))
    assert len(left) == 1 and not libraries(empty_cache)
    monkeypatch.delenv("BILEVELDSL_CC")
    assert answer() == pytest.approx(7 ** (1 / 3))
    assert left[0].exists()  # it could belong to a process that lives
    os.utime(left[0], (0, 0))
    prune(empty_cache)
    assert not left[0].exists() and len(libraries(empty_cache)) == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell script as compiler")
def test_a_compilation_without_end(empty_cache, hanging_compiler, monkeypatch):
    monkeypatch.setattr(cache, "TIMEOUT", 0.3)
    run = execute(programs.newton(), np.zeros(0), np.ones(1), executor="eager")
    assert run.executor == "interpreted" and run.state["y"] == pytest.approx(7 ** (1 / 3))
    assert [w.code for w in run.warnings] == ["BL0601"]
    assert "slowcc` took more than 0.3 seconds" in run.warnings[0].message
    assert not list(empty_cache.glob("compiling-*"))


def test_bounded_in_size(tmp_path):
    for k in range(6):
        path = tmp_path / f"key{k}-content{cache._SUFFIX}"
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + k, 1000 + k))
    prune(tmp_path, budget=350)
    assert [p.name[3] for p in libraries(tmp_path)] == ["3", "4", "5"]
    prune(tmp_path, keep=tmp_path / f"key3-content{cache._SUFFIX}", budget=100)
    assert [p.name[3] for p in libraries(tmp_path)] == ["3"]


def test_making_one_prunes_but_keeps_it(empty_cache, monkeypatch):
    old = library(lay_out(programs.counter())).path
    os.utime(old, (1000, 1000))
    monkeypatch.setattr(cache.prune, "__defaults__", (None, 1))
    new = library(lay_out(programs.newton())).path
    assert libraries(empty_cache) == [new]


def test_a_use_counts_as_recent(empty_cache):
    path = library(lay_out(programs.newton())).path
    os.utime(path, (1000, 1000))
    library(lay_out(programs.newton()))
    assert path.stat().st_mtime > 10**9


# --- folders that cannot be used --------------------------------------------------------------------


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "file"))
    assert library(lay_out(programs.newton())).path.parent == cache.private_folder()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_others_can_write_is_not_trusted(empty_cache):
    empty_cache.mkdir(parents=True)
    empty_cache.chmod(0o777)
    assert library(lay_out(programs.newton())).path.parent == cache.private_folder()
    assert not libraries(empty_cache)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_folder(empty_cache, monkeypatch, error):
    real = os.replace

    def replace(source, target):
        if Path(target).parent == empty_cache:
            raise OSError(error, os.strerror(error))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    assert library(lay_out(programs.newton())).path.parent == cache.private_folder()
    assert list(empty_cache.iterdir()) == []


def test_nowhere_to_write(monkeypatch):
    def replace(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(CompilerFailed, match="No space left"):
        library(lay_out(programs.newton()))


def test_a_cache_that_cannot_be_changed_is_read(empty_cache, monkeypatch, no_compiling):
    path = library(lay_out(programs.newton())).path
    no_compiling()

    def refused(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", refused)
    assert library(lay_out(programs.newton())).path == path


def test_the_private_folder_goes_with_the_process(tmp_path):
    (tmp_path / "file").write_text("")
    code = (
        "from tests.runtime.test_cache import answer; from bilevel_dsl.runtime.compile import private_folder;"
        "answer(); print(private_folder())"
    )
    environment = {**os.environ, "BILEVELDSL_CACHE": str(tmp_path / "file")}
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert "bileveldsl-" in out and not Path(out).exists()

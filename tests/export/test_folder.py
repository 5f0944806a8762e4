"""The exported folder: its text is reproducible, and it appears whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bilevel_dsl.diagnostics import BilevelError
from bilevel_dsl.export.c_solver import number, prefix_of, solver_texts
from bilevel_dsl.export.folder import write_folder
from tests.export.cases import awkward, exported, program_of
from tests.problems import TWO_LEVEL

ROOT = Path(__file__).parents[2]
FILES = {
    "README.md",
    "CMakeLists.txt",
    "Makefile",
    "solver.h",
    "solver.c",
    "driver.h",
    "driver.c",
    "functions.c",
    "data.c",
    "main.c",
}


def texts(name="penalty", real="double"):
    return solver_texts(program_of(awkward(), name), awkward(), real=real, settings={})


def digest(made: dict[str, str]) -> str:
    return hashlib.sha256("\0".join(f"{n}\0{t}" for n, t in sorted(made.items())).encode()).hexdigest()


# --- text -----------------------------------------------------------------------------------------


def test_the_same_bytes_in_every_process():
    code = "from tests.export.test_folder import digest, texts; print(digest(texts()), digest(texts('mgbio', 'float')))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{digest(texts())} {digest(texts('mgbio', 'float'))}\n"}


@pytest.mark.parametrize("real", ["double", "float"])
def test_what_is_in_the_text(real):
    made = texts(real=real)
    assert set(made) == FILES
    for name, text in made.items():
        assert not re.search(r"@[A-Z_]+@", text), f"{name}: a part of the template is left"
        assert not re.search(r"\bbl_|\bBL_(?!MEMORY\b)", text), f"{name}: a name of the template is left"
        assert not re.search(r"\b20\d\d-\d\d|/home/|/root|/tmp|" + re.escape(str(ROOT)), text), f"{name}: date or path"
        assert text.endswith("\n") and "\r" not in text and text.isascii()
    assert f"typedef {real} for_real;" in made["driver.h"]
    longest = max(len(line) for name in FILES - {"functions.c", "README.md"} for line in made[name].splitlines())
    assert longest <= 120


def test_the_readme_gives_the_places_of_the_header():
    made = texts()
    header = dict(re.findall(r"\b(FOR_\w+) = (\d+)", made["solver.h"]))
    rows = re.findall(r"^\| `(FOR_\w+)` \| (\d+) \|", made["README.md"], re.MULTILINE)
    placed = {name: place for name, place in rows if not name.startswith("FOR_SET_")}
    assert {"FOR_VAR_int", "FOR_VAR_Int", "FOR_PAR_if", "FOR_REP_return", "FOR_UPPER", "FOR_STATE_x"} <= set(placed)
    assert all(header[name] == place for name, place in placed.items())
    assert "| `n` | fixed | 1 | a scalar |" in made["README.md"]
    assert f"`memory` has {header['FOR_MEMORY']} numbers" in made["README.md"]


@pytest.mark.parametrize(
    "name, prefix",
    [
        ("tolls", "tolls_"),
        ("P1", "p1_"),
        ("two words-and.more", "two_words_and_more_"),
        ("int", "int_"),
        ("_x__y_", "x_y_"),
        ("2d", "model_2d_"),
        ("", "model_"),
        ("\N{GREEK SMALL LETTER ALPHA}", "model_"),
        ("casadi", "model_casadi_"),
        ("*/ int main(", "int_main_"),
        ("a" * 100, "a" * 40 + "_"),
    ],
)
def test_prefixes(name, prefix):
    assert prefix_of(name) == prefix
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_", prefix)


@pytest.mark.parametrize(
    "value, real, text",
    [
        (0.1, "double", "0.1"),
        (3.0, "double", "3.0"),
        (1e300, "double", "1e+300"),
        (5e-324, "double", "5e-324"),
        (-0.0, "double", "-0.0"),
        (np.inf, "double", "INFINITY"),
        (-np.inf, "float", "-INFINITY"),
        (np.nan, "double", "NAN"),
        (0.1, "float", "0.1f"),
        (1e300, "float", "INFINITY"),
        (1e-300, "float", "0.0f"),
        (16777217.0, "float", "1.6777216e+07f"),
    ],
)
def test_numbers(value, real, text):
    assert number(value, real) == text


def test_only_double_and_float():
    with pytest.raises(ValueError, match="double or float"):
        texts(real="half")


# --- folder ---------------------------------------------------------------------------------------


def test_a_new_folder_also_below_folders_that_are_not_there(tmp_path):
    paths = exported(TWO_LEVEL["p1"].problem, "mgbio", tmp_path / "a" / "b")
    assert {p.name for p in paths} == FILES and {p.parent for p in paths} == {tmp_path / "a" / "b"}
    assert {p.name for p in (tmp_path / "a" / "b").iterdir()} == FILES
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]


def test_an_empty_folder(tmp_path):
    write_folder(tmp_path, {"driver.h": "one"})
    assert [p.name for p in tmp_path.iterdir()] == ["driver.h"]


def test_a_folder_of_ours_is_written_again_and_other_files_in_it_stay(tmp_path):
    folder = tmp_path / "out"
    exported(TWO_LEVEL["p1"].problem, "mgbio", folder)
    (folder / "mine.c").write_text("mine")
    (folder / "solver.c").write_text("changed")
    exported(replace(TWO_LEVEL["p1"].problem, name="other"), "mgbio", folder)
    assert {p.name for p in folder.iterdir()} == FILES | {"mine.c"}
    assert (folder / "mine.c").read_text() == "mine"
    assert "other_solve" in (folder / "solver.c").read_text()


@pytest.mark.parametrize("name", ["notes.txt", "driver.h", ".hidden"])
def test_a_folder_with_other_things_is_refused(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(BilevelError) as error:
        exported(TWO_LEVEL["p1"].problem, "mgbio", tmp_path)
    (refused,) = error.value.diagnostics
    assert (refused.code, refused.exit_status) == ("BL0605", 2)
    assert "there are other files in it" in refused.message
    assert [p.name for p in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == "mine"


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(BilevelError, match="out` is a file"):
        write_folder(tmp_path / "out", {"driver.h": "one"})
    with pytest.raises(BilevelError, match="BL0605"):
        write_folder(tmp_path / "out" / "below", {"driver.h": "one"})
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("exists", [False, True])
def test_a_full_or_read_only_disk_leaves_nothing(tmp_path, monkeypatch, error, exists):
    folder = tmp_path / "out"
    if exists:
        write_folder(folder, {"driver.h": "Generated by bileveldsl", "main.c": "old"})
    real = Path.write_text

    def write_text(self, text, **more):
        if self.name == "main.c":
            raise OSError(error, os.strerror(error))
        return real(self, text, **more)

    monkeypatch.setattr(Path, "write_text", write_text)
    with pytest.raises(BilevelError) as raised:
        write_folder(folder, {"driver.h": "Generated by bileveldsl", "main.c": "new", "data.c": "new"})
    assert raised.value.diagnostics[0].code == "BL0605"
    assert os.strerror(error).lower() in raised.value.diagnostics[0].message
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")}
    assert left == ({"out", "out/driver.h", "out/main.c"} if exists else set())
    assert not exists or (folder / "main.c").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_folder_has_the_usual_permissions(tmp_path):
    mask = os.umask(0o027)
    try:
        write_folder(tmp_path / "out", {"driver.h": "one"})
    finally:
        os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "out" / "driver.h").stat().st_mode & 0o777 == 0o640

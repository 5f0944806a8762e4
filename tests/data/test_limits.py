"""Data files are refused by what they announce, before anything of that size is unpacked or allocated."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from bilevel_dsl.cli.inputs import read_data
from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.reading import read

MODEL = (
    'param a[:] = npz("a.npz", "a"); upper { var x in [0, 1]; minimize x + y + a[1]; } lower { var y; minimize (y - x)^2; }'
)


def archive(path, header: dict, content: bytes = b"") -> None:
    """An NPZ with one array `a`, whose header says what it likes."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.npy", file.getvalue() + content)


HUGE = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
TEXTS = {"descr": "<U4", "fortran_order": False, "shape": (2**40,)}


@pytest.mark.parametrize("header, words", [(HUGE, "is larger than 1 GiB"), (TEXTS, "is not an array of real numbers")])
def test_members_of_an_archive_are_refused_by_their_header(tmp_path, header, words):
    archive(tmp_path / "a.npz", header)
    with pytest.raises(BilevelError, match=words):
        read(Source(str(tmp_path / "m.bilevel"), MODEL))
    with pytest.raises(BilevelError, match=words):
        read_data([str(tmp_path / "a.npz")])


def test_a_header_that_is_none(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as made:
        made.writestr("a.npy", b"no array")
    with pytest.raises(BilevelError, match="is not a NumPy archive of numbers"):
        read(Source(str(tmp_path / "m.bilevel"), MODEL))


CSV = (
    'param a[:, :] = csv("a.csv"); upper { var x in [0, 1]; minimize x + y + sum(a); } lower { var y; minimize (y - x)^2; }'
)


@pytest.mark.parametrize(
    "text, rows",
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("a,b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("\n1,2\n\n3,4\n", [[1, 2], [3, 4]]),
        ("# said\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1;2\n3;4\n", [[1, 2], [3, 4]]),
        ("\ufeff1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("Łódź,b\n1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("1,2\r\n3,4", [[1, 2], [3, 4]]),
        (" 1 , 2 \n 3,4\n", [[1, 2], [3, 4]]),
    ],
)
def test_numbers_in_all_layouts(tmp_path, text, rows):
    (tmp_path / "a.csv").write_bytes(text.encode())
    (found,) = read(Source(str(tmp_path / "m.bilevel"), CSV)).params
    np.testing.assert_array_equal(found.value, rows)


@pytest.mark.parametrize(
    "text, words",
    [
        ("1,2\n3,four\n", "line 2, column 2: `four` is not a number"),
        ("1,2\n3\n", "line 2: 1 columns, but 2"),
        ("a,b\n1,2\n3,\n", "line 3, column 2: `an empty cell` is not a number"),
        ("1,2\n3,4 # said\n", "line 2, column 2: `4 # said` is not a number"),
    ],
)
def test_mistakes_have_their_place(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BilevelError, match=words):
        read(Source(str(tmp_path / "m.bilevel"), CSV))

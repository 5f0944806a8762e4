"""Data files and points."""

import io
import json
import zipfile

import numpy as np
import pytest

from bilevel_dsl.cli.inputs import read_data, read_point
from bilevel_dsl.diagnostics import BilevelError


def refused(reader, *arguments) -> tuple[str, int]:
    """The message and the exit status."""
    with pytest.raises(BilevelError) as caught:
        reader(*arguments)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.message, diagnostic.exit_status


def test_json(tmp_path):
    path = tmp_path / "d.json"
    path.write_text('{"n": 3, "a": [1, 2.5], "M": [[1, 2], [3, 4], [5, 6]]}')
    values = read_data([str(path)])
    assert values["n"] == 3 and values["a"].tolist() == [1, 2.5] and values["M"].shape == (3, 2)


def test_npz(tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, n=np.int64(3), a=np.arange(4, dtype=np.float32), M=np.eye(2))
    values = read_data([str(path)])
    assert values["n"] == 3 and values["a"].tolist() == [0, 1, 2, 3] and values["M"].tolist() == [[1, 0], [0, 1]]


def test_csv_with_names(tmp_path):
    path = tmp_path / "roads.csv"
    path.write_text("slope,free_flow,k\n1,10,\n2, 20 ,\n3,30,\n")
    values = read_data([str(path)])
    assert values["slope"].tolist() == [1, 2, 3] and values["free_flow"].tolist() == [10, 20, 30]
    assert values["k"].size == 0


def test_csv_with_one_row_gives_numbers(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("demand,price\n12,0.5\n")
    values = read_data([str(path)])
    assert values["demand"].shape == () and values["demand"] == 12 and values["price"] == 0.5


@pytest.mark.parametrize(
    "text, expected",
    [
        ("7\n", 7),
        ("1\n2\n3\n", [1, 2, 3]),
        ("1,2,3\n", [1, 2, 3]),
        ("1,2\n3,4\n", [[1, 2], [3, 4]]),
        ("\ufeff1;2\r\n3;4\r\n", [[1, 2], [3, 4]]),
        ("1e3\n-inf\n\n", [1000, -np.inf]),
    ],
)
def test_csv_of_numbers_is_named_by_the_file(tmp_path, text, expected):
    path = tmp_path / "slope.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_data([str(path)])["slope"].tolist() == expected


def test_a_later_file_wins(tmp_path):
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"n": value, name: 0}))
    values = read_data([str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert values["n"] == 2 and set(values) == {"n", "a", "b"}


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "folder.json").mkdir()
    assert refused(read_data, [f"{tmp_path}/none.json"]) == (f"there is no file `{tmp_path}/none.json`", 2)
    assert refused(read_data, [f"{tmp_path}/folder.json"]) == (f"`{tmp_path}/folder.json` is a folder, not a file", 2)
    assert refused(read_data, ["numbers.xlsx"])[1] == 2
    assert refused(read_data, ["a\0.json"])[1] == 2
    assert refused(read_point, f"{tmp_path}/none.json")[1] == 2


MALFORMED = {
    "a.json": [
        "",
        "{",
        "[1, 2]",
        "3",
        '{"a": [1, "x"]}',
        '{"a": null}',
        '{"a": true}',
        '{"a": [1, "x"]}',
        '{"a": [[1, 2], [3]]}',
        '{"a": 1, "a": 2}',
        "[" * 100_000,
        '{"a": ' + "[" * 100_000,
        '{"a": [1, null]}',
        '{"a": [true, false]}',
    ],
    "a.csv": [
        "",
        "\n\n",
        "a,b\n",
        "a,b\n1,x\n",
        "a b,c\n1,2\n",
        "a,a\n1,2\n",
        "a,b\n1,2,3\n",
        "a,b\n1,\n2,3\n",
        "1,2\n3\n",
        "1,2\n3,x\n",
        "1,2\n3,\n",
        "a,,c\n1,2,3\n",
    ],
    "a.npz": ["", "not an archive", "PK\x03\x04 damaged"],
}


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in MALFORMED.items() for text in texts])
def test_malformed_data(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    message, status = refused(read_data, [str(path)])
    assert status == 3 and str(path) in message and len(message) < 300 + len(str(path))


def test_places_in_malformed_data(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n\n3,x\n")
    assert refused(read_data, [str(path)])[0] == f"`{path}`, line 4, column 2: `x` is not a number"
    path = tmp_path / "a.json"
    path.write_text('{"a":\n 1,}')
    assert "(line 2, column 4)" in refused(read_data, [str(path)])[0]


def test_bytes_that_are_no_text(tmp_path):
    for name in ("a.json", "a.csv"):
        path = tmp_path / name
        path.write_bytes(b"\xff\xfe\x00")
        assert refused(read_data, [str(path)]) == (f"`{path}` is not UTF-8 text (byte 1)", 3)


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code from a data file was run",))

    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([Trap()], dtype=object))
    assert refused(read_data, [str(path)])[1] == 3
    np.savez(path, a=np.array(["text"]))
    assert refused(read_data, [str(path)])[1] == 3
    np.savez(path, a=np.array([1j]))
    assert refused(read_data, [str(path)])[1] == 3


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (2**27 + 1,)})
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("a.npy", "w", force_zip64=True) as member:
            member.write(header.getvalue())
            for _ in range(2**30 // 2**24 + 1):
                member.write(bytes(2**24))
    assert path.stat().st_size < 2**22
    message, status = refused(read_data, [str(path)])
    assert "larger than 1 GiB" in message and status == 3


def test_point(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"variables": {"x": 1, "y": [1, 2]}, "status": "converged", "upper": null}')
    values = read_point(str(path)).variables
    assert values["x"] == 1 and values["y"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"x": 1}',
        '{"variables": [1]}',
        '{"variables": {}}',
        '{"variables": {"x": null}}',
        '{"variables": {"x": "1"}}',
        '{"variables": {"x": [[1], [2, 3]]}}',
    ],
)
def test_files_without_a_point(tmp_path, text):
    path = tmp_path / "p.json"
    path.write_text(text)
    message, status = refused(read_point, str(path))
    assert status == 3 and str(path) in message

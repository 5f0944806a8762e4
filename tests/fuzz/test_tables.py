"""Damaged data files: whatever stands in them, a model that reads them is checked or refused in words."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from bilevel_dsl.diagnostics import Source, render
from bilevel_dsl.semantics.check import examine
from bilevel_dsl.syntax.parser import parse

from .mutate import mutated

EXAMPLES = Path(__file__).parents[2] / "examples"
TABLES = [(m, d) for m in ("market/market", "roads/roads") for d in sorted((EXAMPLES / m).parent.glob("*.csv"))]
SPARSE = """
param A[:, :] = npz("A.npz");
upper { var c in [0.01, 10]; minimize sumsqr(w) + c; }
lower { var w[cols(A)]; minimize sumsqr(A @ w - 1) + c * sumsqr(w); }
"""


def judged(text: str, folder: Path) -> str:
    source = Source("fuzz.bilevel", text)
    found = examine(parse(source), source=source, base_dir=folder)
    assert (found.checked is None) == bool(found.problems.errors)
    assert all(d.message for d in found.problems.items)
    render(found.problems.items)
    return "refused" if found.checked is None else "read"


@pytest.mark.parametrize("model, table", TABLES, ids=[f"{m} {d.name}" for m, d in TABLES])
def test_damaged_tables(model, table, tmp_path):
    for file in table.parent.glob("*.csv"):
        shutil.copy(file, tmp_path)
    text, content = (EXAMPLES / f"{model}.bilevel").read_text(encoding="utf-8"), table.read_text(encoding="utf-8")
    outcomes = set()
    for seed in range(40):
        damaged = mutated(content, seed).encode("utf-8", "replace")
        if seed % 5 == 0:
            source = random.Random(seed)
            damaged = bytearray(damaged or b"x")
            for _ in range(3):
                damaged[source.randrange(len(damaged))] = source.randrange(256)
        (tmp_path / table.name).write_bytes(bytes(damaged))
        outcomes.add(judged(text, tmp_path))
    assert "refused" in outcomes


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_damaged_archives(first, tmp_path):
    """Of every third the ZIP itself is whole, and the numbers in it are not."""
    indptr, indices, data = np.array([0, 2, 3, 3]), np.array([0, 1, 1]), np.array([1.0, 2, 3])
    whole = {"indptr": indptr, "indices": indices, "data": data, "shape": np.array([3, 2]), "format": np.array(b"csr")}
    for seed in range(first, first + 100):
        source, members = random.Random(seed), dict(whole)
        if seed % 3 == 0:
            name = source.choice(list(members))
            kind = source.choice([np.int8, np.uint16, np.float32, object, complex, "S3", "datetime64[s]"])
            members[name] = np.array([source.randrange(-3, 5) for _ in range(source.randrange(5))]).astype(kind)
        np.savez(tmp_path / "A.npz", **members)
        if seed % 3:
            content = bytearray((tmp_path / "A.npz").read_bytes())
            for _ in range(source.randrange(1, 4)):
                content[source.randrange(len(content))] = source.randrange(256)
            (tmp_path / "A.npz").write_bytes(bytes(content[: source.choice([len(content), source.randrange(len(content))])]))
        judged(SPARSE, tmp_path)

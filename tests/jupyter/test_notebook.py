"""The notebooks of the examples run from the first cell to the last; what they claim, they assert themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("IPython", reason="IPython is not installed: pip install ipython")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path, shell):
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert len(cells) > 3 and all(c["outputs"] == [] for c in cells)
    for cell in cells:
        shell.run_cell("".join(cell["source"])).raise_error()

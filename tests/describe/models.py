"""Models that are described in the golden files."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
TEMPLATES = HERE.parents[1] / "bilevel_dsl" / "templates"
MODELS = {path.stem: path for path in (*sorted(HERE.glob("*.bilevel")), *sorted(TEMPLATES.glob("*.bilevel")))}


def compare(name: str, text: str) -> None:
    """`text` is what the golden file says; BILEVELDSL_UPDATE_GOLDEN=1 writes it anew, to be read before a commit."""
    path = GOLDEN / name
    if os.environ.get("BILEVELDSL_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")

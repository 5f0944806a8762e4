"""Draws docs/picture.svg: what a terminal shows when the tolls model is solved.

python docs/picture.py          then look at it
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parent.parent
MODEL = "models/applications/tolls.bilevel"
WIDTH = 92
# Fonts of the reader, none from the network.
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
THEME = TerminalTheme(
    (24, 28, 36),
    (214, 219, 227),
    [
        (24, 28, 36),
        (224, 108, 117),
        (140, 194, 101),
        (229, 192, 123),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (171, 178, 191),
    ],
)


def main() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bilevel_dsl", "solve", MODEL, "--color", "always"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": str(WIDTH)},
        capture_output=True,
        text=True,
        check=True,
    )
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), (f"bileveldsl solve {MODEL}", "bold")))
    console.print(Text.from_ansi("\n" + done.stdout.rstrip()))
    svg = console.export_svg(title="bileveldsl", theme=THEME, unique_id="solve")
    svg = re.sub(r"@font-face {.*?}\s*", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)
    (ROOT / "docs" / "picture.svg").write_text(svg)


if __name__ == "__main__":
    main()

"""A figure that is drawn when it is asked for, by matplotlib, and the styles that all of them share."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..diagnostics import BilevelError, Diagnostic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.3)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))
MARKS = ("o", "s", "^", "D", "v", "x", "P", "*")
GREYS = ("#000000", "#005f9e", "#b35900", "#3d7a3d", "#8a3f8a", "#777777", "#9e1b1b", "#2f4f4f")  # alike dark, in grey too
STYLE = {"font.size": 9, "svg.hashsalt": "bilevel_dsl", "axes.linewidth": 0.6, "hatch.linewidth": 0.4}


class Picture:
    """A figure: `save` writes it, a notebook shows it."""

    def __init__(self, draw: Callable[[Figure], None], size: tuple[float, float], dpi: int = 150):
        """`size`: inches; `dpi`: pixels of an inch, of PNG."""
        self.draw, self.size, self.dpi = draw, size, dpi

    def file(self, kind: str) -> bytes:
        """The contents of a file of that kind: "png", "svg" or "pdf".

        Raises:
            BilevelError: BL0522, matplotlib is missing.
        """
        try:
            import matplotlib
        except ModuleNotFoundError:
            raise missing() from None
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        with matplotlib.rc_context(STYLE):
            page = Figure(figsize=self.size, layout="constrained")
            FigureCanvasAgg(page)
            self.draw(page)
            file = io.BytesIO()
            page.savefig(file, format=kind, dpi=self.dpi, metadata={"Date": None} if kind == "svg" else None)
        return file.getvalue()

    def save(self, path: str | Path) -> None:
        """Write a file whose name ends in .png, .svg or .pdf; it appears whole or not at all.

        Raises:
            BilevelError: BL0511 the file cannot be written, BL0522 matplotlib is missing, BL0526 another ending.
        """
        from ..files import write_whole

        write_whole(path, self.file(kind_of(path)))

    def _repr_png_(self) -> bytes:
        return self.file("png")


def kind_of(path: str | Path) -> str:
    """ "png", "svg" or "pdf".

    Raises:
        BilevelError: BL0526.
    """
    kind = str(path).rpartition(".")[2].lower()
    if kind not in FORMATS:
        wrong = f"`{path}` is no name of a figure: it ends in none of .{', .'.join(FORMATS)}"
        raise BilevelError(Diagnostic("BL0526", wrong, exit_status=2))
    return kind


def missing() -> BilevelError:
    hint = "pip install 'bilevel_dsl[plot]', or pip install matplotlib"
    return BilevelError(Diagnostic("BL0522", "figures need the package matplotlib", hints=(hint,), exit_status=2))


def bare(axes) -> None:
    """A light grid, no frame at the top and to the right."""
    axes.set_axisbelow(True)
    axes.grid(True, which="major", color="#dddddd", linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)


def legend_above(page, handles, labels) -> None:
    """In as many columns as the width has room for."""
    if labels:
        room = int(11 * page.get_figwidth() / (max(map(len, labels)) + 9))  # letters of an inch; a sample is nine wide
        columns = max(1, min(4, room, len(labels)))
        page.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False, handlelength=4)

"""The table of a result as HTML, for notebooks."""

from __future__ import annotations

from html import escape

from .page import Line

_STYLES = {
    "bold": "font-weight: bold",
    "dim": "opacity: 0.6",
    "green": "color: #1a7f37",
    "yellow": "color: #9a6700",
    "red": "color: #cf222e",
    "cyan": "color: #1b7c83",
}


def as_html(page: list[Line]) -> str:
    """The lines of a result with their colours."""
    body = "\n".join("".join(_piece(text, style) for text, style in line) for line in page)
    return f'<pre style="line-height: 1.3">{body}</pre>'


def _piece(text: str, style: str) -> str:
    css = "; ".join(_STYLES[word] for word in style.split() if word in _STYLES)
    return f'<span style="{css}">{escape(text)}</span>' if css else escape(text)

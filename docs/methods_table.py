"""The class table and the sections of docs/methods.md, from the cards and docstrings of the methods.

`python docs/methods_table.py` writes them anew.

Each row of the class table stands for problems of that class, and says what the registry says of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bilevel_dsl as bl
from bilevel_dsl.methods import METHODS, choose, fitting
from bilevel_dsl.methods.branches import FEW_PAIRS
from bilevel_dsl.methods.mgbio import MOST_VARIABLES
from bilevel_dsl.methods.needs import DENSE_LIMIT
from bilevel_dsl.methods.value import FEW, MOST_LOWER
from bilevel_dsl.model.structure import analyse

PAGE = Path(__file__).parent / "methods.md"
BEGIN, END = "<!-- {}: made by docs/methods_table.py -->", "<!-- end of {} -->"

UPPER = "upper { var x in [0, 4]; minimize (x - 1)^2 + sumsqr(y); }"
ROW_ON_X = "upper { var x; minimize (x - 1)^2 + sumsqr(y); subject to x^2 <= 2; }"
COUPLED = "upper { var x; minimize (x - 1)^2 + sumsqr(y); subject to x + sum(y) <= 2; }"
CHOICE = "upper { minimize sumsqr(y); }"
NOT_CONVEX = "minimize sum(sin(3 * y[i] + x) for i in 1..2);"
EXP = "minimize sum(exp(y)) - x * sum(y);"
CURVED_CHOICE = "upper { minimize sum(exp(y)); }"
LARGE = "subject to cap[i in 1..99]: y[i] + y[i + 1] <= x;"

# One problem or several of each class.
CLASSES = {
    f"y free, lower level a strongly convex quadratic of condition at most 1e6 in at most {MOST_VARIABLES} variables": [
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x) + 9e5 * (y[1] - x)^2; }}",
        f"{UPPER} lower {{ var y[{MOST_VARIABLES}]; minimize sumsqr(y - x) + 99 * (y[1] - x)^2; }}",
    ],
    f"y free, any other lower level of at most {DENSE_LIMIT} variables": [
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x) + 1e7 * (y[1] - x)^2; }}",
        f"{UPPER} lower {{ var y[{MOST_VARIABLES + 1}]; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[{MOST_LOWER + 1}]; {NOT_CONVEX} }}",
        f"{UPPER} lower {{ var y[{DENSE_LIMIT}]; minimize sumsqr(y - x); }}",
    ],
    "y free, rows of the upper level on x alone": [f"{ROW_ON_X} lower {{ var y[2]; minimize sumsqr(y - x); }}"],
    f"y free, more than {DENSE_LIMIT} variables": [f"{UPPER} lower {{ var y[{DENSE_LIMIT + 1}]; minimize sumsqr(y - x); }}"],
    f"both levels linear or convex quadratic, affine sets on y, at most {FEW_PAIRS} bounds": [
        f"{UPPER} lower {{ var y[2] in simplex; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2] in [0, 4]; minimize sumsqr(y - x); }}",
        "upper { var t in nonneg; maximize t * y[1]; } lower { var y[2] in simplex; minimize (1 + t) * y[1] + 4 * y[2]; }",
    ],
    f"both levels linear or convex quadratic, affine rows of the lower level, at most {FEW_PAIRS} of them with bounds": [
        f"{UPPER} lower {{ var y[2]; minimize sum(y); subject to y[1] >= x; y[2] >= x; }}",
        f"{UPPER} lower {{ var y[2]; minimize sumsqr(y - x); subject to sum(y) >= x; }}",
    ],
    "both levels linear or convex quadratic, affine rows of the upper level that involve y": [
        f"{COUPLED} lower {{ var y[2]; minimize sumsqr(y - x); }}",
        f"{COUPLED} lower {{ var y[2] in [0, 4]; minimize sum(y) - x * y[1]; }}",
    ],
    "the leader chooses whole numbers, both levels linear or convex quadratic": [
        "upper { var x in binary; minimize x + sumsqr(y); } lower { var y[2] in [0, 4]; minimize sumsqr(y - 1 + x); }",
        "upper { var x in integer(0, 9); maximize x * y; } lower { var y in [0, 9]; minimize y^2 + (x - 8) * y; }",
    ],
    "the leader chooses whole numbers of which there are few choices, any other levels": [
        "upper { var x in binary; minimize x + y; } lower { var y in [0, 4]; minimize exp(y) - y * x; }",
        "upper { var x in integer(0, 9); maximize x * y; } lower { var y in nonneg; minimize -y; subject to x * y <= 4; }",
    ],
    "any other convex lower level, with sets alone": [
        f"{UPPER} lower {{ var y[2] in simplex; {EXP} }}",
        f"{UPPER} lower {{ var y[2] in [0, 4]; {EXP} }}",
    ],
    "any other convex lower level, with rows": [
        f"{UPPER} lower {{ var y[2]; minimize sum(exp(y)); subject to sum(y) >= x; y[1] <= 3; }}",
        f"{UPPER} lower {{ var y[2]; minimize sum(y); subject to sumsqr(y) <= x; }}",
    ],
    f"lower level not convex, at most {FEW} variables on either level, those of the upper one bounded": [
        f"{UPPER} lower {{ var y[2]; {NOT_CONVEX} subject to sum(y) >= x; }}",
    ],
    "lower level not convex, more variables, with rows": [
        f"{UPPER} lower {{ var y[{MOST_LOWER + 1}]; {NOT_CONVEX} subject to sum(y) >= x; }}"
    ],
    "lower level not convex, more variables, with sets alone": [
        f"{UPPER} lower {{ var y[{MOST_LOWER + 1}] in [0, 4]; {NOT_CONVEX} }}",
        f"{UPPER} lower {{ var y[{MOST_LOWER + 1}]; {NOT_CONVEX} subject to y >= 0; y <= 4; }}",
    ],
    "rows of the upper level that involve y": [
        f"{COUPLED} lower {{ var y[2]; {EXP} }}",
        f"{COUPLED} lower {{ var y[{MOST_LOWER + 1}] in [0, 4]; {NOT_CONVEX} }}",
    ],
    "sets alone on y, but too large for kkt": [f"{UPPER} lower {{ var y[100] in simplex; minimize sumsqr(y - x); }}"],
    "rows of the lower level, too large for kkt": [
        f"{UPPER} lower {{ var y[100]; minimize sumsqr(y - x); {LARGE} }}",
    ],
    "rows of the upper level that involve y, too large for kkt": [
        f"{COUPLED} lower {{ var y[100] in nonneg; minimize sumsqr(y - x); }}",
    ],
    "a set `l1ball` on y": [
        f"{UPPER} lower {{ var y[2] in l1ball(1); minimize sumsqr(y - x); }}",
    ],
    "a set `psd` or `spectral` on y": [
        f"{UPPER} lower {{ var y[2, 2] in psd; minimize sumsqr(y - x); }}",
        f"{UPPER} lower {{ var y[2, 2] in spectral(0, 1); minimize sumsqr(y - x); }}",
    ],
    "the leader uses `dual(...)`, both levels linear or convex quadratic": [
        "upper { var x in [0, 4]; minimize x + dual(cap); } lower { var y; minimize (y - x)^2; s.t. cap: y <= 1; }",
    ],
    "the leader uses `dual(...)` in its objective or constraints": [
        "upper { var x in [0, 4]; minimize x + dual(cap); } lower { var y; minimize exp(y - x) - y; s.t. cap: y <= 1; }"
    ],
    "simple bilevel (no upper variables), over a bounded set": [
        f"{CURVED_CHOICE} lower {{ var y[2] in simplex; minimize y[1]; }}",
        f"{CURVED_CHOICE} lower {{ var y[2] in [0, 4]; minimize (sum(y) - 1)^2; }}",
    ],
    "simple bilevel, over another set or none": [
        f"{CURVED_CHOICE} lower {{ var y[2]; minimize (sum(y) - 1)^2; }}",
        f"{CURVED_CHOICE} lower {{ var y[2]; minimize (sum(y) - 1)^2; subject to y >= 0; }}",
    ],
    "simple bilevel, with rows": [f"{CURVED_CHOICE} lower {{ var y[2]; minimize y[1]; subject to sum(y) >= 1; y >= 0; }}"],
    "simple bilevel, linear or convex quadratic, with bounded affine sets": [
        f"{CHOICE} lower {{ var y[2] in simplex; minimize y[1]; }}",
        f"{CHOICE} lower {{ var y[2] in [0, 4]; minimize (sum(y) - 1)^2; }}",
    ],
    "simple bilevel, linear or convex quadratic, with affine rows": [
        f"{CHOICE} lower {{ var y[2]; minimize y[1]; subject to sum(y) >= 1; y >= 0; }}",
    ],
    "simple bilevel, with rows, too large for kkt": [
        f"{CHOICE} lower {{ var y[100]; minimize sumsqr(y); subject to sum(y) >= 1; }}"
    ],
}


def classes_table() -> list[str]:
    """Class by method, and what `auto` takes.

    Raises:
        ValueError: the problems of a row are not of one kind.
    """
    lines = ["| class of the problem | `auto` takes | methods that accept it |", "| --- | --- | --- |"]
    for words, texts in CLASSES.items():
        problems = [bl.load(bl.Source("model.bilevel", text)) for text in texts]
        fits = [fitting(p) for p in problems]
        cells = [
            _cell(name, [name in f for f in fits], words) for name in METHODS if METHODS[name].card.ties == "optimistic"
        ]
        taken = {choose(p, analyse(p))[0] for p in problems}
        if len(taken) > 1:
            raise ValueError(f"{words}: auto takes {', '.join(sorted(taken))}")
        lines.append(f"| {words} | {taken.pop()} | {', '.join(filter(None, cells))} |")
    return lines


def _cell(name: str, fits: list[bool], words: str) -> str:
    if name == "kkt" and any(fits):
        return "kkt (small)"
    if name == "branches" and any(fits) != all(fits):
        return "branches (both levels linear or quadratic)"
    if name == "value" and any(fits) != all(fits):
        return "value (few variables)"
    if any(fits) != all(fits):
        raise ValueError(f"{words}: {name} takes some and not others")
    return name if fits[0] else ""


def section(name: str) -> list[str]:
    """The page of a method: its title, the docstring of its file, what it accepts, its settings."""
    method = METHODS[name]
    title, _, body = method.description.partition("\n")
    return [
        f"## {name}",
        "",
        f"*{title.rstrip('.')}.*",
        "",
        *body.strip("\n").split("\n"),
        "",
        f"Accepts: {'; '.join(method.requirements)}.",
        "",
        *settings_table(name),
    ]


def settings_table(name: str) -> list[str]:
    """The settings of a method."""
    lines = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for s in METHODS[name].settings:
        default = s.choices[int(s.default)] if s.choices else f"{s.default:g}"
        choices = f" (`{'`, `'.join(s.choices)}`)" if s.choices else ""
        lines.append(f"| `{s.name}` | {default} | {s.doc}{choices} |".replace("||", "\\|\\|"))
    return lines


def written(page: str) -> str:
    """The page with its tables made anew."""
    sections = [line for name in METHODS for line in (*section(name), "")]
    for name, lines in {"classes": classes_table(), "methods": sections[:-1]}.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{chr(10).join(lines)}\n{end}{after}"
    return page


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        sys.exit(written(text) != text)
    PAGE.write_text(written(text), encoding="utf-8")

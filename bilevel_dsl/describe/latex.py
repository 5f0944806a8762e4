"""Formulas and pages as LaTeX; packages amsmath and amssymb."""

from __future__ import annotations

from .formula import Big, Formula, Number, Row, Script, Sign, Sum, Symbol, Words, is_tall
from .names import GREEK, parts
from .page import Condition, Datum, Level, Page, subject
from .text import broken

LINE = 75  # characters of the plain text, beyond which a sum is broken
_SIGNS = {
    "≠": r"\ne",
    "≤": r"\le",
    "≥": r"\ge",
    "∧": r"\land",
    "∨": r"\lor",
    "¬": r"\lnot ",
    "∈": r"\in",
    "⊤": r"\top",
    "∘": r"\circ",
    "⊘": r"\oslash",
    "⊗": r"\otimes",
    "∞": r"\infty",
    "·": r"\cdot",
    "×": r"\times ",
    "∩": r"\cap",
    "⪯": r"\preceq",
    ":": ":",
}
_WORDS = {
    "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}",
    "𝕊": r"\mathbb{S}",
    "ℒ": r"\mathcal{L}",
    "Δ": r"\Delta",
    "…": r"\ldots",
    "1": r"\mathbf{1}",
    "0": r"\mathbf{0}",
}
_FENCES = {"{": r"\{", "}": r"\}", "|": "|", "‖": r"\|", "⟨": r"\langle", "⟩": r"\rangle"}
_BIG = {"∑": r"\sum", "∏": r"\prod", "𝔼": r"\operatorname*{\mathbb{E}}", "max": r"\max", "min": r"\min"}
_OPERATORS = set("cos cosh cot coth csc deg det dim exp gcd inf lim ln log max min sec sin sinh sup tan tanh".split())


def escaped(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, "\\" + c if c in "_&%$#{}" else c) for c in text)


class Latex:
    """A formula in math mode."""

    def __call__(self, f: Formula) -> str:
        return getattr(self, f"_{type(f).__name__.lower()}")(f)

    def _number(self, f: Number) -> str:
        return f.text

    def _symbol(self, f: Symbol) -> str:
        base, below = parts(f.name)
        shown = f"\\{base}" if base in GREEK else base if len(base) == 1 and base != "_" else rf"\mathit{{{escaped(base)}}}"
        below = below if below.isdigit() or not below else rf"\mathrm{{{escaped(below)}}}"
        return shown + (f"_{{{below}}}" if below else "")

    def _words(self, f: Words) -> str:
        if f.text in _WORDS:
            return _WORDS[f.text]
        return f"\\{f.text}" if f.text in _OPERATORS else rf"\mathrm{{{escaped(f.text)}}}"

    def _sign(self, f: Sign) -> str:
        shown = _SIGNS.get(f.text, f.text)
        if f.role == "times":
            return r" \, "
        return {"relation": f" {shown} ", "binary": f" {shown} ", "separator": f"{shown} "}.get(f.role, shown)

    def _row(self, f: Row) -> str:
        return "".join(map(self, f.items))

    def _sum(self, f: Sum) -> str:
        first, *rest = f.terms
        return ("{-}" if first[0] == "-" else "") + self(first[1]) + "".join(f" {sign} {self(term)}" for sign, term in rest)

    def _script(self, f: Script) -> str:
        base = self(f.base)
        if f.below is not None and isinstance(f.base, Symbol) and parts(f.base.name)[1]:
            base = f"{{{base}}}"
        return base + self._limits(f)

    def _fraction(self, f) -> str:
        return rf"\frac{{{self(f.top)}}}{{{self(f.bottom)}}}"

    def _root(self, f) -> str:
        return rf"\sqrt{{{self(f.inner)}}}"

    def _fence(self, f) -> str:
        left, right = (_FENCES.get(c, c) for c in (f.left, f.right))
        if is_tall(f.inner):
            return rf"\left{left} {self(f.inner)} \right{right}"
        return f"{left}{self(f.inner)}{right}" if f.left != "{" else rf"{left}\, {self(f.inner)} \,{right}"

    def _big(self, f) -> str:
        sign = _BIG.get(f.sign, rf"\operatorname*{{{f.sign}}}")
        return sign + self._limits(f) + " " + self(f.body)

    def _limits(self, f: Script | Big) -> str:
        below = f"_{{{self(f.below)}}}" if f.below is not None else ""
        return below + (f"^{{{self(f.above)}}}" if f.above is not None else "")

    def _cases(self, f) -> str:
        rows = [
            f"{self(value)} & " + (r"\text{otherwise}" if condition is None else rf"\text{{if }} {self(condition)}")
            for value, condition in f.rows
        ]
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def _grid(self, f) -> str:
        if len(f.rows) == 1:
            return f"({', '.join(map(self, f.rows[0]))})"
        return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(map(self, row)) for row in f.rows) + r" \end{bmatrix}"


# --- pages ----------------------------------------------------------------------------------------


def render(page: Page) -> str:
    """A fragment to paste into a document, or to be read by `\\input`."""
    latex = Latex()
    lines = [f"% {page.title}; needs the packages amsmath and amssymb", *_problem(latex, page)]
    if page.definitions or page.notes:
        rows = [r" \\".join([f"  & {row}" for row in _lines(latex, d)]) for d in (*page.definitions, *page.notes)]
        lines += ["where", r"\begin{align*}", *_joined(rows), r"\end{align*}"]
    if page.data:
        lines += [
            r"\begin{center}",
            r"\begin{tabular}{lll}",
            *[_datum(latex, d) for d in page.data],
            r"\end{tabular}",
            r"\end{center}",
        ]
    if page.reported:
        lines += ["reported:", r"\begin{align*}", *_joined([f"  & {latex(d)}" for d in page.reported]), r"\end{align*}"]
    return "\n".join(lines) + "\n"


def _problem(latex: Latex, page: Page) -> list[str]:
    rows = [(rf"\{page.upper.sense}" + _under(latex, page.upper.sets), _lines(latex, page.upper.objective), "")]
    below = [(_lines(latex, c.formula), _remark(latex, c)) for c in page.upper.conditions]
    below += [
        ([_argmin(latex, follower)], rf"\quad \text{{({escaped(follower.name)})}}" if follower.name else "")
        for follower in page.followers
    ]
    rows += [(r"\text{s.t.}" if k == 0 else "", shown, remark) for k, (shown, remark) in enumerate(below)]
    lines = []
    for head, shown, remark in rows:
        for k, line in enumerate(shown):
            lead = rf"  {head} \quad & " if head and k == 0 else "  & " + (r"\qquad " if k else "")
            lines.append(lead + line + (f" && {remark}" if remark and k == len(shown) - 1 else ""))
    return [r"\begin{alignat*}{2}", *_joined(lines), r"\end{alignat*}"]


def _under(latex: Latex, sets: tuple[Formula, ...]) -> str:
    if not sets:
        return ""
    inner = [latex(s) for s in sets]
    return f"_{{{inner[0]}}}" if len(inner) == 1 else r"_{\substack{" + r" \\ ".join(inner) + "}}"


def _argmin(latex: Latex, level: Level) -> str:
    head = rf"{latex(subject(level))} \in \operatorname*{{arg\,{level.sense}}}{_under(latex, level.sets)} \; "
    objective = _lines(latex, level.objective)
    if len(objective) == 1 and not level.conditions:
        return head + objective[0]
    rows = [(r"\qquad " if k else "") + line for k, line in enumerate(objective)]
    for k, c in enumerate(level.conditions):
        shown = _lines(latex, c.formula)
        shown[-1] += " " + _remark(latex, c) if _remark(latex, c) else ""
        rows += [
            (r"\text{s.t.} \quad " if k + j == 0 else r"\phantom{\text{s.t.} \quad} ") + line for j, line in enumerate(shown)
        ]
    return head + r"\left\{ \begin{aligned} & " + r" \\ & ".join(rows) + r" \end{aligned} \right\}"


def _remark(latex: Latex, c: Condition) -> str:
    shown = [rf"\quad {latex(c.indices)}"] if c.indices is not None else []
    return " ".join(shown + ([rf"\quad \text{{({escaped(c.label)})}}"] if c.label else []))


def _lines(latex: Latex, f: Formula) -> list[str]:
    """One line, or several with breaks before + and - of the longest sum."""
    from .text import Text

    plain = Text()
    if len(plain(f)) <= LINE:
        return [latex(f)]
    head, terms, tail = broken(f)
    rows, line, length = [], "".join(map(latex, head)), sum(len(plain(h)) for h in head)
    for k, (sign, term) in enumerate(terms):
        if k and length + len(plain(term)) > LINE:
            rows.append(line.rstrip())
            line, length = "{} ", 0
        line += (f"{sign} " if k else "{-}" if sign == "-" else "") + latex(term) + " "
        length += len(plain(term)) + 3
    return [*rows, (line + "".join(map(latex, tail))).rstrip()]


def _joined(rows: list[str]) -> list[str]:
    return [row + r" \\" for row in rows[:-1]] + rows[-1:]


def _datum(latex: Latex, d: Datum) -> str:
    place = d.place.text if isinstance(d.place, Words) and d.place.text == "index set" else rf"$\in {latex(d.place)}$"
    return rf"  ${latex(d.symbol)}$ & {place} & {escaped(d.value)} \\"

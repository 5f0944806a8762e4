"""Formulas and pages as MathML in an HTML page that needs nothing else."""

from __future__ import annotations

from html import escape

from .formula import Formula, Number, Row, Script, Sign, Sum, Symbol, Words, is_tall
from .names import GREEK, parts
from .page import Condition, Level, Page, subject
from .text import Text, broken

LINE = 70  # characters of the plain text, beyond which a sum is broken
INDENT = '<mspace width="2em"/>'
DOCUMENT = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
STYLE = """\
body { font: 17px/1.5 Georgia, "Times New Roman", serif; max-width: 60rem; margin: 2.5rem auto; padding: 0 1.5rem;
  color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; font-weight: normal; margin: 0 0 1.5rem; }
h2 { font-size: 1rem; font-weight: normal; font-style: italic; margin: 1.6rem 0 .3rem; color: #555; }
math { font-size: 1.05em; }
.formula { overflow-x: auto; padding: .2rem 0; }
mtd { text-align: left; padding: .3em .5em; vertical-align: baseline; }
mtd.remark { padding-left: 2.5em; color: #666; }
table.data { border-collapse: collapse; }
table.data td { padding: .15rem 1.6rem .15rem 0; vertical-align: baseline; }
table.data td:last-child { color: #555; }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #e4e4e4; } h2, mtd.remark, table.data td:last-child { color: #a0a0a0; }
}
"""


class MathML:
    """A formula as presentation MathML."""

    def __call__(self, f: Formula) -> str:
        return getattr(self, f"_{type(f).__name__.lower()}")(f)

    def _number(self, f: Number) -> str:
        return f"<mn>{f.text.replace('-', '−')}</mn>"

    def _symbol(self, f: Symbol) -> str:
        base, below = parts(f.name)
        shown = GREEK.get(base, base)
        letter = f"<mi>{escape(shown)}</mi>" if len(shown) == 1 else f'<mi style="font-style: italic">{escape(shown)}</mi>'
        if not below:
            return letter
        lower = f"<mn>{below}</mn>" if below.isdigit() else f"<mtext>{escape(below)}</mtext>"
        return f"<msub>{letter}{lower}</msub>"

    def _words(self, f: Words) -> str:
        if f.text in ("1", "0"):
            return f'<mn style="font-weight: bold">{f.text}</mn>'
        return f'<mi mathvariant="normal">{escape(f.text)}</mi>'

    def _sign(self, f: Sign) -> str:
        if f.role == "times":
            return '<mspace width="0.17em"/>'
        if f.text == "⊤":
            return '<mo lspace="0" rspace="0">⊤</mo>'
        return f"<mo>{escape(f.text)}</mo>" if f.role != "plain" else f'<mo lspace="0" rspace="0">{escape(f.text)}</mo>'

    def _row(self, f: Row) -> str:
        return f"<mrow>{''.join(map(self, f.items))}</mrow>"

    def _sum(self, f: Sum) -> str:
        return f"<mrow>{self.terms(f.terms)}</mrow>"

    def terms(self, terms, first: bool = True) -> str:
        out = ""
        for k, (sign, term) in enumerate(terms):
            lead = first and k == 0
            if not lead or sign == "-":
                out += f'<mo form="{"prefix" if lead else "infix"}">{"−" if sign == "-" else sign}</mo>'
            out += self(term)
        return out

    def _script(self, f: Script) -> str:
        base, below, above = self(f.base), f.below and self(f.below), f.above and self(f.above)
        if isinstance(f.base, Symbol) and parts(f.base.name)[1] and below:
            base = f"<mrow>{base}</mrow>"
        if below and above:
            return f"<msubsup>{base}{below}{above}</msubsup>"
        return f"<msub>{base}{below}</msub>" if below else f"<msup>{base}{above}</msup>"

    def _fraction(self, f) -> str:
        return f"<mfrac>{self(f.top)}{self(f.bottom)}</mfrac>"

    def _root(self, f) -> str:
        return f"<msqrt>{self(f.inner)}</msqrt>"

    def _fence(self, f) -> str:
        stretchy = "true" if is_tall(f.inner) else "false"
        left, right = (
            f'<mo form="{form}" stretchy="{stretchy}" lspace="0" rspace="0">{escape(c)}</mo>'
            for c, form in ((f.left, "prefix"), (f.right, "postfix"))
        )
        return f"<mrow>{left}{self(f.inner)}{right}</mrow>"

    def _big(self, f) -> str:
        sign = f'<mo largeop="true" movablelimits="false">{f.sign}</mo>' if len(f.sign) == 1 else f"<mo>{f.sign}</mo>"
        if f.below is None:
            return f"<mrow>{sign}{self(f.body)}</mrow>"
        tag = "munder" if f.above is None else "munderover"
        inner = self(f.below) + ("" if f.above is None else self(f.above))
        return f"<mrow><{tag}>{sign}{inner}</{tag}>{self(f.body)}</mrow>"

    def _cases(self, f) -> str:
        rows = ""
        for value, condition in f.rows:
            when = "<mtext>otherwise</mtext>" if condition is None else "<mtext>if&#xA0;</mtext>" + self(condition)
            rows += f"<mtr><mtd>{self(value)}</mtd><mtd>{when}</mtd></mtr>"
        return f'<mrow><mo fence="true" form="prefix">{{</mo><mtable>{rows}</mtable></mrow>'

    def _grid(self, f) -> str:
        if len(f.rows) == 1:
            return "<mrow><mo>(</mo>" + "<mo>,</mo>".join(map(self, f.rows[0])) + "<mo>)</mo></mrow>"
        rows = "".join("<mtr>" + "".join(f"<mtd>{self(x)}</mtd>" for x in row) + "</mtr>" for row in f.rows)
        return f"<mrow><mo>[</mo><mtable>{rows}</mtable><mo>]</mo></mrow>"


# --- pages ----------------------------------------------------------------------------------------


def render(page: Page) -> str:
    """A whole HTML document."""
    body = f"<h1>{escape(page.title)}</h1>\n{fragment(page)}"
    return DOCUMENT.format(title=escape(page.title), style=STYLE, body=body)


def fragment(page: Page) -> str:
    """What stands in the document below its title, to be put into another one."""
    math = MathML()
    body = [_problem(math, page)]
    if page.definitions or page.notes:
        body += ["<h2>where</h2>", *[_block(math, d) for d in (*page.definitions, *page.notes)]]
    if page.data:
        rows = "\n".join(
            f"<tr><td>{_inline(math(d.symbol))}</td><td>{_place(math, d)}</td><td>{escape(d.value)}</td></tr>"
            for d in page.data
        )
        body += ["<h2>data</h2>", f'<table class="data">\n{rows}\n</table>']
    if page.reported:
        body += ["<h2>reported</h2>", *[_block(math, d) for d in page.reported]]
    return "\n".join(body)


def _inline(inner: str) -> str:
    return f"<math>{inner}</math>"


def _place(math: MathML, d) -> str:
    return (
        d.place.text
        if isinstance(d.place, Words) and d.place.text == "index set"
        else _inline(f"<mrow><mo>∈</mo>{math(d.place)}</mrow>")
    )


def _block(math: MathML, f: Formula) -> str:
    rows = "".join(f"<mtr><mtd>{INDENT * (k > 0)}{line}</mtd></mtr>" for k, line in enumerate(_lines(math, f)))
    return f'<div class="formula"><math displaystyle="true"><mtable displaystyle="true">{rows}</mtable></math></div>'


def _problem(math: MathML, page: Page) -> str:
    rows = [
        (_operator(math, page.upper.sense, page.upper), line, "") if k == 0 else ("", INDENT + line, "")
        for k, line in enumerate(_lines(math, page.upper.objective))
    ]
    below = [row for c in page.upper.conditions for row in _condition(math, c)]
    below += [(_argmin(math, follower), _text(f"({follower.name})") if follower.name else "") for follower in page.followers]
    rows += [("<mtext>s.t.</mtext>" if k == 0 else "", shown, remark) for k, (shown, remark) in enumerate(below)]
    cells = "\n".join(
        f'<mtr><mtd>{head}</mtd><mtd>{shown}</mtd><mtd class="remark">{remark}</mtd></mtr>' for head, shown, remark in rows
    )
    return f'<div class="formula"><math displaystyle="true"><mtable displaystyle="true">\n{cells}\n</mtable></math></div>'


def _text(words: str) -> str:
    return f"<mtext>{escape(words)}</mtext>"


def _operator(math: MathML, sign: str, level: Level) -> str:
    name = f'<mi mathvariant="normal">{sign}</mi>'
    if not level.sets:
        return name
    inner = "".join(f"<mtr><mtd style='padding: 0; text-align: center'>{math(s)}</mtd></mtr>" for s in level.sets)
    return f"<munder>{name}{math(level.sets[0]) if len(level.sets) == 1 else f'<mtable>{inner}</mtable>'}</munder>"


def _argmin(math: MathML, level: Level) -> str:
    head = f"{math(subject(level))}<mo>∈</mo>{_operator(math, 'arg ' + level.sense, level)}"
    objective = _lines(math, level.objective)
    if len(objective) == 1 and not level.conditions:
        return f'<mrow>{head}<mspace width="0.4em"/>{objective[0]}</mrow>'
    rows = [f"<mtr><mtd></mtd><mtd>{INDENT * (k > 0)}{line}</mtd></mtr>" for k, line in enumerate(objective)]
    conditions = [row for c in level.conditions for row in _condition(math, c)]
    rows += [
        f'<mtr><mtd>{_text("s.t.") if k == 0 else ""}</mtd><mtd>{shown}</mtd><mtd class="remark">{remark}</mtd></mtr>'
        for k, (shown, remark) in enumerate(conditions)
    ]
    left, right = (f'<mo fence="true" form="{form}">{c}</mo>' for c, form in (("{", "prefix"), ("}", "postfix")))
    return f'<mrow>{head}<mrow>{left}<mtable displaystyle="true">{"".join(rows)}</mtable>{right}</mrow></mrow>'


def _condition(math: MathML, c: Condition) -> list[tuple[str, str]]:
    """Its lines, with what is said beside the last one."""
    lines = _lines(math, c.formula)
    remark = (f"<mrow>{math(c.indices)}</mrow>" if c.indices is not None else "") + (
        ('<mspace width="1em"/>' if c.indices is not None else "") + _text(f"({c.label})") if c.label else ""
    )
    return [(line, "" if k < len(lines) - 1 else remark) for k, line in enumerate(lines)]


def _lines(math: MathML, f: Formula) -> list[str]:
    """One line, or several with breaks before + and - of the longest sum."""
    plain = Text()
    if len(plain(f)) <= LINE:
        return [math(f)]
    head, terms, tail = broken(f)
    groups, length = [[]], sum(len(plain(h)) for h in head)
    for k, (sign, term) in enumerate(terms):
        if k and length + len(plain(term)) > LINE:
            groups.append([])
            length = 0
        groups[-1].append((sign, term))
        length += len(plain(term)) + 3
    rows = [math.terms(group, first=k == 0) for k, group in enumerate(groups)]
    rows[0] = "".join(map(math, head)) + rows[0]
    rows[-1] += "".join(map(math, tail))
    return [f"<mrow>{row}</mrow>" for row in rows]

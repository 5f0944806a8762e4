"""From a place where the parser stopped to what is said about it.

Recognisers are asked in order; the first that knows the mistake answers. Those of this folder are about
the language itself; those of `habits` about other languages; the last one lists what would have fitted.
"""

from __future__ import annotations

from ...diagnostics import Span
from ..expected import found, phrase
from ..habits import HABITS
from ..place import Mistake, Place
from ..tokens import END
from . import ends, inside, keywords, missing


def diagnose(place: Place) -> Mistake:
    for recogniser in _RECOGNISERS:
        mistake = recogniser(place)
        if mistake:
            return mistake
    return _expected(place)


def _expected(p: Place) -> Mistake:
    """The last resort: what was found and what would have fitted."""
    i = p.open_bracket()
    secondary = ()
    if i is not None:
        secondary = ((Span(p.source, p.tokens[i].start, p.tokens[i].end), "opened here"),)
    if p.complete and p.statement:
        message = f"expected `;` or an operator after {p.noun()}, found {found(p.found)}"
    elif p.statement:
        message = f"expected {phrase(p.accepted)} after `{p.before.text}`, found {found(p.found)}"
    else:
        message = f"expected {phrase(p.accepted)}, found {found(p.found)}"
    return Mistake("BL0110", message, p.after_before() if p.found.type == END else p.span(), "", secondary)


_RECOGNISERS = (
    *HABITS,
    ends.empty_statement,
    ends.brace_missing,
    ends.missing_semicolon,
    ends.unclosed_block,
    ends.stray_closing,
    ends.unclosed_bracket,
    keywords.keyword_as_name,
    keywords.misspelt_keyword,
    ends.misplaced,
    inside.order_of_a_declaration,
    inside.relation,
    inside.conditional,
    inside.missing_operator,
    missing.expression,
    missing.name,
    missing.to,
    missing.parameters,
    missing.equals,
    missing.side_of_a_choice,
    ends.before_subject_to,
)

"""What the parser would accept, in words, and the habits of other languages by name."""

from __future__ import annotations

PHRASES = {
    "SEMICOLON": "`;`", "EQUAL": "`=`", "LPAR": "`(`", "RPAR": "`)`", "LBRACE": "`{`", "RBRACE": "`}`",
    "COMMA": "`,`", "LSQB": "`[`", "RSQB": "`]`", "COLON": "`:`", "__ANON_0": "`<=`", "__ANON_1": "`>=`",
    "__ANON_2": "`==`", "__ANON_3": "`!=`", "LESSTHAN": "`<`", "MORETHAN": "`>`", "__ANON_4": "`..`",
    "PLUS": "`+`", "MINUS": "`-`", "STAR": "`*`", "SLASH": "`/`", "AT": "`@`", "CIRCUMFLEX": "`^`", "QUOTE": "`'`",
    "DOT": "`.`", "NAME": "a name", "NUMBER": "a number", "STRING": "a string", "ST": "`s.t.`", "$END": "the end of the file",
    "PROBLEM": "`problem`", "PARAM": "`param`", "SET": "`set`", "FUNCTION": "`function`", "LET": "`let`",
    "UPPER": "`upper`", "LOWER": "`lower`", "VAR": "`var`", "IN": "`in`", "START": "`start`",
    "MINIMIZE": "`minimize`", "MAXIMIZE": "`maximize`", "SUBJECT": "`subject to`", "TO": "`to`", "FOR": "`for`",
    "IF": "`if`", "THEN": "`then`", "ELSE": "`else`", "OR": "`or`", "AND": "`and`", "NOT": "`not`", "INF": "`inf`",
    "OPTIONS": "`options`", "REPORT": "`report`", "REFERENCE": "`reference`",
}

_EXPRESSION = {"NAME", "NUMBER", "STRING", "LPAR", "LSQB", "INF", "MINUS"}
_OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "AT", "CIRCUMFLEX", "QUOTE", "AND", "OR", "__ANON_0", "__ANON_1",
              "__ANON_2", "__ANON_3", "__ANON_4", "LESSTHAN", "MORETHAN", "LSQB", "LPAR", "DOT", "FOR", "IF", "COLON"}
_STATEMENTS = {"PROBLEM", "PARAM", "SET", "FUNCTION", "LET", "OPTIONS", "REPORT", "REFERENCE"}


def phrase(accepted: set[str]) -> str:
    """`accepted` terminals as a list in words: "an expression", "`;`"."""
    accepted = set(accepted)
    words: list[str] = []
    if "SEMICOLON" in accepted:
        words.append("`;`")
        accepted -= _OPERATORS
    if "RBRACE" in accepted and {"VAR", "MINIMIZE"} <= accepted:
        return "`var`, `let`, an objective, `subject to`, a constraint or `}`" if _EXPRESSION <= accepted else \
            "`var`, `let`, an objective, `subject to` or `}`"
    if _STATEMENTS <= accepted:
        return "a statement: `param`, `set`, `function`, `let`, `upper`, `lower`, `options`, `report` or `reference`"
    if {"NAME", "NUMBER", "LPAR"} <= accepted:
        words.append("an expression")
        accepted -= _EXPRESSION | {"PLUS", "NOT", "IF", "LBRACE"}
    relations = {"__ANON_0", "__ANON_1", "__ANON_2"}
    if relations <= accepted and "SEMICOLON" not in accepted and "RPAR" not in accepted:
        words.append("`<=`, `>=` or `==`")
        accepted -= _OPERATORS
    closing = [t for t in ("RPAR", "RSQB", "RBRACE", "THEN", "ELSE") if t in accepted]
    if closing:
        words += [PHRASES[t] for t in closing]
        accepted -= _OPERATORS
        accepted -= set(closing)
    words += [PHRASES[t] for t in sorted(accepted) if t != "SEMICOLON"]
    if len(words) > 5:
        words = [*words[:4], "an operator"] if accepted & _OPERATORS else words[:5]
    return " or ".join(words) if len(words) < 3 else ", ".join(words[:-1]) + " or " + words[-1]


def habit(previous: str, found: str, following: str, accepted: set[str]) -> tuple[str, str] | None:
    """A mistake known from another language: what was meant, and the hint. Token texts around it."""
    if previous == ":" and found == "=":
        return "`:=` is not used here", "write `=`"
    if previous in ("*",) and found == "*":
        return "`**` is not an operator", "write `^` for a power"
    if previous == "/" and found == "/":
        return "`//` does not start a comment", "a comment starts with `#`"
    if found == "=" and "__ANON_2" in accepted:
        return "a constraint compares with `==`", "write `==`; a single `=` defines a name"
    if found in ("<", ">") and "__ANON_0" in accepted and "LESSTHAN" not in accepted:
        return f"a constraint is not strict: `{found}`", f"write `{found}=`"
    if found == "{" and previous in ("sum", "prod", "max", "min"):
        return f"`{previous}{{i in I}} e` is AMPL", f"write `{previous}(e for i in I)`"
    if found == "." and following in ("T", "t"):
        return "`.T` is not a transpose", "write `'`: `A'`"
    if previous in ("minimise", "minimum", "min") and "MINIMIZE" in accepted:
        return f"`{previous}` is not a keyword", "write `minimize`"
    if previous in ("maximise", "maximum", "max") and "MAXIMIZE" in accepted:
        return f"`{previous}` is not a keyword", "write `maximize`"
    if found == ":" and previous == "to":
        return "`subject to` has no colon", "write `subject to` and then the constraints"
    if found in (">", ">=", "<", "<=", "__ANON_1") and "IN" in accepted:
        return "bounds are written as a set", "write `var x in [0, inf];`"
    if found == ":" and "RPAR" in accepted and "__ANON_4" in accepted:
        return "a range is not written with `:` here", "write `1..n`"
    return None

"""Habits of other languages, by name: what was pasted, and how it is written here."""

from __future__ import annotations

import re

from .place import BLOCKS, RELATIONS, Mistake, Place
from .table import END

CODE = "BL0112"
_REDUCTIONS = ("sum", "prod", "min", "max", "mean")
_MODULES = (
    "np",
    "numpy",
    "math",
    "cp",
    "cvxpy",
    "ca",
    "casadi",
    "pe",
    "pyo",
    "pyomo",
    "torch",
    "jnp",
    "jax",
    "model",
    "m",
)


def _say(p: Place, message: str, hint: str, *, first: int = 0, last: int = 0, repair=None) -> Mistake:
    return Mistake(CODE, message, p.span(first, last), hints=(hint,) if hint else (), repair=repair)


# --- operators ------------------------------------------------------------------------------------


def _assignment(p: Place) -> Mistake | None:
    if p.types(0, 1) != (":", "=") or not p.adjacent(0):
        return None
    if p.kind == "var":
        return _say(
            p,
            "a first value is given by `start` here, not by `:=` as in AMPL",
            "write `start`",
            last=1,
            repair=p.replaced(0, 2, "start"),
        )
    if "=" not in p.accepted and p.kind != "constraint":
        return None
    return _say(
        p,
        "`:=` is AMPL; a definition has a plain `=` here",
        "write `=`",
        last=1,
        repair=p.replaced(0, 2, "=") if "=" in p.accepted else None,
    )


def _power(p: Place) -> Mistake | None:
    if p.types(-1, 0) == ("*", "*") and p.adjacent(-1):
        return _say(
            p,
            "`**` is Python, GAMS and AMPL; a power is `^` here",
            "write `^`",
            first=-1,
            repair=p.replaced(-1, 1, "^"),
        )
    return None


def _equality(p: Place) -> Mistake | None:
    """`=` where things are compared: GAMS's `=e=`, MiniZinc's `=<`, and AMPL's plain one."""
    if p.found.type != "=":
        return None
    if "==" not in p.accepted:
        return None
    gams = {"e": "==", "l": "<=", "g": ">=", "n": "=="}.get(p.at(1).text.lower())
    if gams and p.at(2).type == "=" and p.adjacent(0):
        return _say(p, f"`={p.at(1).text}=` is GAMS", f"write `{gams}`", last=2, repair=p.replaced(0, 3, gams))
    if p.at(1).type in ("<", ">") and p.adjacent(0):
        right = p.at(1).text + "="
        return _say(
            p, f"`={p.at(1).text}` is written `{right}`", f"write `{right}`", last=1, repair=p.replaced(0, 2, right)
        )
    if p.kind in ("minimize", "maximize") and p.statement[1:] and p.k - p.first == 2:
        return _say(
            p, "an objective has no name here", f"leave out `{p.before.text} =`", first=-1, repair=p.replaced(-1, 1)
        )
    if p.kind == "constraint":
        return _say(
            p,
            "a constraint compares with `==`, not `=`",
            "write `==`; a single `=` defines a name",
            repair=p.replaced(0, 1, "=="),
        )
    if p.complete:
        return None
    return _say(p, "a comparison is `==`", "write `==`; a single `=` defines a name", repair=p.replaced(0, 1, "=="))


def _changed(p: Place) -> Mistake | None:
    """Python's and C's `a += 1`."""
    d = 0 if p.found.type in ("+", "-", "*", "/") else -1
    if p.at(d).type in ("+", "-", "*", "/") and p.at(d + 1).type == "=" and p.adjacent(d):
        return _say(
            p,
            f"`{p.at(d).text}=` changes a value; nothing changes in a model",
            "name a new one: `let b = a + 1;`",
            first=d,
            last=d + 1,
        )
    return None


def _strict(p: Place) -> Mistake | None:
    if p.types(0, 1) == ("<", ">") and p.adjacent(0) and p.kind != "var":
        return _say(
            p, "`<>` is Pascal and AMPL; not equal is `!=`", "write `!=`", last=1, repair=p.replaced(0, 2, "!=")
        )
    if p.kind == "constraint" and p.found.type in ("<", ">") and RELATIONS <= p.accepted:
        return _say(
            p,
            "a constraint cannot be strict: the best point may lie on its boundary",
            f"write `{p.found.text}=`",
            repair=p.replaced(0, 1, p.found.text + "="),
        )
    return None


def _dot(p: Place) -> Mistake | None:
    """MATLAB's and Julia's dotted operators, `.T`, qualified names, methods, GAMS's suffixes."""
    d = 0 if p.found.type == "." else -1  # behind a name the dot itself is accepted
    if p.at(d).type != ".":
        return None
    following, owner = p.at(d + 1), p.at(d - 1).text
    if following.type in ("*", "/", "^", "+", "-", "'", "<=", ">=", "==") and p.adjacent(d):
        written = following.text
        return _say(
            p,
            f"`.{written}` is MATLAB and Julia; operators work by elements here",
            f"write `{written}`" + ("; the matrix product is `@`" if written == "*" else ""),
            first=d,
            last=d + 1,
            repair=p.replaced(d, d + 1),
        )
    if following.text in ("T", "t", "transpose"):
        last = d + (3 if p.types(d + 2, d + 3) == ("(", ")") else 1)
        return _say(
            p,
            f"`.{following.text}` is Python; the transpose is `'` here",
            f"write `{owner}'`",
            first=d,
            last=last,
            repair=p.replaced(d, last + 1, "'"),
        )
    if owner in _MODULES and p.at(d + 2).type in ("(", "["):
        return _say(
            p,
            f"functions stand without a module: `{owner}.` is Python",
            f"write `{following.text}`",
            first=d - 1,
            last=d,
            repair=p.replaced(d - 1, d + 1),
        )
    if following.text.lower() in ("lo", "up", "l", "fx", "lb", "ub", "val", "value", "level", "start"):
        return _say(
            p,
            f"`.{following.text}` is GAMS and its like; bounds and a start stand in the declaration",
            "write `var x in [0, 5] start 1;`",
            first=d,
            last=d + 1,
        )
    if following.type == "NAME" and p.at(d + 2).type == "(":
        arguments = p.text(p.k + d + 3, p.closing(p.k + d + 2))
        call = f"{following.text}({owner}{', ' + arguments if arguments else ''})"
        return _say(
            p,
            "there are no methods here, as in Python; functions stand in front",
            f"write `{call}`",
            first=d - 1,
            last=d + 1,
        )
    return _say(
        p, "a name has no parts here", "the only dot is in `dual(y.lower)` and `dual(y.upper)`", first=d, last=d + 1
    )


def _range(p: Place) -> Mistake | None:
    """`1:n` where a range of numbers is meant."""
    if p.found.type != ":" or ".." not in p.accepted or p.types(0, 1) == (":", "="):
        return None
    if p.kind == "set" or "for" in p.statement or (p.kind == "constraint" and "in" in p.statement):
        before, after = p.before.text, p.at(1).text
        return _say(
            p,
            "`a:b` is MATLAB and Julia; a range is `a..b` here",
            f"write `{before}..{after}`",
            repair=p.replaced(0, 1, ".."),
        )
    return None


def _loop_variable(p: Place) -> Mistake | None:
    if p.found.type == "=" and p.before.type == "NAME" and p.at(-2).type in ("for", ",") and "in" in p.accepted:
        return _say(
            p,
            "a loop variable takes its values with `in`",
            f"write `for {p.before.text} in ...`",
            repair=p.replaced(0, 1, "in"),
        )
    return None


def _quotes(p: Place) -> Mistake | None:
    if p.found.type != "'" or not p.needs_expression:
        return None
    text = p.source.text
    end = text.find("'", p.found.end)
    if end < 0 or "\n" in text[p.found.end : end]:
        return None
    last = p.k + 1
    while last < len(p.tokens) - 1 and p.tokens[last].start <= end:
        last += 1
    inside = text[p.found.end : end]
    return _say(
        p,
        "a string has double quotes; `'` is the transpose",
        f'write `"{inside}"`',
        last=last - 1 - p.k,
        repair=p.replaced(0, last - p.k, "STRING"),
    )


def _ternary(p: Place) -> Mistake | None:
    if p.found.type != "if" or p.needs_expression or not p.statement or not p.complete | bool({")", "]"} & p.accepted):
        return None
    return _say(p, "`a if c else b` is Python; the condition stands first here", "write `if c then a else b`")


# --- loops, arrays, dimensions -----------------------------------------------------------------------


def _indexed(content: str) -> tuple[str, str]:
    """AMPL's `i in I, j in J: c` as loop and condition of ours."""
    loop, _, condition = content.partition(":")
    return loop.strip(), condition.strip()


def _braces(p: Place) -> Mistake | None:
    """AMPL's `sum{i in I} e`, `x{I}` and `cap{i in I}:`."""
    if p.found.type != "{" or p.before.type != "NAME" or (p.begins and not p.block):
        return None
    close = p.closing(p.k)
    content = p.text(p.k + 1, close)
    loop, condition = _indexed(content)
    when = f" if {condition}" if condition else ""
    if p.before.text in _REDUCTIONS and p.kind not in ("param", "var", "set"):
        name = p.before.text
        return _say(
            p,
            f"`{name}{{...}}` is AMPL; the loop stands behind what is added up",
            first=-1,
            last=close - p.k,
            hint=f"write `{name}(e for {loop}{when})`",
        )
    names = [part.split(" in ")[-1].strip() for part in loop.split(",")]
    if p.kind in ("param", "var") and p.k - p.first == 2:
        declared = f"{p.tokens[p.first].text} {p.before.text}[{', '.join(names)}]"
        words = ["["] + [w for n in names for w in (("NUMBER" if n.isdigit() else "NAME"), ",")][:-1] + ["]"]
        simple = all(re.fullmatch(r"\w+", n) for n in names)
        return _say(
            p,
            "`{...}` after a name is AMPL; sizes stand in brackets",
            f"write `{declared}`",
            last=close - p.k,
            repair=p.replaced(0, close + 1 - p.k, *words) if simple else None,
        )
    if p.kind == "constraint" and p.k - p.first == 1 and " in " in loop:
        return _say(
            p,
            "`{...}` after a label is AMPL; loops of a constraint stand in brackets",
            last=close - p.k,
            hint=f"write `{p.before.text}[{loop}{when}]:`",
        )
    return _say(
        p,
        "`{...}` after a name is AMPL; an index stands in brackets",
        f"write `{p.before.text}[{content}]`",
        last=close - p.k,
    )


def _loop_first(p: Place) -> Mistake | None:
    """MiniZinc's `sum(i in I)(e)` and `forall(i in I)(...)`."""
    if p.found.type != "in" or p.types(-2) not in (("(",), (",",)) or p.before.type != "NAME":
        return None
    i = p.open_bracket()
    if i is None or p.tokens[i].type != "(" or p.tokens[i - 1].type != "NAME":
        return None
    name, close = p.tokens[i - 1].text, p.closing(i)
    loop = p.text(i + 1, close)
    offset = i - 1 - p.k
    if name == "forall":
        return _say(
            p,
            "`forall` is MiniZinc; an indexed constraint has a label with a loop",
            first=offset,
            last=close - p.k,
            hint=f"write `name[{loop}]: a <= b;`",
        )
    body = p.text(close + 2, p.closing(close + 1)) if p.tokens[close + 1].type == "(" else "e"
    return _say(
        p,
        f"`{name}({loop})` is MiniZinc; the loop stands behind what is added up",
        first=offset,
        last=close - p.k,
        hint=f"write `{name}({body} for {loop.replace(' where ', ' if ')})`",
    )


def _array(p: Place) -> Mistake | None:
    """MATLAB's arrays: spaces between items, `;` between rows."""
    i = p.open_bracket()
    if i is None or p.tokens[i].type != "[" or "]" not in p.accepted or "in" in p.statement[-3:]:
        return None
    items = p.found.type in ("NUMBER", "NAME") and p.before.type in ("NUMBER", "NAME") and not p.adjacent(-1)
    close = p.closing(i)
    if not (items or p.found.type == ";") or p.tokens[close].type != "]":
        return None
    inside = p.text(i + 1, close)
    if "," in inside and ";" not in inside:
        return Mistake(
            "BL0110",
            f"expected `,` between `{p.before.text}` and `{p.found.text}`",
            p.span(-1, 0),
            repair=p.inserted(","),
        )
    rows = [re.split(r"\s*,\s*|\s+", row.strip()) for row in inside.strip(";").split(";")]
    vectors = [", ".join(row) for row in rows]
    right = f"[{vectors[0]}]" if len(rows) == 1 else "[" + ", ".join(f"[{v}]" for v in vectors) + "]"
    message = "`[1 2 3]` is MATLAB; items are separated by commas"
    if len(rows) > 1:
        message = "`[1 2; 3 4]` is MATLAB; items are separated by commas, and a matrix is an array of its rows"
    return _say(
        p,
        message,
        f"write `{right if len(right) <= 80 else '[[1, 2], [3, 4]]'}`",
        first=i - p.k,
        last=close - p.k,
        repair=p.replaced(i + 1 - p.k, close - p.k),
    )


# --- declarations ----------------------------------------------------------------------------------


def _bounds(p: Place) -> Mistake | None:
    """Bounds of AMPL behind a variable, and its restrictions of a parameter."""
    relation = p.found.type in ("<=", ">=", "<", ">", "==")
    if p.kind == "param" and relation:
        return _say(p, "parameters are not restricted here, as they are in AMPL", "leave this out")
    if p.kind != "var" or not (relation or (p.found.type == "=" and p.statement[:2] == ["var", "NAME"])):
        return None
    end = next(i for i in range(p.k, len(p.tokens)) if p.tokens[i].type in (";", END))
    if p.found.type == "=":
        return _say(
            p,
            "a variable has no value: it is what is sought",
            f"a first value is `var {p.name} start {p.text(p.k + 1, end)};`, a fixed one is a `param` or a `let`",
            repair=p.replaced(0, 1, "start"),
        )
    low, high = "-inf", "inf"
    for part in p.text(p.k, end).split(","):
        bound = re.fullmatch(r"\s*([<>])=?\s*(.+?)\s*", part)
        if bound and bound[1] == ">":
            low = bound[2]
        elif bound:
            high = bound[2]
    declared = p.text(p.first, p.k)
    return _say(p, "bounds behind a variable are AMPL; they are a set here", f"write `{declared} in [{low}, {high}];`")


def _attributes(p: Place) -> Mistake | None:
    """AMPL's attributes, in words."""
    if p.found.type == "NAME" and p.kind == "var" and p.found.text in ("binary", "integer", "int", "bool", "logical"):
        return _say(
            p,
            "variables are real numbers; there are no integers among them",
            "a relaxation is `var x in [0, 1];`",
            repair=p.replaced(0, 1),
        )
    if p.found.type == "NAME" and p.kind == "param":
        if p.found.text == "default":
            return _say(
                p,
                "`default` is AMPL; every value in the file can be replaced from outside",
                "write `=`",
                repair=p.replaced(0, 1, "="),
            )
        if p.found.text in ("integer", "symbolic", "binary", "logical"):
            return _say(
                p, f"`{p.found.text}` is AMPL; parameters are plain numbers", "leave it out", repair=p.replaced(0, 1)
            )
    if p.found.type == "," and p.kind in ("var", "param") and not p.open_bracket():
        word = p.tokens[p.first].text
        if p.at(1).type == "NAME" and p.at(1).text not in ("integer", "binary", "default"):
            return _say(
                p,
                f"one `{word}` declares one name",
                f"write `{p.text(p.first, p.k)}; {word} {p.at(1).text};`",
                repair=p.replaced(0, 1, ";", word),
            )
        return _say(
            p, "the parts of a declaration stand without commas", "leave the comma out", repair=p.replaced(0, 1)
        )
    return None


def _types(p: Place) -> Mistake | None:
    """Types of MiniZinc and Stan."""
    token = p.found
    if token.type == ":" and p.kind in ("var", "param") and p.k - p.first == 2 and p.at(1).type == "NAME":
        return _say(
            p,
            "names have no types here, as they do in MiniZinc",
            f"write `{p.kind} {p.at(1).text};`",
            first=-1,
            repair=p.replaced(-1, 1),
        )
    if p.kind == "var" and p.k - p.first == 1 and token.type == "NUMBER":
        colon = next((i for i in range(p.k, p.k + 5) if p.tokens[min(i, len(p.tokens) - 1)].type == ":"), None)
        if colon and p.tokens[colon + 1].type == "NAME":
            low, high = p.text(p.k, colon).split("..") if ".." in p.text(p.k, colon) else ("0", "1")
            return _say(
                p,
                "a domain in front of the name is MiniZinc",
                last=colon - p.k,
                hint=f"write `var {p.tokens[colon + 1].text} in [{low.strip()}, {high.strip()}];`",
            )
    types = (
        "real",
        "int",
        "float",
        "bool",
        "vector",
        "matrix",
        "row_vector",
        "array",
        "string",
        "simplex",
        "double",
        "enum",
    )
    first = p.tokens[p.first]
    if p.kind == "set" and p.tokens[p.first + 1].text == "of":
        return _say(p, "`set of int` is MiniZinc", "write `set I = 1..4;`", first=p.first - p.k, last=p.first + 2 - p.k)
    if first.type != "NAME" or first.text not in types or p.k - p.first > 1 or p.kind == "entry":
        return None
    following = p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if following.type == ":":
        end = next(i for i in range(p.first, len(p.tokens)) if p.tokens[i].type in (";", END))
        return _say(
            p,
            f"there are no types here: `{first.text}:` is MiniZinc",
            first=p.first - p.k,
            last=p.first - p.k,
            hint=f"write `param {p.text(p.first + 2, end)};`",
        )
    if following.type in ("NAME", "<", "["):
        return _say(
            p,
            f"there are no types here: `{first.text}` is Stan and MiniZinc",
            first=p.first - p.k,
            last=p.first - p.k,
            hint="what is given is `param x[n];`, what is sought is `var x[n];` in a level",
        )
    return None


# --- statements ------------------------------------------------------------------------------------

_STAN_BLOCKS = {
    "data": "`param` declares what is given",
    "parameters": "`var` declares what is sought, in a level",
    "transformed": "`let` names an expression",
    "model": "the problem is in `upper { }` and `lower { }`",
    "generated": "results are in `report { }`",
    "functions": "`function f(u) = ...;` stands by itself",
}
_SAID = {
    "solve": ("a model does not say how it is solved", "run `bileveldsl solve FILE`; settings are in `options { }`"),
    "output": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "display": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "print": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "printf": ("results are not printed by the model", "name them in `report { name = ...; }`"),
    "include": ("a model is one file", 'data come from files: `param A = csv("A.csv");`'),
    "import": ("a model is no Python program", "built-in functions need no import"),
    "from": ("a model is no Python program", "built-in functions need no import"),
    "using": ("a model is no Julia program", "built-in functions need no package"),
    "sdpvar": ("`sdpvar` is YALMIP", "write `var x;` inside `upper { }` or `lower { }`"),
    "optimvar": ("`optimvar` is MATLAB", "write `var x;` inside `upper { }` or `lower { }`"),
    "syms": ("`syms` is MATLAB", "write `var x;` inside `upper { }` or `lower { }`"),
    "solvebilevel": ("`solvebilevel` is YALMIP", "objectives and constraints stand inside `upper { }` and `lower { }`"),
    "optimize": ("`optimize` is YALMIP and JuMP", "run `bileveldsl solve FILE`"),
    "predicate": ("`predicate` is MiniZinc", "write `function f(u) = ...;`"),
    "equation": ("`equation` is GAMS", "a constraint is `name: a <= b;` after `subject to`"),
    "equations": ("`equations` is GAMS", "a constraint is `name: a <= b;` after `subject to`"),
    "positive": ("`positive variable` is GAMS", "write `var x in nonneg;` inside a level"),
    "scalar": ("`scalar` is GAMS", "write `param a = 1;`"),
    "scalars": ("`scalars` is GAMS", "write `param a = 1;`"),
    "table": ("`table` is GAMS", "write `param A = [[1, 2], [3, 4]];`"),
    "return": ("a function is a single expression", "write `function f(u) = u^2;`"),
    "while": ("a model has no loops of statements", "an indexed constraint is `name[i in I]: a <= b;`"),
}
_JUMP = {
    "variable": "write `var x[n] in [0, 5];` inside a level",
    "constraint": "write `name: a <= b;` after `subject to`",
    "objective": "write `minimize ...;` inside a level",
    "expression": "write `let name = ...;`",
    "parameter": "write `param p = 1;`",
}


def _foreign_block(p: Place) -> Mistake | None:
    word = p.tokens[p.first].text
    if p.block or word not in _STAN_BLOCKS or p.k - p.first > 2:
        return None
    brace = next((i for i in range(p.first + 1, p.first + 3) if p.tokens[i].type == "{"), None)
    if brace is None:
        return None
    shown = p.text(p.first, brace)
    return _say(
        p,
        f"the block `{shown}` is Stan",
        _STAN_BLOCKS[word],
        first=p.first - p.k,
        last=brace - p.k,
        repair=p.replaced(p.first - p.k, p.closing(brace) + 1 - p.k),
    )


def _jump(p: Place) -> Mistake | None:
    macro = p.at(1).text.removeprefix("NL")
    if p.found.type != "@" or not p.begins and not p.new_line() or macro not in _JUMP:
        return None
    return _say(
        p,
        f"`@{p.at(1).text}` is JuMP",
        _JUMP[macro],
        last=1,
        repair=p.replaced(0, max(p.line_end(p.k), p.closing(p.k + 2) + 1) - p.k),
    )


def _foreign_statement(p: Place) -> Mistake | None:
    """A word that begins a statement of another language."""
    first = p.tokens[p.first]
    if first.type != "NAME" or p.k - p.first > 1:
        return None
    word = first.text.lower()
    if p.kind == "entry" or p.types(0) == ("=",) or (not p.begins and p.found.type in (*RELATIONS, ":")):
        return None
    offset = p.first - p.k
    if word == "constraint":
        repair = p.replaced(offset, offset + 1, *(() if p.in_constraints else ("s.t.",)))
        return _say(
            p,
            "`constraint` is MiniZinc; constraints simply follow `subject to`",
            "leave it out",
            first=offset,
            last=offset,
            repair=repair if p.block else None,
        )
    if word == "solve" and p.tokens[p.first + 1].type in ("minimize", "maximize"):
        return _say(
            p,
            "`solve` is MiniZinc",
            f"write `{p.tokens[p.first + 1].text} ...;`",
            first=offset,
            last=offset,
            repair=p.replaced(offset, offset + 1),
        )
    if word in ("end", "endif", "endfor") and p.tokens[p.first + 1].type != "[":
        last = offset + (2 if p.tokens[p.first + 1].type == ";" else 1)
        return _say(
            p,
            f"`{first.text}` does not end a block here",
            "a block ends with `}`",
            first=offset,
            last=offset,
            repair=p.replaced(offset, last),
        )
    if word in _SAID:
        return _say(p, *_SAID[word], first=offset, last=offset, repair=_rest_of(p, offset))
    gams = {
        "set": "set I = 1..4;",
        "sets": "set I = 1..4;",
        "parameter": "param c = [1, 2];",
        "parameters": "param c = [1, 2];",
    }
    if word in gams and (first.text[0].isupper() or "/" in _line(p)) and "/" in _line(p):
        return _say(p, f"`{first.text} ... / ... /` is GAMS", f"write `{gams[word]}`", first=offset, last=offset)
    return None


def _line(p: Place) -> str:
    start = p.tokens[p.first].start
    return p.source.line(p.source.line_column(start)[0])


def _rest_of(p: Place, offset: int):
    """Up to the `;` on this line or the end of the line, whichever comes first."""
    end = p.line_end(p.first)
    stop = next((i + 1 for i in range(p.first, end) if p.tokens[i].type == ";"), None)
    bracket = next((i for i in range(p.first, end) if p.tokens[i].type == "(" and p.closing(i) >= end), None)
    if stop is None and bracket is not None:
        stop = p.closing(bracket) + 1
        stop += p.tokens[min(stop, len(p.tokens) - 1)].type == ";"
    return p.replaced(offset, min(stop or end, len(p.tokens) - 1) - p.k)


def _loops_of_statements(p: Place) -> Mistake | None:
    if p.found.type == "for" and (p.begins or (p.kind == "constraint" and p.new_line())):
        return _say(
            p,
            "a model has no loops of statements",
            "an indexed constraint is `name[i in I]: a <= b;`",
            repair=p.replaced(0, max(p.line_end(p.k) - p.k, 1)),
        )
    return None


def _bare_assignment(p: Place) -> Mistake | None:
    """`n = 3` of Python, MATLAB and GAMS, at the beginning of a statement."""
    first, second = p.tokens[p.first], p.tokens[min(p.first + 1, len(p.tokens) - 1)]
    if first.type != "NAME" or second.type != "=" or p.kind == "entry" or p.in_constraints:
        return None
    offset = p.first - p.k
    word = "let" if p.block else "param"
    hint = f"write `{word} {first.text} = ...;`" + (
        "" if p.block else f", or `let {first.text} = ...;` where it has variables"
    )
    end = p.line_end(p.first)
    ends = any(t.type == ";" for t in p.tokens[p.first : end])  # where lines end statements, the line is left out
    return _say(
        p,
        "a definition begins with a keyword",
        hint,
        first=offset,
        last=offset + 1,
        repair=p.replaced(offset, offset, word) if ends else p.replaced(offset, end - p.k),
    )


def _named_objective(p: Place) -> Mistake | None:
    if p.found.type != ":" or p.types(0, 1) == (":", "="):
        return None
    if p.kind in ("minimize", "maximize") and p.k - p.first == 2:
        return _say(
            p,
            "an objective has no name here, as it has in AMPL",
            f"leave out `{p.before.text}:`",
            first=-1,
            repair=p.replaced(-1, 1),
        )
    if p.kind in ("minimize", "maximize") and p.k - p.first == 1:
        return _say(p, f"`{p.before.text}` has no colon", "leave it out", repair=p.replaced(0, 1))
    if p.before.type in ("to", "s.t.") and p.in_constraints:
        return _say(p, "`subject to` has no colon", "leave it out", repair=p.replaced(0, 1))
    if p.before.type in BLOCKS and not p.block:
        return _say(
            p,
            f"`{p.before.text}` has no colon; a block stands in braces",
            f"write `{p.before.text} {{ ... }}`",
            repair=p.replaced(0, 1, "{") if p.at(1).type != "{" else p.replaced(0, 1),
        )
    return None


def _gams_label(p: Place) -> Mistake | None:
    """`c1.. x + y =g= 3;`"""
    labelled = [t.type for t in p.tokens[p.first : p.first + 2]] == ["NAME", ".."]
    if p.kind == "constraint" and p.found.type == "=" and labelled:
        offset = p.first + 1 - p.k
        return _say(
            p,
            "`..` after a label is GAMS; a label ends with a colon",
            f"write `{p.tokens[p.first].text}:`",
            first=offset,
            last=offset,
            repair=p.replaced(offset, offset + 1, ":"),
        )
    return None


def _entries(p: Place) -> Mistake | None:
    """JSON and YAML in a block of entries."""
    if p.kind != "entry":
        return None
    if p.begins and p.found.type == "STRING":
        return _say(
            p,
            "names stand without quotes here, unlike in JSON",
            f"write `{p.found.text[1:-1]} = ...;`",
            repair=p.replaced(0, 1, "NAME"),
        )
    if p.begins:
        return None
    if p.found.type == ":" and p.k - p.first == 1:
        return _say(p, "an entry is `name = value;`", "write `=`", repair=p.replaced(0, 1, "="))
    if p.found.type == "," and p.complete:
        return _say(p, "entries end with `;`", "write `;`", repair=p.replaced(0, 1, ";"))
    return None


def _function_body(p: Place) -> Mistake | None:
    if p.kind == "function" and p.found.type in ("{", "->", ":") and p.before.type == ")":
        return _say(
            p,
            "a function is a single expression",
            f"write `function {p.name}(...) = ...;`",
            repair=p.replaced(0, max(p.closing(p.k) + 1 - p.k, 1), "=", "NUMBER", ";") if p.found.type == "{" else None,
        )
    return None


HABITS = (
    _assignment,
    _power,
    _gams_label,
    _bare_assignment,
    _equality,
    _changed,
    _strict,
    _dot,
    _range,
    _loop_variable,
    _quotes,
    _loop_first,
    _braces,
    _array,
    _bounds,
    _attributes,
    _types,
    _foreign_block,
    _jump,
    _foreign_statement,
    _loops_of_statements,
    _ternary,
    _named_objective,
    _entries,
    _function_body,
)

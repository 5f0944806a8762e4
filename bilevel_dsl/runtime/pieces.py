"""Long generated functions cut into pieces: a compiler's time grows faster than the length of a function.

A function that CasADi writes is a list of declarations, then statements, one or a few on a line. Its vectors are
places in the work array `w`, written out here; its scalars and pointers that live from one statement to the
next become members of a struct that the pieces share. The statements and their order stay, and so do the bits.
"""

from __future__ import annotations

import re

PIECE = 200  # statements

_FUNCTION = re.compile(
    r"^static int (casadi_f\d+)"
    r"\((const casadi_real\*\* arg, casadi_real\*\* res, casadi_int\* iw, casadi_real\* w, )int mem\)"
    r" \{\n((?:  .*\n)*?)  return 0;\n\}\n",
    re.MULTILINE,
)
_DECLARATION = re.compile(r"  ((?:const )?casadi_(?:real|int)) (\*{0,2}\w+(?:=[^,;]+)?(?:, \*{0,2}\w+(?:=[^,;]+)?)*);\n")
_ITEM = re.compile(r"(\*{0,2})(\w+)(?:=(.+))?")
_LASTING = re.compile(r"\b(?:wr?|a)\d+\b")  # w12 a vector or scalar, wr12 a pointer to data, a12 a scalar
_PASSING = ("i", "j", "k", "rr", "ss", "tt", "cr", "cs", "ct", "cii", "ii")  # run through vectors, for a few lines
_USE = re.compile(rf"\b({'|'.join(_PASSING)})\b(\s*=(?!=))?")


def cut(text: str, piece: int = PIECE) -> str:
    """`text` with every function of more than two pieces cut."""
    return _FUNCTION.sub(lambda match: _cut_one(match, piece), text)


def _cut_one(match: re.Match, piece: int) -> str:
    name, parameters, body = match.groups()
    lines = body.splitlines(keepends=True)
    declared = []
    while lines and (found := _DECLARATION.fullmatch(lines[0])):
        declared.append(found.groups())
        lines.pop(0)
    if len(lines) <= 2 * piece:
        return match.group()
    members, places, local = _sorted(declared)
    if not all(variable in _PASSING or "=" in line for variable, line in local.items()):
        return match.group()  # what this variable is for is not known
    lines = [_LASTING.sub(lambda found: places.get(found.group(), found.group()), line) for line in lines]
    parts = _grouped(lines, piece)
    made = [f"typedef struct {{\n{''.join(members)}  int none;\n}} {name}_values;\n"]
    for k, part in enumerate(parts):
        used = set(re.findall(r"\b[a-z]\w*\b", "".join(part)))
        own = "".join(line for variable, line in local.items() if variable in used)
        made.append(f"static int {name}_{k}({parameters}{name}_values *v) {{\n{own}{''.join(part)}  return 0;\n}}\n")
    calls = "".join(f"  if ({name}_{k}(arg, res, iw, w, &v)) return 1;\n" for k in range(len(parts)))
    made.append(f"static int {name}({parameters}int mem) {{\n  {name}_values v;\n{calls}  return 0;\n}}\n")
    return "\n".join(made)


def _sorted(declared: list[tuple[str, ...]]) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Members of the struct, what stands for each lasting name, and declarations that every piece repeats."""
    members, places, local = [], {}, {}
    for kind, items in declared:
        for item in items.split(", "):
            stars, variable, value = _ITEM.fullmatch(item).groups()
            if not _LASTING.fullmatch(variable):
                local[variable] = f"  {kind} {item};\n"
            elif value:
                places[variable] = f"({value})"
            else:
                places[variable] = f"v->{variable}"
                members.append(f"  {kind} {stars}{variable};\n")
    return members, places, local


def _grouped(lines: list[str], piece: int) -> list[list[str]]:
    """Runs of at least `piece` lines; none begins within braces or with a variable that is set before it."""
    groups, depth = [[]], 0
    for line in lines:
        if depth == 0 and len(groups[-1]) >= piece and _begins(line):
            groups.append([])
        groups[-1].append(line)
        depth += line.count("{") - line.count("}")
    return groups


def _begins(line: str) -> bool:
    """Whether every passing variable of the line is set in it before it is used."""
    seen = set()
    for variable, is_set in _USE.findall(line):
        if not is_set and variable not in seen:
            return False
        seen.add(variable)
    return True

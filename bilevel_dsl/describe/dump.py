"""What a model is on its way to a solver, for those who work on the way: nodes, expressions, a method's program.

ir       the checked model: every node once, after its arguments, with its shape and place
problem  CasADi expressions: sizes, sets, objectives, rows
program  of a method: slots, phases with what they read, write and call
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..methods.program import Program, Slot
from ..model.problem import Problem
from ..semantics.checked import Checked
from ..semantics.nodes.ir import Node, postorder

STAGES = ("ir", "problem", "program")
_FEW = 6  # entries of an array that are written out
_LONG = 400  # characters of an expression


def ir(checked: Checked) -> str:
    """Nodes are numbered over the whole model, so that what is shared shows."""
    numbers: dict[int, int] = {}
    lines = [f"model {checked.name}"]
    for p in checked.params:
        fixed = ", decides a size, an index or a condition" if p.structural else ""
        lines.append(f"param {p.name} {_shape(p.declared)} = {_array(p.value)}{fixed}")
    for v in checked.variables:
        sets = "".join(_nodes(a, numbers, f"  {v.name} in {v.set.kind}") for a in v.set.args) or f"  in {v.set.kind}\n"
        lines.append(f"{v.level} var {v.name} {_shape(v.shape)}\n{sets}".rstrip())
    for words, node in _roots(checked):
        lines.append(f"{words}\n{_nodes(node, numbers)}".rstrip())
    return "\n".join(lines) + "\n"


def _roots(checked: Checked) -> Iterator[tuple[str, Node]]:
    for o in (checked.upper_objective, *checked.lower_objectives):
        yield f"objective, {'minimize' if o.sense > 0 else 'maximize'} (line {o.span.line})", o.node
    for c in (*checked.upper_constraints, *checked.lower_constraints):
        yield f"{c.level} row {c.name} {'<=' if c.kind == 'le' else '=='} 0", c.node
    for r in checked.report:
        yield f"report {r.name}", r.node


def _nodes(root: Node, numbers: dict[int, int], prefix: str = "") -> str:
    """The nodes below `root` that were not written before; the last line is the root."""
    lines = []
    for n in postorder(root):
        if id(n) in numbers:
            continue
        numbers[id(n)] = len(numbers)
        arguments = " ".join(f"%{numbers[id(a)]}" for a in n.args)
        batch = "" if n.batch is None else f" x {n.batch}"
        what = f"{n.op} {arguments}".rstrip() + _attribute(n)
        lines.append(f"  %{numbers[id(n)]:<4} {what}  {_shape(n.shape)}{batch}  line {n.span.line}")
    return "\n".join([*([prefix] if prefix else []), *lines, f"  -> %{numbers[id(root)]}", ""])


def _attribute(n: Node) -> str:
    if n.attr is None:
        return ""
    if isinstance(n.attr, np.ndarray):
        return f" {_array(n.attr)}"
    return f" {n.attr}" if isinstance(n.attr, (str, int, float)) else f" <{type(n.attr).__name__}>"


def problem(p: Problem) -> str:
    """The expressions as CasADi prints them, cut where they are long."""
    lines = [f"problem {p.name}", f"x {p.x.numel()}, y {p.y.numel()}"]
    for v in p.variables:
        end = v.offset + v.size
        whole = "x" if v.level == "upper" else "y"
        lines.append(f"{v.level} {v.name} {_shape(v.shape)} = {whole}[{v.offset}:{end}] in {type(v.set).__name__}")
    for name, objective in (("f", p.f), ("g", p.g)):
        sense = "" if objective.sense > 0 else ", of what is maximized the negative"
        lines.append(f"{name}{sense}: {_expression(objective.expression)}")
    for c in (*p.upper_constraints, *p.lower_constraints):
        lines.append(f"{c.level} {c.name} {'<=' if c.kind == 'le' else '=='} 0: {_expression(c.expression)}")
    lines += [f"param {q.name} {_shape(q.shape)} = {_array(q.value)}" for q in p.parameters]
    lines += [f"multiplier dual({d.name}) {_shape(d.shape)} = {_array(d.value)}" for d in p.used_duals]
    for r in p.report:
        lines.append(f"report {r.name}: {_expression(r.expression)}")
    return "\n".join(lines) + "\n"


def program(found: Program) -> str:
    """Slots, then each function: what it reads and writes, its instructions, the calls that its phase makes."""
    lines = [f"program {found.method} of {found.problem_name}"]
    for kind, slots in (("state", found.state), ("data", found.data), ("prepared", found.prepared)):
        lines += [f"{kind} {_slot(s)}" for s in slots]
    lines += [f"setting {s.name} = {s.default:g}: {s.doc}" for s in found.settings]
    functions = [("prepare", found.prepare, {}), ("initial", found.initial, {})]
    functions += [(f"phase {k} {p.name}", p.function, p.oracles) for k, p in enumerate(found.phases)]
    functions.append(("measures", found.measures, {}))
    for name, f, oracles in functions:
        if f is None:
            continue
        calls = ", ".join(f"{oracle} {count}" for oracle, count in oracles.items())
        lines += [
            f"{name}: {f.n_instructions()} instructions" + (f"; calls {calls}" if calls else ""),
            f"  reads  {' '.join(f.name_in())}",
            f"  writes {' '.join(f.name_out())}",
        ]
    lines += [f"converged when {measure} <= {setting}" for measure, setting in found.tolerances.items()]
    return "\n".join(lines) + "\n"


def _slot(s: Slot) -> str:
    return f"{s.name} [{s.size}]" + (f" {s.label}" if s.label else "") + (f": {s.doc}" if s.doc else "")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "?" if shape is None else "[" + ", ".join(map(str, shape)) + "]"


def _array(value: np.ndarray) -> str:
    value = np.asarray(value)
    if value.size <= _FEW:
        return " ".join(f"{v:.10g}" for v in value.ravel()) or "nothing"
    return f"{value.size} numbers"


def _expression(e) -> str:
    text = str(e)
    return text if len(text) <= _LONG else text[:_LONG] + " ..."

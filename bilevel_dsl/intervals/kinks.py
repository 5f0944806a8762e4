"""Where a function may have no derivative: told by its expression, in the words of the language.

Forms that only look rough are not: softplus, huber and logsumexp are written with `if` and max, but are smooth.
"""

from __future__ import annotations

import casadi as ca
import numpy as np

from .graph import Graph, Unsupported
from .walk import IntervalFunction

_WORDS = {
    "abs": "abs",
    "max": "max",
    "fmax": "max",
    "min": "min",
    "fmin": "min",
    "if": "if",
    "select": "if",
    "lt": "if",
    "le": "if",
    "eq": "if",
    "ne": "if",
    "sign": "sign",
    "signum": "sign",
    "floor": "floor",
    "ceil": "ceil",
    "atan2": "atan2",
}
_ROOTS = ("sqrt", "norm")  # rough where they are 0
_UNARY = {
    "neg": lambda a: -a,
    "exp": ca.exp,
    "log": ca.log,
    "sqrt": ca.sqrt,
    "sq": lambda a: a * a,
    "sin": ca.sin,
    "cos": ca.cos,
    "tan": ca.tan,
    "asin": ca.asin,
    "acos": ca.acos,
    "atan": ca.atan,
    "floor": ca.floor,
    "ceil": ca.ceil,
    "not": ca.logic_not,
    "erf": ca.erf,
    "abs": ca.fabs,
    "sign": ca.sign,
    "inv": lambda a: 1 / a,
    "sinh": ca.sinh,
    "cosh": ca.cosh,
    "tanh": ca.tanh,
    "asinh": ca.asinh,
    "acosh": ca.acosh,
    "atanh": ca.atanh,
    "log1p": ca.log1p,
    "expm1": ca.expm1,
    "signum": lambda a: ca.copysign(1, a),
    "xlogx": lambda a: a * ca.log(a),
    "softplus": lambda a: ca.if_else(a > 0, a, 0) + ca.log1p(ca.exp(-ca.fabs(a))),  # a graph of it has one node again
}
_OTHERS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": ca.logic_and,
    "or": ca.logic_or,
    "if": lambda c, a: ca.if_else(c, a, 0),
    "select": ca.if_else,
    "max": ca.fmax,
    "fmax": ca.fmax,
    "min": ca.fmin,
    "fmin": ca.fmin,
    "atan2": ca.atan2,
    "lse": lambda *u: ca.logsumexp(ca.vertcat(*u)),
}
_SMOOTH_CODES = frozenset(
    {  # of scalars and of matrices: nothing made of these has a kink where it has a value
        ca.OP_ADD,
        ca.OP_SUB,
        ca.OP_MUL,
        ca.OP_DIV,
        ca.OP_NEG,
        ca.OP_EXP,
        ca.OP_LOG,
        ca.OP_SQ,
        ca.OP_TWICE,
        ca.OP_SIN,
        ca.OP_COS,
        ca.OP_TAN,
        ca.OP_ASIN,
        ca.OP_ACOS,
        ca.OP_ATAN,
        ca.OP_ERF,
        ca.OP_INV,
        ca.OP_SINH,
        ca.OP_COSH,
        ca.OP_TANH,
        ca.OP_ASINH,
        ca.OP_ACOSH,
        ca.OP_ATANH,
        ca.OP_LOG1P,
        ca.OP_EXPM1,
        ca.OP_ASSIGN,
        ca.OP_LOGSUMEXP,
        ca.OP_INPUT,
        ca.OP_OUTPUT,
        ca.OP_CONST,
        ca.OP_PARAMETER,
        ca.OP_MTIMES,
        ca.OP_SOLVE,
        ca.OP_TRANSPOSE,
        ca.OP_DETERMINANT,
        ca.OP_INVERSE,
        ca.OP_DOT,
        ca.OP_BILIN,
        ca.OP_RANK1,
        ca.OP_HORZCAT,
        ca.OP_VERTCAT,
        ca.OP_DIAGCAT,
        ca.OP_HORZSPLIT,
        ca.OP_VERTSPLIT,
        ca.OP_DIAGSPLIT,
        ca.OP_RESHAPE,
        ca.OP_SUBREF,
        ca.OP_SUBASSIGN,
        ca.OP_GETNONZEROS,
        ca.OP_SETNONZEROS,
        ca.OP_ADDNONZEROS,
        ca.OP_PROJECT,
        ca.OP_HORZREPMAT,
        ca.OP_HORZREPSUM,
        ca.OP_SPARSITY_CAST,
        ca.OP_KRON,
        ca.OP_EINSTEIN,
    }
)
_DIFFERENCES = ("max", "fmax", "min", "fmin", "lt", "le", "eq", "ne")


def smooth_operations(function: ca.Function) -> bool:
    """Whether no operation of `function` has a kink, whatever its arguments: told in no time, for any size.

    Raises:
        Unsupported: it is no graph: a solver.
    """
    if not (function.is_a("SXFunction") or function.is_a("MXFunction")):
        raise Unsupported("it has no graph of operations")
    for k in range(function.n_instructions()):
        code = function.instruction_id(k)
        if code == ca.OP_CALL and not function.is_a("SXFunction"):
            if not smooth_operations(function.instruction_MX(k).which_function()):
                return False
        elif code not in _SMOOTH_CODES:
            return False
    return True


def kinks(function: ca.Function) -> tuple[str, ...]:
    """The operations of `function` that may have a kink or a jump, each once and in order: "abs", "if", "max", "norm".

    A square root counts, as "norm", where its argument can be 0 for some values of the inputs.

    Raises:
        Unsupported: the function has operations with kinks and no graph of scalars, or too large a one.
    """
    if smooth_operations(function):
        return ()
    graph, rough = _rough(function)
    return tuple(sorted({_word(graph, k) for k in rough}))


def kink_values(function: ca.Function) -> ca.Function | None:
    """A Function of the same inputs: the column of numbers of which one is 0 wherever `function` has a kink.

    abs(u) and sign(u): u. max(u, v), min(u, v) and comparisons: u - v. sqrt(u): u. A norm: itself.
    None where there are none; floor and ceil are left out.

    Raises:
        Unsupported: as `kinks`.
    """
    if smooth_operations(function):
        return None
    graph, rough = _rough(function)
    inputs = [ca.SX.sym(f"i{k}", *function.size_in(k)) for k in range(function.n_in())]
    known: dict[int, ca.SX] = {}
    for k in graph.needed:
        known[k] = expression(graph, k, known, inputs)
    found = []
    for k in rough:
        node = graph.nodes[k]
        if node.op in _DIFFERENCES:
            found.append(known[node.args[0]] - known[node.args[1]])
        elif node.op in ("abs", "sign", "signum", "sqrt", "pow"):
            found.append(known[node.args[0]])
        elif node.op == "norm":
            found.append(known[k])
    found = [u for u in found if ca.symvar(u)]
    return ca.Function("kinks", inputs, [ca.vertcat(*found)], {"allow_duplicate_io_names": True}) if found else None


def _rough(function: ca.Function) -> tuple[Graph, list[int]]:
    """The graph, and its nodes with kinks: those that depend on the inputs."""
    enclosing = IntervalFunction(function)
    graph = enclosing.graph
    values, _ = enclosing.walk(*[(np.full((n, 1), -np.inf), np.full((n, 1), np.inf)) for n in graph.sizes])
    moving: set[int] = set()
    rough = []
    for k in graph.needed:
        node = graph.nodes[k]
        if node.op == "input" or any(a in moving for a in node.args):
            moving.add(k)
            root = node.op in _ROOTS and values[k][0].min() <= 0.0
            bent = node.op == "pow" and 0 < node.data < 1 and values[k][0].min() <= 0.0
            if node.op in _WORDS or root or bent:
                rough.append(k)
    return graph, rough


def _word(graph: Graph, k: int) -> str:
    return _WORDS.get(graph.nodes[k].op, "norm")


def expression(graph: Graph, k: int, known: dict[int, ca.SX], inputs: list[ca.SX]) -> ca.SX:
    """Node k as an expression of the inputs; `known`: those of the nodes before it."""
    node = graph.nodes[k]
    arguments = [known[a] for a in node.args]
    if node.op == "const":
        return ca.SX(node.data)
    if node.op == "input":
        return ca.densify(ca.vec(inputs[node.data[0]]))[node.data[1]]
    if node.op == "pow":
        return arguments[0] ** node.data
    if node.op == "norm":
        return ca.sqrt(sum((u * u for u in arguments), ca.SX(node.data)))
    if node.op == "huber":
        size = ca.fabs(arguments[0])
        return ca.if_else(size <= node.data, size * size / 2, node.data * (size - node.data / 2))
    return (_UNARY if node.op in _UNARY else _OTHERS)[node.op](*arguments)

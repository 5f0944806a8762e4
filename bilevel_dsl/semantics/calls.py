"""Calls: functions of the model, built-in functions, files."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from ..diagnostics import did_you_mean
from ..syntax import ast
from .builtins import BUILTINS, FILES, OF_SETS, REDUCTIONS, Builtin, Misuse, known_names, words
from .constraint_sets import CONSTRAINT_SETS
from .files import Unreadable, read
from .frames import Env, Frame, Loop, Unvectorizable
from .habits import FUNCTIONS
from .ir import Node, bad, const, node
from .operators import SLICED
from .parts import Part
from .symbols import MANY, Symbol


class Calls(Part):
    """The part of the lowering that reads calls."""

    def _call(self, e: ast.Call, env: Env) -> Node:
        name = e.function.id
        symbol = self.symbols.get(name)
        if symbol is not None and name not in env.names:
            if symbol.kind == "function":
                return self._inlined(e, symbol, env)
            self.problems.error(
                "BL0206",
                f"the {symbol.words} `{name}` is not a function",
                e.span,
                hints=(f"an index is written with brackets: `{name}[i]`",),
                secondary=[(symbol.span, "declared here")],
            )
            return bad(e.span)
        if name in REDUCTIONS or name == "expect":
            return self._reduction(e, env)
        if name in FILES:
            return self._file(e)
        if name in OF_SETS:
            return self.set_function(e, env)
        if name == "dual":
            return self._dual(e)
        if name in CONSTRAINT_SETS and CONSTRAINT_SETS[name].most:
            self.problems.error(
                "BL0205",
                f"`{name}` is a constraint set, not a value",
                e.span,
                hints=("sets stand after `in`: `var x[3] in " + name + "(...)`",),
            )
            return bad(e.span)
        builtin = BUILTINS.get(name)
        if builtin is None:
            self._no_function(e.function)
            return bad(e.span)
        return self._built_in(e, builtin, env)

    def _no_function(self, name: ast.Name) -> None:
        functions = [s.name for s in self.symbols.values() if s.kind == "function"]
        hints = (FUNCTIONS[name.id],) if name.id in FUNCTIONS else did_you_mean(name.id, [*functions, *known_names()])
        if name.id not in self._unknown:
            self._unknown.add(name.id)
            self.problems.error("BL0206", f"there is no function `{name.id}`", name.span, hints=hints)

    def _inlined(self, e: ast.Call, symbol: Symbol, env: Env) -> Node:
        decl: ast.FunctionDecl = symbol.decl
        if len(e.arguments) != len(decl.parameters) or e.keywords:
            self.problems.error(
                "BL0305",
                f"`{symbol.name}` takes {_count(len(decl.parameters), 'argument')}, not "
                f"{len(e.arguments) + len(e.keywords)}",
                e.span,
                secondary=[(decl.span, "declared here")],
            )
            return bad(e.span)
        if any(c.function.id == symbol.name for c in env.calls):
            self.problems.error(
                "BL0213",
                f"the function `{symbol.name}` calls itself",
                e.span,
                secondary=[(symbol.span, "declared here")],
            )
            return bad(e.span)
        arguments = {p.id: self._argument(a, env) for p, a in zip(decl.parameters, e.arguments)}
        if any(not isinstance(a, Loop) and a[0].bad for a in arguments.values()):
            return bad(e.span)
        before = len(self.problems.items)
        alike = env.inside_expect, env.at_once, *self._alike.key_of_call(symbol.name, env.frame, arguments)
        found = self._alike.calls.get(alike)
        if found is not None:
            return found
        found = self.expr(decl.body, replace(env, names=arguments, calls=(*env.calls, e)))
        if len(self.problems.items) == before:
            self._alike.calls[alike] = found
        elif not env.calls:
            self.problems.label(before, e.span, "in this call")
        return found

    def _argument(self, a: ast.Expr, env: Env) -> Loop | tuple[Node, Frame | None]:
        """A label or a tuple is handed through, as it has no value."""
        loop = env.names.get(a.id) if isinstance(a, ast.Name) else None
        if isinstance(loop, Loop) and not loop.is_number:
            return loop
        return self.expr(a, env), env.frame

    def _built_in(self, e: ast.Call, builtin: Builtin, env: Env) -> Node:
        arguments = self._arguments(e, builtin, env)
        if arguments is None:
            return bad(e.span)
        nodes = [self.expr(a, env) for a in arguments]
        if any(n.bad for n in nodes):
            return bad(e.span)
        large = next((n for n in nodes if len(n.shape) > 2), None)
        if large is not None and builtin.shape is not None and not builtin.any_rank or large and builtin.sizes == 0:
            message = f"`{builtin.name}` takes at most two dimensions, and this is {words(large.shape)}"
            self.problems.error("BL0306", message, large.span, hints=SLICED)
            return bad(e.span)
        if builtin.data_only and any(n.variables for n in nodes):
            wrong = next(n for n in nodes if n.variables)
            self._not_data(wrong, wrong.span, f"`{builtin.name}` is of data only")
            return bad(e.span)
        if any(n.batch is not None for n in nodes) and not builtin.in_batches and not env.at_once:
            raise Unvectorizable
        if builtin.name in ("rows", "cols"):  # known from the shape, also of variables
            return const(float((*nodes[0].shape, 1, 1)[builtin.name == "cols"]), e.span)
        try:
            found = self._shaped(e, builtin, nodes, arguments)
            if not builtin.data_only:
                return self._folded(found)
            value = None if found.bad else self.peek(found, freeze=True)
            return bad(e.span) if value is None else const(value, e.span, found.batch)
        except Misuse as wrong:
            self.problems.error("BL0306", f"`{builtin.name}` {wrong}", e.span, hints=wrong.hints)
            return bad(e.span)

    def _arguments(self, e: ast.Call, builtin: Builtin, env: Env) -> list[ast.Expr] | None:
        """The arguments in order, named ones last; None after a mistake in their number."""
        names = [k.id for k, _ in e.keywords]
        unknown = [k for k, _ in e.keywords if k.id not in builtin.keywords]
        if unknown:
            hints = (f"it is called as `{builtin.signature}`",)
            self.problems.error(
                "BL0305", f"`{builtin.name}` has no argument called `{unknown[0].id}`", unknown[0].span, hints=hints
            )
            return None
        missing = [k for k in builtin.keywords if k not in names]
        if missing:
            self.problems.error(
                "BL0305",
                f"`{builtin.name}` needs `{missing[0]}=`, so that every run sees the same numbers",
                e.span,
                hints=(f"it is called as `{builtin.signature}`",),
            )
            return None
        count = len(e.arguments)
        if any(isinstance(a, ast.Comprehension) and not a.in_brackets for a in e.arguments):
            self.problems.error(
                "BL0305",
                f"`{builtin.name}` takes no generator",
                e.span,
                hints=("make a vector of it with brackets: `[... for i in 1..n]`",),
            )
            return None
        least, most = builtin.arguments
        if count < least or (most is not None and count > most):
            wanted = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            self.problems.error(
                "BL0305",
                f"`{builtin.name}` takes {wanted} argument{'' if wanted == '1' else 's'}, not {count}",
                e.span,
                hints=(f"it is called as `{builtin.signature}`",),
            )
            return None
        return [*e.arguments, *(v for _, v in e.keywords)]

    def _shaped(self, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
        if builtin.sizes is not None:
            return self._sized(e, builtin, nodes, written)
        if builtin.shape is None:
            shape = self._common(e, list(zip(nodes, written)), f"`{builtin.name}`")
            return bad(e.span) if shape is None else node(builtin.name, tuple(nodes), shape, e.span)
        return node(builtin.name, tuple(nodes), builtin.shape(*(n.shape for n in nodes)), e.span)

    def _sized(self, e: ast.Call, builtin: Builtin, nodes: list[Node], written: list[ast.Expr]) -> Node:
        """A function with whole numbers among its arguments that are the shape of its result."""
        plain = len(nodes) - len(builtin.keywords)
        sizes = []
        for n, w in list(zip(nodes, written))[builtin.sizes : plain]:
            size = self._size(n, w)
            if size is None:
                return bad(e.span)
            sizes.append(size)
        rest = nodes[: builtin.sizes] + nodes[plain:]
        if builtin.name == "reshape":
            if prod(sizes) != rest[0].size:
                raise Misuse(f"keeps the number of entries: {words(rest[0].shape)} does not become {words(tuple(sizes))}")
        elif any(n.shape != () for n in rest):
            wrong = next(n for n in rest if n.shape != ())
            raise Misuse(f"takes single numbers, not {words(wrong.shape)}")
        if prod(sizes) > MANY:
            self.problems.error("BL0315", f"this has {prod(sizes):,} entries, more than {MANY:,}", e.span)
            return bad(e.span)
        shape = (sizes[0], sizes[0]) if builtin.name == "eye" else tuple(sizes)
        return node(builtin.name, tuple(rest), shape, e.span, tuple(sizes))

    def _size(self, n: Node, written: ast.Expr) -> int | None:
        if n.variables:
            self._not_data(n, written.span, "a size must be known before solving")
            return None
        value = self.peek(n, freeze=True) if n.shape == () else None
        if n.shape != () or value is None or n.batch is not None:
            if n.shape != ():
                self.problems.error("BL0306", f"a size is a single number, not {words(n.shape)}", written.span)
            elif n.batch is not None:
                raise Unvectorizable
            return None
        if not (value >= 1 and value == np.round(value)):
            self.problems.error("BL0316", f"a size is a whole number from 1, not {float(value):g}", written.span)
            return None
        return int(value) if value < 2**53 else 2**53

    def _file(self, e: ast.Call) -> Node:
        name = e.function.id
        if self.is_table(e):
            found = self.columns_read(e)
            return bad(e.span) if found is None else const(found, e.span)
        wanted = 2 if name in ("npz", "json") else 1
        texts = [self.file_text(a) for a in e.arguments]
        if any(t is None and self.text_is_reported(a) for t, a in zip(texts, e.arguments)):
            return bad(e.span)
        if len(e.arguments) != wanted or None in texts or e.keywords:
            usage = f'{name}("file", "key")' if wanted == 2 else f'{name}("file")'
            self.problems.error("BL0340", f"`{name}` is called as `{usage}`", e.span)
            return bad(e.span)
        try:
            array = read(name, texts[0], texts[1] if wanted == 2 else None, self.base, self.data_dirs)
        except Unreadable as error:
            self.problems.error("BL0341", str(error), e.span, hints=error.hints)
            return bad(e.span)
        return const(array, e.span)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"

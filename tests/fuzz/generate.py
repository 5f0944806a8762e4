"""Random programs that the grammar accepts, in random layout."""

from __future__ import annotations

import random

NAMES = ["x", "y", "z", "t", "cost", "a1", "_q", "Demand", "flow", "n", "i", "j"]
FUNCTIONS = ["sum", "dot", "exp", "norm", "box", "simplex", "sqrt", "f", "expect", "normal", "card", "first", "ord"]
NUMBERS = ["0", "1", "2", "3.5", "1e-8", ".25", "10.", "1e3", "inf", "100000"]
BINARY = ["+", "-", "*", "/", "@", "^", "+", "*", "-", "==", "<=", "<", "!=", "and", "or"]


class Generator:
    """Token lists, then text: `program()` of a seed is always the same."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def program(self) -> str:
        tokens = self._maybe(0.7, lambda: ["problem", self._name(), ";"])
        for _ in range(self.random.randrange(5)):
            tokens += self._declaration()
        tokens += self._level("upper")
        tokens += self._level("lower")
        for block in ("options", "report", "reference"):
            tokens += self._maybe(0.4, lambda block=block: [block, "{", *self._some(self._entry, 4), "}"])
        return self.layout(tokens)

    # --- statements

    def _declaration(self) -> list[str]:
        kind = self.random.choice(["param", "param", "set", "let", "function"])
        name = self._name()
        if kind == "param":
            domain = self._maybe(0.15, lambda: ["in", self._name()])
            value = lambda: ["=", *(self._table() if self.random.random() < 0.2 else self.expr(3))]
            return ["param", name, *self._dims(opened=True), *domain, *self._maybe(0.8, value), ";"]
        if kind == "set":
            return ["set", name, "=", *self._set(), ";"]
        if kind == "let":
            entries = self._maybe(0.4, lambda: ["[", *self._plain_loops(), "]"])
            return ["let", name, *entries, "=", *self.expr(4), ";"]
        return ["function", name, "(", *self._listed(lambda: [self._name()], 3), ")", "=", *self.expr(3), ";"]

    def _set(self) -> list[str]:
        kind = self.random.randrange(6)
        if kind < 2:
            return self._range()
        if kind == 2:
            return ["{", *self._listed(self._element, 4, 1), "}"]
        if kind == 3:
            return ["{", *self._element(), "for", *self._loops(), "}"]
        if kind == 4:
            return ["csv", "(", *self._listed(lambda: [f'"{self._name()}"'], 3, 1), ")"]
        return self.expr(2)

    def _element(self) -> list[str]:
        if self.random.random() < 0.4:
            return ["(", *self._atom(), ",", *self._listed(self._atom, 2, 1), ")"]
        return self._atom()

    def _table(self) -> list[str]:
        texts = lambda: ["[", *self._listed(lambda: [f'"{self._name()}"'], 3, 1), "]"]
        key = self._maybe(0.7, lambda: [",", "key", "=", *self.random.choice([texts(), ['"n"'], [self._name()]])])
        columns = self._maybe(0.3, lambda: [",", "columns", "=", *self.random.choice([texts(), [self._name()]])])
        default = self._maybe(0.3, lambda: [",", "default", "=", *self.expr(1)])
        return ["csv", "(", *self._listed(lambda: [f'"{self._name()}"'], 3, 1), *key, *columns, *default, ")"]

    def _level(self, kind: str) -> list[str]:
        tokens = [kind, *self._maybe(0.2 * (kind == "lower"), lambda: [self._name()]), "{"]
        for _ in range(self.random.randrange(1, 4)):
            tokens += [
                "var",
                self._name(),
                *self._dims(),
                *self._maybe(0.5, lambda: ["in", *self.operand(2)]),
                *self._maybe(0.3, lambda: ["start", *self.expr(1)]),
                ";",
            ]
        tokens += self._maybe(0.3, lambda: ["let", self._name(), "=", *self.expr(3), ";"])
        tokens += [self.random.choice(["minimize", "maximize"]), *self.expr(5), ";"]
        if self.random.random() < 0.7:
            tokens += self.random.choice([["subject", "to"], ["s.t."]])
            tokens += self._some(self._constraint, 4)
        return tokens + ["}"]

    def _constraint(self) -> list[str]:
        label = self._maybe(0.4, lambda: [self._name(), ":"])
        if self.random.random() < 0.3:
            label = [self._name(), "[", *self._loops(), "]", ":"]
        relation = self.random.choice(["<=", ">=", "=="])
        tokens = [*label, *self.operand(3), relation, *self.operand(2)]
        return tokens + self._maybe(0.2, lambda: [relation, *self.operand(1)]) + [";"]

    def _entry(self) -> list[str]:
        return [self.random.choice([*NAMES, "upper", "lower"]), "=", *self.expr(2), ";"]

    # --- expressions

    def expr(self, depth: int) -> list[str]:
        if self.random.random() < 0.08 and depth > 0:
            return ["if", *self.expr(depth - 1), "then", *self.expr(depth - 1), "else", *self.expr(depth - 1)]
        return self.operand(depth) if self.random.random() < 0.6 else self._chain(depth)

    def _chain(self, depth: int) -> list[str]:
        tokens = self.operand(depth - 1)
        operators = self.random.choice([["+", "-"], ["*", "/", "@"], ["+", "-", "*", "^"], ["and", "or"]])
        for _ in range(self.random.choice([1, 1, 2, 3, 12])):
            tokens += [self.random.choice(operators), *self.operand(depth - 1)]
        return tokens

    def operand(self, depth: int) -> list[str]:
        """Something that binds at least as tightly as `+` does."""
        if depth <= 0:
            return self._atom()
        kind = self.random.randrange(11)
        inner = depth - 1
        if kind < 2:
            return self._atom()
        if kind == 2:
            return ["(", *self.expr(inner), ")"]
        if kind == 3:
            return ["(", *self.expr(inner), self.random.choice(BINARY), *self.operand(inner), ")"]
        if kind == 4:
            return [self.random.choice(["-", "+"]), *self.operand(inner)]
        if kind == 5:
            return [*self._atom(), "'"]
        if kind == 6:
            return [self._name(), "[", *self._listed(lambda: self._index(inner), 2, 1), "]"]
        if kind == 7:
            return [self.random.choice(FUNCTIONS), "(", *self._arguments(inner), ")"]
        if kind == 8:
            return ["[", *self._listed(lambda: self.expr(inner), 6), "]"]
        if kind == 9:
            return ["[", *self.expr(inner), "for", *self._loops(), "]"]
        return ["{", *self._listed(lambda: [f'"{self._name()}"'], 3), "}"]

    def _atom(self) -> list[str]:
        return [self.random.choice([self._name(), self._name(), self.random.choice(NUMBERS), '"a b # c"'])]

    def _index(self, depth: int) -> list[str]:
        kind = self.random.randrange(4)
        if kind == 0:
            return [":"]
        if kind == 1:
            return [*self.operand(depth), ":", *self.operand(depth)]
        return self.expr(depth)

    def _arguments(self, depth: int) -> list[str]:
        if self.random.random() < 0.4:
            return [*self.expr(depth), "for", *self._loops()]
        keyword = self._maybe(0.2, lambda: [",", "seed", "=", "1"])
        return [*self._listed(lambda: self.expr(depth), 4, 1), *keyword]

    def _loops(self) -> list[str]:
        return [*self._plain_loops(), *self._maybe(0.3, lambda: ["if", *self._condition()])]

    def _plain_loops(self) -> list[str]:
        def loop() -> list[str]:
            if self.random.random() < 0.2:
                return ["(", self._name(), ",", *self._listed(lambda: [self._name()], 2, 1), ")", "in", self._name()]
            return [self._name(), "in", *(self._range() if self.random.random() < 0.6 else [self._name()])]

        return self._listed(loop, 3, 1)

    def _condition(self) -> list[str]:
        if self.random.random() < 0.3:
            return [*self._element(), "in", self.random.choice([self._name(), "{ 1 , 2 }"])]
        return self.expr(1)

    def _range(self) -> list[str]:
        return [
            self.random.choice(["1", "2"]),
            "..",
            *self.random.choice([["n"], ["n", "-", "1"], ["2", "*", "n"], ["10"]]),
        ]

    def _dims(self, opened: bool = False) -> list[str]:
        def dim() -> list[str]:
            if opened and self.random.random() < 0.2:
                return [":"]
            return self._range() if self.random.random() < 0.2 else self.expr(1)

        return self._maybe(0.4, lambda: ["[", *self._listed(dim, 4, 1), "]"])

    # --- pieces

    def _name(self) -> str:
        return self.random.choice(NAMES)

    def _maybe(self, probability: float, make) -> list[str]:
        return make() if self.random.random() < probability else []

    def _some(self, make, most: int) -> list[str]:
        return [t for _ in range(self.random.randrange(most + 1)) for t in make()]

    def _listed(self, make, most: int, least: int = 0) -> list[str]:
        tokens: list[str] = []
        for k in range(self.random.randrange(least, most + 1)):
            tokens += ([","] if k else []) + make()
        return tokens

    # --- layout

    def layout(self, tokens: list[str]) -> str:
        """The tokens with random spaces, line breaks and comments between them."""
        busy = self.random.random() < 0.4
        text = []
        for k, token in enumerate(tokens):
            text += [token, self._gap(busy, token, tokens[k + 1] if k + 1 < len(tokens) else "")]
        return "".join(text)

    def _gap(self, busy: bool, token: str, following: str) -> str:
        chance = self.random.random()
        if busy and chance < 0.06:
            return self.random.choice(
                [" # note\n", "\n# own line\n", " /* inline */ ", "\n\n/* two\n   lines */\n", " /* a */ # b\n"]
            )
        if token in (";", "{", "}") and chance < 0.7:
            return "\n" * self.random.choice([1, 1, 1, 2, 3]) + " " * self.random.randrange(4)
        if chance < 0.05:
            return "\n"
        glued = (token[-1].isalnum() or token[-1] in '_."') and (following[:1].isalnum() or following[:1] in '_."')
        meet = token + following
        dangerous = any(pair in meet for pair in ("//", "/*", "==", "<=", ">=", "!=", "..", "**")) or token[-1] == "."
        return " " if glued or dangerous or chance < 0.6 else ""

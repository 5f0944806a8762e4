"""Random expressions of every shape, with nested generators, by both of their values."""

from __future__ import annotations

import numpy as np
import pytest

from .evaluation import in_casadi, on_numbers

SHAPES = [(), (3,), (2, 3), (3, 3), (3, 2)]
LEAVES = {
    (): ["s", "v[2]", "A[1, 3]", "2.5", 'w["north"]'],
    (3,): ["v", "A[2, :]'", "S[:, 2]", "[1, s, 2]"],
    (2, 3): ["A", "B'"],
    (3, 3): ["S", "outer(v, v)", "diag(v)"],
    (3, 2): ["B", "A'"],
}


class Writer:
    """Writes one expression of a given shape; loop variables in scope run over 1..3."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.loops: list[str] = []

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def of(self, shape, depth: int) -> str:
        if depth == 0:
            return self.leaf(shape)
        return self.pick([self.binary, self.unary, self.generator, self.special])(shape, depth - 1)

    def leaf(self, shape) -> str:
        if self.loops and self.rng.random() < 0.6:
            i = self.pick(self.loops)
            return self.pick(
                {
                    (): [f"v[{i}]", i, f"S[{i}, 2]"],
                    (3,): [f"S[{i}, :]'", f"S[:, {i}]", f"(v * {i})"],
                    (2, 3): [f"(A * {i})", "A[1:2, :]"],
                    (3, 3): [f"(S + {i})"],
                    (3, 2): [f"(B / {i})"],
                }[shape]
            )
        return self.pick(LEAVES[shape])

    def binary(self, shape, depth) -> str:
        op = self.pick(["+", "-", "*"])
        left, right = self.of(shape, depth), self.of(shape if self.rng.random() < 0.7 else (), depth)
        return f"({left} {op} {right})"

    def unary(self, shape, depth) -> str:
        inner = self.of(shape, depth)
        return self.pick(
            [
                f"(-{inner})",
                f"sin({inner})",
                f"tanh({inner})",
                f"relu({inner})",
                f"sigmoid({inner})",
                f"max({inner}, 0)",
                f"huber({inner}, 0.5)",
                f"(if {self.of((), 0)} > 1 then {inner} else {self.of(shape, 0)})",
            ]
        )

    def generator(self, shape, depth) -> str:
        name = f"i{len(self.loops)}"
        self.loops.append(name)
        try:
            if shape == (3,) and self.rng.random() < 0.5:
                return f"[{self.of((), depth)} for {name} in 1..3]"
            kind = self.pick(["sum", "mean", "max", "min", "prod"]) if shape == () else self.pick(["sum", "mean"])
            domain = self.pick(["1..3", "K", "1..2", f"1..{self.loops[-2]}" if len(self.loops) > 1 else "2..3"])
            body = self.of(shape, depth)
            return f"{kind}({body} for {name} in {domain})"
        finally:
            self.loops.pop()

    def special(self, shape, depth) -> str:
        o = self.of
        return self.pick(
            {
                (): lambda: [
                    f"dot({o((3,), depth)}, {o((3,), depth)})",
                    f"sumsqr({o((3, 2), depth)})",
                    f"norm({o((3,), depth)} + 1)",
                    f"sum({o((2, 3), depth)})",
                    f"({o((3,), depth)})[2]",
                    f"logsumexp({o((3,), depth)})",
                    f"(({o((3,), depth)})' @ {o((3,), depth)})",
                    f"max({o((3,), depth)})",
                ],
                (3,): lambda: [
                    f"({o((3, 3), depth)} @ {o((3,), depth)})",
                    f"({o((3, 3), depth)})[:, 1]",
                    f"softmax({o((3,), depth)})",
                    f"({o((2, 3), depth)})[2, :]'",
                ],
                (2, 3): lambda: [
                    f"({o((3, 2), depth)})'",
                    f"({o((2, 3), depth)} @ {o((3, 3), depth)})",
                    f"reshape({o((3, 2), depth)}, 2, 3)",
                ],
                (3, 3): lambda: [
                    f"({o((3, 2), depth)} @ {o((2, 3), depth)})",
                    f"outer({o((3,), depth)}, {o((3,), depth)})",
                    f"({o((3, 3), depth)})'",
                ],
                (3, 2): lambda: [f"({o((2, 3), depth)})'", f"({o((3, 3), depth)} @ {o((3, 2), depth)})"],
            }[shape]()
        )


@pytest.mark.parametrize("seed", range(250))
def test_both_values_agree(seed):
    writer = Writer(seed)
    expression = writer.of(writer.pick(SHAPES), 3)
    numbers = on_numbers(expression)
    assert np.isfinite(numbers).all()
    for as_variables in (True, False):
        assert in_casadi(expression, as_variables) == pytest.approx(numbers, rel=1e-9, abs=1e-9), expression

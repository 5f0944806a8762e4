"""A function that is called twice with the same is put in once: chains of functions do not double with every link."""

from __future__ import annotations

import casadi as ca
import pytest

import bilevel_dsl as bl
from bilevel_dsl.diagnostics import BilevelError, Source
from bilevel_dsl.reading import read
from bilevel_dsl.semantics.nodes.ir import postorder

REST = "upper {{ var x in [0, 1]; minimize {f}; }} lower {{ var y in [0, 1]; minimize (y - x)^2; }}"


def chain(step: str, depth: int) -> str:
    links = "\n".join(f"function f{k}(u) = {step.replace('g', f'f{k - 1}')};" for k in range(1, depth + 1))
    return f"function f0(u) = u + 1;\n{links}\n"


@pytest.mark.parametrize("step", ["g(u) + g(u)", "g(u / 2) * g(u / 2)", "g([u, 1][1]) - 2 * g([u, 1][1])"])
@pytest.mark.parametrize("depth", [5, 60])
def test_the_graph_grows_with_the_depth(step, depth):
    checked = read(Source("m", chain(step, depth) + REST.format(f=f"f{depth}(x)")))
    assert len(list(postorder(checked.upper_objective.node))) < 40 * depth


def test_values_are_those_of_the_text():
    text = chain("g(u / 2) * g(u / 2) + g(y)", 4) + REST.format(f="f4(x) + sum(f2(i * x) for i in 1..3)")
    problem = bl.load(Source("m", text))

    def f(k, u, y):
        return u + 1 if k == 0 else f(k - 1, u / 2, y) ** 2 + f(k - 1, y, y)

    x, y = 0.3, 0.7
    found = ca.Function("f", [problem.x, problem.y], [problem.f.expression])(x, y)
    assert float(found) == pytest.approx(f(4, x, y) + sum(f(2, i * x, y) for i in (1, 2, 3)))


def test_within_loops_each_iteration_is_its_own():
    text = (
        'param c[3] = [1, 2, 3]; set I = {"a", "b", "c"}; param d[I] = [4, 5, 6];'
        + "function h(u) = u^2 + u; function at(i) = d[i];"
        + REST.format(f="sum(h(c[i] * x) + h(c[i] * x) for i in 1..3) + sum(at(i) * x + at(i) for i in I)")
    )
    problem = bl.load(Source("m", text))
    found = ca.Function("f", [problem.x, problem.y, *problem.p], [problem.f.expression])
    x = 0.5
    expected = sum(2 * ((c * x) ** 2 + c * x) for c in (1, 2, 3)) + sum(d * x + d for d in (4, 5, 6))
    assert float(found(x, 0, *problem.matrices)) == pytest.approx(expected)


def test_mistakes_are_told_at_every_call_that_makes_them():
    text = "function bad(u) = u + [1, 2]; let a = bad([1, 2, 3]); let b = bad([1, 2, 3]);" + REST.format(f="x")
    with pytest.raises(BilevelError) as caught:
        read(Source("m", text))
    assert len(caught.value.diagnostics) == 2


def test_a_mean_inside_of_a_mean_is_found_behind_a_function():
    text = "param b[4] = [1, 2, 3, 4]; function m(u) = expect((u - b[i])^2 for i in 1..4);" + REST.format(
        f="m(x) + expect(m(x) for j in 1..4)"
    )
    with pytest.raises(BilevelError, match="expect"):
        read(Source("m", text))

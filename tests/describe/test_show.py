"""Models as mathematics: whole pages in three notations, and the parentheses of single expressions."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from bilevel_dsl.describe import latex, mathml, text
from bilevel_dsl.describe.page import page
from bilevel_dsl.reading import read
from bilevel_dsl.semantics.check import check
from bilevel_dsl.syntax.parser import Source, parse

from .models import MODELS, compare

NOTATIONS = {"txt": text, "tex": latex, "html": mathml}


@pytest.mark.parametrize("kind", NOTATIONS)
@pytest.mark.parametrize("name", MODELS)
def test_whole_page(name, kind):
    compare(f"{name}.{kind}", NOTATIONS[kind].render(page(read(MODELS[name]))))


@pytest.mark.parametrize("name", MODELS)
def test_latex_is_balanced(name):
    shown = latex.render(page(read(MODELS[name])))
    assert sorted(re.findall(r"\\begin\{(\w+\*?)\}", shown)) == sorted(re.findall(r"\\end\{(\w+\*?)\}", shown))
    bare = re.sub(r"\\[{}]", "", shown)
    assert bare.count("{") == bare.count("}") and shown.count(r"\left") == shown.count(r"\right")
    assert shown.isascii()


@pytest.mark.parametrize("name", MODELS)
def test_html_is_well_formed(name):
    shown = mathml.render(page(read(MODELS[name])))
    body = shown[shown.index("<body>") :].removesuffix("</html>\n")
    ElementTree.fromstring(body)


def objective(expression: str) -> str:
    """How the objective of a small model is shown."""
    model = f"""param A[3, 3] = 1; param c[3] = 1; param s = 2; param r[1, 3] = 1; param alpha1 = 1;
        set I = {{"a", "b"}}; param k[I] = 1;
        function f(u, v) = u * v;
        upper {{ var x[3]; var z; minimize {expression}; }} lower {{ var y[3]; minimize sumsqr(y - x); }}"""
    source = Source("model.bilevel", model)
    return text.Text()(page(check(parse(source), source=source)).upper.objective)


@pytest.mark.parametrize(
    "written, shown",
    [
        ("z - (s - 1)", "z − (s − 1)"),
        ("z - s - 1", "z − s − 1"),
        ("(z + s) * 2", "(z + s)·2"),
        ("2 * (z + s)", "2 (z + s)"),
        ("-z^2", "−z²"),
        ("(-z)^2", "(−z)²"),
        ("2^-z", "2^(−z)"),
        ("z^2^3", "z^(2³)"),
        ("(z^2)^3", "(z²)³"),
        ("z / (s * 2)", "z/(s·2)"),
        ("z / s / 2", "z/s/2"),
        ("(z / s)^2", "(z/s)²"),
        ("z / (s + 1)", "z/(s + 1)"),
        ("(z + 1) / s", "(z + 1)/s"),
        ("z * -s", "z·(−s)"),
        ("z + -s", "z + (−s)"),
        ("sum(x[i] + 1 for i in 1..3) * s", "(∑[i=1..3] (xᵢ + 1))·s"),
        ("s * sum(x[i] for i in 1..3) + z", "s ∑[i=1..3] xᵢ + z"),
        ("sum(x)", "∑[i=1..3] xᵢ"),
        ("sum(k)", "∑[i∈I] kᵢ"),
        ("sum(A)", "∑[i∈{ 1, …, 3 }, j∈{ 1, …, 3 }] A[i, j]"),
        ("sum(A @ x)", "1ᵀ(A x)"),
        ("sum((c * x) * y)", "1ᵀ(c ∘ x ∘ y)"),
        ("sum((A @ c) * (A @ x))", "1ᵀ((A c) ∘ (A x))"),
        ("sum(c * (x * y))", "1ᵀ(c ∘ (x ∘ y))"),
        ("sum(A @ (c * x))", "1ᵀ(A·(c ∘ x))"),
        ("dot(x + y, c)", "(x + y)ᵀc"),
        ("dot(A, A)", "⟨A, A⟩"),
        ("x' @ A @ x", "xᵀA x"),
        ("sumsqr(z)", "z²"),
        ("sumsqr(A @ x - c)", "‖A x − c‖²"),
        ("norm(A)", "‖A‖_F"),
        ("norm1(x) + norminf(x)", "‖x‖₁ + ‖x‖_∞"),
        ("sum(x^2)", "1ᵀx²"),
        ("sum(A^2)", "sum(A^(∘2))"),
        ("sum(x / c)", "1ᵀ(x ⊘ c)"),
        ("alpha1 * z", "α₁ z"),
        ("1e-3 * z", "10⁻³·z"),
        ("2.5e6 * z", "2.5·10⁶·z"),
        ('k["a"] * z', "k[a] z"),
        ("f(z, s)", "f(z, s)"),
        ("sqrt(z) + abs(z)", "√(z) + |z|"),
        ("if z > 0 then z else if z > -1 then 0 else -z", "{ z if z > 0, 0 if z > −1, −z otherwise }"),
        ("if z > 0 and (z < 1 or z > 2) then z else 0", "{ z if z > 0 ∧ (z < 1 ∨ z > 2), 0 otherwise }"),
        ("(z > 0) + z", "(z > 0) + z"),
        ("max(z, 0) + min(x)", "max(z, 0) + min(x)"),
        ("expect(z - c[i] for i in 1..3)", "𝔼[i=1, …, 3] [z − cᵢ]"),
        ("sum(x[i] * y[j] for i in 1..3, j in 1..3 if i < j)", "∑[i=1, …, 3, j=1, …, 3 : i < j] xᵢ yⱼ"),
        ("trace(inv(A)) + det(A)", "tr(A⁻¹) + det(A)"),
        ("dot(x, solve(A, c))", "xᵀ(A⁻¹ c)"),
    ],
)
def test_parentheses(written, shown):
    assert objective(written) == shown


@pytest.mark.parametrize(
    "declared, shown",
    [
        ("x", "x ∈ ℝ"),
        ("x[n] in free", "x ∈ ℝⁿ"),
        ("x[n] in nonneg", "x ∈ ℝ₊ⁿ"),
        ("x[n, 2] in [-inf, 1]", "x ∈ (−∞, 1]^(n×2)"),
        ("x[n] in [0, c]", "x ∈ [0, c]"),
        ("x[n] in box(0, 1)", "x ∈ [0, 1]ⁿ"),
        ("x[I] in simplex(s)", "x ∈ Δ_I(s)"),
        ("x[n] in simplex", "x ∈ Δₙ(1)"),
        ("x[n] in capped_simplex(2)", "x ∈ Cₙ(2)"),
        ("x[n] in ball(c, s)", "x ∈ { v ∈ ℝⁿ : ‖v − c‖ ≤ s }"),
        ("x[n] in l1ball(s)", "x ∈ { v ∈ ℝⁿ : ‖v‖₁ ≤ s }"),
        ("x[n] in linfball(0, 1)", "x ∈ { v ∈ ℝⁿ : ‖v‖_∞ ≤ 1 }"),
        ("x[n] in halfspace(c, s + 1)", "x ∈ { v ∈ ℝⁿ : cᵀv ≤ s + 1 }"),
        ("x[n] in hyperplane(c + 1, s)", "x ∈ { v ∈ ℝⁿ : (c + 1)ᵀv = s }"),
        ("x[n] in affine(A, c)", "x ∈ { v ∈ ℝⁿ : A v = c }"),
        ("x[n] in soc", "x ∈ ℒⁿ"),
        ("x[n, n] in psd", "x ∈ 𝕊₊ⁿ"),
        ("x[n, n] in spectral(0, s)", "x ∈ { V ∈ 𝕊ⁿ : 0 I ⪯ V ⪯ s I }"),
        ("x[n] in nonneg in [-1, 1]", "x ∈ ℝ₊ⁿ ∩ [−1, 1]ⁿ"),
        ("x[n] in unit", "x ∈ [0, 1]ⁿ"),
    ],
)
def test_sets(declared, shown):
    model = f"""param n = 3; param c[n] = 1; param s = 2; param A[n, n] = eye(n); set I = 1..3; set unit = box(0, 1);
        upper {{ var {declared}; minimize sum(x) + y; }} lower {{ var y; minimize (y - sum(x))^2; }}"""
    source = Source("model.bilevel", model)
    assert text.Text()(page(check(parse(source), source=source)).upper.sets[0]) == shown

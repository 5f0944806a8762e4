"""What docs/developers.md says of additions: a function is known from two tables, a set from a record and a class, a command
from two tables.

They are made up here and taken through everything that a user can do with a model.
"""

from __future__ import annotations

from dataclasses import dataclass

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl as bl
from bilevel_dsl.cli import arguments, commands, main
from bilevel_dsl.describe import latex, text
from bilevel_dsl.describe.explain import explain
from bilevel_dsl.describe.page import page
from bilevel_dsl.diagnostics import BilevelError, Collector, Source
from bilevel_dsl.functions.select import all_of, clip
from bilevel_dsl.functions.sets import inhabited, nlp_description, project
from bilevel_dsl.functions.sets.asked import Description, finite, without_bounds
from bilevel_dsl.lsp.analysis import Document
from bilevel_dsl.lsp.completion import complete
from bilevel_dsl.lsp.hover import hover
from bilevel_dsl.model import functions, sets
from bilevel_dsl.model.build import build
from bilevel_dsl.reading import read
from bilevel_dsl.reductions.scaled_sets import scaled_set
from bilevel_dsl.semantics.builtins import BUILTINS, Builtin
from bilevel_dsl.semantics.check import check
from bilevel_dsl.semantics.constraint_sets import CONSTRAINT_SETS, VECTORS, ConstraintSet
from bilevel_dsl.semantics.nodes.arithmetic import increasing
from bilevel_dsl.semantics.rules.pedantic import pedantic
from bilevel_dsl.syntax.parser import parse


def checked(model: str):
    source = Source("model.bilevel", model)
    return check(parse(source), source=source)


def codes(model: str) -> list[str]:
    with pytest.raises(BilevelError) as caught:
        checked(model)
    return [d.code for d in caught.value.diagnostics]


def warned(model: str) -> list[str]:
    problems, found = Collector(), checked(model)
    pedantic(found, problems)
    return [d.code for d in problems.items]


def said(model: str, word: str) -> str:
    document = Document("test", model, None)
    return hover(document, document.at(model.index(word)))


def offered(model: str, after: str) -> set[str]:
    return {item.label for item in complete(Document("test", model, None), model.index(after) + len(after))}


# --- a function -------------------------------------------------------------------------------------


@pytest.fixture
def root4(monkeypatch):
    """The fourth root, smooth for arguments above 0."""
    record = Builtin(
        signature="root4(x)",
        doc="fourth root",
        value=lambda x: np.sqrt(np.sqrt(x)),
        interval=increasing(lambda x: x**0.25),
        smooth_above=0.0,
        smoother="`(x + 1e-3)^0.25`",
    )
    monkeypatch.setitem(BUILTINS, "root4", record)
    monkeypatch.setitem(functions.ELEMENTWISE, "root4", lambda x: ca.sqrt(ca.sqrt(x)))


OF_ROOTS = """param c = root4(16);
upper { var x in [1, 100] start 50; minimize (root4(x) - y)^2 + (y - 3)^2; }
lower { var y in [0, 9]; minimize (y - root4(x))^2 + 0 * c; }"""


def test_a_function_is_a_record_and_a_form(root4):
    model = checked(OF_ROOTS)
    assert model.params[0].value == 2
    assert codes(OF_ROOTS.replace("root4(16)", "root4(16, 2)")) == ["BL0305"]
    assert codes("param root4 = 1;" + OF_ROOTS)[0] == "BL0204"
    assert {"BL0720", "BL0722"} & {*warned(OF_ROOTS)} == {"BL0720"}  # something smoother is known, and x is away from 0
    assert "BL0722" in warned(OF_ROOTS.replace("[1, 100]", "[0, 100]"))
    assert "root4(x)" in text.render(page(model)) and r"\mathrm{root4}" in latex.render(page(model))
    assert "fourth root" in said(OF_ROOTS, "root4") and "root4" in offered(OF_ROOTS, "minimize ")
    solution = bl.solve(bl.load(Source("model.bilevel", OF_ROOTS)), compile="never", seed=1)
    assert solution["x"] == pytest.approx(81, rel=1e-3) and solution["y"] == pytest.approx(3, rel=1e-4)


# --- a constraint set -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Slab(sets.ConstraintSet):
    """low <= sum(v) <= high."""

    low: ca.MX
    high: ca.MX
    lengths = ("low", "high")


@project.register
def _(constraint_set: Slab, v: ca.MX) -> ca.MX:
    total = ca.sum1(v)
    return v + (clip(total, constraint_set.low, constraint_set.high) - total) / v.numel()


@nlp_description.register
def _(constraint_set: Slab, v: ca.MX) -> Description:
    return *without_bounds(v), [(ca.sum1(v), constraint_set.low, constraint_set.high)]


@inhabited.register
def _(constraint_set: Slab) -> ca.MX:
    return all_of(constraint_set.low <= constraint_set.high, finite(constraint_set.low), finite(constraint_set.high))


@pytest.fixture
def slab(monkeypatch):
    record = ConstraintSet(
        signature="slab(low, high)",
        doc="low <= sum(x) <= high",
        words="in a slab",
        of=VECTORS,
        empty=lambda shape, low, high: None if low <= high else f"{low:g} is above {high:g}",
        excess=lambda x, low, high: max(low - x.sum(), x.sum() - high),
    )
    monkeypatch.setitem(CONSTRAINT_SETS, "slab", record)
    monkeypatch.setitem(sets.MADE, "slab", lambda shape, low, high: Slab(shape[0], low, high))


OF_SLABS = """param most = 4;
upper { var x[2] in slab(1, most) start [1, 1]; minimize sumsqr(x - 5) + sumsqr(y); }
lower { var y in [0, 1]; minimize (y - x[1])^2; }"""


def test_a_set_is_a_record_and_a_class(slab):
    model = checked(OF_SLABS)
    assert codes(OF_SLABS.replace("slab(1, most)", "slab(1)")) == ["BL0305"]
    assert codes(OF_SLABS.replace("most = 4", "most = 0")) == ["BL0321"]
    assert codes(OF_SLABS.replace("x[2]", "x[2, 2]").replace("start [1, 1]", ""))[0] == "BL0322"
    assert "BL0717" in warned(OF_SLABS.replace("[1, 1]", "[9, 9]")) and "BL0717" not in warned(OF_SLABS)
    problem = build(model)
    assert "x[2] is in a slab" in str(explain(model, problem).upper[1])
    assert "x ∈ slab(1, most)" in text.render(page(model)) and r"\mathrm{slab}" in latex.render(page(model))
    assert "low <= sum(x) <= high" in said(OF_SLABS, "x[2]") and "slab" in offered(OF_SLABS, "x[2] in ")
    halved = scaled_set(problem.variables[0].set, 2.0)
    assert float(ca.evalf(halved.low)) == 0.5
    solution = bl.solve(bl.load(Source("model.bilevel", OF_SLABS)), compile="never", seed=1)
    assert solution["x"] == pytest.approx([2, 2], abs=1e-4) and solution["y"] == pytest.approx(1, abs=1e-4)


# --- a command --------------------------------------------------------------------------------------


def sizes(arguments) -> int:
    model = read(arguments.model)
    print(f"{len(model.upper_variables)} and {len(model.lower_variables)}")
    return 4 if arguments.fail else 0


@pytest.fixture
def sizes_known(monkeypatch):
    def flags(parser) -> None:
        arguments.add_model(parser)
        parser.add_argument("--fail", action="store_true", help="with status 4")

    monkeypatch.setitem(arguments.COMMANDS, "sizes", arguments.Command("MODEL", "count variables", "", flags))
    monkeypatch.setitem(commands.COMMANDS, "sizes", sizes)


def test_a_command_is_how_it_is_called_and_what_it_does(sizes_known, tmp_path, capsys):
    model = tmp_path / "m.bilevel"
    model.write_text("upper { var x; minimize x; } lower { var y; minimize (y - x)^2; }")
    assert main(["sizes", str(model)]) == 0 and capsys.readouterr().out == "1 and 1\n"
    assert main(["sizes", str(model), "--fail"]) == 4
    assert main(["size", str(model)]) == 2 and "did you mean `sizes`?" in capsys.readouterr().err
    assert main(["sizes", str(model), "--fial"]) == 2 and "--fail" in capsys.readouterr().err
    assert main(["--help"]) == 0 and "count variables" in capsys.readouterr().out
    assert main(["sizes", "--help"]) == 0 and "with status 4" in capsys.readouterr().out

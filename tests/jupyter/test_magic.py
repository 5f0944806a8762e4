"""The magic `%%bilevel`, in a shell of IPython."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("IPython", reason="IPython is not installed: pip install ipython")


from tests.docs.blocks import blocks  # noqa: E402

TOLLS = """\
set ROAD = {"bridge", "tunnel"};
param slope[ROAD];
param demand = 10;
upper { var t[ROAD] in [0, 5]; minimize sumsqr(t - y); }
lower { var y[ROAD] in simplex(demand); minimize dot(t, y) + 0.5 * sum(slope[r] * y[r]^2 for r in ROAD); }
report { total = sum(y); }
"""


def run(shell, line: str, cell: str = TOLLS):
    return shell.run_cell_magic("bilevel", f"{line} --no-compile", cell)


def test_python_variables_are_the_data(shell, capsys):
    shell.user_ns.update(slope=np.array([1.0, 3.0]), demand=4)
    solution = run(shell, "result")
    assert solution is shell.user_ns["result"] and solution.status == "converged"
    assert solution.report["total"] == pytest.approx(4)
    assert capsys.readouterr().out == "from Python: slope, demand\n"


def test_values_by_label_and_lists(shell):
    shell.user_ns.update(slope={"tunnel": 3, "bridge": 1})
    by_label = run(shell, "")
    shell.user_ns.update(slope=[1, 3])
    np.testing.assert_array_equal(by_label["y"], run(shell, "")["y"])


def test_what_is_no_number_replaces_no_value_of_the_model(shell, capsys):
    shell.user_ns.update(slope=[1, 3], demand="a word")
    assert run(shell, "").report["total"] == pytest.approx(10)
    assert capsys.readouterr().out == "from Python: slope\n"


def test_python_can_be_left_out(shell):
    cell = TOLLS.replace("slope[ROAD];", "slope[ROAD] = [1, 3];")
    shell.user_ns.update(demand=4)
    assert run(shell, "--no-python", cell).report["total"] == pytest.approx(10)


def test_what_is_taken_is_named(shell, capsys):
    shell.user_ns.update(slope=[1, 3], demand=4)
    assert run(shell, "--take slope").report["total"] == pytest.approx(10)
    assert capsys.readouterr().out == "from Python: slope\n"
    assert not shell.run_cell(f"%%bilevel --take none\n{TOLLS}").success
    assert "there is no Python variable `none`" in "".join(capsys.readouterr())
    assert not shell.run_cell(f"%%bilevel --take slope,shell\n{TOLLS}".replace("shell", "x1 ")).success


def test_the_model_is_shown_and_named(shell, capsys):
    shell.user_ns.update(slope=[1, 3])
    solution = run(shell, "tolls --show")
    assert solution.problem.name == "tolls" and repr(solution.problem) == "<Problem tolls: 2 upper and 2 lower variables>"
    assert "<Problem tolls" in capsys.readouterr().out  # a shell without pictures shows the text
    shown, _ = shell.display_formatter.format(solution.problem)
    assert shown["text/html"].startswith("<") and "<math" in shown["text/html"] and "<h1>" not in shown["text/html"]


def test_settings_reach_the_method(shell):
    shell.user_ns.update(slope=[1, 3])
    solution = run(shell, "--method penalty --tol 1e-4 --max-iter 3 -O s_end=1e-3")
    assert solution.method == "penalty" and solution.settings["tol"] == 1e-4 and solution.settings["s_end"] == 1e-3
    assert solution.iterations <= 3


def test_the_result_is_shown_as_a_table(shell):
    shell.user_ns.update(slope=[1, 3])
    solution = run(shell, "")
    shown, _ = shell.display_formatter.format(solution)
    assert shown["text/plain"].startswith("cell: proved, a global solution") and "total" in shown["text/plain"]
    assert shown["text/html"].startswith("<pre") and "bridge" in shown["text/html"]
    assert "font-weight: bold; color: #1a7f37" in shown["text/html"] and "\x1b" not in shown["text/html"]


def test_mistakes_are_shown_without_a_traceback(shell, capsys):
    found = shell.run_cell("%%bilevel\nupper { var x; minimize x }\nlower { var y; minimize y^2; }")
    assert not found.success
    out = capsys.readouterr()
    text = out.out + out.err
    assert "error[BL0111]: expected `;` after the objective" in text and "cell:1:" in text
    assert "Traceback" not in text and "jupyter.py" not in text


def test_a_parameter_without_a_value_is_asked_for(shell, capsys):
    assert not shell.run_cell("%%bilevel\n" + TOLLS).success
    out = capsys.readouterr()
    assert "the parameter `slope` has no value" in out.out + out.err
    assert "hint: assign it" in out.out + out.err and "--param" not in out.out + out.err


@pytest.mark.parametrize("line, part", [("2x", "not the name"), ("-O nothing", "KEY=VALUE")])
def test_wrong_usage_is_said(shell, capsys, line, part):
    assert not shell.run_cell(f"%%bilevel {line}\n{TOLLS}").success
    out = capsys.readouterr()
    assert part in out.out + out.err


def test_html_is_escaped(shell):
    from bilevel_dsl.report.html import as_html

    assert as_html([[("a < b", ""), ("&", "bold red")]]) == (
        '<pre style="line-height: 1.3">a &lt; b<span style="font-weight: bold; color: #cf222e">&amp;</span></pre>'
    )


def test_the_cells_of_the_guide_run(shell):
    cells = [b.text for b in blocks("ipython")]
    assert len(cells) == 3
    for cell in cells:
        done = shell.run_cell(cell)
        assert done.success, cell

"""What is said about methods, settings, starts, files and the machine: the whole text, as a user meets it.

`others/CODE[_what].txt` is what goes to standard error, or the text of what Python raises. Each case runs in a fresh
folder with the model `m.bilevel`, so that no name depends on the machine. BILEVELDSL_UPDATE_GOLDEN=1 writes the texts
anew: read them before they are committed.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import casadi as ca
import numpy as np
import pytest

import bilevel_dsl
from bilevel_dsl.cli import main
from bilevel_dsl.cli.inputs import read_trace
from bilevel_dsl.diagnostics import BilevelError, render
from bilevel_dsl.functions.oracles import Oracles
from bilevel_dsl.methods import METHODS
from bilevel_dsl.methods.program import Phase
from bilevel_dsl.methods.registry import MethodInfo
from bilevel_dsl.runtime import compiler as finding
from bilevel_dsl.runtime.execute import execute
from tests import problems
from tests.methods import stochastic
from tests.runtime import programs

FOLDER = Path(__file__).parent / "others"
PACKAGE = Path(__file__).parents[2] / "bilevel_dsl"

MODEL = """\
problem m;
param target = 2;
param a[3] = [1, 2, 3];
upper {
  var x in [-9, 9];
  minimize (x - 1)^2 / 2 + (y - target)^2 / 2;
}
lower {
  var y;
  var z[2];
  minimize (y - x)^2 / 2 + sumsqr(z);
}
"""

MANY = """\
upper {
  var x[6] in [0, 1];
  minimize sum(x) + y[1];
}
lower {
  var y[5] in [-1, 1];
  minimize sum(x[i] * y[i]^2 - y[i]^4 for i in 1..5);
}
"""

CONSTRAINED = """\
upper {
  var x in [0, 1];
  minimize (x - y)^2;
  subject to x + y <= 3;
}
lower {
  var y in [0, 2];
  minimize (y - x)^2;
  subject to y >= x / 2;
}
"""

WHOLE = """\
upper {
  var n in integer(0, 5);
  var z[3] in binary;
  minimize n + sum(z) + (y - 2)^2;
}
lower {
  var y in [0, 9];
  minimize (y - n)^2;
}
"""

OUTSIDE = """\
upper {
  var x in [0, 1] start 0;
  minimize log(x) + y;
  subject to 1 / x <= 9;
}
lower {
  var y start 0;
  minimize sqrt(y) + x;
}
"""


def with_options(text: str) -> dict[str, str]:
    return {"m.bilevel": f"{MODEL}options {{ {text} }}\n"}


def start(values: str) -> dict[str, str]:
    return {"s.json": f'{{"variables": {values}}}\n'}


# Name of the golden text: the files beside the model (a Path is a symbolic link to it), and the command.
COMMANDS: dict[str, tuple[dict[str, str | bytes | Path], str]] = {
    "BL0401": ({}, "solve m.bilevel --method newton"),
    "BL0401_misspelt": ({}, "solve m.bilevel --method penalti"),
    "BL0401_in_the_model": (with_options('method = "newton";'), "solve m.bilevel"),
    "BL0402": ({}, "solve m.bilevel --method dbgd"),
    "BL0402_value": ({"m.bilevel": MANY}, "solve m.bilevel --method value"),
    "BL0402_several_places": ({"m.bilevel": CONSTRAINED}, "solve m.bilevel --method mgbio"),
    "BL0402_whole_numbers": ({"m.bilevel": WHOLE}, "solve m.bilevel --method penalty"),
    "BL0403": ({}, "solve m.bilevel --method penalty -O s_edn=1e-5"),
    "BL0403_in_the_model": (with_options("polnish = 1;"), "solve m.bilevel --method mgbio"),
    "BL0404_range": ({}, "solve m.bilevel --method penalty -O s_end=7"),
    "BL0404_whole_number": ({}, "solve m.bilevel --method penalty -O lower_trials=10.5"),
    "BL0404_number": ({}, "solve m.bilevel --method penalty -O s_end=small"),
    "BL0404_choice": ({}, "solve m.bilevel --method mgbio -O rule=cut"),
    "BL0404_in_the_model": (with_options("tol = -1;"), "solve m.bilevel"),
    "BL0405": (start('{"w": 1}'), "solve m.bilevel --start s.json"),
    "BL0406": (start('{"z": [1, 2, 3]}'), "solve m.bilevel --start s.json"),
    "BL0406_not_finite": (start('{"x": 1e999}'), "solve m.bilevel --start s.json"),
    "BL0407": ({"m.bilevel": OUTSIDE}, "solve m.bilevel"),
    "BL0405_of_a_point": (start('{"x": 1, "y": 1, "z": [0, 0], "w": 1}'), "verify m.bilevel s.json"),
    "BL0406_of_a_point": (start('{"x": 1, "y": [[1, 1], [2, 2]], "z": [0, 0]}'), "verify m.bilevel s.json"),
    "BL0408": (start('{"x": 1}'), "verify m.bilevel s.json"),
    "BL0409": (with_options("barrier = 1;"), "solve m.bilevel --method mgbio --no-compile"),
    "BL0501": ({}, "solve nothing.bilevel"),
    "BL0501_ending": ({}, "check m"),
    "BL0502": ({"models/one.bilevel": MODEL}, "solve models"),
    "BL0503": ({"l.bilevel": Path("l.bilevel")}, "solve l.bilevel"),
    "BL0504": ({"m.bilevel": "#" * (2**22 + 1)}, "solve m.bilevel"),
    "BL0505": ({"m.bilevel": b"problem m;\xff"}, "check m.bilevel"),
    "BL0511": ({"out/x": ""}, "solve m.bilevel --json out"),
    "BL0511_no_folder": ({}, "solve m.bilevel --csv out/r.csv"),
    "BL0511_no_folder_for_a_template": ({}, "new ridge out/r.bilevel"),
    "BL0512": ({}, "solve m.bilevel --data a.json"),
    "BL0512_ending": ({"a.txt": "1"}, "solve m.bilevel --data a.txt"),
    "BL0512_folder": ({"a.csv/x": ""}, "solve m.bilevel --data a.csv"),
    "BL0512_system": ({"a.csv": Path("a.csv")}, "solve m.bilevel --data a.csv"),
    "BL0512_start": ({}, "solve m.bilevel --start s.json"),
    "BL0515": (
        {"s.json": '{"variables": {"x": 1.5, "y": 1.5, "z": [0, 0]}, "made_from": {"hash": "0"}}'},
        "verify m.bilevel s.json",
    ),
    "BL0514": ({"ridge.bilevel": "mine"}, "new ridge"),
    "BL0416": ({"m.bilevel": WHOLE.replace("(y - n)^2", "exp(y - n) - y").replace("0, 5", "0, 50")}, "solve m.bilevel"),
    "BL0416_pairs": (
        {"m.bilevel": WHOLE.replace("var y", "var y[90]").replace("y - ", "sum(y) - ").replace("0, 5", "0, 50")},
        "solve m.bilevel",
    ),
    "BL0416_many": ({"m.bilevel": WHOLE.replace("z[3]", "z[70]")}, "solve m.bilevel"),
    "BL0607": ({}, "codegen m.bilevel -o out --method mpcc"),
    "BL0607_whole_numbers": ({"m.bilevel": WHOLE}, "codegen m.bilevel -o out"),
    "BL0605": ({"out/mine.txt": ""}, "codegen m.bilevel -o out --method mgbio"),
    "BL0605_file": ({"out": ""}, "codegen m.bilevel -o out --method mgbio"),
    "BL0605_below_a_file": ({"out": ""}, "codegen m.bilevel -o out/solver --method mgbio"),
}

# Data files that hold no data: name of the golden text BL0513_..., the file, its content.
DATA: dict[str, tuple[str, str | bytes]] = {
    "json": ("a.json", '{"a": [1, 2, 3}'),
    "json_twice": ("a.json", '{"a": 1, "a": 2}'),
    "json_list": ("a.json", "[1, 2, 3]"),
    "json_nested": ("a.json", "[" * 100_000),
    "json_word": ("a.json", '{"a": [1, "big"]}'),
    "json_entry": ("a.json", '{"a": [1, null, 3]}'),
    "json_entry_true": ("a.json", '{"a": [true, false]}'),
    "json_rows": ("a.json", '{"a": [[1, 2], [3]]}'),
    "bytes": ("a.csv", b"a\n1\n\xff\n"),
    "npz": ("a.npz", "PK"),
    "csv_empty": ("a.csv", "\n"),
    "csv_width": ("a.csv", "1,2\n3,4,5\n"),
    "csv_cell": ("a.csv", "1,2\n3,big\n"),
    "csv_cell_empty": ("a.csv", "1,2\n3,\n"),
    "csv_name": ("a.csv", "a,2b\n1,2\n"),
    "csv_name_twice": ("a.csv", "a,a\n1,2\n"),
    "csv_only_names": ("a.csv", "a,b\n"),
    "csv_long_line": ("a.csv", "a,b\n1,2\n1,2,3\n"),
    "csv_gap": ("a.csv", "a,b\n1,2\n,3\n4,5\n"),
}
COMMANDS |= {f"BL0513_{what}": ({name: content}, f"solve m.bilevel --data {name}") for what, (name, content) in DATA.items()}
COMMANDS |= {
    "BL0513_point": ({"s.json": '{"x": 1}'}, "verify m.bilevel s.json"),
    "BL0513_point_empty": (start("{}"), "verify m.bilevel s.json"),
}

# What a command line cannot bring about, or not everywhere: functions that return the text.
OTHERS: dict[str, Callable] = {}


def case(function: Callable) -> Callable:
    OTHERS[function.__name__] = function
    return function


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A fresh folder to work in with the model, and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "BILEVELDSL_CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "m.bilevel").write_text(MODEL)
    return tmp_path


def raised(work: Callable) -> str:
    with pytest.raises(BilevelError) as caught:
        work()
    return f"{caught.value}\n"


def compare(name: str, text: str) -> None:
    expected = FOLDER / f"{name}.txt"
    if os.environ.get("BILEVELDSL_UPDATE_GOLDEN") == "1":
        expected.write_text(text, encoding="utf-8")
    assert f"[{name[:6]}]" in text
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_command(name, here, capsys):
    files, command = COMMANDS[name]
    for file, content in files.items():
        path = here / file
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    status, said = main(command.split()), capsys.readouterr()
    warned_only = "error[" not in said.err
    assert status == 0 if warned_only else status in (2, 3) and said.out == ""
    compare(name, said.err)


# --- from Python --------------------------------------------------------------------------------


@case
def BL0401_from_python(here, monkeypatch):
    return raised(lambda: bilevel_dsl.solve(bilevel_dsl.load("m.bilevel"), "newton"))


@case
def BL0406_words(here, monkeypatch):
    return raised(lambda: bilevel_dsl.solve(bilevel_dsl.load("m.bilevel"), start={"z": ["one", "two"]}))


@case
def BL0408_several(here, monkeypatch):
    return raised(lambda: bilevel_dsl.verify(bilevel_dsl.load("m.bilevel"), {"y": 1}))


@case
def BL0531(here, monkeypatch):
    return raised(lambda: bilevel_dsl.check_proof(bilevel_dsl.load("m.bilevel"), {"variables": {"x": 1}}))


@case
def BL0531_forged(here, monkeypatch):
    (here / "m.bilevel").write_text("upper { var x in [0, 4]; minimize y - x; } lower { var y in nonneg; minimize y; }")
    proof = {"upper": "-5", "variables": {"x": "5", "y": "0"}, "w": ["5", "0", "1", "0"], "tree": {"rows": {}}}
    return raised(lambda: bilevel_dsl.check_proof(bilevel_dsl.load("m.bilevel"), {"certificate": {"exact": proof}}))


@case
def BL0511_saved(here, monkeypatch):
    point = bilevel_dsl.verify(bilevel_dsl.load("m.bilevel"), {"x": 1.5, "y": 1.5, "z": [0, 0]})
    return raised(lambda: point.save("out/r.json"))


# --- samples ----------------------------------------------------------------------------------------

SAMPLED = """\
param b[4] = [1, 2, 3, 4];
upper { var x; minimize x^2 + sqrt(expect((y - b[i])^2 for i in 1..4)); }
lower { var y; minimize expect((y - x * b[i])^2 for i in 1..4); }
"""


def stochastic_method(monkeypatch, text: str = SAMPLED):
    """A model in `s.bilevel`, and a method that draws samples, which is no method of the package."""
    Path("s.bilevel").write_text(text)
    monkeypatch.setitem(METHODS, "sgd", MethodInfo(stochastic.CARD, stochastic))


@case
def BL0402_samples(here, monkeypatch):
    stochastic_method(monkeypatch)
    return said(["solve", "s.bilevel", "--method", "sgd"], monkeypatch, 3)


@case
def BL0410(here, monkeypatch):
    stochastic_method(monkeypatch, SAMPLED.replace("sqrt", ""))
    return said(["solve", "s.bilevel", "--method", "sgd", "-O", "batch=100"], monkeypatch, 2)


@case
def BL0411(here, monkeypatch):
    stochastic_method(monkeypatch)
    return raised(lambda: stochastic.program(Oracles(bilevel_dsl.load("s.bilevel"))))


@case
def BL0412(here, monkeypatch):
    stochastic_method(monkeypatch, SAMPLED.replace("sqrt(expect((y - b[i])^2 for i in 1..4))", "(y - 1)^2"))
    solution = bilevel_dsl.solve(bilevel_dsl.load("s.bilevel"), "sgd", compile=False, verify="no")
    return render(solution.warnings) + "\n"


@case
def BL0415(here, monkeypatch):
    problem = pickle.loads(pickle.dumps(bilevel_dsl.load("m.bilevel")))
    return raised(lambda: bilevel_dsl.solve(problem))


@case
def BL0413(here, monkeypatch):
    Path("s.bilevel").write_text(SAMPLED.replace("sqrt(expect(", "sqrt(mean(").replace("expect(", "mean("))
    return said(["solve", "s.bilevel", "--method", "soba", "-O", "batch=4"], monkeypatch, 3)


@case
def BL0414(here, monkeypatch):
    return said(["compare", "m.bilevel", "mgbio:rule"], monkeypatch, 2)


# --- streams and packages -------------------------------------------------------------------------


class Bytes(io.StringIO):
    """Standard input that is no text."""

    buffer = io.BytesIO(b"upper {\xff")


class Full(io.StringIO):
    """Standard output on a full disk."""

    def flush(self):
        raise OSError(28, "No space left on device")


def said(arguments: list[str], monkeypatch, status: int) -> str:
    """What a command writes to standard error."""
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    assert main(arguments) == status
    return errors.getvalue()


@case
def BL0505_standard_input(here, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Bytes())
    return said(["fmt", "-"], monkeypatch, 2)


@case
def BL0511_standard_output(here, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Full())
    return said(["methods"], monkeypatch, 2)


@case
def BL0521(here, monkeypatch):
    monkeypatch.delitem(sys.modules, "bilevel_dsl.lsp.server", raising=False)
    for name in [n for n in sys.modules if n.partition(".")[0] in ("pygls", "lsprotocol")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)  # as if it were not installed
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    return said(["lsp"], monkeypatch, 2)


@case
def BL0522(here, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return said(["compare", "m.bilevel", "mgbio", "--plot", "a.png"], monkeypatch, 2)


PLOTTED = """\
set ROAD = {"bridge", "ring", "tunnel"};
upper { var t[ROAD] in [0, 5]; var z; minimize sumsqr(y - 1) + z^2; }
lower { var y[ROAD]; var w[12]; minimize sumsqr(y - t) + sumsqr(w); }
report { cost = sum(t); }
"""
PLOTS = {  # what is shown, and over what
    "BL0523": ("costs", {"z": (0, 1)}),
    "BL0523_axis": (None, {"s": (0, 1)}),
    "BL0524": (None, {"z": None}),
    "BL0525": (None, None),
    "BL0525_range": (None, {"z": (1, 1)}),
    "BL0525_three": (None, {"t[ring]": None, "t[bridge]": None, "z": (0, 1)}),
    "BL0525_array": (None, {"t": None}),
    "BL0525_entry": (None, {"t[canal]": None}),
    "BL0525_follower": (None, {"y": None}),
    "BL0525_curves": ("w", {"z": (0, 1)}),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plot(name, here):
    show, over = PLOTS[name]
    problem = bilevel_dsl.load(bilevel_dsl.Source("p.bilevel", PLOTTED))
    compare(name, raised(lambda: bilevel_dsl.plot(problem, show, over=over)))


@case
def BL0525_no_set(here, monkeypatch):
    problem = bilevel_dsl.load(bilevel_dsl.Source("p.bilevel", PLOTTED))
    point = bilevel_dsl.verify(problem, {"t": [0, 0, 0], "z": 0, "y": [0, 0, 0], "w": [0] * 12}, effort="quick")
    return raised(lambda: bilevel_dsl.plot(point, "z"))


@case
def BL0526(here, monkeypatch):
    return said(["plot", "m.bilevel", "-o", "a.gif"], monkeypatch, 2)


@case
def BL0513_trace(here, monkeypatch):
    texts = "x,y\n1,2\n", "iteration,upper\n", "iteration,upper\n1,2\n2\n", "iteration,upper\n1,high\n"
    paths = [Path(f"{k}.csv") for k in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_text(text)
    return "".join(raised(lambda path=path: read_trace(str(path))) for path in paths)


# --- the machine ----------------------------------------------------------------------------------


def compiler(here: Path, monkeypatch, *lines: str) -> None:
    """BILEVELDSL_CC is a program of these lines, after it has told its version."""
    path = here / "mycc"
    begin = [f"#!{sys.executable}", "import sys", "if '--version' in sys.argv: sys.exit(print('my compiler 1'))"]
    path.write_text("\n".join([*begin, *lines]))
    path.chmod(0o755)
    monkeypatch.setenv("BILEVELDSL_CC", str(path))


def run(executor: str, program=None):
    return execute(program or programs.newton(), np.zeros(0), np.ones(1), executor=executor)


def stable(text: str, here: Path) -> str:
    return text.replace(str(here), "DIR")


FAILS = "sys.exit('functions.c:7: error: no more patience')"
posix = pytest.mark.skipif(os.name != "posix", reason="a script as compiler")


@case
def BL0601(here, monkeypatch):
    compiler(here, monkeypatch, FAILS)
    return stable(raised(lambda: run("compiled")), here)


@case
def BL0601_warning(here, monkeypatch):
    compiler(here, monkeypatch, FAILS)
    return stable(said(["solve", "m.bilevel", "--method", "mgbio", "--compile", "always"], monkeypatch, 0), here)


@case
def BL0601_nothing_made(here, monkeypatch):
    compiler(here, monkeypatch)
    return stable(raised(lambda: run("compiled")), here)


@case
def BL0601_not_found(here, monkeypatch):
    monkeypatch.setenv("BILEVELDSL_CC", "no-such-compiler -O3")
    return raised(lambda: run("compiled"))


@case
def BL0601_rubbish(here, monkeypatch):
    compiler(here, monkeypatch, "open(sys.argv[sys.argv.index('-o') + 1], 'w').write('rubbish')")
    return re.sub(r"(?m)^( = hint: ).*$", r"\1(the words of the system)", render(run("eager").warnings)) + "\n"


class Foreign(ca.Callback):
    """A function in Python, of which there is no C."""

    def __init__(self):
        super().__init__()
        self.construct("foreign", {})

    def eval(self, arguments):
        return [arguments[0] + 1]


FOREIGN = Foreign()


def foreign_program():
    y = ca.MX.sym("y")
    count = programs.function("phase_count", [y], {"y": FOREIGN(y)})
    return replace(programs.counter(), phases=(Phase("count", count),))


@case
def BL0602(here, monkeypatch):
    compiler(here, monkeypatch)
    return raised(lambda: execute(foreign_program(), np.ones(2), np.zeros(1), executor="compiled"))


@case
def BL0602_warning(here, monkeypatch):
    compiler(here, monkeypatch)
    return (
        render(execute(foreign_program(), np.ones(2), np.zeros(1), settings={"max_iter": 4}, executor="eager").warnings)
        + "\n"
    )


@case
def BL0604(here, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(finding, "find_spec", lambda name: None)
    return raised(lambda: run("compiled"))


@case
def BL0606(here, monkeypatch):
    z, p = ca.MX.sym("z"), ca.MX.sym("p")
    root = ca.rootfinder("root", "newton", {"x": z, "p": p, "g": z - p - 1})
    made = problems.problem(lambda x, y: (root(0, x) - 1) ** 2, lambda x, y: (y - x) ** 2, 1, 1)
    return raised(lambda: bilevel_dsl.export_c(made, "out", method="penalty"))


@pytest.mark.parametrize("name", [pytest.param(n, marks=posix) if n.startswith("BL060") else n for n in OTHERS])
def test_other(name, here, monkeypatch):
    with monkeypatch.context() as changed:
        text = OTHERS[name](here, changed)
    compare(name, text)


# --- all codes ------------------------------------------------------------------------------------


def codes(folder: Path, kind: str, pattern: str) -> set[str]:
    return {code for path in folder.rglob(kind) for code in re.findall(pattern, path.read_text(encoding="utf-8"))}


def test_every_code_of_the_package_has_a_text():
    written = codes(PACKAGE, "*.py", r"\"(BL0\d{3})\"")
    assert written - codes(FOLDER.parent, "*.txt", r"\[(BL0\d{3})\]") == set()


def test_no_text_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*COMMANDS, *OTHERS, *PLOTS}

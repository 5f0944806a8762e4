"""Commands, flags and help."""

import pytest

from bilevel_dsl.cli.commands import COMMANDS


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen(run, command):
    done = run(*command.split(), "--help")
    lines = done.out.splitlines()
    assert done.status == 0 and done.err == ""
    assert len(lines) <= 48 and max(map(len, lines)) <= 80
    assert "examples:" in done.out


def test_help_as_a_command(run):
    assert run("help").out == run("--help").out
    assert run("help", "solve").out == run("solve", "--help").out
    assert run("help", "slove").status == 2


def test_help_lists_every_command_and_status(run):
    text = run("--help").out
    assert all(f"    {command} " in text for command in COMMANDS)
    assert all(f" {status} " in text for status in (0, 1, 2, 3, 4, 5, 6, 7, 8, 130))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "a command is missing"),
        (["slove", "m"], "there is no command `slove` - did you mean `solve`?"),
        (["contrast", "m"], "there is no command `contrast`"),
        (["tolls.bilevel"], "did you mean `bileveldsl solve tolls.bilevel`?"),
        (["solve"], "required: MODEL"),
        (["solve", "m", "--jsn", "f"], "there is no flag `--jsn` - did you mean `--json`?"),
        (["solve", "m", "--max-itr=3"], "there is no flag `--max-itr` - did you mean `--max-iter`?"),
        (["solve", "m", "--meth", "x"], "there is no flag `--meth`"),
        (["solve", "m", "another"], "there is no argument `another`"),
        (["solve", "m", "--tol", "small"], "--tol: `small` is not a number above 0"),
        (["solve", "m", "--tol", "0"], "--tol: `0` is not a number above 0"),
        (["solve", "m", "--tol", "nan"], "--tol: `nan` is not a number above 0"),
        (["solve", "m", "--max-iter", "1.5"], "--max-iter: `1.5` is not a whole number from 0"),
        (["solve", "m", "--max-iter", "inf"], "--max-iter: `inf` is not a whole number from 0"),
        (["solve", "m", "--seed", "-1"], "--seed: `-1` is not a whole number from 0"),
        (["solve", "m", "-O", "polish"], "`polish` is not of the form NAME=VALUE"),
        (["solve", "m", "--param", "=3"], "`=3` is not of the form NAME=VALUE"),
        (["solve", "m", "--json", "-", "--csv", "-"], "only one of --json, --csv, --table and --trace"),
        (["check", "m", "--color", "sometimes"], "--color: invalid choice"),
        (["codegen", "m"], "required: -o/--output"),
        (["codegen", "m", "-o", "d", "--real", "half"], "--real: invalid choice"),
        (["verify", "m"], "required: POINT"),
        (["methods", "penalt"], "did you mean `penalty`?"),
    ],
)
def test_usage_errors(run, arguments, said):
    done = run(*arguments)
    assert done.status == 2 and done.out == ""
    assert done.err.startswith("error: ") and said in done.err
    assert len(done.err.splitlines()) <= 3


def test_version(run):
    from bilevel_dsl import __version__

    done = run("--version")
    assert done.status == 0 and done.out.splitlines()[0] == f"bilevel_dsl {__version__}"


def test_methods_names_papers_settings_and_requirements(run):
    from bilevel_dsl.methods import METHODS

    def joined(words: str) -> str:
        return " ".join(words.split()).replace("- ", "-")  # a line may end at a hyphen

    text = joined(run("methods").out)
    for method in METHODS.values():
        assert joined(f"{method.name}: {method.title}") in text
        assert all(joined(paper) in text for paper in method.papers)
        assert all(joined(requirement) in text for requirement in method.requirements)
        assert all(setting.name in text for setting in method.settings)


def test_one_method(run):
    done = run("methods", "dbgd")
    assert done.status == 0 and done.out.startswith("dbgd: ") and "penalty:" not in done.out

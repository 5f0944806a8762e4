"""Templates: each solves as it is, with nothing to warn of; none overwrites a file."""

from __future__ import annotations

import pytest

from bilevel_dsl import session
from bilevel_dsl.cli import main
from bilevel_dsl.diagnostics import Collector
from bilevel_dsl.reading import read
from bilevel_dsl.semantics.rules.pedantic import pedantic
from bilevel_dsl.templates import TEMPLATES


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(name):
        assert main(["new", name]) == 0
        return tmp_path / f"{name}.bilevel"

    return write


@pytest.mark.parametrize("name", TEMPLATES)
def test_solves(written, name):
    solution = session.solve(session.load(written(name)), compile=False)
    assert solution.exit_status == 0, solution.status


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_to_warn_of(written, name):
    checked = read(written(name))
    problems = Collector()
    pedantic(checked, problems)
    assert [*checked.warnings, *problems.items] == []


def test_finds_the_wrong_labels(written):
    report = session.solve(session.load(written("hyper-cleaning")), compile=False).report
    assert float(report["weight_of_right_rows"]) > 2 * float(report["weight_of_wrong_rows"])


def test_refuses_to_overwrite(written, capsys):
    path = written("tolls")
    path.write_text("mine")
    assert main(["new", "tolls"]) == 2
    assert path.read_text() == "mine" and "exists already" in capsys.readouterr().err
    assert [p.name for p in path.parent.iterdir()] == ["tolls.bilevel"]


def test_another_name(written, tmp_path):
    assert main(["new", "simple", "mine.bilevel"]) == 0
    assert (tmp_path / "mine.bilevel").read_text().startswith("# A simple bilevel problem")


@pytest.mark.parametrize(
    "arguments, said",
    [(["new", "toll"], "did you mean `tolls`?"), (["new", "tolls", "no/such/folder.bilevel"], "there is no folder")],
)
def test_mistakes(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_list(capsys):
    assert main(["new"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_layout_is_canonical(written, name):
    assert main(["fmt", "--check", str(written(name))]) == 0

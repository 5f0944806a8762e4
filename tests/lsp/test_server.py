"""The language server over its protocol: a process, asked as an editor asks."""

from __future__ import annotations

import sys

import pytest

from bilevel_dsl.cli import main
from tests.lsp.client import Client

MODEL = """\
# Tolls on two roads.
set ROAD = {"bridge", "tunnel"};
param slope[ROAD] = csv("slope.csv");   # minutes per vehicle
param demand = 10;
param weights[2, 2] = [[1, 0.5], [0.5, 2]];

upper {
  var toll[ROAD] in [0, 5];
  maximize dot(toll, flow);
}

lower {
  var flow[ROAD] in simplex(demand);
  minimize dot(toll, flow) + 0.5 * sum(slope[r] * flow[r]^2 for r in ROAD);
}

report { spread = weights @ flow; }
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "slope.csv").write_text("1\n2\n")
    client = Client(folder)
    yield client
    if client.process.poll() is None:
        client.process.kill()
        client.process.wait()


def at(text: str, part: str, skip: int = 0) -> tuple[int, int]:
    """Line and column, from 0, of the first character of `part`."""
    offset = -1
    for _ in range(skip + 1):
        offset = text.index(part, offset + 1)
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1


def reach(line: int, column: int, length: int) -> dict:
    return {"start": {"line": line, "character": column}, "end": {"line": line, "character": column + length}}


def applied(text: str, edits: list[dict]) -> str:
    lines = text.splitlines(keepends=True)

    def offset(p):
        return sum(map(len, lines[: p["line"]])) + p["character"]

    for e in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        text = text[: offset(e["range"]["start"])] + e["newText"] + text[offset(e["range"]["end"]) :]
    return text


@pytest.fixture(scope="module")
def ready(client):
    client.capabilities = client.initialize()
    client.first = client.open("tolls.bilevel", MODEL)
    return client


def test_it_says_what_it_can(ready):
    can = ready.capabilities
    for provider in (
        "hover",
        "definition",
        "references",
        "rename",
        "completion",
        "documentSymbol",
        "documentFormatting",
        "codeAction",
        "documentHighlight",
        "signatureHelp",
    ):
        assert can[f"{provider}Provider"], provider
    assert can["textDocumentSync"]["change"] == 1


def test_a_right_model_has_no_diagnostics(ready):
    assert ready.first == {"uri": ready.uri("tolls.bilevel"), "diagnostics": [], "version": 1}


def test_hover_shows_shape_set_and_data(ready):
    text = ready.ask("hover", "tolls.bilevel", *at(MODEL, "flow", 1))["result"]["contents"]["value"]
    assert "variable of the lower level, a vector of 2 over `ROAD`; in `simplex(demand)`" in text
    answer = ready.ask("hover", "tolls.bilevel", *at(MODEL, "slope[r]"))["result"]
    assert "values bridge 1, tunnel 2" in answer["contents"]["value"]
    assert "minutes per vehicle" in answer["contents"]["value"]
    assert answer["range"] == reach(*at(MODEL, "slope[r]"), 5)
    assert ready.ask("hover", "tolls.bilevel", *at(MODEL, " * flow"))["result"] is None


def test_definition_and_references(ready):
    line, column = at(MODEL, "toll[ROAD]")
    found = ready.ask("definition", "tolls.bilevel", *at(MODEL, "toll, flow", 1))["result"]
    assert found == {"uri": ready.uri("tolls.bilevel"), "range": reach(line, column, 4)}
    for whole, count in ((True, 3), (False, 2)):
        uses = ready.ask("references", "tolls.bilevel", line, column, context={"includeDeclaration": whole})["result"]
        assert len(uses) == count


def test_rename_changes_all_uses_and_refuses_what_is_taken(ready):
    place = at(MODEL, "flow", 1)
    changes = ready.ask("rename", "tolls.bilevel", *place, newName="vehicles")["result"]["changes"]
    assert applied(MODEL, changes[ready.uri("tolls.bilevel")]) == MODEL.replace("flow", "vehicles")
    for name, reason in (("in", "keyword"), ("sum", "built-in"), ("toll", "line 8"), ("r", "line 14"), ("2x", "not a name")):
        error = ready.ask("rename", "tolls.bilevel", *place, newName=name)["error"]
        assert reason in error["message"], name
    assert "part of the language" in ready.ask("prepareRename", "tolls.bilevel", *at(MODEL, "dot"))["error"]["message"]


def test_completion_knows_names_in_scope_and_keywords_by_place(ready):
    line, column = at(MODEL, "slope[r]")
    items = {i["label"]: i for i in ready.ask("completion", "tolls.bilevel", line, column)["result"]}
    assert {"toll", "flow", "slope", "demand", "r", "sum", "dot", "if"} <= items.keys()
    assert not {"upper", "simplex", "var", "ROAD"} & items.keys()
    assert items["normal"]["detail"] == "normal(mean, sd, m, n, seed=k)"
    items = {i["label"] for i in ready.ask("completion", "tolls.bilevel", *at(MODEL, "simplex"))["result"]}
    assert {"simplex", "box", "psd"} <= items and not {"toll", "sum"} & items


def test_signatures_show_the_argument_that_is_written(ready):
    line, column = at(MODEL, "toll, flow", 1)
    help_ = ready.ask("signatureHelp", "tolls.bilevel", line, column + len("toll, "))["result"]
    assert help_["signatures"][0]["label"] == "dot(a, b)" and help_["activeParameter"] == 1
    assert [p["label"] for p in help_["signatures"][0]["parameters"]] == ["a", "b"]
    assert ready.ask("signatureHelp", "tolls.bilevel", *at(MODEL, "demand = 10"))["result"] is None


def test_the_outline_is_that_of_the_model(ready):
    text = {"uri": ready.uri("tolls.bilevel")}
    symbols = ready.request("textDocument/documentSymbol", {"textDocument": text})["result"]
    assert [s["name"] for s in symbols] == ["ROAD", "slope", "demand", "weights", "upper", "lower", "report"]
    assert [s["name"] for s in symbols[-2]["children"]] == ["flow", "minimize"]


def test_diagnostics_follow_the_text_and_only_its_newest_version(ready):
    broken = MODEL.replace("dot(toll, flow) + 0.5", "dot(tol, flow) + 0.5")
    ready.open("typing.bilevel", MODEL)
    for k in range(1, 8):
        ready.change("typing.bilevel", MODEL.replace("demand = 10", "demand = " + "1" * k))
    ready.change("typing.bilevel", broken)
    params = ready.diagnostics("typing.bilevel")
    assert params["version"] == 9 and not ready.notifications
    (d,) = params["diagnostics"]
    line, column = at(broken, "tol,")
    assert d["code"] == "BL0202" and d["severity"] == 1 and d["source"] == "bileveldsl"
    assert d["range"] == reach(line, column, 3)
    assert d["message"] == "`tol` is not declared\nhint: did you mean `toll`?"


@pytest.mark.parametrize(
    "wrong, right, code",
    [
        ("weights * flow", "weights @ flow", "BL0302"),
        ("sum(weights @ flw)", "sum(weights @ flow)", "BL0202"),
        ("sum(flow)^2\n}", "sum(flow)^2;\n}", "BL0111"),
        ("sum(flow)**2", "sum(flow)^2", "BL0112"),
        ("sum(flow);\n  subject to flow[1] = 2", "sum(flow);\n  subject to flow[1] == 2", "BL0112"),
        ('slope["brdge"] * sum(flow)', 'slope["bridge"] * sum(flow)', "BL0311"),
    ],
)
def test_code_actions_put_mistakes_right(ready, wrong, right, code):
    """The edit that a diagnostic carries makes the right text of the wrong one."""
    old = "dot(toll, flow) + 0.5 * sum(slope[r] * flow[r]^2 for r in ROAD)"
    text, meant = (MODEL.replace(old + ";\n}" if s.endswith("}") else old, s) for s in (wrong, right))
    found = ready.open("fix.bilevel", text)["diagnostics"]
    mine = [d for d in found if d["code"] == code]
    assert len(mine) == 1
    actions = ready.request(
        "textDocument/codeAction",
        {"textDocument": {"uri": ready.uri("fix.bilevel")}, "range": mine[0]["range"], "context": {"diagnostics": found}},
    )["result"]
    edits = [a["edit"]["changes"][ready.uri("fix.bilevel")] for a in actions if a["diagnostics"] == mine]
    assert applied(text, edits[0]) == (meant if not right.endswith("}") else MODEL.replace(old + ";\n}", right))
    assert actions[0]["isPreferred"] and actions[0]["kind"] == "quickfix"
    ready.notify("textDocument/didClose", {"textDocument": {"uri": ready.uri("fix.bilevel")}})


def test_related_places_are_shown(ready):
    text = MODEL + "param demand = 12;\n"
    (d,) = ready.open("twice.bilevel", text)["diagnostics"]
    assert d["code"] == "BL0201"
    (place,) = d["relatedInformation"]
    assert place["location"]["range"]["start"]["line"] == 3 and "declared" in place["message"]


def test_what_is_not_used_is_faded(ready):
    text = MODEL + "param spare = 3;\n"
    (d,) = ready.open("spare.bilevel", text)["diagnostics"]
    assert d["code"] == "BL0711" and d["severity"] == 4 and d["tags"] == [1]
    assert d["range"] == reach(*at(text, "spare"), 5)


def test_a_value_from_outside_is_no_error(ready):
    (d,) = ready.open("outside.bilevel", MODEL.replace("demand = 10", "demand"))["diagnostics"]
    assert d["code"] == "BL0330" and d["severity"] == 3


def test_formatting_gives_the_canonical_layout(ready):
    messy = MODEL.replace("param demand = 10;", "param   demand=10 ;").replace("  maximize", "maximize")
    ready.open("messy.bilevel", messy)
    ask = {"textDocument": {"uri": ready.uri("messy.bilevel")}, "options": {"tabSize": 8, "insertSpaces": False}}
    text = applied(messy, ready.request("textDocument/formatting", ask)["result"])
    assert "param demand = 10;" in text and "\n  maximize" in text
    ready.change("messy.bilevel", text)
    assert ready.request("textDocument/formatting", ask)["result"] == []
    ready.change("messy.bilevel", "upper { minimize ; }")
    assert ready.request("textDocument/formatting", ask)["result"] == []


def test_columns_are_in_the_units_of_the_protocol(ready):
    text = MODEL.replace("# Tolls on two roads.", "/* \N{GRINNING FACE}\u2028\N{ROMAN NUMERAL SIX} */ param a = b;")
    (d,) = ready.open("wide.bilevel", text)["diagnostics"]
    start = d["range"]["start"]
    assert start == {"line": 0, "character": len(text.split("b;")[0]) + 1}  # the face takes two
    answer = ready.ask("hover", "wide.bilevel", 0, start["character"])["result"]
    assert answer["contents"]["value"] == "`b` is not declared"


def test_a_text_that_is_no_model_does_no_harm(ready):
    texts = ["", "\0", "(" * 5000, "upper { var x in " * 300, "let a = " + "-" * 3000 + "1;", "}" * 100, "\u2028\r\r\n\r"]
    for k, text in enumerate(texts):
        assert isinstance(ready.open(f"odd{k}.bilevel", text)["diagnostics"], list)
        assert "error" not in ready.ask("completion", f"odd{k}.bilevel", 0, 3)
        assert "error" not in ready.ask("hover", f"odd{k}.bilevel", 0, 3)


def test_a_saved_text_is_checked_again(ready):
    name = "reads.bilevel"
    text = MODEL.replace("slope.csv", "later.csv")
    assert [d["code"] for d in ready.open(name, text)["diagnostics"]] == ["BL0341"]
    (ready.folder / "later.csv").write_text("3\n4\n")
    ready.notify("textDocument/didSave", {"textDocument": {"uri": ready.uri(name)}})
    assert ready.diagnostics(name)["diagnostics"] == []


def test_a_closed_text_has_no_diagnostics(ready):
    name = "closed.bilevel"
    assert ready.open(name, "upper {")["diagnostics"]
    ready.notify("textDocument/didClose", {"textDocument": {"uri": ready.uri(name)}})
    ready.versions[name] = None
    assert ready.diagnostics(name)["diagnostics"] == []


def test_it_ends_when_told(ready):
    assert ready.shutdown() == 0
    assert ready.process.stderr.read() == b""


def test_without_pygls_it_says_what_is_missing(monkeypatch, capsys):
    for name in ("lsprotocol", "pygls"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "bilevel_dsl.lsp.server", raising=False)
    assert main(["lsp"]) == 2
    assert "pip install 'pygls>=2'" in capsys.readouterr().err

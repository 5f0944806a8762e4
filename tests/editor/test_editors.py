"""What editors are told of the language agrees with the language."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String

from bilevel_dsl.diagnostics import Collector, Source
from bilevel_dsl.editor import pygments_lexer as lexer
from bilevel_dsl.semantics.builtins import function_names, known_names
from bilevel_dsl.semantics.constraint_sets import CONSTRAINT_SETS
from bilevel_dsl.syntax.parser import load_source
from bilevel_dsl.syntax.tokens import KEYWORDS, tokenize

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "editors" / "vscode"
MODELS = sorted(
    [
        *(p for p in (ROOT / "models").rglob("*.bilevel") if "benchmark" not in p.parts),
        *(ROOT / "tests" / "syntax" / "format").glob("*.bilevel"),
    ]
)


def coloured(text: str) -> list[tuple]:
    return [(kind, value) for _, kind, value in lexer.BilevelLexer().get_tokens_unprocessed(text)]


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_models_have_no_token_without_colour(path):
    source = load_source(path)
    tokens = coloured(source.text)
    assert "".join(value for _, value in tokens) == source.text
    assert [value for kind, value in tokens if kind is Error] == []


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_tokens_are_cut_as_the_parser_cuts_them(path):
    """But for `s.t.` and `..`, which are the same, all tokens of the parser are tokens of the lexer."""
    source = load_source(path)
    blank = re.compile(r"\s*")
    mine = [value for kind, value in coloured(source.text) if kind not in Comment and not blank.fullmatch(value)]
    assert mine == [token.text for token in tokenize(Source("test", source.text), Collector())]


def test_kinds():
    kinds = {
        value: kind
        for kind, value in coloured(
            'param n = 3; var x in box(0, inf); cap: sum(x) <= 1.5 and "a"; s.t. # c\n/* d */ lower sum2'
        )
    }
    assert kinds["param"] is Keyword.Declaration and kinds["in"] is Keyword and kinds["lower"] is Keyword.Namespace
    assert kinds["3"] is Number.Integer and kinds["1.5"] is Number.Float and kinds['"a"'] is String.Double
    assert kinds["box"] is Name.Builtin.Pseudo and kinds["sum"] is Name.Builtin and kinds["sum2"] is Name.Variable
    assert kinds["cap"] is Name.Label and kinds["and"] is Operator.Word and kinds["inf"] is Keyword.Constant
    assert kinds["s.t."] is Keyword and kinds["# c"] is Comment.Single and kinds["/* d */"] is Comment.Multiline


def test_words_are_those_of_the_language():
    spoken = {*lexer.DECLARATIONS, *lexer.BLOCKS, *lexer.STATEMENTS, *lexer.OPERATOR_WORDS, *lexer.CONSTANTS}
    assert spoken == KEYWORDS
    assert set(lexer.FUNCTIONS) == function_names()
    assert set(lexer.SETS) == {*CONSTRAINT_SETS}


def test_lists_of_words_are_those_that_the_script_makes():
    script = runpy.run_path(str(ROOT / "editors" / "vocabulary.py"))
    for path, made in ((script["LEXER"], script["lexer"]), (script["GRAMMAR"], script["grammar"])):
        assert path.read_text(encoding="utf-8") == made(), "python editors/vocabulary.py"


def test_colours_need_neither_numpy_nor_casadi():
    code = "import sys, bilevel_dsl.editor.pygments_lexer; print(*{'numpy', 'casadi'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_installed_packages_are_told_of_the_lexer():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["entry-points"]["pygments.lexers"]["bilevel"].split(":")
    assert (module, name) == (lexer.__name__, lexer.BilevelLexer.__name__)


# --- Visual Studio Code ----------------------------------------------------------------------------


def read(name: str):
    return json.loads((EXTENSION / name).read_text(encoding="utf-8"))


def grammar_words(part: str) -> set[str]:
    rule = read("syntaxes/bilevel.tmLanguage.json")["repository"][part]
    patterns = [p["match"] for p in rule.get("patterns", [rule]) if "match" in p]
    return {w for p in patterns for group in re.findall(r"\(\?:([\w|]+)\)", p) for w in group.split("|")}


def test_grammar_has_the_words_of_the_language():
    keywords = set().union(*map(grammar_words, ("declarations", "blocks", "statements", "operators-in-words", "constants")))
    assert keywords == KEYWORDS
    assert grammar_words("functions") | grammar_words("sets") == known_names()


def test_grammar_is_whole():
    grammar = read("syntaxes/bilevel.tmLanguage.json")
    included = {p["include"].removeprefix("#") for p in grammar["patterns"]}
    assert included == set(grammar["repository"])
    expressions = re.findall(r'"(?:match|begin|end)": ("(?:\\.|[^"\\])*")', json.dumps(grammar))
    assert len(expressions) > 12
    for expression in expressions:
        re.compile(json.loads(expression))


def test_manifest_can_be_packed():
    """What vsce demands: names, versions, an engine, and files that are there."""
    manifest = read("package.json")
    for key in ("name", "displayName", "description", "version", "publisher", "license"):
        assert manifest[key]
    assert re.fullmatch(r"[a-z0-9-]+", manifest["name"]) and re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert re.fullmatch(r"\^\d+\.\d+\.\d+", manifest["engines"]["vscode"])
    assert "vscode-languageclient" in manifest["dependencies"]
    files = [manifest["main"], "README.md", "LICENSE"]
    for kind in ("grammars", "snippets"):
        files += [entry["path"] for entry in manifest["contributes"][kind]]
    files += [entry["configuration"] for entry in manifest["contributes"]["languages"]]
    assert [f for f in files if not (EXTENSION / f).is_file()] == []
    assert manifest["contributes"]["languages"][0]["extensions"] == [".bilevel", ".bl"]


def test_commands_of_the_manifest_are_in_the_extension():
    code = (EXTENSION / "extension.js").read_text(encoding="utf-8")
    for command in read("package.json")["contributes"]["commands"]:
        assert f'"{command["command"]}"' in code


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js to read JavaScript")
def test_extension_is_javascript():
    said = subprocess.run(["node", "--check", str(EXTENSION / "extension.js")], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name", sorted(read("snippets/bilevel.json")))
def test_snippets_are_models(name):
    """With their placeholders filled, snippets can be read where they belong."""
    from bilevel_dsl.syntax.parser import parse

    body = read("snippets/bilevel.json")[name]["body"]
    text = body if isinstance(body, str) else "\n".join(body)
    text = re.sub(r"\$\{\d+:((?:[^{}]|\{[^}]*\})*)\}", r"\1", text)
    text = re.sub(r"\$\d+", "", text)
    if name in ("var", "constraint"):
        text = f"upper {{ {text} }}"
    if name == "sum":
        text = f"let a = {text};"
    parse(Source("snippet", text))


def test_language_configuration():
    configuration = read("language-configuration.json")
    assert configuration["comments"] == {"lineComment": "#", "blockComment": ["/*", "*/"]}
    for rule in configuration["indentationRules"].values():
        re.compile(rule)

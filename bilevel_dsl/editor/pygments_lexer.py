"""A Pygments lexer, so that documents, notebooks and web pages colour models."""

from __future__ import annotations

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Whitespace

from ..syntax.tokens import KEYWORDS
from .vocabulary import FUNCTIONS, SETS

DECLARATIONS = ("problem", "param", "set", "function", "let", "var")
BLOCKS = ("upper", "lower", "options", "report", "reference")
OPERATOR_WORDS = ("and", "or", "not")
CONSTANTS = ("inf",)
STATEMENTS = tuple(sorted(KEYWORDS - {*DECLARATIONS, *BLOCKS, *OPERATOR_WORDS, *CONSTANTS}))


class BilevelLexer(RegexLexer):
    """Models for bilevel optimization."""

    name = "Bilevel"
    url = "https://pypi.org/project/bilevel-dsl/"
    aliases = ["bilevel"]
    filenames = ["*.bilevel", "*.bl"]
    mimetypes = ["text/x-bilevel"]

    tokens = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r"/\*(?:[^*]|\*(?!/))*\*/", Comment.Multiline),
            (r'"(?:\\.|[^"\\\n])*"', String.Double),
            (r"(?:\d+\.(?!\.)\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+", Number.Float),
            (r"\d+", Number.Integer),
            (r"s\.t\.", Keyword),
            (words(DECLARATIONS, suffix=r"\b"), Keyword.Declaration),
            (words(BLOCKS, suffix=r"\b"), Keyword.Namespace),
            (words(STATEMENTS, suffix=r"\b"), Keyword),
            (words(OPERATOR_WORDS, suffix=r"\b"), Operator.Word),
            (words(CONSTANTS, suffix=r"\b"), Keyword.Constant),
            (words(SETS, suffix=r"\b"), Name.Builtin.Pseudo),
            (words(FUNCTIONS, suffix=r"(?=\s*\()"), Name.Builtin),
            (r"([A-Za-z_]\w*)(\s*)(:)(?![=:])", bygroups(Name.Label, Whitespace, Punctuation)),
            (r"[A-Za-z_]\w*", Name.Variable),
            (r"<=|>=|==|!=|\.\.|[=<>+\-*/@^'.]", Operator),
            (r"[;,:(){}\[\]]", Punctuation),
        ]
    }

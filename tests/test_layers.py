"""The layers of the package: what is to the left may be imported by what is to the right, never the other way."""

import ast
from pathlib import Path

import pytest

import bilevel_dsl

PACKAGE = Path(bilevel_dsl.__file__).parent
LAYERS = (
    ("records", "diagnostics", "files", "cache", "templates", "interrupts"),
    ("syntax",),
    ("semantics",),
    ("reading",),
    ("model",),
    ("intervals",),
    ("reductions",),
    ("functions",),
    ("methods",),
    ("runtime", "export"),
    ("certify",),
    ("search",),
    ("report", "describe"),
    ("session", "decisions", "comparing", "plotting"),
    ("cli", "lsp", "jupyter", "editor", "__main__"),
)
RANK = {name: k for k, names in enumerate(LAYERS) for name in names}
WITHIN = {  # the same of folders and files in a package
    "semantics": (
        ("nodes",),
        ("builtins", "constraint_sets", "whole"),
        ("graph", "data"),
        ("checked",),
        ("names",),
        ("expressions",),
        ("declarations",),
        ("rules",),
        ("check",),
    ),
}
SECOND_HAND = {"casadi", "lark", "rich"}  # packages that only some layers may know
KNOWN_BY = {
    "lark": {"syntax"},
    "rich": {"report"},
    "casadi": {
        "model",
        "reductions",
        "functions",
        "intervals",
        "methods",
        "runtime",
        "export",
        "certify",
        "search",
        "session",
    },
}


def modules(path: Path) -> set[str]:
    """Modules that a file imports, at the top or within functions."""
    found, parts = set(), path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level] if node.level else ()
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {start} if node.module else {f"{start}.{alias.name}" for alias in node.names}
    return found


def imports(path: Path) -> set[str]:
    """Names of layers and of packages outside that a file imports."""
    return {name.split(".")[1] if name.startswith("bilevel_dsl.") else name.split(".")[0] for name in modules(path)}


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p.relative_to(PACKAGE).parts != ("__init__.py",)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_is_imported_from_the_right(path):
    mine = path.relative_to(PACKAGE).with_suffix("").parts[0]
    assert mine in RANK, "a new module has its place among the layers"
    for name in imports(path) & set(RANK):
        assert RANK[name] <= RANK[mine], f"{mine} imports {name}"
    for name in imports(path) & SECOND_HAND:
        assert mine in KNOWN_BY[name], f"{mine} imports {name}"


@pytest.mark.parametrize("package", WITHIN)
def test_nothing_is_imported_from_the_right_within_a_package(package):
    rank = {name: k for k, names in enumerate(WITHIN[package]) for name in names}
    for path in FILES:
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] != package or parts[1:] == ("__init__",):
            continue
        assert parts[1] in rank, "a new folder has its place among the others"
        for name in modules(path):
            inside = name.split(".")[2:3] if name.startswith(f"bilevel_dsl.{package}.") else []
            assert all(rank[other] <= rank[parts[1]] for other in inside), f"{path} imports {name}"

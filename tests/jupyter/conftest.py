"""A shell of IPython with the magic."""

from __future__ import annotations

import pytest


@pytest.fixture
def shell(tmp_path, monkeypatch):
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "bilevel_dsl.jupyter")
    yield shell
    InteractiveShell.clear_instance()

"""One cache of compiled programs for all tests of the executors, apart from the user's."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.runtime.machines import COMPILER


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    before = os.environ.get("BILEVELDSL_CACHE")
    os.environ["BILEVELDSL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["BILEVELDSL_CACHE"]
    else:
        os.environ["BILEVELDSL_CACHE"] = before


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A cache folder of this test alone."""
    monkeypatch.setenv("BILEVELDSL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiled"


@pytest.fixture
def compiler():
    if not shutil.which(COMPILER):
        pytest.skip("there is no C compiler")
    return COMPILER

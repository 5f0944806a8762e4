from __future__ import annotations

import shutil

import pytest

from tests.export.cases import C_COMPILERS, ExportedLibrary, awkward
from tests.runtime.conftest import shared_cache  # noqa: F401


@pytest.fixture(scope="session")
def compiler():
    if not shutil.which(C_COMPILERS[0]):
        pytest.skip("there is no C compiler")
    return C_COMPILERS[0]


@pytest.fixture(scope="session")
def awkward_library(compiler, tmp_path_factory):
    """The awkward problem with the penalty method, compiled once."""
    return ExportedLibrary(awkward(), "penalty", tmp_path_factory.mktemp("awkward") / "out")

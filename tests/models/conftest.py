"""One cache of compiled programs for all tests of the models, apart from the user's."""

import shutil

import pytest

from tests.runtime.machines import COMPILER


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BILEVELDSL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture
def compiler():
    if not shutil.which(COMPILER):
        pytest.skip("there is no C compiler")

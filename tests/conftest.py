"""Tests keep machine code in a folder of their own, not in the user's."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMOPT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield

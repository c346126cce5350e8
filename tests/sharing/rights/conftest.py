"""The town of three agencies, lived through once for all tests of this folder."""

import pytest

from tests.sharing.rights.town import Town


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Three nights and two releases; read it, and change a copy."""
    lived = Town(tmp_path_factory.mktemp("town")).build().live()
    lived.grant()
    return lived

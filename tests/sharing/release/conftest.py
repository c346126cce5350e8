"""An office that receives a product of one published night."""

from pathlib import Path

import pytest

from tests.sharing.release.office import Office
from warehouse.home import Home


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("INTERAGENCY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERAGENCY_KEY", "a key for tests")
    (tmp_path / "agreements").mkdir()
    return Office(Home(tmp_path / "home"), tmp_path / "agreements")

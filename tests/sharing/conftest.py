"""Fixtures of sharing: a feed with its contract, a folder of agreements of one's own, an office that receives products."""

from pathlib import Path

import pytest

from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed
from tests.sharing.office import Office
from warehouse.home import Home

COLUMNS = [
    "{name: id, logicalType: integer, primaryKey: true, classification: public}",
    "{name: town, logicalType: string, classification: public}",
    "{name: note, logicalType: string, required: true, classification: public}",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of agreements, and no others: the project's own are left aside."""
    place = tmp_path / "agreements"
    place.mkdir()
    monkeypatch.setattr("sharing.agreements.register.agreements_folder", lambda: place)
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(tmp_path / "feeds"))
    return place


@pytest.fixture
def things(tmp_path: Path) -> Contract:
    """The contract of tests/things, with columns id (its key), town and note."""
    return load(Feed(COLUMNS).write(tmp_path / "feeds"))


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """It receives a product of one published night."""
    monkeypatch.setenv("INTERAGENCY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INTERAGENCY_KEY", "a key for tests")
    (tmp_path / "agreements").mkdir()
    return Office(Home(tmp_path / "home"), tmp_path / "agreements")

"""A counter at which two recipients read."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sharing.office import Office
from tests.sharing.serve.counter import Counter
from warehouse.home import Home


def _environment(patch: pytest.MonkeyPatch, home: Path) -> None:
    patch.setenv("INTERAGENCY_HOME", str(home))
    patch.setenv("INTERAGENCY_KEY", "a key for tests")


@pytest.fixture(scope="session")
def published_office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """With one night that was published and released: it takes a second, so that tests get copies of it."""
    place = tmp_path_factory.mktemp("office")
    with pytest.MonkeyPatch.context() as patch:
        _environment(patch, place / "home")
        (place / "agreements").mkdir()
        office = Office(Home(place / "home"), place / "agreements")
        Counter(office).publish()
    return office


@pytest.fixture
def counter(published_office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """With one night that was published and released."""
    _environment(monkeypatch, tmp_path / "home")
    shutil.copytree(published_office.home.root, tmp_path / "home", symlinks=True)
    (tmp_path / "agreements").mkdir()
    return Counter(replace(published_office, home=Home(tmp_path / "home"), folder=tmp_path / "agreements"))

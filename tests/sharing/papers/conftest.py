"""Fixtures of papers: the project's own agreements beside the simulated country's, with its models and a published night of people."""

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from nights.broken_contracts import load_known
from orchestration.dbt import modelled_contracts, prepare
from sharing.agreements.model import Agreement
from sharing.agreements.register import Signed, read_register
from sharing.papers.facts import Platform
from tests.browser import what_keeps_people_from_reading
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import PROJECT, Home
from warehouse.store.published_nights import publish, start_build

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SIMULATED = PROJECT / "simulation"


@dataclass(frozen=True)
class Everything:
    """The platform as papers see it."""

    platform: Platform

    def signed(self, id_: str) -> Signed:
        return self.platform.register.by_id(id_)

    @property
    def agreements(self) -> list[Agreement]:
        return [signed.agreement for signed in self.platform.register.agreements]


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Everything:
    """Both sets of agreements; three records of two people in the published night."""
    home = Home(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERAGENCY_HOME", str(home.root))
        patch.setenv("INTERAGENCY_SOURCES", str(SIMULATED / "agencies"))
        patch.setenv("INTERAGENCY_MODELS", str(SIMULATED / "models"))
        patch.setenv("INTERAGENCY_AGREEMENTS", str(SIMULATED / "agreements"))
        manifest = prepare(modelled_contracts(), home)
        (home.dbt / "marts").mkdir(parents=True)
        shutil.copy(manifest, home.dbt / "marts")
        _publish_people(home)
        register = read_register(home)
        assert register.broken == ()
        return Everything(Platform.read(home, register, load_known(home).contracts, AT))


def _publish_people(home: Home) -> None:
    database = start_build(home, date(2026, 11, 19), "0123456789")
    with open_database(database) as connection:
        connection.execute("""
            CREATE SCHEMA linkage;
            CREATE TABLE linkage.person_link AS
            SELECT 'civil_registry/person' AS source, unnest(['a', 'a', 'b']) AS person_id""")
    assert publish(home, database)


def command(*arguments: str, code: int = 0) -> Result:
    from orchestration.command.main import app

    done = CliRunner().invoke(app, ["agreements", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def said(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def kept_from_reading(page: Path, folder: Path) -> list[object]:
    """What axe-core and the keyboard find. What is asked of a page is a script, which its policy forbids: it is asked of a copy without."""
    text = said(page)
    bare = re.sub(r"<meta http-equiv[^>]*>", "", text)
    assert bare != text
    copy = folder / "without_policy.html"
    copy.write_text(bare, encoding="utf-8")
    return what_keeps_people_from_reading(copy, folder)

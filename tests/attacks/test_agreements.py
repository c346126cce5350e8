"""Every door asks the agreement: nothing is pulled, tried, accepted, built, restored or probed without one in force."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nights.pulling.all_feeds import pull
from nights.rows.accepted import accepted_nights, create_empty_relations, create_relations
from sharing.agreements.drafts import revoke_text
from sharing.agreements.register import read_register
from sharing.agreements.seen import remember
from sharing.policy.policy import Action, Policy
from sharing.retention_by_agreement import forget_unagreed
from sources.contract.load import load
from sources.contract.model import Contract
from sources.contract.reading.odcs import ContractError
from tests.agreements import PROVIDER, agree, key_of, put, text
from tests.conftest import NIGHT, Feed
from tests.expectations.landed import land_rows
from tests.orchestration.conftest import recorded, run_ingest
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.published_nights import PublishError, note_feeds, published_nights, restore
from warehouse.yaml import YamlError, load_yaml

ID = "{name: id, logicalType: integer, primaryKey: true, classification: public}"
TODAY = datetime.now(UTC).date()


class Place:
    """A folder of contracts, one of agreements, and the two feeds in the first."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.agreements, self.sources = folder / "agreements", folder / "feeds"
        self.agreements.mkdir()
        monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(self.agreements))
        monkeypatch.setenv("INTERAGENCY_SOURCES", str(self.sources))
        self.one, self.two = self.feed("one"), self.feed("two")

    def feed(self, name: str) -> Contract:
        path = Feed([ID], feed=name, path=f"{name}.csv").write(self.sources)
        (path.parent / f"{name}.csv").write_text("id\n1\n2\n")
        return load(path)

    def agree(self, name: str, *contracts: Contract, **said: Any) -> Path:
        """A signed agreement on these feeds; `said` takes the place of its clauses."""
        return agree(self.agreements, name, *(contract.path for contract in contracts), **said)

    @property
    def policy(self) -> Policy:
        return Policy.read()

    def refusal(self, contract: Contract, action: Action = Action.PULL) -> str | None:
        return self.policy.refusal(contract, action)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def command(*arguments: str) -> Result:
    from orchestration.command.main import app

    return CliRunner().invoke(app, list(arguments))


def _unsigned(place: Place) -> None:
    put(place.agreements, text("one", [place.one.path]), signers=[PROVIDER])


def _revoked(place: Place) -> None:
    path = place.agree("one", place.one)
    revoke_text([place.agreements], "one", PROVIDER, key_of(PROVIDER), date(2026, 1, 1), "A breach")
    assert path.exists()


def _changed(place: Place) -> None:
    path = place.agree("one", place.one)
    path.write_text(path.read_text().replace("retention: P1Y", "retention: P9Y"))


def _key_twice(place: Place) -> None:
    path = place.agree("one", place.one)
    path.write_text(path.read_text() + "title: Two\n")


def _of_columns(place: Place) -> None:
    place.agree("one", place.one, pull=[{"feed": "tests/one", "columns": ["other"]}])


def _of_another_source(place: Place) -> None:
    place.agree("one", place.one, pull=[{"feed": "tests/one", "columns": ["id"], "sources": ["/srv/elsewhere"]}])


ENDED: dict[str, Callable[[Place], object]] = {
    "none": lambda place: None,
    "unsigned": _unsigned,
    "revoked": _revoked,
    "changed": _changed,
    "key twice": _key_twice,
    "out of date": lambda place: place.agree("one", place.one, valid_until="2024-12-31", review_on="2024-01-01"),
    "still to come": lambda place: place.agree("one", place.one, valid_from="2090-01-01", review_on="2091-01-01"),
    "of other columns": _of_columns,
    "of another source": _of_another_source,
}


@pytest.mark.parametrize("case", ENDED)
def test_no_door_opens_without_an_agreement_in_force(case: str, place: Place, home: Home) -> None:
    place.agree("two", place.two)
    ENDED[case](place)
    admit = partial(place.policy.admit, action=Action.PULL)
    found = {item.contract.feed: item.missed for item in pull([place.one, place.two], admit, home, NIGHT)}
    assert found["two"] is None
    assert found["one"] is not None
    assert found["one"].status == "no_agreement"
    assert not list(home.landing.glob("tests/one/*"))
    tried = command("try", str(place.one.path))
    assert (tried.exit_code, tried.stdout.startswith("REFUSED: ")) == (1, True)
    assert command("try", str(place.two.path)).exit_code == 0
    accepted = command("accept", "tests", "one", NIGHT.isoformat(), "--reason", "because")
    assert (accepted.exit_code, "nothing is accepted: " in accepted.stderr) == (1, True)


def test_a_copy_of_the_contract_is_the_feed_all_the_same(place: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "tests" / place.one.path.name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(place.one.path.read_bytes())
    (copy.parent / "one.csv").write_text("id\n1\n")
    assert "REFUSED: no agreement covers tests/one" in command("try", str(copy)).stdout


def test_doctor_sends_no_login_without_an_agreement(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sources.connectors.probe", lambda contract, night: asked.append(contract.name))
    place.agree("two", place.two)
    done = command("doctor")
    assert "tests/two" in asked
    assert "tests/one" not in asked
    assert "agreement on tests/one\tMISSING" in done.stdout


@pytest.mark.parametrize(
    ("source", "is_allowed"),
    [("one.csv", True), ("one.csv/", False), ("on", False), (".", False), ("sub", False), ("two.csv", False)],
)
def test_the_agreement_binds_the_source(source: str, is_allowed: bool, place: Place) -> None:
    place.agree("one", place.one, pull=[{"feed": "tests/one", "columns": ["id"], "sources": [source]}])
    assert (place.refusal(place.one) is None) is is_allowed


def test_a_source_does_not_climb_out(place: Place) -> None:
    inside, outside = (
        load(Feed([ID], feed="sub", path=path).write(place.sources)) for path in ("drop/x.csv", "drop/../../x.csv")
    )
    place.agree("sub", inside, pull=[{"feed": "tests/sub", "columns": ["id"], "sources": ["drop/"]}])
    assert place.refusal(inside) is None
    assert "another source" in (place.refusal(outside) or "")


def test_rows_of_a_withdrawn_agreement_are_in_no_build(place: Place, home: Home) -> None:
    place.agree("one", place.one)
    place.agree("two", place.two)
    assert run_ingest([place.one, place.two], NIGHT)
    assert recorded(home, NIGHT)["tests/one"].rows_accepted == 2
    revoke_text([place.agreements], "one", PROVIDER, key_of(PROVIDER), TODAY, "A breach")
    agreed = place.policy.admitted([place.one, place.two], Action.BUILD)
    assert [contract.feed for contract in agreed] == ["two"]
    with open_database() as connection:
        create_relations(connection, agreed, home, NIGHT)
        create_empty_relations(connection, [place.one])
        counts = [
            connection.execute(f"SELECT count(*) FROM accepted.tests__{name}").fetchone() for name in ("one", "two")
        ]
    assert counts == [(0,), (2,)]


def built(home: Home, night: date, *feeds: str) -> None:
    """A published night with nothing in it but the note of its feeds."""
    from warehouse.store.published_nights import publish, start_build

    database = start_build(home, night, "run")
    note_feeds(database, {feed: ["id"] for feed in feeds})
    with open_database(database) as connection:
        connection.execute("CREATE SCHEMA marts")
    publish(home, database)


def test_a_night_with_such_rows_is_not_restored(place: Place, home: Home) -> None:
    built(home, NIGHT, "tests/one", "tests/two")
    built(home, NIGHT + timedelta(days=1), "tests/two")
    place.agree("two", place.two)
    with pytest.raises(PublishError, match="no agreement covers tests/one"):
        restore(home, NIGHT, place.policy.refusal_of_any)
    for run in ([], ["--run", "run"]):
        done = command("warehouse", "restore", NIGHT.isoformat(), *run)
        assert (done.exit_code, "is not shown" in done.stderr) == (1, True)
    place.agree("one", place.one)
    assert command("warehouse", "restore", NIGHT.isoformat()).exit_code == 0


def test_what_is_kept_goes_when_the_retention_is_over(place: Place, home: Home) -> None:
    place.agree("tests", place.one, place.two, retention="P30D")
    for contract in (place.one, place.two):
        land_rows(contract, home, NIGHT, [{"id": 1}])
    run_ingest([place.one, place.two], NIGHT)
    built(home, NIGHT, "tests/one", "tests/two")
    built(home, NIGHT + timedelta(days=1), "tests/two")
    remember(home, read_register(home), "tester")
    (place.agreements / "tests.yaml").unlink()
    place.agree("two", place.two)
    in_time, too_late = TODAY + timedelta(days=29), TODAY + timedelta(days=31)
    assert forget_unagreed(home, Policy.read(home), in_time) == []
    assert forget_unagreed(home, Policy.read(home), too_late)
    assert accepted_nights(place.one, home, date.max) == []
    assert not list(home.landing.glob("tests/one/.versions/*"))
    assert len(accepted_nights(place.two, home, date.max)) == 1
    assert [night.extract_date for night in published_nights(home)] == [NIGHT + timedelta(days=1)]


BOMBS = {
    "aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)),
    "merge keys": "base: &b {x: 1}\nother: {<<: *b}\n",
    "brackets": "x: " + "[" * 100_000,
    "dashes": "- " * 100_000,
    "question marks": "? " * 50_000,
    "indentation": "\n".join(f"{' ' * depth}a:" for depth in range(1500)),
    "doubled key": "a: 1\na: 2\n",
    "doubled key in depth": "a: {b: [{c: 1, c: 2}]}\n",
    "doubled key in other words": "'a': 1\n\"a\": 2\n",
    "tag": "a: !!python/object/apply:os.system [id]\n",
}  # fmt: skip


@pytest.mark.parametrize("case", BOMBS)
def test_yaml_that_stalls_or_hides_is_refused_at_once(case: str, place: Place) -> None:
    with pytest.raises(YamlError) as caught:
        load_yaml(BOMBS[case])
    assert caught.value.line >= 1
    place.one.path.write_text(BOMBS[case])
    with pytest.raises(ContractError, match="YAML"):
        load(place.one.path)
    place.agree("two", place.two)
    (place.agreements / "bomb.yaml").write_text(BOMBS[case])
    assert len(place.policy.register.broken) == 1
    assert place.refusal(place.two) is None


def test_new_feeds_agreement_is_inert(place: Place, tmp_path: Path, home: Home) -> None:
    sample = tmp_path / "sample.csv"
    sample.write_text("code,town\nA1,X\nA2,Y\nA3,Z\n")
    done = command("new-feed", str(sample), "--agency", "towns", "--feed", "list", "--into", str(place.sources))
    assert done.exit_code == 0, done.output
    assert "interagency agreements sign-trial trial-towns-list --keys" in done.stdout
    drafted = load(place.sources / "towns" / "list.odcs.yaml")
    assert (place.agreements / "drafts" / "trial-towns-list.yaml").exists()
    assert "no agreement covers towns/list" in (place.refusal(drafted) or "")
    assert os.environ["INTERAGENCY_AGREEMENTS"] in done.stdout

"""Somebody with access to the home changes what the platform wrote: each change is refused with its place, and with what to do."""

import json
import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sharing.agreements.register
from nights.accept import accept_night
from nights.decisions import accept_refused
from nights.folders import gate_folder, landed_folder
from nights.integrity.sealed_extracts import check_originals
from nights.integrity.tampered import tampered
from nights.integrity.vouched import take_over, vouch, vouch_for_all
from nights.overrides import Override, append
from nights.record.feed_night import FeedNight
from sharing.agreements.register import Register
from sharing.ledger.held import hold_against_ledger
from sharing.ledger.night import note_vouched
from sharing.policy.policy import Policy
from sharing.retention_by_agreement import forget_unagreed
from sources.arrival.manifest import ROWS
from sources.contract.load import load
from sources.contract.model import Contract
from tests.agreements import agree
from tests.conftest import NEXT_NIGHT, NIGHT, Feed, csv_text
from tests.orchestration.conftest import recorded, run_ingest
from tests.orchestration.light_night import _harmonise
from warehouse.home import Home
from warehouse.journal import actor
from warehouse.store.seal import Tampered

ID = "{name: id, logicalType: integer, primaryKey: true, required: true, classification: internal}"
NOTE = "{name: note, logicalType: string, classification: internal}"
FEEDS = ("added", "whole")


@dataclass
class Platform:
    """Two feeds of one agency, whose nights are run without dbt."""

    home: Home
    contracts: list[Contract]

    def send(self, feed: str, *rows: tuple[object, str]) -> None:
        folder = next(contract for contract in self.contracts if contract.feed == feed).path.parent
        (folder / f"{feed}.csv").write_text(csv_text([["id", "note"], *map(list, rows)]))

    def send_first(self) -> None:
        self.send("whole", (1, "a"), (2, "b"))
        self.send("added", (1, "x"))

    def ingest(self, night: date, *feeds: str) -> dict[str, FeedNight]:
        run_ingest([contract for contract in self.contracts if contract.feed in (feeds or FEEDS)], night)
        return recorded(self.home, night)

    def publish(self, night: date) -> bool:
        """Build and publish; whether all went well."""
        return _harmonise(self.contracts, night)[1]

    def rows(self, feed: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.home.published), read_only=True) as connection:
            return connection.execute(f"SELECT id, note FROM marts.steady__{feed} ORDER BY id").fetchall()

    def accepted(self, feed: str, night: date = NIGHT) -> Path:
        return self.home.accepted / "steady" / feed / night.isoformat()

    def contract(self, feed: str) -> Contract:
        return next(contract for contract in self.contracts if contract.feed == feed)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, everything_granted: Path) -> Iterator[Platform]:
    """One published night, from which each test goes on in a copy."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "agreements").mkdir()
    whole = Feed([ID, NOTE], agency="steady", feed="whole", path="whole.csv", threshold="40 %")
    added = Feed([ID, NOTE], agency="steady", feed="added", path="added.csv", custom={"extractMode": "append"})
    paths = [feed.write(folder / "sources") for feed in (added, whole)]
    agree(folder / "agreements", "steady", *paths)
    platform = Platform(Home(folder / "home"), [load(path) for path in paths])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sharing.agreements.register, "agreements_folder", lambda: folder / "agreements")
        patch.setenv("INTERAGENCY_GRANTS", str(everything_granted))
        patch.setenv("INTERAGENCY_HOME", str(platform.home.root))
        platform.send_first()
        platform.ingest(NIGHT)
        assert platform.publish(NIGHT)
        yield platform


@pytest.fixture
def platform(good: Platform, home: Home) -> Platform:
    shutil.copytree(good.home.root, home.root, symlinks=True)
    good.send_first()
    return Platform(home, good.contracts)


def forge_rows(file: Path) -> None:
    """Another row in a Parquet file, in the file's own columns; the file keeps its name and its neighbours."""
    table = pq.read_table(file)
    forged = {**table.to_pylist()[0], "id": 666, "note": "forged"}
    file.chmod(0o600)
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([forged], table.schema)]), file)


# What was accepted.


def forge_accepted(platform: Platform) -> None:
    forge_rows(platform.accepted("added") / ROWS)


def forge_acceptance(platform: Platform) -> None:
    file = platform.accepted("added") / "accepted.json"
    file.write_text(file.read_text().replace('"mode": "append"', '"mode": "snapshot"'))


def add_a_night(platform: Platform) -> None:
    """A folder as the platform would make it, for a night that never was."""
    real = platform.accepted("added").resolve()
    forged = real.with_name("2026-11-19-0123456789ab")
    shutil.copytree(real, forged)
    (platform.accepted("added").parent / "2026-11-19").symlink_to(Path(".versions") / forged.name)


def delete_accepted(platform: Platform) -> None:
    shutil.rmtree(platform.accepted("added").resolve())
    platform.accepted("added").unlink()


def delete_accepted_and_its_note(platform: Platform) -> None:
    delete_accepted(platform)
    (platform.home.state / "accepted" / "steady" / "added.jsonl").unlink()


def delete_the_last_note(platform: Platform) -> None:
    file = platform.home.state / "accepted" / "steady" / "added.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


# Records.


def forge_record(platform: Platform) -> None:
    file = platform.home.quality / "feed_night" / f"{NIGHT}.parquet"
    table = pq.read_table(file)
    column = table.schema.get_field_index("rows_accepted")
    pq.write_table(table.set_column(column, "rows_accepted", pa.array([26115] * len(table), pa.int64())), file)


def put_a_record_in_another_nights_place(platform: Platform) -> None:
    folder = platform.home.quality / "feed_night"
    shutil.copy(folder / f"{NIGHT}.parquet", folder / "2026-11-19.parquet")


# State.


def forge_disposition(platform: Platform) -> None:
    file = platform.home.state / "cases" / "disposition.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(
        '{"match_case_id": "a", "disposition": "no issue", "reason": "-", "decided_by": "the.minister", "decided_at": "2020-01-01T00:00:00+00:00"}\n'
    )


def forge_heads(platform: Platform) -> None:
    file = platform.home.root / "journal-heads.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "journals": {}}))


def delete_heads(platform: Platform) -> None:
    (platform.home.root / "journal-heads.json").unlink()


TAMPERINGS = [
    (forge_accepted, "accepted/steady/added/2026-11-20 "), (forge_acceptance, "accepted/steady/added/2026-11-20 "),
    (add_a_night, "accepted/steady/added/2026-11-19 "), (delete_accepted, "accepted/steady/added/2026-11-20 is gone"),
    (delete_accepted_and_its_note, "state/accepted/steady/added.jsonl "),
    (delete_the_last_note, "state/accepted/steady/added.jsonl "), (forge_record, "quality/feed_night/2026-11-20.parquet "),
    (put_a_record_in_another_nights_place, "quality/feed_night/2026-11-19.parquet "),
    (forge_disposition, "state/cases/disposition.jsonl "), (forge_heads, "journal-heads.json "),
]  # fmt: skip


@pytest.mark.parametrize(("tamper", "place"), TAMPERINGS, ids=[tamper.__name__ for tamper, _ in TAMPERINGS])
def test_the_night_is_held_and_says_what_to_do(
    platform: Platform, tamper: Callable[[Platform], None], place: str, capfd: pytest.CaptureFixture[str]
) -> None:
    tamper(platform)
    before = platform.home.published.resolve()
    assert not platform.publish(NEXT_NIGHT)
    assert platform.home.published.resolve() == before
    assert platform.rows("added") == [(1, "x")]
    said = capfd.readouterr().err
    assert f"{place}" in said
    assert "interagency vouch" in said


def test_seals_without_what_says_that_they_were_made_are_not_taken_over_anew(platform: Platform) -> None:
    delete_heads(platform)
    with pytest.raises(Tampered, match=r"^journal-heads\.json is gone"):
        take_over(platform.home)


def test_a_night_that_somebody_vouches_for_is_published_again(platform: Platform) -> None:
    delete_accepted(platform)
    assert not platform.publish(NEXT_NIGHT)
    vouch(platform.home, "accepted/steady/added/2026-11-20", "withdrawn by the agency", actor())
    note_vouched(platform.home, "accepted/steady/added/2026-11-20", actor())
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("added") == []
    forge_rows(platform.accepted("whole") / ROWS)
    assert not platform.publish(NEXT_NIGHT)
    vouch(platform.home, "accepted/steady/whole/2026-11-20", "corrected by hand", actor())
    note_vouched(platform.home, "accepted/steady/whole/2026-11-20", actor())
    assert platform.publish(NEXT_NIGHT)
    said = [json.loads(line) for line in (platform.home.state / "vouched.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in said] == ["withdrawn by the agency", "corrected by hand"]
    assert {line["by"] for line in said} == {pwd.getpwuid(os.getuid()).pw_name}


def test_a_night_whose_retention_is_over_is_gone_rightly(platform: Platform) -> None:
    forget_unagreed(platform.home, Policy(Register()), date(2060, 1, 1))
    assert not platform.accepted("added").exists()
    assert tampered(platform.contracts, platform.home, NEXT_NIGHT) == []


def test_a_night_that_is_run_again_mends_itself(platform: Platform) -> None:
    forge_accepted(platform)
    assert not platform.publish(NIGHT)
    platform.ingest(NIGHT, "added")
    assert platform.publish(NIGHT)
    assert platform.rows("added") == [(1, "x")]


def test_an_older_version_of_a_night_is_not_put_back(platform: Platform) -> None:
    older = platform.accepted("whole").resolve()
    kept = platform.home.root / "kept"
    shutil.copytree(older, kept)
    platform.send("whole", (1, "a"), (2, "corrected"))
    platform.ingest(NIGHT, "whole")
    assert platform.publish(NIGHT)
    if not older.exists():
        shutil.copytree(kept, older)
    platform.accepted("whole").unlink()
    platform.accepted("whole").symlink_to(Path(".versions") / older.name)
    assert not platform.publish(NEXT_NIGHT)


# Between landing, gate and acceptance: one feed's matter.


def refused_night(platform: Platform) -> None:
    """`whole` is refused tonight: half of it are rejects."""
    platform.send("whole", (1, "a"), ("?", "b"))
    platform.send("added", (2, "y"))
    assert platform.ingest(NEXT_NIGHT)["steady/whole"].status == "refused"


def forge_verdict(platform: Platform) -> None:
    file = gate_folder(platform.contract("whole"), platform.home, NEXT_NIGHT) / "gate.json"
    file.write_text(file.read_text().replace('"accepted": false', '"accepted": true'))


def forge_gate_rejects(platform: Platform) -> None:
    file = gate_folder(platform.contract("whole"), platform.home, NEXT_NIGHT) / "rejects.parquet"
    pq.write_table(pq.read_table(file).slice(0, 0), file, compression="gzip")


def replace_landed(platform: Platform) -> None:
    forge_rows(landed_folder(platform.contract("whole"), platform.home, NEXT_NIGHT) / ROWS)


@pytest.mark.parametrize("tamper", [forge_verdict, forge_gate_rejects, replace_landed], ids=lambda one: one.__name__)
def test_what_changed_after_its_gate_is_not_accepted(platform: Platform, tamper: Callable[[Platform], None]) -> None:
    refused_night(platform)
    tamper(platform)
    with pytest.raises(Tampered, match="is not as it was written"):
        accept_night(platform.contract("whole"), platform.home, NEXT_NIGHT)
    assert not platform.accepted("whole", NEXT_NIGHT).exists()
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "b")]
    assert platform.rows("added") == [(1, "x"), (2, "y")]


def test_a_forged_override_takes_nothing_and_others_go_on(platform: Platform) -> None:
    refused_night(platform)
    sha256 = recorded(platform.home, NEXT_NIGHT)["steady/whole"].original_sha256
    forged = {
        "agency": "steady", "feed": "whole", "extract_date": NEXT_NIGHT.isoformat(), "original_sha256": sha256, "reason": "-",
        "steward": "the.minister", "decided_at": "2020-01-01T00:00:00+00:00",
    }  # fmt: skip
    (platform.home.state / "overrides.jsonl").write_text(json.dumps(forged) + "\n")
    night = platform.ingest(NEXT_NIGHT)["steady/whole"]
    assert night.status == "failed"
    assert (night.reason or "").startswith("state/overrides.jsonl is not as it was written: line 1")
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("whole") == [(1, "a"), (2, "b")]
    assert platform.rows("added") == [(1, "x"), (2, "y")]


def test_a_true_override_names_the_systems_user(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    refused_night(platform)
    monkeypatch.setenv("LOGNAME", "the.minister")
    monkeypatch.setenv("USER", "the.minister")
    accept_refused(
        platform.contract("whole"), platform.home, NEXT_NIGHT, "as agreed", actor(), lambda contract: contract
    )
    (said,) = [json.loads(line) for line in (platform.home.state / "overrides.jsonl").read_text().splitlines()]
    assert said["steward"] == said["by"] == pwd.getpwuid(os.getuid()).pw_name
    assert platform.ingest(NEXT_NIGHT)["steady/whole"].status == "accepted_by_steward"


def test_kept_originals_that_were_replaced_are_not_landed_again(platform: Platform) -> None:
    landed = landed_folder(platform.contract("whole"), platform.home, NIGHT)
    (landed / "original" / "whole.csv").write_text("id,note\n666,forged\n")
    with pytest.raises(Tampered, match=r"whole\.csv was changed"):
        check_originals(platform.home, landed)


# A home of before, and keys.


def unsealed(home: Home) -> None:
    """The home as a version that did not seal would have left it."""
    own = (home.root / "journal-heads.json", home.root / "seal.key")
    for path in [*home.root.rglob("seal.json"), *home.state.rglob("*.jsonl"), *own]:
        path.unlink()
    for path in home.quality.glob("*/*.parquet"):
        pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def test_a_home_of_before_goes_on_and_says_so_once(platform: Platform) -> None:
    unsealed(platform.home)
    shutil.rmtree(platform.home.ledger)
    made = platform.accepted("added").stat().st_mtime_ns
    override = {
        "agency": "steady", "feed": "whole", "extract_date": "2026-11-01", "original_sha256": "0" * 64, "reason": "known",
        "steward": "me", "decided_at": "2026-11-01T00:00:00+00:00",
    }  # fmt: skip
    (platform.home.state / "overrides.jsonl").write_text(json.dumps(override) + '\n{"agency": "cut sho')
    said = take_over(platform.home)
    assert said is not None
    assert "were sealed as they stood" in said
    assert take_over(platform.home) is None
    assert platform.accepted("added").stat().st_mtime_ns == made
    hold_against_ledger(platform.home, platform.contracts, NIGHT)
    now = datetime.now(UTC).isoformat()
    append(platform.home, Override(**override | {"extract_date": "2026-11-02", "decided_at": now}))
    platform.send("added", (2, "y"))
    platform.ingest(NEXT_NIGHT)
    assert platform.publish(NEXT_NIGHT)
    assert platform.rows("added") == [(1, "x"), (2, "y")]
    forge_accepted(platform)
    assert not platform.publish(NEXT_NIGHT)


def test_the_key_is_the_owners_alone_and_another_is_told(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (platform.home.root / "seal.key").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("INTERAGENCY_KEY", "a key of the ministry")
    assert not platform.publish(NEXT_NIGHT)
    vouch_for_all(platform.home, "the key is set from now on", actor())
    assert platform.publish(NEXT_NIGHT)
    monkeypatch.setenv("INTERAGENCY_KEY", "a guess")
    assert not platform.publish(NEXT_NIGHT)

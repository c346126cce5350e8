"""Bad nights: each fault costs its own feed only, is recorded with its reason, and heals with the next good extract."""

import fcntl
import gzip
import os
import signal
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from expectations.data_docs import write_data_docs
from nights.accept import accept_night
from nights.broken_contracts import load_known
from nights.folders import landed_folder
from nights.record.feed_night import FeedNight
from nights.rows.accepted import create_relations, last_accepted
from reports.report import write_report
from sharing.policy.policy import Action, Policy
from sources.contract.load import load_all
from tests.agreements import follow
from tests.conftest import NEXT_NIGHT, NIGHT, Feed, csv_text, ended, read_zip, write_zip
from tests.orchestration.conftest import Ingest, recorded, run_ingest
from tests.sources.archives import zipped
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import Home

HEALED_NIGHT = NEXT_NIGHT.replace(day=NEXT_NIGHT.day + 1)
needs_leases = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can hold up the opening of a file")


def rows_in_use(home: Home, name: str) -> tuple[str, int] | None:
    """The night whose rows are read further, and how many rows they are."""
    contract = next(contract for contract in load_all() if contract.name == name)
    folder = last_accepted(contract, home, HEALED_NIGHT)
    if folder is None:
        return None
    with open_database() as connection:
        found = connection.execute(f"SELECT count(*) FROM read_parquet({literal(str(folder / 'rows.parquet'))})")
        return folder.name, (found.fetchone() or (0,))[0]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def break_number(line: str, column: int) -> str:
    values = line.split(",")
    return ",".join([*values[:column], "unknown", *values[column + 1 :]])


@contextmanager
def cannot_be_opened(path: Path) -> Iterator[None]:
    """Whoever opens `path` waits, as on a share that hangs: a lease on it is held meanwhile."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def test_bad_extracts_are_refused_others_go_on_and_the_next_night_heals(
    inbox: Path, home: Home, ingest: Ingest
) -> None:
    good = {path.name: path.read_bytes() for path in inbox.iterdir()}
    first = ingest(NIGHT)
    assert {feed.status for feed in first.values()} == {"accepted"}

    (inbox / "airlines.csv").unlink()
    (inbox / "flights.csv.zip").write_bytes(good["flights.csv.zip"][:20_000])
    planes = lines(inbox / "planes.csv")
    (inbox / "planes.csv").write_text("".join([planes[0].replace("tailnum", "tail_no"), *planes[1:]]))
    airports = lines(inbox / "airports.csv")
    (inbox / "airports.csv").write_text(
        "".join([airports[0], *[break_number(line, -6) for line in airports[1:100]], *airports[100:]])
    )
    weather = lines(inbox / "weather.csv")
    (inbox / "weather.csv").write_text("".join([*weather[:9], break_number(weather[9], 5), *weather[10:]]))
    bad = ingest(NEXT_NIGHT)
    assert {name: feed.status for name, feed in bad.items()} == {
        "bts/airlines": "failed", "bts/flights": "failed", "faa/aircraft": "failed", "faa/airports": "refused",
        "noaa/weather": "accepted",
    }  # fmt: skip
    says = {
        "bts/airlines": "airlines.csv is not there; ask Bureau of Transportation Statistics for it",
        "bts/flights": "flights.csv.zip is a damaged archive",
        "faa/aircraft": "the header has no tailnum (columns the contract does not know: tail_no)",
        "faa/airports": "99 of 1458 rows rejected, more than the 0.5 % that the contract allows",
    }
    for name, part in says.items():
        assert part in (bad[name].reason or ""), name
        assert rows_in_use(home, name) == (NIGHT.isoformat(), first[name].rows_accepted), name
    accepted = bad["noaa/weather"]
    assert (accepted.rows_sent, accepted.rows_rejected) == (len(weather) - 1, 1)
    assert rows_in_use(home, "noaa/weather") == (NEXT_NIGHT.isoformat(), accepted.rows_accepted)
    assert (home.landing / "faa" / "airports" / NEXT_NIGHT.isoformat() / "rejects.parquet").exists()
    assert not (home.landing / "bts" / "airlines" / NEXT_NIGHT.isoformat()).exists()

    for name, data in good.items():
        (inbox / name).write_bytes(data)
    flights = read_zip(inbox / "flights.csv.zip").splitlines(keepends=True)
    write_zip(inbox / "flights.csv.zip", "".join(flights[:-1]))
    healed = ingest(HEALED_NIGHT)
    assert {name: feed.status for name, feed in healed.items()} == {
        "bts/airlines": "unchanged", "bts/flights": "accepted", "faa/aircraft": "unchanged", "faa/airports": "unchanged",
        "noaa/weather": "accepted",
    }  # fmt: skip
    assert all(feed.reason is None for feed in healed.values())
    assert {rows_in_use(home, name) for name in healed} == {
        (HEALED_NIGHT.isoformat(), feed.rows_accepted) for feed in healed.values()
    }
    assert recorded(home, NEXT_NIGHT) == bad


@needs_leases
def test_a_first_night_with_an_agency_down_one_that_hangs_and_cut_files(
    inbox: Path, home: Home, ingest: Ingest, feeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERAGENCY_FEED_TIMEOUT_SECONDS", "7")
    flights = read_zip(inbox / "flights.csv.zip")
    write_zip(inbox / "flights.csv.zip", flights[: flights.index("\n", 50_000) + 30])
    (inbox / "weather.csv").write_bytes(b"")
    (inbox / "planes.csv").unlink()
    (inbox / "planes.csv").symlink_to("/proc/self/mem")
    Feed([ID], agency="plain", path="/proc/self/mem").write(feeds)
    with cannot_be_opened(inbox / "airports.csv"):
        night = ingest(NIGHT)
    assert {name: feed.status for name, feed in night.items()} == {
        "bts/airlines": "accepted", "bts/flights": "refused", "faa/aircraft": "failed", "faa/airports": "failed",
        "noaa/weather": "failed", "plain/things": "failed",
    }  # fmt: skip
    assert "more than the 0.1 %" in (night["bts/flights"].reason or ""), "the last record alone, of a few hundred"
    assert "planes.csv is a link that leads out of its folder; ask" in (night["faa/aircraft"].reason or "")
    assert "a file outside the folders of plain" in (night["plain/things"].reason or "")
    assert "did not end within 7 seconds" in (night["faa/airports"].reason or "")
    assert "the file is empty; a header and rows are expected" in (night["noaa/weather"].reason or "")
    assert rows_in_use(home, "bts/airlines") == (NIGHT.isoformat(), 16)
    assert all(rows_in_use(home, name) is None for name in night if name != "bts/airlines")


@needs_leases
def test_a_feed_that_hangs_neither_holds_up_others_nor_keeps_the_process_from_ending(inbox: Path, home: Home) -> None:
    script = (
        "from functools import partial\nfrom nights.pulling.all_feeds import pull\n"
        "from sharing.policy.policy import Action, Policy\n"
        "from sources.contract.load import load_all\nfrom warehouse.home import Home\nfrom datetime import date\n"
        "admit = partial(Policy.read().admit, action=Action.PULL)\n"
        "for one in pull(load_all(), admit, Home.from_environment(), date(2026, 11, 20)):\n"
        "    print(one.contract.name, one.missed.reason if one.missed else 'landed')\n"
    )
    with cannot_be_opened(inbox / "airlines.csv"), cannot_be_opened(inbox / "weather.csv"):
        began = time.monotonic()
        done = ended(sys.executable, "-c", script, INTERAGENCY_FEED_TIMEOUT_SECONDS="3")
        assert time.monotonic() - began < 15
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said["bts/airlines"].startswith(said["noaa/weather"][:30]) and "within 3 seconds" in said["noaa/weather"]
    assert [said[name] for name in ("bts/flights", "faa/aircraft", "faa/airports")] == ["landed"] * 3


ID = "{name: id, logicalType: integer, primaryKey: true, required: true, classification: internal}"
NOTE = "{name: note, logicalType: string, classification: internal}"
DAY = "{name: day, logicalType: date, required: true, classification: internal}"


@pytest.fixture
def feeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreements: Path) -> Path:
    """A folder of further agencies, all under one agreement except what is of the agency `stranger`."""
    folder = tmp_path / "feeds"
    folder.mkdir()
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(folder))
    for agency in ("named", "dated", "plain"):
        follow(agreements, f"{agency}/*", name=agency)
    return folder


def written(feeds: Path) -> list:
    return [contract for contract in load_all() if feeds in contract.path.parents]


def test_wrong_dates_are_refused_where_the_contract_can_prove_them(feeds: Path, home: Home) -> None:
    by_name = {"extractDateFrom": "'name _(\\d{8})\\.csv'"}
    by_column = {"extractDateFrom": "column day"}
    for feed, day in (("stale", "20261119"), ("fresh", "20261120")):
        Feed([ID], path=f"things_{day}.csv", agency="named", feed=feed, custom=by_name).write(feeds)
        (feeds / "named" / f"things_{day}.csv").write_text("id\n1\n2\n")
    for feed, day in (("stale", "2026-11-19"), ("fresh", "2026-11-20")):
        Feed([ID, DAY], path=f"{feed}.csv", agency="dated", feed=feed, custom=by_column).write(feeds)
        (feeds / "dated" / f"{feed}.csv").write_text(csv_text([["id", "day"], [1, "2026-11-20"], [2, day]]))
    run_ingest(written(feeds), NIGHT)
    night = recorded(home, NIGHT)
    assert {name: feed.status for name, feed in night.items()} == {
        "named/stale": "failed", "named/fresh": "accepted", "dated/stale": "failed", "dated/fresh": "accepted",
    }  # fmt: skip
    assert "things_20261119.csv is of 20261119, not of 2026-11-20; ask Agency of Tests" in (
        night["named/stale"].reason or ""
    )
    assert "1 rows have another day than 2026-11-20 (the earliest 2026-11-19); ask Agency of Tests" in (
        night["dated/stale"].reason or ""
    )


def test_the_same_night_twice_is_the_same_night(feeds: Path, home: Home) -> None:
    Feed([ID, NOTE], agency="plain").write(feeds)
    extract = feeds / "plain" / "extract.csv"
    extract.write_text(csv_text([["id", "note"], [1, "a"], [1, "a"], [2, "b"], ["x", "c"]]))
    nights = []
    for _ in range(2):
        run_ingest(written(feeds), NIGHT)
        night = recorded(home, NIGHT)["plain/things"]
        timeless = replace(night, started_at=night.finished_at, finished_at=night.finished_at)
        nights.append((timeless, rows_in_use(home, "plain/things")))
    (first, rows), (second, again) = nights
    assert replace(first, started_at=second.started_at, finished_at=second.finished_at) == second
    assert (first.status, first.rows_sent, first.rows_accepted, first.rows_rejected) == ("accepted", 4, 2, 2)
    assert rows == again == (NIGHT.isoformat(), 2)


def test_a_night_that_is_sent_again_and_refused_keeps_the_rows_it_had(feeds: Path, home: Home) -> None:
    Feed([ID], agency="plain", threshold="0 %").write(feeds)
    extract = feeds / "plain" / "extract.csv"
    for text, status in (("id\n1\n2\n", "accepted"), ("id\n1\nx\n", "refused"), ("id\n", "accepted")):
        extract.write_text(text)
        run_ingest(written(feeds), NIGHT)
        assert recorded(home, NIGHT)["plain/things"].status == status
        assert rows_in_use(home, "plain/things") == (NIGHT.isoformat(), 0 if text == "id\n" else 2)


def test_a_rule_that_cannot_be_evaluated_costs_its_feed_the_night_and_says_so(feeds: Path, home: Home) -> None:
    broken = "{name: broken, type: sql, dimension: consistency, severity: error, query: 'select count(*) from ${table} where nowhere = 1', mustBe: 0}"
    Feed([ID], agency="plain", feed="broken", quality=[broken]).write(feeds)
    Feed([ID], agency="plain", feed="whole").write(feeds)
    (feeds / "plain" / "extract.csv").write_text("id\n1\n")
    run_ingest(written(feeds), NIGHT)
    night = recorded(home, NIGHT)
    assert night["plain/whole"].status == "accepted"
    assert night["plain/broken"].status == "failed"
    assert "quality rule broken of broken.odcs.yaml is not valid SQL" in (night["plain/broken"].reason or "")
    assert rows_in_use(home, "plain/broken") is None


def test_a_feed_without_an_agreement_in_date_is_not_pulled(feeds: Path, home: Home, agreements: Path) -> None:
    Feed([ID], agency="stranger", feed="never").write(feeds)
    Feed([ID], agency="stranger", feed="expired").write(feeds)
    Feed([ID], agency="plain").write(feeds)
    for agency in ("stranger", "plain"):
        (feeds / agency / "extract.csv").write_text("id\n1\n")
    follow(agreements, "stranger/expired", name="expired", valid_until="2026-01-31", review_on="2026-01-01")
    old_night = NIGHT.replace(year=2025)  # the agreement was in date then; the day of the pull counts
    for night in (NIGHT, old_night):
        run_ingest(written(feeds), night)
        found = recorded(home, night)
        assert {name: feed.status for name, feed in found.items()} == {
            "stranger/never": "no_agreement", "stranger/expired": "no_agreement", "plain/things": "accepted",
        }  # fmt: skip
        assert "no agreement covers stranger/never; have one signed" in (found["stranger/never"].reason or "")
        assert "expired ended on 2026-01-31; renew it" in (found["stranger/expired"].reason or "")
    assert not (home.landing / "stranger").exists()
    follow(agreements, "stranger/*", name="signed")
    run_ingest(written(feeds), NIGHT)
    found = {name: feed.status for name, feed in recorded(home, NIGHT).items()}
    assert found == {"stranger/never": "accepted", "stranger/expired": "accepted", "plain/things": "unchanged"}


def run_known(home: Home, night: date) -> dict[str, FeedNight]:
    """Of the further agencies alone, as the platform loads them."""
    known = load_known(home)
    run_ingest([contract for contract in known.contracts if contract.agency in ("plain", "named")], night)
    return recorded(home, night)


def test_a_broken_contract_costs_its_own_feed_the_night_and_is_mended(feeds: Path, home: Home) -> None:
    for agency in ("plain", "named"):
        broken = Feed([ID], agency=agency).write(feeds)
        (feeds / agency / "extract.csv").write_text("id\n1\n")
    good = broken.read_text()
    assert {feed.status for feed in run_known(home, NIGHT).values()} == {"accepted"}
    broken.write_text(good.replace("logicalType: integer", "logicalType: whole"))
    (feeds / "named" / "extract.csv").write_text("id\n1\n2\n")
    (feeds / "plain" / "extract.csv").write_text("id\n1\n2\n")
    bad = run_known(home, NEXT_NIGHT)
    assert {name: feed.status for name, feed in bad.items()} == {"plain/things": "accepted", "named/things": "failed"}
    reason = bad["named/things"].reason or ""
    assert reason.startswith("the contract cannot be used: things.odcs.yaml:")
    assert "'whole' is not one of" in reason
    assert not (home.landing / "named" / "things" / NEXT_NIGHT.isoformat()).exists()
    contracts = [contract for contract in load_known(home).contracts if contract.agency in ("plain", "named")]
    assert Policy.read(home).admitted(contracts, Action.BUILD) == contracts, "what was accepted is read on"
    with open_database() as connection:
        create_relations(connection, contracts, home, NEXT_NIGHT)
        counts = {
            contract.name: connection.execute(f"SELECT count(*) FROM accepted.{contract.relation}").fetchall()
            for contract in contracts
        }
    assert counts == {"plain/things": [(2,)], "named/things": [(1,)]}
    broken.write_text(good)
    healed = run_known(home, HEALED_NIGHT)
    statuses = {name: feed.status for name, feed in healed.items()}
    assert statuses == {"plain/things": "unchanged", "named/things": "accepted"}
    assert healed["named/things"].rows_accepted == 2


def test_a_night_that_landed_is_not_accepted_by_an_earlier_wording(feeds: Path, home: Home) -> None:
    """Somebody starts the acceptance alone, after the contract broke."""
    path = Feed([ID], agency="plain").write(feeds)
    (feeds / "plain" / "extract.csv").write_text("id\n1\n")
    run_known(home, NIGHT)
    path.write_text("no contract")
    contract = next(contract for contract in load_known(home).contracts if contract.agency == "plain")
    with pytest.raises(RuntimeError, match=r"the contract cannot be used: things\.odcs\.yaml:1: file: is not"):
        accept_night(contract, home, NIGHT)


def test_a_broken_contract_that_was_never_accepted_is_left_out_of_the_night(feeds: Path, home: Home) -> None:
    Feed([ID], agency="plain").write(feeds)
    (feeds / "plain" / "extract.csv").write_text("id\n1\n")
    Feed([ID], agency="named").write(feeds).write_bytes(b"\xff\xfe: [")
    assert {name: feed.status for name, feed in run_known(home, NIGHT).items()} == {"plain/things": "accepted"}
    assert [broken.name for broken in load_known(home).left_out] == ["named/things"]


def test_a_landing_that_was_not_gated_is_never_accepted(feeds: Path, home: Home) -> None:
    """A crash between landing and gate leaves the verdict of the attempt before it."""
    from nights.pulling.one_feed import land_night

    Feed([ID], agency="plain").write(feeds)
    extract = feeds / "plain" / "extract.csv"
    extract.write_text("id\n1\n1\n2\n")
    run_ingest(written(feeds), NIGHT)
    contract = written(feeds)[0]
    extract.write_text("id\n7\n8\n8\n")
    land_night(contract, home, NIGHT)
    with pytest.raises(FileNotFoundError, match="landed again after its gate"):
        accept_night(contract, home, NIGHT)
    assert rows_in_use(home, "plain/things") == (NIGHT.isoformat(), 2)
    assert landed_folder(contract, home, NIGHT).exists()


def test_an_archive_with_a_file_of_another_kind_is_refused(inbox: Path, home: Home) -> None:
    with zipfile.ZipFile(inbox / "flights.csv.zip", "a") as archive:
        archive.writestr("more.csv", "a\n")
    run_ingest([contract for contract in load_all() if contract.feed == "flights"], NIGHT)
    assert "flights.csv.zip/more.csv: line 1: the header has no" in (recorded(home, NIGHT)["bts/flights"].reason or "")


ZEROS = b"id\n" + bytes(16 << 20)
# feed: the file's name, its bytes, and what the refusal says
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "gzip_bomb": ("x.csv.gz", gzip.compress(ZEROS), "x.csv.gz unpacks to more than 1048576 bytes"),
    "zip_bomb": ("x.zip", zipped({"x.csv": ZEROS}), "x.zip/x.csv unpacks to more than 1048576 bytes"),
    "nested_bomb": ("y.zip", zipped({"y.gz": gzip.compress(ZEROS)}), "y.zip/y.gz unpacks to more than 1048576 bytes"),
    "quine": ("q.zip", zipped({"q.zip": zipped({"q.zip": zipped({})})}), "q.zip/q.zip/q.zip lies in an archive within an archive"),
    "damaged": ("d.zip", zipped({"x.csv": b"id\n1\n"})[:-5], "d.zip is a damaged archive"),
    "large": ("large.csv", b"id\n" + b"1\n" * 400_000, "the extract has more than 600000 bytes"),
    "sql": ("sql.csv", b"id,\"x'; DROP TABLE accepted; --\",\"<script>alert(1)</script>\"\n1,'); --,<script>\n", ""),
    "traversal": ("t.zip", zipped({"../../../escaped.csv": b"id\n1\n", "/etc/escaped.csv": b"id\n2\n"}), ""),
}  # fmt: skip


def test_hostile_feeds_cost_a_good_one_nothing(feeds: Path, home: Home) -> None:
    limits = {"limits": "{arrivedBytes: 600000, unpackedBytes: 1048576}"}
    for name, (file, content, _) in HOSTILE.items():
        Feed([ID], agency="plain", feed=name, path=file, options=limits).write(feeds)
        (feeds / "plain" / file).write_bytes(content)
    Feed([ID], agency="plain", feed="good", path="good.csv").write(feeds)
    (feeds / "plain" / "good.csv").write_text("id\n1\n2\n")
    for name, path in (("link", "link.csv"), ("fifo", "fifo.csv"), ("device", "/dev/zero"), ("folder", "folder.csv")):
        Feed([ID], agency="plain", feed=name, path=path).write(feeds)
    (feeds / "plain" / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(feeds / "plain" / "fifo.csv")
    (feeds / "plain" / "folder.csv").mkdir()
    run_ingest(written(feeds), NIGHT)
    night = recorded(home, NIGHT)
    refusals = {name: words for name, (_, _, words) in HOSTILE.items() if words}
    refusals |= {"link": "link.csv is a link that leads out of its folder", "fifo": "fifo.csv is not a file",
                 "device": "a file outside the folders of plain", "folder": "folder.csv is not a file"}  # fmt: skip
    for name, words in refusals.items():
        assert night[f"plain/{name}"].status == "failed"
        assert words in (night[f"plain/{name}"].reason or "")
        assert ";" in (night[f"plain/{name}"].reason or ""), "a remedy"
    assert {night[f"plain/{name}"].status for name in ("good", "sql", "traversal")} == {"accepted"}
    assert rows_in_use(home, "plain/good") == (NIGHT.isoformat(), 2)
    assert rows_in_use(home, "plain/traversal") == (NIGHT.isoformat(), 2)
    assert not list(home.root.parent.rglob("escaped*"))
    assert not list(home.landing.rglob(".scratch-*"))
    write_data_docs(home, NIGHT)
    page = write_report(written(feeds), home, NIGHT)
    for html in [page, *home.quality.rglob("*.html")]:
        assert "<script>alert(1)" not in html.read_text(encoding="utf-8")

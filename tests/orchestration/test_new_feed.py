"""From an unknown file to an accepted night: `new-feed`, then `run`; and many nights by `backfill`."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from orchestration.night import feed_nights
from tests.conftest import Feed
from tests.orchestration.conftest import write_agreement
from warehouse.engine import open_database
from warehouse.home import Home

Command = Callable[..., CompletedProcess[str]]
TODAY = datetime.now(UTC).date()


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """An organisation's own folders, outside the repository."""
    places = {"INTERAGENCY_SOURCES": tmp_path / "feeds", "INTERAGENCY_AGREEMENTS": tmp_path / "signed"}
    for place in places.values():
        place.mkdir()
    return {name: str(place) for name, place in places.items()}


def twenty_columns(path: Path) -> Path:
    """Cases of a benefits office: Windows-1252, semicolons, decimal commas, local dates."""
    headers = [
        "Case no",
        "Opened",
        "Closed",
        "Office",
        "Kind",
        "Amount",
        "Urgent",
        *[f"Answer {n}" for n in range(1, 14)],
    ]
    rows = [
        [f"C{n:06}", f"{n % 28 + 1:02}.03.2026", "" if n % 3 else "20.11.2026", str(n % 40), ["café", "straße"][n % 2], f"{n},50",
         ["true", "false"][n % 2], *[str(n * k % 97) for k in range(13)]]
        for n in range(500)
    ]  # fmt: skip
    path.write_bytes("\r\n".join([";".join(row) for row in [headers, *rows]] + [""]).encode("cp1252"))
    return path


def test_two_commands_from_an_unknown_file_to_an_accepted_night(
    tmp_path: Path, own: dict[str, str], home: Home, interagency: Command, inbox: Path
) -> None:
    sample = twenty_columns(tmp_path / "cases.csv")
    into = own["INTERAGENCY_SOURCES"]
    drafted = interagency(
        "new-feed", str(sample), "--agency", "benefits_office", "--feed", "cases", "--into", into, **own
    )
    assert drafted.returncode == 0, drafted.stdout + drafted.stderr
    assert "Tried: 500 rows sent, 0 rejected, accepted" in drafted.stdout
    agreement = next(Path(own["INTERAGENCY_AGREEMENTS"]).glob("*.yaml"))
    assert yaml.safe_load(agreement.read_text())["valid_until"] == str(TODAY + timedelta(days=30)), "a trial, and it ends"
    night = interagency("run", "--agency", "benefits_office", "--json", **own)
    assert feed_nights(home, TODAY)["benefits_office", "cases"].status == "accepted", night.stderr
    again = interagency(
        "new-feed", str(sample), "--agency", "benefits_office", "--feed", "cases", "--into", into, **own
    )
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_new_feed_tells_wrong_names_and_files(tmp_path: Path, own: dict[str, str], interagency: Command) -> None:
    wrong = interagency("new-feed", "x.csv", "--agency", "Benefits Office", "--feed", "cases", **own)
    assert (wrong.returncode, "write lower_case words" in wrong.stderr) == (2, True)
    missing = interagency("new-feed", str(tmp_path / "x.csv"), "--agency", "a", "--feed", "f", **own)
    assert (missing.returncode, "is not there" in missing.stderr, "Traceback" in missing.stderr) == (1, True, False)


def test_a_backfill_takes_every_night_and_publishes_the_last(
    tmp_path: Path, own: dict[str, str], home: Home, interagency: Command, inbox: Path
) -> None:
    """Files named by their night; the one in the middle is missing, and costs only itself."""
    feed = Feed(
        ["{name: id, logicalType: integer, primaryKey: true}", "{name: town, logicalType: string}"],
        path="things_{extract_date:%Y%m%d}.csv", custom={"extractMode": "append"},
    )  # fmt: skip
    contract = feed.write(Path(own["INTERAGENCY_SOURCES"]))
    write_agreement(Path(own["INTERAGENCY_AGREEMENTS"]), "tests/things")
    nights = [TODAY - timedelta(days=count) for count in (3, 2, 1)]
    for number, night in enumerate(nights):
        if number != 1:
            (contract.parent / f"things_{night:%Y%m%d}.csv").write_text(f"id,town\n{number},A\n")
    done = interagency("backfill", "--from", str(nights[0]), "--to", str(nights[2]), **own)
    assert done.returncode == 1, "a night of a feed was not taken"
    assert re.search(rf"{nights[1]} tests/things: .* is not there; ask Agency of Tests", done.stdout), done.stdout
    assert f"Published: {home.published}" in done.stdout
    counts = [line.split("\t")[1:3] for line in done.stdout.splitlines() if re.match(r"20\d\d-\d\d-\d\d\t", line)]
    assert counts == [["6", "0"], ["5", "1"], ["6", "0"]]
    with open_database(home.published, read_only=True) as connection:
        recorded = connection.execute(
            "SELECT extract_date, rows_new FROM quality.feed_night WHERE feed = 'things' AND status = 'accepted' ORDER BY 1"
        ).fetchall()
    assert recorded == [(nights[0], 1), (nights[2], 1)]
    wrong = interagency("backfill", "--from", str(TODAY), "--to", str(nights[0]), **own)
    assert (wrong.returncode, "is after" in wrong.stderr) == (2, True)

"""What landed and what was accepted, held against its seal, and against the journal of what was accepted: `state/accepted/`."""

from datetime import UTC, date, datetime
from pathlib import Path

from nights.record.attempt import GATE
from nights.record.verdict import VALIDATION
from nights.rows.accepted import ACCEPTANCE, WORDING, Acceptance, accepted_nights, nights_read
from sources.arrival.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from sources.landing.sealed_originals import is_as_it_came
from warehouse.home import Home
from warehouse.journal import Entry, Journal, actor
from warehouse.store.seal import Tampered, check_folder, place_of, seal_folder

_LANDED = (MANIFEST, ROWS, REJECTS)
_GATED = (GATE, REJECTS, VALIDATION)
_ACCEPTED = (ROWS, WORDING)


def seal_landed(home: Home, folder: Path) -> None:
    seal_folder(home, folder, _LANDED)


def check_landed(home: Home, folder: Path) -> None:
    """Raises Tampered where rows, rejects or manifest are not what was landed there."""
    check_folder(home, folder, _LANDED)


def check_originals(home: Home, folder: Path) -> None:
    """Raises Tampered where the kept originals are not the files that came."""
    check_landed(home, folder)
    for original in Manifest.read(folder).originals:
        if not is_as_it_came(folder, original):
            raise Tampered(place_of(home, folder), f"is not as it was written: {original.path} was changed since")


def seal_accepted(home: Home, folder: Path) -> None:
    seal_folder(home, folder, _ACCEPTED, Acceptance.read(folder).lasting)


def checked_wording(home: Home, folder: Path) -> bytes:
    """The wording that an accepted night keeps. Raises Tampered where it is not what was kept there."""
    check_folder(home, folder, [WORDING], _acceptance(home, folder).lasting)
    return (folder / WORDING).read_bytes()


def note_accepted(home: Home, folder: Path) -> None:
    """Write into the feed's journal that the sealed `folder` is its accepted night. Raises Tampered."""
    acceptance = Acceptance.read(folder)
    seal = check_folder(home, folder, _ACCEPTED, acceptance.lasting)
    _journal(home, acceptance.agency, acceptance.feed).append(
        {
            "extract_date": acceptance.extract_date, "status": acceptance.status, "rows_accepted": acceptance.rows_accepted,
            "original_sha256": acceptance.original_sha256, "decided_at": acceptance.decided_at, "seal": seal,
        },
        actor(),
    )  # fmt: skip


def note_gone(home: Home, agency: str, feed: str, extract_date: date, reason: str) -> None:
    """Write into the feed's journal that an accepted night is not there any more, rightly. Raises Tampered."""
    line = {"extract_date": extract_date.isoformat(), "gone": reason, "decided_at": datetime.now(UTC).isoformat()}
    _journal(home, agency, feed).append(line, actor())


def check_feed(contract: Contract, home: Home, until: date) -> None:
    """Raises Tampered where what the feed's state of a night is made of is not what was accepted, or some of it is gone."""
    noted: dict[str, Entry] = {}
    for entry in _journal(home, contract.agency, contract.feed).entries():
        noted[entry["extract_date"]] = entry
    nights = accepted_nights(contract, home, until)
    there = {folder.name for folder in nights}
    for night, entry in noted.items():
        if night <= until.isoformat() and night not in there and "gone" not in entry:
            place = f"accepted/{contract.agency}/{contract.feed}/{night}"
            raise Tampered(
                place, f"is gone: {entry['rows_accepted']} rows were accepted there on {entry['decided_at']}"
            )
    for folder in nights_read(contract, nights):
        _check_accepted(home, folder, noted.get(folder.name))


def _check_accepted(home: Home, folder: Path, noted: Entry | None) -> None:
    place, acceptance = place_of(home, folder), _acceptance(home, folder)
    seal = check_folder(home, folder, _ACCEPTED, acceptance.lasting)
    if place != f"accepted/{acceptance.agency}/{acceptance.feed}/{acceptance.extract_date}":
        raise Tampered(place, f"is not as it was written: it is the night of {acceptance.extract_date}")
    if noted is not None and noted.get("seal") == seal:
        return
    if noted is not None and _moment(noted["decided_at"]) >= _moment(acceptance.decided_at):
        raise Tampered(place, "is an older version of the night than the one that was accepted last")
    # A crash came between the night and its note.
    note_accepted(home, folder)


def _acceptance(home: Home, folder: Path) -> Acceptance:
    try:
        return Acceptance.read(folder)
    except (ValueError, TypeError):
        what = f"is not as it was written: {ACCEPTANCE} cannot be read"
        raise Tampered(place_of(home, folder), what) from None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _journal(home: Home, agency: str, feed: str) -> Journal:
    return Journal(home, f"accepted/{agency}/{feed}.jsonl")


def seal_gate(home: Home, folder: Path) -> None:
    seal_folder(home, folder, _GATED)


def check_gate(home: Home, folder: Path) -> None:
    """Raises Tampered where verdict, rejects or results are not what the gate wrote."""
    check_folder(home, folder, _GATED)

"""How a home, or a place in it, is taken as it stands, on somebody's word: it is sealed anew."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from nights.integrity.sealed_extracts import note_accepted, note_gone, seal_accepted, seal_gate, seal_landed
from nights.record.attempt import GATE
from nights.rows.accepted import ACCEPTANCE
from sources.arrival.manifest import MANIFEST
from warehouse.errors import KeyRefused
from warehouse.home import Home
from warehouse.journal import Journal, actor, begin_taking_over, end_taking_over, heads_file, is_taken_over, journals
from warehouse.keys.platform_key import platform_key
from warehouse.store.night_records import record_files, seal_record
from warehouse.store.seal import OWN_SEAL_KEY, SEAL, Tampered, is_sealed_parquet, place_of

VOUCHED = "vouched.jsonl"


def take_over(home: Home) -> str | None:
    """Seal all of a home that an earlier version made, once; says so, or None where there was nothing to do.

    Raises Tampered where seals are there and only the file that says so is gone.
    """
    if is_taken_over(home):
        return None
    if not heads_file(home).exists() and _is_any_sealed(home):
        raise Tampered(place_of(home, heads_file(home)), "is gone, and this home was sealed before")
    return vouch_for_all(home, "made by a version that did not seal", actor())


def vouch_for_all(home: Home, reason: str, by: str) -> str | None:
    """Seal everything in the home as it stands, by the key of today, on the word of `by`; what was done, or None where there is
    nothing.
    """
    begin_taking_over(home)
    places = list(_folders(home))
    for folder in places:
        _seal(home, folder)
    for path in record_files(home):
        seal_record(home, path)
    kept = journals(home)
    for journal in kept:
        journal.vouch(reason, by)
    for folder in places:
        if (folder / ACCEPTANCE).exists():
            note_accepted(home, folder)
    said = f"{len(places)} extracts and gates, {len(record_files(home))} records and {len(kept)} journals were sealed as they stood: {reason}"
    if not places and not kept and not record_files(home):
        end_taking_over(home)
        return None
    Journal(home, VOUCHED).append({"what": "everything", "reason": reason}, by)
    end_taking_over(home)
    if platform_key() is not None:
        # What seals from now on is wrapped by the platform's key.
        (home.root / OWN_SEAL_KEY).unlink(missing_ok=True)
    return said


def refuse_new_key(home: Home) -> None:
    """Raises KeyRefused where a home that began without a key is opened with one: all that there is to do, said once."""
    if platform_key() is None or not (home.root / OWN_SEAL_KEY).exists() or not heads_file(home).exists():
        return
    raise KeyRefused(
        f"{home.root} was begun without a key, and one is set now, so that its seals are not of this key. If nobody changed it meanwhile, "
        'take it as it stands: interagency vouch everything --reason "A key from today on". What is pulled from then on is encrypted; what '
        "was kept before stays in clear until its retention is over, or until its night is run again or erased "
        "(interagency keys destroy AGENCY/FEED --extract-date NIGHT). Backups that were made before stay as they are"
    )


def vouch(home: Home, place: str, reason: str, by: str) -> None:
    """Take one place of the home as it stands, on the word of `by`. Raises ValueError where nothing is sealed there."""
    path = home.root / place
    parts = Path(place).parts
    if path == heads_file(home):
        vouch_for_all(home, reason, by)
        return
    if parts[:1] == ("accepted",) and len(parts) == 4 and not path.exists():
        note_gone(home, parts[1], parts[2], date.fromisoformat(parts[3]), reason)
    elif path in record_files(home):
        seal_record(home, path)
    elif path.suffix == ".jsonl" and home.state in path.parents:
        Journal(home, path.relative_to(home.state).as_posix()).vouch(reason, by)
    elif path in list(_folders(home)):
        _seal(home, path)
        if (path / ACCEPTANCE).exists():
            note_accepted(home, path)
    else:
        raise ValueError(f"nothing that is sealed is called {place}; write the place as the message about it does")
    Journal(home, VOUCHED).append({"what": place, "reason": reason}, by)


def _folders(home: Home) -> Iterator[Path]:
    """The nights that landed, were gated and were accepted, as their links name them."""
    for pattern, marker in (
        ("landing/*/*/[0-9]*", MANIFEST),
        ("quality/gates/*/*/[0-9]*", GATE),
        ("accepted/*/*/[0-9]*", ACCEPTANCE),
    ):
        yield from (path for path in sorted(home.root.glob(pattern)) if (path / marker).exists())


def _seal(home: Home, folder: Path) -> None:
    """The folder's time stays: its retention counts from it."""
    made = folder.stat()
    _write_seal(home, folder)
    os.utime(folder, ns=(made.st_atime_ns, made.st_mtime_ns))


def _write_seal(home: Home, folder: Path) -> None:
    if (folder / MANIFEST).exists():
        seal_landed(home, folder)
    elif (folder / GATE).exists():
        seal_gate(home, folder)
    else:
        seal_accepted(home, folder)


def _is_any_sealed(home: Home) -> bool:
    return any((folder / SEAL).exists() for folder in _folders(home)) or any(map(is_sealed_parquet, record_files(home)))

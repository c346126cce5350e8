"""The records of nights (`quality/`), held against the ledger: one that was changed, put in or taken away since is told.

What a run or a decision wrote since the last build comes into the ledger with the next one, by its time; what is older must be as the
ledger has it. A record that was written anew with the platform's own key and a time of today is an entry of today.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from nights.build import NotBuilt
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import entries_of
from warehouse.home import Home
from warehouse.store.night_records import record_files
from warehouse.store.seal import place_of

_AT_ONCE = 200
_EVERYTHING = "everything"


def note_records(home: Home, by: str) -> None:
    """Say of each record that is not in the ledger as it stands there what it is now."""
    ledger = Ledger(home)
    known = _known(ledger)
    changed = [(place, digest) for place, digest in _standing(home) if known.get(place) != digest]
    batches = [dict(changed[at : at + _AT_ONCE]) for at in range(0, len(changed), _AT_ONCE)]
    if batches:
        ledger.append_all([(Kind.RECORD, {"records": batch}) for batch in batches], by)


def hold_records(home: Home) -> None:
    """Raises NotBuilt naming the first record that is not as the ledger has it."""
    ledger = Ledger(home)
    found = list(_forged(home, ledger))
    if found:
        more = f" ({len(found) - 1} more records are not as the ledger has them)" if found[1:] else ""
        raise NotBuilt(
            f"{found[0]}{more}. Put it back from a backup, or run its night again; if you know why, take it as it stands, which the ledger "
            f'will say: interagency vouch {found[0].split(" ")[0]} --reason "…"'
        )


def _forged(home: Home, ledger: Ledger) -> Iterator[str]:
    known = _known(ledger)
    if not known:
        # A ledger of an earlier version, or a home without a night.
        return
    last, standing = _last_noted(ledger), dict(_standing(home))
    for place, digest in known.items():
        if place not in standing and digest is not None:
            yield f"{place} is gone, and by the ledger it was written"
    for place, digest in standing.items():
        if known.get(place, "") in (digest, None) or _written(home.root / place) > last:
            continue
        yield (
            f"{place} is not the record that the ledger has"
            if place in known
            else f"{place} is no record of the ledger"
        )


def _known(ledger: Ledger) -> dict[str, str | None]:
    """The hash of each record as it was said last; None where somebody vouched for it since."""
    found: dict[str, str | None] = {}
    for entry in entries_of(ledger, '"records":', '"place":'):
        if entry.kind == Kind.RECORD:
            found |= entry.what["records"]
        elif entry.kind == Kind.DECISION and entry.what.get("place") == _EVERYTHING:
            found = dict.fromkeys(found)
        elif entry.kind == Kind.DECISION and entry.what.get("place") in found:
            found[str(entry.what["place"])] = None
    return found


def _last_noted(ledger: Ledger) -> datetime:
    return max(entry.at for entry in entries_of(ledger, '"records":'))


def _standing(home: Home) -> Iterator[tuple[str, str]]:
    for path in record_files(home):
        with path.open("rb") as file:
            yield place_of(home, path), file_digest(file, "sha256").hexdigest()


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)

"""What a build reads, held against the ledger: rows that are not those that were accepted, nights that are gone, overrides nobody made.

Seals and journals prove that somebody with the platform's key wrote what stands there. The ledger proves that it is what was written
then, to whoever keeps a checkpoint of it that others cosigned.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

from nights.build import NotBuilt
from nights.overrides import Override, overrides, refusals
from nights.rows.accepted import Acceptance, accepted_nights, nights_read
from sharing.ledger.entry import Fields, Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import REFUSED_AFTER_ALL, accepted_digest, adopt, entries_of, note_override, override_fields
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.journal import actor
from warehouse.store.seal import Tampered

_ENDED = (Kind.RETENTION, Kind.ERASURE)
_EVERYTHING = "everything"


def hold_against_ledger(home: Home, contracts: Sequence[Contract], night: date) -> None:
    """Raises NotBuilt where a build would read what the ledger does not have so, and LedgerDamaged where it lost
    its end. What a crash kept out of it comes in first."""
    Ledger(home).check_end()
    adopt(home, contracts, actor())
    for one in overrides_since(home):
        note_override(home, one, one.steward)
    found = forged(home, contracts, night)
    if found:
        more = f" ({len(found) - 1} more places are not as the ledger has them)" if found[1:] else ""
        raise NotBuilt(f"{found[0]}{more}")


def refuse_erased(home: Home, contracts: Iterable[Contract], night: date) -> None:
    """Raises NotBuilt where a night stands there again that was erased."""
    ledger = Ledger(home)
    found = next((said for contract in contracts for said in _come_back(home, contract, ledger, night)), None)
    if found is not None:
        raise NotBuilt(found)


def forged(home: Home, contracts: Iterable[Contract], until: date) -> list[str]:
    """What a build of a night must not read, each with what to do. Empty where all is as the ledger has it."""
    ledger = Ledger(home)
    noted = _noted(ledger)
    found = [said for contract in contracts for said in _of_feed(home, contract, noted, until)]
    return found + [
        f"the override of {one.agency}/{one.feed} of {one.extract_date} is older than the last build and not in the ledger; take it "
        f"out of {one.place}, or vouch for that file"
        for one in _unknown(home, ledger, is_vouching=True)
        if _moment(one.decided_at) <= _last_build(ledger)
    ]


def overrides_since(home: Home) -> list[Override]:
    """Those that were made after the last build was held against the ledger: a crash came between."""
    ledger = Ledger(home)
    return [one for one in _unknown(home, ledger) if _moment(one.decided_at) > _last_build(ledger)]


def _unknown(home: Home, ledger: Ledger, is_vouching: bool = False) -> list[Override]:
    """What people decided that is not in the ledger; where `is_vouching`, without what somebody vouched for."""
    said = list(entries_of(ledger, f'"kind":"{Kind.OVERRIDE}"', '"place":'))
    vouched = {entry.what.get("place") for entry in said if is_vouching and entry.kind == Kind.DECISION}
    made = {json.dumps(entry.what, sort_keys=True) for entry in said}
    return [
        one
        for one in _readable(home)
        if json.dumps(override_fields(one), sort_keys=True) not in made and not vouched & {one.place, _EVERYTHING}
    ]


def _readable(home: Home) -> list[Override]:
    """None of those among which somebody else wrote: then none is taken, and it is told where a feed would need one."""
    found: list[Override] = []
    for read in (overrides, refusals):
        with suppress(Tampered):
            found += read(home)
    return found


def _last_build(ledger: Ledger) -> datetime:
    """When a build was last held against the ledger: what was decided before that had to be in it then."""
    written = entries_of(ledger, f'"kind":"{Kind.ACCEPTANCE}"', f'"kind":"{Kind.PUBLICATION}"')
    return max((entry.at for entry in written), default=datetime.min.replace(tzinfo=UTC))


def _noted(ledger: Ledger) -> dict[tuple[str, str], Fields | None]:
    """Of each feed's night the last acceptance; None where it rightly ended, or somebody vouched for it, since."""
    found: dict[tuple[str, str], Fields | None] = {}
    for entry in entries_of(ledger, '"night":', '"place":'):
        if entry.kind == Kind.DECISION:
            _take_vouched(found, str(entry.what.get("place")))
            continue
        key = (str(entry.what.get("feed")), str(entry.what.get("night")))
        if entry.kind == Kind.ACCEPTANCE:
            found[key] = entry.what
        elif entry.kind in _ENDED or entry.what.get("decision") == REFUSED_AFTER_ALL:
            found[key] = None
    return found


def _take_vouched(found: dict[tuple[str, str], Fields | None], place: str) -> None:
    parts = place.split("/")
    if place == _EVERYTHING:
        found.clear()
    elif parts[0] == "accepted" and len(parts) == 4:
        found[f"{parts[1]}/{parts[2]}", parts[3]] = None


def _of_feed(home: Home, contract: Contract, noted: dict[tuple[str, str], Fields | None], until: date) -> Iterator[str]:
    nights = accepted_nights(contract, home, until)
    there = {folder.name for folder in nights}
    for (feed, night), entry in noted.items():
        if feed == contract.name and entry is not None and night <= until.isoformat() and night not in there:
            yield (
                f"accepted/{feed}/{night} is gone: by the ledger {entry['rows_accepted']} rows were accepted there. {_remedy(feed, night)}"
            )
    for folder in nights_read(contract, nights):
        entry = noted.get((contract.name, folder.name))
        if entry is None or entry["rows_sha256"] == accepted_digest(folder):
            continue
        # What was accepted later than its entry comes into the ledger with this build.
        if _moment(Acceptance.read(folder).decided_at) <= _moment(str(entry["decided_at"])):
            yield (
                f"accepted/{contract.name}/{folder.name} holds other rows than the ledger says were accepted. "
                f"{_remedy(contract.name, folder.name)}"
            )


def _come_back(home: Home, contract: Contract, ledger: Ledger, until: date) -> Iterator[str]:
    """Nights that were erased and stand there again, as copies whose keys are gone; one that was pulled anew has keys of its own."""
    erased = {
        str(entry.what.get("night")): entry.at
        for entry in entries_of(ledger, f'"kind":"{Kind.ERASURE}"')
        if entry.kind == Kind.ERASURE and entry.what.get("feed") == contract.name
    }
    for folder in accepted_nights(contract, home, until):
        at = erased.get(folder.name)
        if at is not None and _moment(Acceptance.read(folder).decided_at) <= at:
            yield (
                f"accepted/{contract.name}/{folder.name} was erased on {at:%Y-%m-%d} (interagency keys destroy), and stands there again as a "
                "copy that no key opens; delete it, or pull that night again if it is agreed on"
            )


def _remedy(feed: str, night: str) -> str:
    return (
        "Put it back from a backup, or run its night again; if you know why, take it as it stands, which the ledger will say: "
        f'interagency vouch accepted/{feed}/{night} --reason "…"'
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

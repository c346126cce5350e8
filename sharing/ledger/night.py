"""What a night leaves in the ledger: agreements seen, extracts pulled, verdicts, acceptances with the hashes of their rows, publication.

It is read from the records that the night wrote itself, so that a crash between a step and its entry is made good by the next run.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from nights.folders import accepted_folder, gate_folder, landed_folder
from nights.overrides import Override, Refusal, overrides, refusals
from nights.record.attempt import GATE
from nights.record.feed_night import FeedNight, feed_nights
from nights.record.verdict import Verdict
from nights.rows.accepted import ACCEPTANCE, Acceptance, accepted_nights
from sharing.ledger.entry import Entry, Fields, Kind
from sharing.ledger.log import Ledger
from sharing.ledger.xroad.exchange import exchanges
from sharing.policy.policy import Policy
from sources.arrival.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.journal import Entry as Line
from warehouse.keys.data_key import wrapped_by
from warehouse.store.restricted import restricted_file, vault_file
from warehouse.store.seal import SEAL

Happened = tuple[Kind, Fields]
REFUSED_AFTER_ALL = "refused after all"
WRAPS = "wraps the keys of this home"


def note_agreements(home: Home, seen: Iterable[Line], by: str) -> None:
    """The lines that `sharing.agreements.seen.remember` wrote."""
    happened = [_of_agreement(line) for line in seen]
    if happened:
        Ledger(home).append_all(happened, by)


def note_feeds(home: Home, contracts: Iterable[Contract], policy: Policy, night: date, by: str) -> None:
    """What became of each feed's night: once, however often the night is built of it."""
    ledger = Ledger(home)
    known = {(entry.kind, json.dumps(entry.what, sort_keys=True)) for entry in entries_of(ledger, f'"night":"{night}"')}
    recorded = feed_nights(home, night)
    happened = [
        one
        for contract in contracts
        if (found := recorded.get((contract.agency, contract.feed))) is not None
        for one in _of_feed(home, contract, policy, found)
        if (one[0], json.dumps(one[1], sort_keys=True)) not in known
    ]
    if happened:
        ledger.append_all(happened, by)


def note_publication(home: Home, database: Path, night: date, run: str, readers_see_it: bool, by: str) -> None:
    files = {
        "published_sha256": _sha256(database), "restricted_sha256": _sha256(restricted_file(database)),
        "vault_sha256": _sha256(vault_file(database)),
    }  # fmt: skip
    said = {"night": night.isoformat(), "run": run, "readers_see_it": readers_see_it}
    Ledger(home).append(Kind.PUBLICATION, said | files, by)


def adopt(home: Home, contracts: Iterable[Contract], by: str) -> None:
    """A home that is older than its ledger: what was accepted and set aside before stands in it as it stands there now."""
    ledger = Ledger(home)
    if ledger.size:
        return
    happened: list[Fields] = [
        _acceptance(folder) | {"adopted": True}
        for contract in contracts
        for folder in accepted_nights(contract, home, date.max)
    ]
    adopted = [(Kind.ACCEPTANCE, one) for one in happened]
    adopted += [(Kind.OVERRIDE, override_fields(one)) for one in [*overrides(home), *refusals(home)]]
    if adopted:
        ledger.append_all(adopted, by)


def note_override(home: Home, one: Override, by: str) -> None:
    Ledger(home).append(Kind.OVERRIDE, override_fields(one), by)


def note_vouched(home: Home, place: str, by: str) -> None:
    """That somebody took a place of the home, or everything, as it stands."""
    Ledger(home).append(Kind.DECISION, {"decision": "vouched for", "place": place.rstrip("/")}, by)


def note_acceptances(home: Home, contract: Contract, nights: Iterable[str], by: str) -> None:
    """What is accepted of these nights since they were written anew without a person who was erased."""
    folders = [accepted_folder(contract, home, date.fromisoformat(night)) for night in nights]
    happened: list[Happened] = [
        (Kind.ACCEPTANCE, _acceptance(folder) | {"rewritten": True})
        for folder in folders
        if (folder / ACCEPTANCE).exists()
    ]
    if happened:
        Ledger(home).append_all(happened, by)


def note_ended(home: Home, folders: Iterable[Path], rule: str, by: str) -> None:
    """Accepted nights whose folders (`accepted/<agency>/<feed>/.versions/<night>-…`) were deleted, and under which rule."""
    ended = {
        (f"{folder.parts[-4]}/{folder.parts[-3]}", folder.name[:10])
        for folder in folders
        if folder.is_relative_to(home.accepted)
    }
    happened = [(Kind.RETENTION, {"feed": feed, "night": night, "rule": rule}) for feed, night in sorted(ended)]
    if happened:
        Ledger(home).append_all(happened, by)


def note_originals_ended(home: Home, folders: Iterable[Path], by: str) -> None:
    """Landed originals (`landing/<agency>/<feed>/.versions/<night>-…`) whose keys were destroyed when their retention was over."""
    ended = sorted({(f"{folder.parts[-4]}/{folder.parts[-3]}", folder.name[:10]) for folder in folders})
    rule = {"of": "originals", "rule": "the retention of the contract is over"}
    happened = [(Kind.RETENTION, {"feed": feed, "extract_date": night} | rule) for feed, night in ended]
    if happened:
        Ledger(home).append_all(happened, by)


def note_keys(home: Home, by: str) -> None:
    """Which platform key wraps the keys of this home, where the ledger has not said so yet: the first, or one that was rotated to."""
    wrapping = wrapped_by(home)
    if wrapping is None:
        return
    ledger, key = Ledger(home), " ".join(wrapping)
    said = [entry.what for entry in entries_of(ledger, WRAPS) if entry.kind == Kind.KEY_USE]
    if not said or said[-1]["key"] != key:
        ledger.append(Kind.KEY_USE, {"key": key, "use": WRAPS}, by)


def override_fields(one: Override) -> Fields:
    """An override as an entry says it: the reason is kept in the journal."""
    return {
        "feed": f"{one.agency}/{one.feed}", "night": one.extract_date, "original_sha256": one.original_sha256,
        "decided_at": one.decided_at, **({"decision": REFUSED_AFTER_ALL} if isinstance(one, Refusal) else {}),
    }  # fmt: skip


def entries_of(ledger: Ledger, *texts: str) -> Iterator[Entry]:
    """Entries whose line holds one of these texts, without parsing the others."""
    wanted = [text.encode() for text in texts]
    for line in ledger.lines():
        if any(text in line for text in wanted):
            yield Entry.parse(line)


def accepted_digest(folder: Path) -> str:
    """SHA-256 of an accepted night's rows, as its seal has it; the seal is held against the rows where they are read."""
    return str(json.loads((folder / SEAL).read_text(encoding="utf-8"))["files"][ROWS])


def _of_agreement(line: Line) -> Happened:
    if "version" in line:
        return Kind.AGREEMENT_VERSION, _part(line, "agreement", "version", "digest", "feeds", "kept_days")
    if "revoked_from" in line:
        # Why stands in the signed revocation: a reason is free text.
        return Kind.AGREEMENT_REVOKED, _part(line, "agreement", "digest", "revoked_from", "party")
    return Kind.KEY_USE, {"party": line["party"], "key": line["key"], "use": "signs agreements"}


def _part(line: Line, *names: str) -> Fields:
    return {name: line[name] for name in names}


def _of_feed(home: Home, contract: Contract, policy: Policy, night: FeedNight) -> Iterator[Happened]:
    landing = landed_folder(contract, home, night.extract_date)
    gate = gate_folder(contract, home, night.extract_date)
    accepted = accepted_folder(contract, home, night.extract_date)
    if (landing / MANIFEST).exists():
        manifest = Manifest.read(landing)
        if manifest.original_sha256 == night.original_sha256 or not night.is_taken:
            yield Kind.PULL, _pull(landing, manifest, policy)
            yield from ((Kind.EXCHANGE, one) for one in exchanges(manifest))
    if (gate / GATE).exists():
        verdict = Verdict.read(gate)
        said = {
            "accepted": verdict.accepted,
            "rows_landed": verdict.rows_landed,
            "rows_rejected": verdict.rows_rejected,
        }
        yield (
            Kind.GATE_VERDICT,
            _named(contract.name, night.extract_date) | said | {"rejects_sha256": _sha256(gate / REJECTS)},
        )
    if night.is_taken and (accepted / ACCEPTANCE).exists():
        yield Kind.ACCEPTANCE, _acceptance(accepted)


def _pull(landing: Path, manifest: Manifest, policy: Policy) -> Fields:
    name = f"{manifest.agency}/{manifest.feed}"
    return _named(name, manifest.extract_date) | {
        "agreements": [f"{one.id} version {one.version}" for one in policy.register.in_force(name, manifest.started_at.date())],
        "original_sha256": manifest.original_sha256, "landed_sha256": _sha256(landing / ROWS),
        "contract_sha256": manifest.contract_sha256, "rows_sent": manifest.rows_sent, "rows_landed": manifest.rows_landed,
        "rows_rejected": manifest.rows_rejected, "columns_left_out": manifest.left_out,
    }  # fmt: skip


def _acceptance(folder: Path) -> dict[str, Any]:
    acceptance = Acceptance.read(folder)
    return {
        "feed": f"{acceptance.agency}/{acceptance.feed}", "night": acceptance.extract_date, "rows_accepted": acceptance.rows_accepted,
        "rows_sha256": accepted_digest(folder), "original_sha256": acceptance.original_sha256, "decided_at": acceptance.decided_at,
    }  # fmt: skip


def _named(feed: str, night: date) -> dict[str, Any]:
    return {"feed": feed, "night": night.isoformat()}


def _sha256(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

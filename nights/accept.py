"""Accepting a gated extract: its good rows become readable further, or its night is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from nights.folders import accepted_folder, gate_folder, landed_folder
from nights.integrity.sealed_extracts import check_gate, check_landed, note_accepted, seal_accepted
from nights.keyed_nights import keyed_night
from nights.overrides import Override, Refusal, find, find_refusal
from nights.pulling.kept_originals import kept_originals
from nights.record.attempt import GATE, Attempt, attempt_of
from nights.record.feed_night import ACCEPTED, BY_STEWARD, REFUSED, UNCHANGED, FeedNight, recorded
from nights.record.verdict import RuleResult, Verdict
from nights.rows.accepted import ACCEPTANCE, WORDING, Acceptance, accepted_nights, last_accepted
from nights.rows.changed_keys import AGAIN, CHANGED, GONE, NEW, following, same_rows, write_changes
from nights.rows.history_warnings import SENT_AGAIN, far_fewer, lost_watermark, rows_replaced, sent_again
from nights.rows.value_profile import record_profile
from nights.rows.watermark import reached, usable
from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import open_database, write_parquet
from warehouse.files import remove_unfinished
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase, share
from warehouse.store.night_records import record


def decide(contract: Contract, home: Home, extract_date: date) -> FeedNight:
    """What the gate's verdict makes of the night, or the steward's decision where there is one. Nothing is taken yet.

    Raises FileNotFoundError where the night was not gated, or landed again since, and Tampered where something is not what
    landing, gate or steward wrote.
    """
    landing, gate = landed_folder(contract, home, extract_date), gate_folder(contract, home, extract_date)
    if not (gate / GATE).exists():
        raise FileNotFoundError(f"{gate} is not there; run the night again")
    check_gate(home, gate)
    check_landed(home, landing)
    verdict = Verdict.read(gate)
    if verdict.landing != landing.resolve().name:
        raise FileNotFoundError(f"{landing} landed again after its gate; run the night again")
    manifest = Manifest.read(landing)
    decision = _decision(home, manifest, verdict)
    taken = verdict.accepted if decision is None else not isinstance(decision, Refusal)
    return FeedNight(
        extract_date=extract_date, agency=contract.agency, feed=contract.feed,
        status=_status(contract, home, manifest, decision) if taken else REFUSED, started_at=manifest.started_at,
        finished_at=datetime.now(UTC), rows_sent=manifest.rows_sent,
        rows_accepted=verdict.rows_landed - verdict.rows_rejected if taken else 0,
        rows_rejected=manifest.rows_rejected + verdict.rows_rejected, original_sha256=manifest.original_sha256,
        reason=decision.reason if decision else "; ".join(verdict.reasons) or None,
    )  # fmt: skip


def _decision(home: Home, manifest: Manifest, verdict: Verdict) -> Override | None:
    """The steward's last word on these bytes, where there is one: a refusal, or that they are taken all the same."""
    what = (manifest.agency, manifest.feed, manifest.extract_date.isoformat(), manifest.original_sha256)
    return find_refusal(home, *what) or (None if verdict.accepted else find(home, *what))


def accept_night(contract: Contract, home: Home, extract_date: date) -> FeedNight:
    """Take the good rows of a night that is to be taken, and record it.

    Raises as `decide` does, and RuntimeError where the feed's present contract cannot be used.
    """
    if contract.unusable is not None:
        raise RuntimeError(contract.unusable)
    night = decide(contract, home, extract_date)
    if night.is_taken:
        landing, gate = landed_folder(contract, home, extract_date), gate_folder(contract, home, extract_date)
        return _take(contract, home, landing, gate, night)
    record_not_taken(contract, home, night)
    return night


def record_not_taken(contract: Contract, home: Home, night: FeedNight) -> None:
    """Record a night that was refused, or of which nothing came, with what the gate found of it and of no other run."""
    _record_gate(home, night, attempt_of(contract, home, night))
    night.save(home)


def record_taken(contract: Contract, home: Home, night: FeedNight, last: Acceptance | None) -> None:
    """Record a taken night, and what its rows say against those of the `last` accepted one before it."""
    attempt = attempt_of(contract, home, night)
    if attempt.gate is not None:
        _record_gate(home, night, attempt)
    taken = Acceptance.read(accepted_folder(contract, home, night.extract_date))
    for result in [*sent_again(contract, night), *lost_watermark(contract, night, last), *far_fewer(night, taken)]:
        _record_rule(home, night, result.rule, [result])
    # Before the night counts as recorded: a crash in between is made good by the next build.
    record_profile(contract, home, night)
    night.save(home)


def record_results(home: Home, extract_date: date, agency: str, feed: str, results: list[RuleResult]) -> None:
    record(home, "gate_result", extract_date, _plain(results), {"agency": agency, "feed": feed})


def _record_gate(home: Home, night: FeedNight, attempt: Attempt) -> None:
    """With the night and not before: a crash between gate and record leaves both as they were in the run before."""
    results = Verdict.read(attempt.gate).results if attempt.gate else []
    record_results(home, night.extract_date, night.agency, night.feed, results)


def _record_rule(home: Home, night: FeedNight, rule: str, results: list[RuleResult]) -> None:
    """Put one rule's result beside the gate's, in place of what was recorded of it."""
    of_rule = {"agency": night.agency, "feed": night.feed, "rule": rule}
    record(home, "gate_result", night.extract_date, _plain(results), of_rule)


def _plain(results: list[RuleResult]) -> list[dict[str, object]]:
    return [{name: value for name, value in vars(result).items() if name != "examples"} for result in results]


def _status(contract: Contract, home: Home, manifest: Manifest, decision: Override | None) -> str:
    """Of a night that is taken."""
    if decision is not None:
        return BY_STEWARD
    before = last_accepted(contract, home, date.fromordinal(manifest.extract_date.toordinal() - 1))
    same = before is not None and Acceptance.read(before).original_sha256 == manifest.original_sha256
    return UNCHANGED if same else ACCEPTED


def _take(contract: Contract, home: Home, landing: Path, gate: Path, night: FeedNight) -> FeedNight:
    """Write the accepted extract, the changes of the nights after it anew, and its record; returns the night with what it changed."""
    target = accepted_folder(contract, home, night.extract_date)
    remove_unfinished(target.parent, ACCEPTANCE, erase)
    before = accepted_nights(contract, home, night.extract_date - timedelta(days=1))
    last = Acceptance.read(before[-1]) if before else None
    with keyed_night(contract, home, target, "accepted") as folder:
        copy_good_rows(landing / ROWS, gate / REJECTS, folder / ROWS)
        (folder / WORDING).write_bytes(contract.wording)
        acceptance = _acceptance(contract, home, night)
        mark = usable(contract, last) if last else None
        replace(acceptance, watermark=reached(contract, folder / ROWS, night.started_at, mark)).write(folder)
        changes = write_changes(contract, before, folder)
        # Before the night takes the place of its older self: where this fails, the next try finds it different again.
        _mend_later_changes(contract, home, [*before, folder], target)
        _mend_next_status(contract, home, night)
        seal_accepted(home, folder)
    note_accepted(home, target)
    night = with_changes(night, changes)
    record_taken(contract, home, night, last)
    return night


def _acceptance(contract: Contract, home: Home, night: FeedNight) -> Acceptance:
    """What is written of a night before its rows are looked at: without a watermark, and without changes."""
    mode, deleted_when = contract.extract_mode, contract.increment.deleted_when if contract.increment else None
    target = accepted_folder(contract, home, night.extract_date)
    earlier = Acceptance.read(target) if (target / ACCEPTANCE).exists() else None
    is_again = contract.increment is None and kept_originals(contract, home, night.extract_date)
    if is_again and earlier and earlier.mode == "incremental":
        # Landed again from the originals of a pull that asked for changes only: these never were the whole.
        mode, deleted_when = earlier.mode, earlier.deleted_when
    return Acceptance(
        agency=night.agency, feed=night.feed, extract_date=night.extract_date.isoformat(), status=night.status,
        original_sha256=night.original_sha256 or "", rows_sent=night.rows_sent or 0, rows_accepted=night.rows_accepted or 0,
        rows_rejected=night.rows_rejected or 0, decided_at=night.finished_at.isoformat(), reason=night.reason,
        mode=mode, deleted_when=deleted_when, watermark_column=contract.increment.watermark if contract.increment else None,
        rows_replaced=rows_replaced(contract, night, earlier),
    )  # fmt: skip


def _mend_later_changes(contract: Contract, home: Home, nights: list[Path], target: Path) -> None:
    """Write the changes of later accepted nights anew where the last of `nights` is not what it was at `target`."""
    later = [path for path in accepted_nights(contract, home, date.max) if path.name > target.name]
    if not later or (target.exists() and _is_same(target, nights[-1])):
        return
    for folder in following(contract, later):
        changes = write_changes(contract, nights, folder)
        night = recorded(home, date.fromisoformat(folder.name), contract.agency, contract.feed)
        if night is not None and night.is_taken:
            night = with_changes(night, changes)
            night.save(home)
            _record_rule(home, night, SENT_AGAIN, sent_again(contract, night))
        nights = [*nights, folder]


def _mend_next_status(contract: Contract, home: Home, night: FeedNight) -> None:
    """The accepted night after `night` is unchanged, or not, against what `night` is now."""
    later = [path for path in accepted_nights(contract, home, date.max) if path.name > night.extract_date.isoformat()]
    acceptance = Acceptance.read(later[0]) if later else None
    if acceptance is None or acceptance.status not in (ACCEPTED, UNCHANGED):
        return
    status = UNCHANGED if acceptance.original_sha256 == night.original_sha256 else ACCEPTED
    if status != acceptance.status:
        replace(acceptance, status=status).write(later[0])
        known = recorded(home, date.fromisoformat(later[0].name), contract.agency, contract.feed)
        if known is not None and known.is_taken:
            replace(known, status=status).save(home)


def _is_same(target: Path, folder: Path) -> bool:
    before, now = Acceptance.read(target), Acceptance.read(folder)
    same_way = (before.mode, before.deleted_when) == (now.mode, now.deleted_when)
    return same_way and same_rows(target / ROWS, folder / ROWS)


def with_changes(night: FeedNight, changes: dict[str, int]) -> FeedNight:
    """The night with the counts of what it changed, by kind of change."""
    return replace(
        night, rows_new=changes[NEW], rows_changed=changes[CHANGED], rows_gone=changes[GONE], rows_again=changes[AGAIN]
    )


def copy_good_rows(landed: Path, rejects: Path, target: Path) -> None:
    """All rows but the gate's rejects; the very file where there are none, so that a clean night costs nothing."""
    with open_database() as connection:
        rejected = connection.execute(f"SELECT count(*) FROM {readable(connection, rejects)}").fetchone()
        if rejected == (0,) and share(landed, target):
            return
        good = f"""
            SELECT * EXCLUDE (file_row_number)
            FROM {parquet(landed, "file_row_number = true")}
            WHERE file_row_number + 1 NOT IN (SELECT row FROM {parquet(rejects)})
        """
        write_parquet(connection, good, target)

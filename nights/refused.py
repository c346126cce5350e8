"""Refusing a night that was accepted: a steward saw that it is wrong after all. Its rows are read no further, and the feed goes on with
the last good night before it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from nights.accept import record_not_taken
from nights.folders import accepted_folder
from nights.integrity.sealed_extracts import note_gone
from nights.overrides import Refusal, standing_refusals
from nights.record.feed_night import REFUSED, FeedNight
from nights.record.unrecorded import night_of_acceptance
from nights.rows.accepted import ACCEPTANCE, Acceptance
from sources.contract.model import Contract
from warehouse.home import Home


def set_aside(contract: Contract, home: Home, refusal: Refusal) -> FeedNight:
    """Take the refused night's rows out of use, and record it. What was accepted goes with the next pruning.

    Safe to be done again where a crash cut it short. Raises Tampered.
    """
    night = date.fromisoformat(refusal.extract_date)
    folder = accepted_folder(contract, home, night)
    refused = replace(
        night_of_acceptance(contract, home, Acceptance.read(folder)),
        status=REFUSED, rows_accepted=0, finished_at=datetime.fromisoformat(refusal.decided_at), reason=refusal.reason,
    )  # fmt: skip
    record_not_taken(contract, home, refused)
    note_gone(home, contract.agency, contract.feed, night, "refused by a steward")
    # Last: as long as it stands there, this is done again.
    folder.unlink()
    return refused


def set_aside_missed(contracts: Sequence[Contract], home: Home) -> None:
    """Finish refusals that a crash cut short. Raises Tampered."""
    by_name = {(contract.agency, contract.feed): contract for contract in contracts}
    for refusal in standing_refusals(home):
        contract = by_name.get((refusal.agency, refusal.feed))
        if contract is None:
            continue
        folder = accepted_folder(contract, home, date.fromisoformat(refusal.extract_date))
        if (folder / ACCEPTANCE).exists() and Acceptance.read(folder).original_sha256 == refusal.original_sha256:
            set_aside(contract, home, refusal)

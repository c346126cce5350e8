"""What a steward decides, whoever asks: on a refused night, on an accepted one, a case, a pair in doubt, and what is not as it was written.

`actor` is the person who decides, whose name is kept. What cannot be decided is an error of its own, without words for a person.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime

from linkage.settle import cases, review
from linkage.settle.beginning import begun
from nights import overrides
from nights.accept import accept_night, decide
from nights.folders import accepted_folder, landed_folder
from nights.integrity import vouched
from nights.record.feed_night import FeedNight
from nights.refused import set_aside
from nights.rows.accepted import Acceptance, accepted_nights
from sources.arrival.manifest import Manifest
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.lock import night_lock

EVERYTHING = "everything"


class NoReason(Exception):
    """A decision without a reason is none."""


class AlreadyTaken(Exception):
    """The night needs no decision."""


class LaterNights(Exception):
    """Later nights were added to this one, and what they changed is counted from it: the words are the last of them."""


class UnknownDisposition(Exception):
    """It is none of `linkage.settle.cases.DISPOSITIONS`."""


def accept_refused(
    contract: Contract, home: Home, night: date, reason: str, actor: str, admit: Callable[[Contract], Contract]
) -> FeedNight:
    """Take the good rows of a night that the gate refused; `admit` raises NotAllowed where the feed's agreement or contract forbids it.

    Raises NoReason, NotAllowed, AlreadyTaken, FileNotFoundError where the night was not gated, NightRunning and Tampered.
    """
    _check_reason(reason)
    contract = admit(contract)
    # What is decided on must not change meanwhile, so it is read under the lock.
    with night_lock(home, wait_seconds=0):
        vouched.take_over(home)
        if decide(contract, home, night).is_taken:
            raise AlreadyTaken
        sha256 = Manifest.read(landed_folder(contract, home, night)).original_sha256
        what = (contract.agency, contract.feed, night.isoformat(), sha256)
        overrides.append(home, overrides.Override(*what, reason, actor, datetime.now(UTC).isoformat()))
        return accept_night(contract, home, night)


def refuse_accepted(contract: Contract, home: Home, night: date, reason: str, actor: str) -> FeedNight:
    """Take the rows of an accepted night out of use: the next build reads the last good night before it. `accept_refused` undoes it.

    Raises NoReason, FileNotFoundError where nothing of the night is accepted, LaterNights, NightRunning and Tampered.
    """
    _check_reason(reason)
    with night_lock(home, wait_seconds=0):
        vouched.take_over(home)
        acceptance = Acceptance.read(accepted_folder(contract, home, night))
        later = [folder.name for folder in accepted_nights(contract, home, date.max) if folder.name > night.isoformat()]
        if later:
            raise LaterNights(later[-1])
        what = (contract.agency, contract.feed, night.isoformat(), acceptance.original_sha256)
        refusal = overrides.Refusal(*what, reason, actor, datetime.now(UTC).isoformat())
        overrides.append(home, refusal)
        return set_aside(contract, home, refusal)


def decide_case(home: Home, case: str, disposition: str, reason: str, actor: str) -> cases.Disposition:
    """Write down what was decided of the case that begins with `case`: whoever asks for cases sees it, the warehouse from the next
    night on.

    Raises UnknownDisposition, NoReason, NotPublished, NoCases, NotOne and Tampered.
    """
    chosen = disposition.replace("-", " ").strip().lower()
    if chosen not in cases.DISPOSITIONS:
        raise UnknownDisposition
    _check_reason(reason)
    decision = cases.Disposition(
        cases.find_case(home, case), chosen, reason.strip(), actor, cases.now_text(datetime.now(UTC))
    )
    vouched.take_over(home)
    cases.decide(home, decision)
    return decision


def review_pair(home: Home, pair: str, is_same: bool, reason: str, actor: str) -> review.Pair:
    """Say whether the two records of the pair that begins with `pair` are of the same person or body; later nights follow it.

    Raises NoReason, NotOne, Tampered, and as `linkage.settle.review.queue` does.
    """
    _check_reason(reason)
    queue = {item.pair_id: item for item in review.queue(home)}
    found = queue[begun(pair, queue)]
    vouched.take_over(home)
    review.decide(home, found.entity, found.records, is_same, reason, actor)
    return found


def vouch(home: Home, place: str, reason: str, actor: str) -> None:
    """Take a place of the home as it stands, or EVERYTHING.

    Raises NoReason, ValueError where nothing is sealed there, NightRunning and Tampered.
    """
    _check_reason(reason)
    with night_lock(home, wait_seconds=0):
        if place == EVERYTHING:
            vouched.vouch_for_all(home, reason, actor)
        else:
            vouched.vouch(home, place.rstrip("/"), reason, actor)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise NoReason

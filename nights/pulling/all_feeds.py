"""Landing all feeds of a night at once: one agency that is slow, down or broken does not hold up the others."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Event, Lock, Semaphore, Thread

from nights.accept import record_not_taken
from nights.keyed_nights import refusal_without_key
from nights.pulling.one_feed import land_night
from nights.record.feed_night import FAILED, NO_AGREEMENT, FeedNight
from sources.arrival.manifest import Manifest
from sources.contract.model import Contract
from sources.errors import ExtractError, NotAllowed
from warehouse.errors import KeyRefused
from warehouse.files import DISK_REMEDY, refused_by_disk
from warehouse.home import Home
from warehouse.settings import settings
from warehouse.store.seal import Tampered

_AT_ONCE = 8


@dataclass(frozen=True)
class Pulled:
    """One feed's landing: a manifest, or the night that did not happen."""

    contract: Contract
    manifest: Manifest | None
    missed: FeedNight | None


def pull(
    contracts: list[Contract], admit: Callable[[Contract], Contract], home: Home, extract_date: date
) -> Iterator[Pulled]:
    """Land each feed as `admit` gives it back: without the columns that no agreement covers. It raises NotAllowed where nothing
    new may be done with a feed; what is protected needs a key as well. Yields in the order of `contracts`, missed nights recorded.
    """
    slots = Semaphore(_AT_ONCE)
    waiting: list[tuple[Contract, datetime, _Landing | None, str | None]] = []
    without_key: dict[str, str | None] = {}
    for contract in contracts:
        began = datetime.now(UTC)
        try:
            admitted = admit(contract)
        except NotAllowed as error:
            waiting.append((contract, began, None, str(error)))
            continue
        without_key[contract.name] = refusal_without_key(admitted)
        left_out = frozenset(column.name for column in admitted.left_out)
        landing = None if without_key[contract.name] else _Landing(slots, contract, home, extract_date, left_out)
        waiting.append((contract, began, landing, without_key[contract.name]))
    for contract, started_at, landing, reason in waiting:
        status, manifest = FAILED, None
        if landing is not None:
            manifest, reason = _outcome(landing)
        elif reason not in (contract.unusable, without_key.get(contract.name)):
            status = NO_AGREEMENT
        missed = None
        if manifest is None:
            missed = FeedNight(
                extract_date, contract.agency, contract.feed, status, started_at, datetime.now(UTC), reason=reason
            )
            record_not_taken(contract, home, missed)
        yield Pulled(contract, manifest, missed)


class _Landing:
    """One feed on its way. Its thread is a daemon: a feed that hangs must not keep the process from ending."""

    def __init__(
        self, slots: Semaphore, contract: Contract, home: Home, extract_date: date, left_out: frozenset[str]
    ) -> None:
        self._slots, self._arguments = slots, (contract, home, extract_date, left_out)
        self._future: Future[Manifest] = Future()
        self._has_begun, self._deadline = Event(), 0.0
        self._lock, self._is_over = Lock(), False
        Thread(target=self._land, name=f"landing {contract.name}", daemon=True).start()

    def _land(self) -> None:
        self._slots.acquire()
        self._deadline = time.monotonic() + settings().feed_timeout_seconds
        self._has_begun.set()
        try:
            self._future.set_result(land_night(*self._arguments))
        except BaseException as error:
            self._future.set_exception(error)
        self._make_room()

    def result(self) -> Manifest:
        """Waits until the feed's own time is over; then it is left behind, and the next one may begin."""
        self._has_begun.wait()
        try:
            return self._future.result(timeout=max(self._deadline - time.monotonic(), 0))
        finally:
            self._make_room()

    def _make_room(self) -> None:
        with self._lock:
            if not self._is_over:
                self._slots.release()
            self._is_over = True


def _outcome(landing: _Landing) -> tuple[Manifest | None, str | None]:
    try:
        return landing.result(), None
    except TimeoutError:
        remedy = "look at the agency's system, or raise INTERAGENCY_FEED_TIMEOUT_SECONDS"
        return None, f"did not end within {settings().feed_timeout_seconds:g} seconds; {remedy}"
    except (ExtractError, Tampered, KeyRefused) as error:
        return None, str(error)
    except Exception as error:  # one feed's defect must not cost the other feeds their night
        if refusal := refused_by_disk(error):
            return None, f"{refusal} while landing; {DISK_REMEDY}"
        # Its kind alone: a defect's own words may quote what the agency sent.
        return None, f"{type(error).__name__} while landing; tell the platform's maintainers"

"""Landing all feeds of a night at once: one agency that is slow, down or broken does not hold up the others."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sharing.agreements import Agreement, refusal
from sources.connectors import ExtractError
from sources.contract import Contract
from sources.feed_night import FAILED, NO_AGREEMENT, FeedNight
from sources.landing import land_night
from sources.manifest import Manifest
from warehouse.home import Home

_POOL = 8
TIMEOUT_SECONDS = float(os.environ.get("INTERAGENCY_FEED_TIMEOUT_SECONDS", "3600"))


@dataclass(frozen=True)
class Pulled:
    """One feed's landing: a manifest, or the night that did not happen."""

    contract: Contract
    manifest: Manifest | None
    missed: FeedNight | None


def pull(contracts: list[Contract], agreements: list[Agreement], home: Home, extract_date: date) -> Iterator[Pulled]:
    """Land each feed that an agreement in date today allows; yields in the order of `contracts`, missed nights recorded."""
    today = datetime.now(UTC).date()
    pool = ThreadPoolExecutor(max_workers=_POOL, thread_name_prefix="landing")
    waiting: list[tuple[Contract, datetime, Future[Manifest] | None, str | None]] = []
    for contract in contracts:
        why_not = refusal(agreements, contract.agency, contract.feed, today)
        future = None if why_not else pool.submit(land_night, contract, home, extract_date)
        waiting.append((contract, datetime.now(UTC), future, why_not))
    for contract, started_at, future, why_not in waiting:
        status, reason, manifest = NO_AGREEMENT, why_not, None
        if future is not None:
            status, (manifest, reason) = FAILED, _outcome(future)
        missed = None
        if manifest is None:
            missed = FeedNight(
                extract_date, contract.agency, contract.feed, status, started_at, datetime.now(UTC), reason=reason
            )
            missed.save(home)
        yield Pulled(contract, manifest, missed)
    # A feed past its time-out is left behind: its half-written folder cannot be seen.
    pool.shutdown(wait=False, cancel_futures=True)


def _outcome(future: "Future[Manifest]") -> tuple[Manifest | None, str | None]:
    try:
        return future.result(timeout=TIMEOUT_SECONDS), None
    except TimeoutError:
        return (
            None,
            f"did not end within {TIMEOUT_SECONDS:g} seconds; look at the agency's system, or raise INTERAGENCY_FEED_TIMEOUT_SECONDS",
        )
    except ExtractError as error:
        return None, str(error)
    except Exception as error:  # one feed's defect must not cost the other feeds their night
        return (
            None,
            f"{type(error).__name__} while landing; tell the platform's maintainers ({str(error).splitlines()[0][:200] if str(error) else 'no message'})",
        )

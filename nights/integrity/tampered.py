"""What a build of a night must not read: places that are not as the platform wrote them, and what is gone."""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from nights.integrity.sealed_extracts import check_feed
from nights.overrides import OVERRIDES
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.journal import journals
from warehouse.store.night_records import record_files
from warehouse.store.seal import Tampered, check_parquet

_ACCEPTED_JOURNALS = "accepted/"


def tampered(contracts: Sequence[Contract], home: Home, until: date) -> list[str]:
    """What a build of a night must not read: accepted nights, records and journals that are not as they were written, and
    accepted nights that are gone; each with what to do. Empty where all is well.
    """
    checks: list[Callable[[], None]] = [partial(check_feed, contract, home, until) for contract in contracts]
    checks += [partial(check_parquet, home, path) for path in record_files(home)]
    try:
        # An override speaks for one feed's night, and is asked where that is refused; `check_feed` asks the feeds' own.
        others = [
            one for one in journals(home) if one.name != OVERRIDES and not one.name.startswith(_ACCEPTED_JOURNALS)
        ]
        checks += [journal.check for journal in others]
    except Tampered as error:
        return [str(error)]
    return [said for check in checks if (said := _said_by(check)) is not None]


def _said_by(check: Callable[[], None]) -> str | None:
    try:
        check()
    except Tampered as error:
        return str(error)
    return None

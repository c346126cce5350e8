"""What a command did, as an entry of the ledger; and whether who runs it may see names beside content."""

from typing import TYPE_CHECKING, Any

from orchestration.command.common import NOT_DONE, stop

if TYPE_CHECKING:
    from sharing.ledger.entry import Kind
    from warehouse.home import Home


def note(home: "Home", kind: "Kind", **what: Any) -> None:
    """Ends with 1 where it cannot be written down."""
    from sharing.ledger.errors import LedgerError
    from sharing.ledger.log import Ledger
    from warehouse.journal import actor

    try:
        Ledger(home).append(kind, what, actor())
    except LedgerError as error:
        stop(str(error), NOT_DONE)


def check_grant(home: "Home") -> None:
    """Ends with 1 where the person who asks has no grant for names and content at once."""
    from datetime import UTC, datetime

    from sharing.policy.access import NotGranted, check
    from warehouse.journal import actor
    from warehouse.store.seal import Tampered

    try:
        check(home, actor(), datetime.now(UTC).date())
    except (NotGranted, Tampered) as error:
        stop(str(error), NOT_DONE)

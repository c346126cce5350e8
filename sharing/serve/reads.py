"""What a recipient read, as entries of the ledger: one for each query, and one for each file address when it is first used."""

from collections import OrderedDict
from threading import Lock
from typing import Any

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.release.kept import Release
from sharing.serve.addresses import Address
from sharing.serve.content import check_noted
from sharing.serve.door import Asker
from warehouse.home import Home

# More than can be in use within their time; one that was forgotten is noted again.
_MOST_REMEMBERED = 100_000


class Reads:
    """Whoever reads must be written down first: what cannot be is not read."""

    def __init__(self, home: Home) -> None:
        self._ledger, self._lock = Ledger(home), Lock()
        self._used: OrderedDict[Address, None] = OrderedDict()

    def queried(self, asker: Asker, offered: list[Release]) -> None:
        """Raises as the ledger does, and KeyRefused where the ledger has another release of that name."""
        for release in offered:
            check_noted(self._ledger, release)
        happened = [(Kind.READ, _said("query", asker, release)) for release in offered]
        self._ledger.append_all(happened, asker.recipient)

    def fetched(self, asker: Asker, release: Release, address: Address) -> None:
        """Raises as `queried` does."""
        check_noted(self._ledger, release)
        with self._lock:
            if address in self._used:
                return
            self._ledger.append(Kind.READ, _said("file", asker, release), asker.recipient)
            self._used[address] = None
            while len(self._used) > _MOST_REMEMBERED:
                self._used.popitem(last=False)


def _said(what: str, asker: Asker, release: Release) -> dict[str, Any]:
    said = release.manifest
    return {
        "read": what, "recipient": said.recipient, "agreement": said.agreement, "product": said.product, "release": said.release,
        "token": asker.token.id, "bytes": said.content.bytes,
    }  # fmt: skip

"""What the policy and the lineage say today, read again as soon as one of their files changes: reading lineage takes seconds."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Lock

from catalogue.protection import Protection
from sharing.agreements.model import Agreement
from sharing.agreements.product import Product
from sharing.consent.held import still_holds
from sharing.consent.kept import folder_of
from sharing.policy.policy import Policy
from sharing.release.cover import Covered
from sharing.release.errors import NotReleased
from sharing.release.manifest import Manifest
from warehouse.home import Home

ReadCovered = Callable[[date], Covered]
_State = tuple[tuple[str, int, int, int], ...]


class CoverOfFiles:
    """Reads it from the agreements and from the manifests of dbt that `manifests` names."""

    def __init__(self, home: Home, manifests: Callable[[], list[Path]]) -> None:
        self._home, self._manifests = home, manifests
        self._lineage: tuple[_State, Protection] | None = None
        self._last: Covered | None = None

    def __call__(self, on: date) -> Covered:
        """The same object as long as nothing changed. Raises Tampered, NotReleased."""
        policy, protection = Policy.read(self._home), self._protection()
        last = self._last
        same = last is not None and last.policy.register is policy.register and last.protection is protection
        if last is None or not same or last.on != on:
            self._last = last = Covered(policy, protection, on)
        return last

    def _protection(self) -> Protection:
        files = self._manifests()
        state = tuple((str(path), *_state(path)) for path in files)
        if self._lineage is None or self._lineage[0] != state:
            try:
                self._lineage = state, Protection.read(files)
            except ValueError:
                # A night writes them while it builds.
                raise NotReleased("the manifests of dbt cannot be read now, so nobody can say what may leave") from None
        return self._lineage[1]


class Today:
    """What decides now, and of each product whether its sources allow it, asked once for each state of the files and each day."""

    def __init__(self, read: ReadCovered, home: Home) -> None:
        self._read, self._home, self._lock = read, home, Lock()
        self._consents: _State = ()
        self._held: dict[tuple[str, datetime], bool] = {}
        self._of: Covered | None = None
        self._found: dict[tuple[str, str], str | None] = {}

    def covered(self, on: date) -> Covered:
        """Raises as what reads it does."""
        with self._lock:
            return self._read(on)

    def refusal(self, covered: Covered, agreement: Agreement, product: Product) -> str | None:
        """Why the product may not leave today, in words for the operator; or None."""
        with self._lock:
            if self._of is not covered:
                self._of, self._found = covered, {}
            key = (agreement.digest, product.id)
            if key not in self._found:
                self._found[key] = _refusal(covered, agreement, product)
            return self._found[key]

    def consents_hold(self, said: Manifest) -> bool:
        """Whether what a release rests on still holds, asked again as soon as a consent changed, and each minute. Raises Tampered."""
        with self._lock:
            files = sorted(folder_of(self._home).rglob("*.parquet"))
            state = tuple((str(path), *_state(path)) for path in files)
            if state != self._consents:
                self._consents, self._held = state, {}
            minute = datetime.now(UTC).replace(second=0, microsecond=0)
            key = (said.release, minute)
            if key not in self._held:
                self._held[key] = still_holds(
                    self._home, said.release, int((said.consents or {}).get("counted", 0)), minute
                )
            return self._held[key]


def _refusal(covered: Covered, agreement: Agreement, product: Product) -> str | None:
    try:
        covered.check(agreement, product)
    except NotReleased as error:
        return str(error)
    return None


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size

"""Hand a release over: approved where the agreement asks for a person, once, and in the ledger."""

from pathlib import Path

from sharing.agreements.product import Product
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.release.delivery import folder, s3, sftp
from sharing.release.delivery.place import Place
from sharing.release.errors import NotReleased
from sharing.release.kept import APPROVAL, DELIVERY, Release, note
from sharing.release.manifest import MANIFEST, SIGNATURE
from warehouse.home import Home
from warehouse.journal import actor

_WAYS = {"folder": folder.deliver, "sftp": sftp.deliver, "s3": s3.deliver}


class Waits(Exception):
    """A release that a person has to sign first."""


def approve(home: Home, release: Release, reason: str) -> None:
    """A person signs that it may go. Raises NotReleased without a reason."""
    if not reason.strip():
        raise NotReleased('an approval needs a reason: --reason "…"')
    Ledger(home).append(Kind.DECISION, {"decision": "release approved", "release": release.manifest.release}, actor())
    note(release.folder, APPROVAL, actor(), reason=reason)


def deliver(home: Home, release: Release, product: Product) -> str | None:
    """Returns where it went, None where it was handed over before. Raises NotReleased, Waits."""
    if release.is_delivered:
        return None
    if product.needs_approval and not release.is_approved:
        short = release.manifest.release[:12]
        raise Waits(
            f'it waits for a person: look at it (`interagency release show {short}`), then `interagency release approve {short} --reason "…"`'
        )
    place = _handed_over(release, product)
    said = {"decision": "release delivered", "release": release.manifest.release, "by": product.destination.by}
    Ledger(home).append(Kind.DECISION, said, actor())
    note(release.folder, DELIVERY, actor(), place=place)
    return place


def deliver_beside(recipient: str, product: Product, files: list[tuple[Path, str]]) -> str | None:
    """Bring further files to where a recipient takes the releases of a product; None where it takes them from their own folder.

    Raises NotReleased.
    """
    destination = product.destination
    if destination.to is None or destination.by not in _WAYS:
        return None
    return _WAYS[destination.by](files, Place.of(recipient, destination))


def _handed_over(release: Release, product: Product) -> str:
    destination = product.destination
    if destination.to is None:
        return str(release.folder)
    return _WAYS[destination.by](_files(release), Place.of(release.manifest.recipient, destination))


def _files(release: Release) -> list[tuple[Path, str]]:
    """The manifest last: who sees it has the rows."""
    said = release.manifest
    stem = f"{said.product}-{said.night}-{said.release[:12]}"
    sealed = release.sealed
    content = (sealed, f"{stem}{sealed.name.removeprefix(said.product)}")
    return [
        content,
        (release.folder / SIGNATURE, f"{stem}.{SIGNATURE}"),
        (release.folder / MANIFEST, f"{stem}.{MANIFEST}"),
    ]

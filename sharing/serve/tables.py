"""What a recipient sees: one table for each product that it is given, with the versions that it may read now."""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sharing.agreements.product import Product
from sharing.release.kept import Release, releases
from sharing.release.manifest import MANIFEST, Manifest
from sharing.serve.allowed import served_products, why_not
from sharing.serve.door import Asker
from sharing.serve.errors import forbidden, malformed, unknown
from sharing.serve.today import Today
from sharing.serve.versions import Version, numbered
from warehouse.home import Home

SCHEMA = "products"
_IDS = uuid.UUID("6f3c0c5e-7a0f-5b0c-9a3e-1f1b2c3d4e5f")
_log = logging.getLogger("interagency.serve")


@dataclass(frozen=True)
class Table:
    """Versions that may be read, the oldest first; at least one."""

    share: str
    name: str
    recipient: str
    versions: tuple[Version, ...]

    @property
    def id(self) -> str:
        """Stays the same, and is of this recipient alone."""
        return str(uuid.uuid5(_IDS, f"{self.share}/{self.name}/{self.recipient}"))

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    def of(self, number: int) -> Version:
        """Raises Refused where there is none of that number."""
        found = next((one for one in self.versions if one.number == number), None)
        if found is None:
            raise malformed(f"version {number} cannot be read; there are {self._known}")
        return found

    def as_of(self, at: datetime) -> Version:
        """The last one that was there then. Raises Refused."""
        found = [one for one in self.versions if one.at <= at]
        if not found:
            raise malformed(
                f"no version is as old as {at.isoformat()}; the oldest is of {self.versions[0].at.isoformat()}"
            )
        return found[-1]

    def since(self, at: datetime) -> Version:
        """The first one of then or later. Raises Refused."""
        found = next((one for one in self.versions if one.at >= at), None)
        if found is None:
            raise malformed(f"no version is as new as {at.isoformat()}; the newest is of {self.latest.at.isoformat()}")
        return found

    @property
    def _known(self) -> str:
        return ", ".join(str(one.number) for one in self.versions)


def share_id(agreement: str) -> str:
    return str(uuid.uuid5(_IDS, agreement))


@dataclass(frozen=True)
class Shelf:
    """The tables of whoever asks."""

    home: Home
    today: Today
    asker: Asker

    def names(self) -> list[str]:
        """Of the tables that have a version which may be read."""
        return sorted(product.id for product in served_products(self.asker) if self._readable(product))

    def table(self, share: str, schema: str, name: str) -> Table:
        """By names without regard to case. Raises Refused."""
        self.check(share, schema)
        product = next((one for one in served_products(self.asker) if one.id == name.lower()), None)
        if product is None:
            raise unknown()
        versions = self._versions(product)
        readable = [version for version, refusal in versions if refusal is None]
        if not readable:
            why = versions[-1][1] if versions else "nothing was handed over"
            _log.warning("%s is not served to %s: %s", product.id, self.asker.recipient, why)
            raise forbidden(f"nothing of {product.id} may be read today; ask the platform, which knows why")
        return Table(self.asker.agreement.id, product.id, self.asker.recipient, tuple(readable))

    def check(self, share: str, schema: str = SCHEMA) -> None:
        """Raises Refused where there is no such share and schema for whoever asks."""
        if share.lower() != self.asker.agreement.id or schema.lower() != SCHEMA:
            raise unknown()

    def release(self, product_id: str, release_id: str) -> Release:
        """One that may be read now. Raises Refused."""
        product = next((one for one in served_products(self.asker) if one.id == product_id), None)
        made = [Release(path.parent, Manifest.read(path.parent)) for path in self._manifests(product_id, release_id)]
        found = next((one for one in made if one.manifest.release == release_id), None)
        if product is None or found is None or why_not(found, product, self.asker, self.today) is not None:
            raise forbidden("this file may not be read any more; ask for its table again")
        return found

    def _manifests(self, product_id: str, release_id: str) -> list[Path]:
        """By the beginning of its name alone: the manifests of a year of nights are not read for each piece of a file."""
        return list(self._folder(product_id).glob(f"*-{release_id[:12]}/{MANIFEST}"))

    def _folder(self, product_id: str) -> Path:
        return self.home.releases / self.asker.agreement.id / product_id / self.asker.recipient

    def _readable(self, product: Product) -> list[Version]:
        return [version for version, refusal in self._versions(product) if refusal is None]

    def _versions(self, product: Product) -> list[tuple[Version, str | None]]:
        """Each with why it may not be read now, or None."""
        made = releases(self.home, self.asker.agreement.id, product.id, self.asker.recipient)
        delivered = [one for one in made if one.is_delivered]
        found = numbered(self._folder(product.id), delivered) if delivered else []
        return [(one, why_not(one.release, product, self.asker, self.today)) for one in found]

"""Make one release: held against the agreement and the ledger, written, assessed, sealed, signed. The same asked again is the same release."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from catalogue.protection import Protection
from sharing.agreements.parties import Party
from sharing.consent.held import note_uses
from sharing.ledger.entry import Kind as Happened
from sharing.ledger.log import Ledger
from sharing.ledger.night import entries_of
from sharing.policy.policy import Policy
from sharing.release.consented import use_of
from sharing.release.cover import Covered
from sharing.release.errors import NotReleased
from sharing.release.kept import Release, folder_of, new_folder, one_at_a_time
from sharing.release.making import Making
from sharing.release.manifest import MANIFEST, Manifest
from sharing.release.sealed import recipient_of, seal_for, seal_here
from sharing.release.wanted import Wanted
from warehouse.home import Home
from warehouse.journal import actor
from warehouse.store.published_nights import DATABASE, Night, opened_build, published_nights

_SERVED = "delta-sharing"


@dataclass(frozen=True)
class Maker:
    """What releases are made with: the home, what decides what may leave, the key that signs."""

    home: Home
    covered: Covered
    key: OKPKey

    @classmethod
    def of(cls, home: Home, manifests: list[Path], key: OKPKey) -> "Maker":
        """`manifests` are dbt's, with the SQL that made the night."""
        return cls(home, Covered(Policy.read(home), Protection.read(manifests), datetime.now(UTC).date()), key)

    def wanted(self, agreement_id: str, product_id: str | None = None, night: date | None = None) -> list[Wanted]:
        """Every product, or one, for each of its recipients. Raises NotReleased and AgreementError."""
        agreement = self.covered.agreement(agreement_id)
        products = [one for one in agreement.products if product_id in (None, one.id)]
        if not products:
            known = ", ".join(one.id for one in agreement.products) or "none"
            raise NotReleased(f"agreement {agreement_id} has no product {product_id or 'at all'}; it has: {known}")
        found = night_of(self.home, night)
        return [
            Wanted(agreement, product, self._party(name), found) for product in products for name in product.recipients
        ]

    def make(self, wanted: Wanted) -> Release:
        """Raises NotReleased, KeyRefused. Made before, it is given again as long as it is whole."""
        self.covered.check(wanted.agreement, wanted.product)
        published = check_published(self.home, wanted.night)
        with opened_build(wanted.night) as connection, one_at_a_time(self.home):
            making = Making.begin(self.home, wanted, connection, published)
            folder = folder_of(self.home, making.manifest)
            found = Release(folder, Manifest.read(folder)) if (folder / MANIFEST).exists() else None
            if found is None or not found.is_whole:
                found = Release(folder, self._fill(making, folder))
            self._note(found.manifest)
        return found

    def _note(self, manifest: Manifest) -> None:
        """Once for each release: a crash may have come before its entry."""
        ledger, text = Ledger(self.home), f'"release":"{manifest.release}"'
        if not any(entry.kind == Happened.RELEASE for entry in entries_of(ledger, text)):
            ledger.append(Happened.RELEASE, entry_of(manifest), actor())

    def _fill(self, making: Making, folder: Path) -> Manifest:
        wanted = making.wanted
        recipient = None if wanted.product.format == _SERVED else recipient_of(wanted.recipient)
        with new_folder(self.home, folder) as place:
            manifest = making.write(place)
            path = place / manifest.content.name
            seal_here(path) if recipient is None else seal_for(path, recipient)
            if wanted.agreement.needs_consent:
                note_uses(making.connection, self.home, use_of(wanted), manifest.release)
            manifest.write(place, self.key)
        return manifest

    def _party(self, name: str) -> Party:
        party = self.covered.policy.register.parties.get(name)
        if party is None:
            raise NotReleased(f"{name} is in no parties.yaml; `interagency agreements party {name}`")
        if party.left_on is not None and party.left_on <= self.covered.on:
            raise NotReleased(f"{name} left on {party.left_on}; agree anew without it")
        return party


def night_of(home: Home, night: date | None) -> Night:
    """The build that readers see, or the last one of a night. Raises NotReleased."""
    nights = published_nights(home)
    found = next((one for one in nights if (one.is_current if night is None else one.extract_date == night)), None)
    if found is None:
        known = ", ".join(sorted({str(one.extract_date) for one in nights})) or "none"
        asked = f"no build of {night} is kept" if night else "nothing is published"
        raise NotReleased(f"{asked}, so nothing leaves; kept: {known}")
    return found


def check_published(home: Home, night: Night) -> str:
    """The hash of the published file, which is the one of its publication in the ledger. Raises NotReleased."""
    with (night.folder / DATABASE).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    noted = [
        str(entry.what.get("published_sha256"))
        for entry in entries_of(Ledger(home), f'"night":"{night.extract_date}"')
        if entry.kind == Happened.PUBLICATION and str(entry.what.get("run", "")).startswith(night.run)
    ]
    if found not in noted:
        raise NotReleased(
            f"the published file of {night.extract_date} (run {night.run}) is not the one that the ledger says was published; "
            "run the night again"
        )
    return found


def entry_of(manifest: Manifest) -> dict[str, Any]:
    """A release as the ledger has it."""
    return {
        "release": manifest.release, "agreement": manifest.agreement, "version": manifest.version, "product": manifest.product,
        "recipient": manifest.recipient, "night": manifest.night, "rows": manifest.content.rows,
        "content_sha256": manifest.content.sha256, "manifest": manifest.digest,
    }  # fmt: skip

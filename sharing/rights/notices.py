"""Recipients of what was corrected or erased are told: a signed notice with their own pseudonym of the person, beside their releases."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
from joserfc.jwk import OKPKey

from sharing.agreements.register import Register
from sharing.agreements.signature import sign
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.masking.pseudonym import key_of_epoch
from sharing.release.deliver import deliver_beside
from sharing.release.errors import NotReleased
from sharing.release.kept import Release, releases
from sharing.release.sealed import AGE, recipient_of
from sharing.rights.errors import NotCarriedOut
from sharing.rights.released import Given
from warehouse.errors import KeyRefused
from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.journal import Journal

JOURNAL = "rights/notices.jsonl"
ERASED, CORRECTED = "erased", "corrected"
_FOLDER = "notices"


@dataclass(frozen=True)
class Notice:
    """One that was written; `place` is where it went, `received` what its recipient said of it, and when."""

    notice: str
    recipient: str
    release: str
    what: str
    told_at: str
    place: str
    received: str | None


@dataclass(frozen=True)
class Teller:
    """Who signs for the platform, and who is known."""

    home: Home
    key: OKPKey
    register: Register
    by: str

    def tell(self, what: str, given: Sequence[Given], person_id: str) -> Iterator[Notice]:
        """Of each release that had the person in, one notice. What cannot be delivered stays beside the release, and says so."""
        by_name = {release.manifest.release: release for release in releases(self.home)}
        for one in given:
            release = by_name.get(one.release)
            if release is not None:
                yield self._tell(what, release, person_id if one.carried else None)

    def _tell(self, what: str, release: Release, person_id: str | None) -> Notice:
        said = self._said(what, release, person_id)
        name = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        text = json.dumps({"said": said, "signature": sign(said, self.key, datetime.now(UTC))}, indent=1) + "\n"
        path = self._written(release, name, text)
        place = self._delivered(release, path)
        manifest = release.manifest
        told = {
            "decision": f"a recipient told that a person was {what}",
            "notice": name,
            "recipient": manifest.recipient,
            "release": manifest.release,
        }
        Ledger(self.home).append(Kind.DECISION, told, self.by)
        notice = Notice(name, manifest.recipient, manifest.release, what, said["at"], place, None)
        Journal(self.home, JOURNAL).append(
            {name_: value for name_, value in vars(notice).items() if name_ != "received"}, self.by
        )
        return notice

    def _said(self, what: str, release: Release, person_id: str | None) -> dict[str, Any]:
        manifest = release.manifest
        key = key_of_epoch(self.home, manifest.recipient, manifest.pseudonym_key) if manifest.pseudonym_key else None
        person = key.of(person_id) if key and person_id else None
        return {
            "notice": f"a person was {what}", "release": manifest.release, "agreement": manifest.agreement, "product": manifest.product,
            "recipient": manifest.recipient, "night": manifest.night, "person": person, "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "asks": "delete this person's rows" if what == ERASED else "take the next release in place of this one",
        }  # fmt: skip

    def _written(self, release: Release, name: str, text: str) -> Path:
        """Sealed for the recipient where it has a key: what is said in it is about a person."""
        folder = private_folder(release.folder.parent / _FOLDER)
        party = self.register.parties.get(release.manifest.recipient)
        try:
            recipient = recipient_of(party) if party else None
        except NotReleased:
            recipient = None
        if recipient is None:
            write_text(folder / f"{name}.json", text)
            return folder / f"{name}.json"
        path = folder / f"{name}.json{AGE}"
        path.write_bytes(pyrage.encrypt(text.encode(), [recipient]))
        path.chmod(0o600)
        return path

    def _delivered(self, release: Release, path: Path) -> str:
        manifest = release.manifest
        signed = next((one for one in self.register.agreements if one.agreement.id == manifest.agreement), None)
        product = signed.agreement.product_of(manifest.product) if signed else None
        if product is None:
            return str(path)
        try:
            return deliver_beside(manifest.recipient, product, [(path, path.name)]) or str(path)
        except (NotReleased, KeyRefused, OSError) as error:
            return f"{path}, not delivered ({type(error).__name__}); send it another way"


def note_receipt(home: Home, notice: str, said: str, by: str) -> Notice:
    """That a recipient confirmed it. Raises NotCarriedOut where there is none that begins so, Tampered and LedgerError."""
    found = [one for one in notices(home) if one.notice.startswith(notice)]
    if len(found) != 1 or not said.strip():
        raise NotCarriedOut(f"{len(found)} notices begin with {notice!r}; name one as `interagency subject list` shows it, and say how it was confirmed")  # fmt: skip
    one = found[0]
    Ledger(home).append(
        Kind.DECISION, {"decision": "a notice confirmed", "notice": one.notice, "recipient": one.recipient}, by
    )
    Journal(home, JOURNAL).append({"notice": one.notice, "received": said.strip()}, by)
    return one


def notices(home: Home) -> list[Notice]:
    """Every notice, in their order. Raises Tampered."""
    found: dict[str, dict[str, Any]] = {}
    for entry in Journal(home, JOURNAL).entries():
        found[entry["notice"]] = {**found.get(entry["notice"], {"received": None}), **entry}
    return [Notice(**one) for one in found.values()]


def write_for_agency(home: Home, register: Register, feed: str, name: str, text: str, to: Path | None) -> Path:
    """A notice for the agency of a feed: where its sender says, in clear, or sealed for the agency's key. Raises NotCarriedOut."""
    if to is not None:
        write_text(to, text)
        return to
    providers = [signed.agreement.provider for signed in register.on_feed(feed)]
    party = next((register.parties[one] for one in providers if one in register.parties), None)
    try:
        recipient = recipient_of(party) if party else None
    except NotReleased:
        recipient = None
    if recipient is None:
        raise NotCarriedOut(
            f"the request {name} is kept, and the provider of {feed} has no key that its notice could be sealed for; name a file with "
            "--notice and send it, or have the key written: `interagency release recipient`"
        )
    path = private_folder(home.sent_back / "rights") / f"{name}.json{AGE}"
    path.write_bytes(pyrage.encrypt(text.encode(), [recipient]))
    path.chmod(0o600)
    return path

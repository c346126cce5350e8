"""What a release says of itself: agreement, product, recipient, night, treatments, rows, risk, files; signed by the platform."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from sharing.agreements.canonical import canonical, digest
from sharing.agreements.signature import NotSigned, sign, verify
from sharing.release.errors import NotReleased
from warehouse.files import write_text

MANIFEST, SIGNATURE = "manifest.json", "manifest.jws"


@dataclass(frozen=True)
class Content:
    """The rows as a recipient opens them: name, bytes and hash of the file before it was sealed."""

    name: str
    format: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`release` is the same for the same agreement, product, recipient, night, keys and consents, and so is all the rest.

    `expires` is the last day on which the recipient may use it; `restrictions` a keyed hash of the people whose processing is
    restricted, whose rows are left out, None where there are none or the rows are of nobody.
    """

    release: str
    agreement: str
    version: int
    agreement_digest: str
    purpose: str
    product: str
    relation: str
    recipient: str
    night: str
    run: str
    published_sha256: str
    columns: dict[str, dict[str, Any]]
    condition: str | None
    pseudonym_key: int | None
    consents: dict[str, Any] | None
    risk: dict[str, Any]
    content: Content
    expires: str
    restrictions: str | None = None

    def write(self, folder: Path, key: OKPKey) -> str:
        """Returns its hash. Written last: a folder that has a manifest is a release."""
        said = self.text
        write_text(folder / SIGNATURE, sign(said, key, datetime.now(UTC)) + "\n")
        write_text(folder / MANIFEST, canonical(said).decode() + "\n")
        return digest(said)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Of a folder that a release lies in. Raises NotReleased where there is none that can be read."""
        return cls.read_file(folder / MANIFEST)

    @classmethod
    def read_file(cls, path: Path) -> "Manifest":
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            return cls(**(said | {"content": Content(**said["content"])}))
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise NotReleased(f"{path} is no manifest of a release ({type(error).__name__})") from None

    @property
    def digest(self) -> str:
        return digest(self.text)

    @property
    def text(self) -> dict[str, Any]:
        """What is signed. Nothing is said of restrictions where there are none, as in manifests of earlier versions."""
        said = asdict(self)
        return said if self.restrictions else {name: one for name, one in said.items() if name != "restrictions"}

    def check_signature(self, signature: Path, key: OKPKey) -> None:
        """Raises NotReleased where this key did not sign it."""
        try:
            verify(signature.read_text(encoding="utf-8").strip(), self.text, key, datetime.now(UTC))
        except NotSigned as error:
            raise NotReleased(f"the manifest beside {signature} does not hold: {error}") from None

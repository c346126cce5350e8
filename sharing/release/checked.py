"""A release as its recipient checks it: the manifest is the platform's, and the file beside it what it says."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from sharing.agreements.signature import NotSigned, public_key, signer
from sharing.ledger.note import SIGNS, VerifierKey
from sharing.release.errors import NotReleased
from sharing.release.kept import as_lines
from sharing.release.manifest import MANIFEST, SIGNATURE, Manifest


def check_release(place: Path, keys: Sequence[VerifierKey]) -> Iterator[str]:
    """Lines that say what holds. `place` is a folder with one manifest, or the manifest itself. Raises NotReleased."""
    path = place if place.is_file() else _only_manifest(place)
    manifest = Manifest.read_file(path)
    signature = path.with_name(path.name.removesuffix(MANIFEST) + SIGNATURE)
    yield from as_lines(manifest)
    yield f"signed by {_signer(manifest, signature, keys)}"
    yield _told(manifest, path)


def _only_manifest(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{MANIFEST}"))
    if len(found) != 1:
        raise NotReleased(f"{folder} holds {len(found)} manifests; name the one that you mean")
    return found[0]


def _signer(manifest: Manifest, signature: Path, keys: Sequence[VerifierKey]) -> str:
    try:
        by = signer(signature.read_text(encoding="utf-8").strip())
    except (OSError, NotSigned) as error:
        raise NotReleased(f"{signature} is no signature ({error})") from None
    for known in (key for key in keys if key.kind == SIGNS):
        key = public_key(base64.urlsafe_b64encode(known.public).rstrip(b"=").decode())
        if key.thumbprint() == by.key:
            manifest.check_signature(signature, key)
            return f"{known.name} at {by.at:%Y-%m-%d %H:%M} UTC"
    raise NotReleased("the manifest is signed by a key that is not trusted here; name it with --trust")


def _told(manifest: Manifest, path: Path) -> str:
    for file in sorted(path.parent.iterdir()):
        if file.suffix.removeprefix(".") == manifest.content.format and file.name.startswith(manifest.product):
            with file.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
            if found != manifest.content.sha256:
                raise NotReleased(f"{file} is not the file of this release: its SHA-256 is {found}")
            return f"{file.name} is the file of this release"
    return "the file itself is sealed; open it with age (`age -d -i KEY`) beside the manifest, and verify again"

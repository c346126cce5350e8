"""What binds an exchange over X-Road into the ledger: the hash of what was asked beside the hash of what was answered."""

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any

from sources.arrival.manifest import Manifest

_HASH, _ID = "X-Road-Request-Hash", "X-Road-Request-Id"
# Base64 of SHA-256, SHA-384 or SHA-512.
_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{86}==")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def exchanges(manifest: Manifest) -> list[dict[str, Any]]:
    """What an entry of the kind `exchange` says, one for each answer that came with X-Road's hash of its request.

    `request_hash` is the security server's, in base64; `response_sha256` that of the original as it came. None where the extract
    did not come over X-Road.
    """
    found = []
    for original in manifest.originals:
        said = _said(manifest, PurePosixPath(original.path).name)
        if _HASH in said:
            found.append(
                {
                    "feed": f"{manifest.agency}/{manifest.feed}", "night": manifest.extract_date.isoformat(), "file": original.path,
                    "response_sha256": original.sha256, "contract_sha256": manifest.contract_sha256, **_asked(said),
                }
            )  # fmt: skip
    return found


def _said(manifest: Manifest, file: str) -> dict[str, str]:
    """The headers of the answer that became a file: under its name where there are pages, by themselves where there is one answer."""
    if file not in manifest.evidence:
        return manifest.evidence
    parts = (part.partition(": ") for part in manifest.evidence[file].split("; "))
    return {name: value for name, _, value in parts}


def _asked(said: dict[str, str]) -> dict[str, str]:
    """Hash and id of the request. What is neither is a stranger's text: only its own hash is written down."""
    text = said[_HASH]
    asked = (
        {"request_hash": text}
        if _DIGEST.fullmatch(text)
        else {"request_hash_unread": hashlib.sha256(text.encode()).hexdigest()}
    )
    return {**asked, **({"request_id": said[_ID]} if _UUID.fullmatch(said.get(_ID, "")) else {})}

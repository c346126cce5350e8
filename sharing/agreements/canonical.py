"""The one form of bytes that a text of YAML or JSON is signed and hashed in (RFC 8785, JSON Canonicalization Scheme)."""

import hashlib
from typing import Any

import rfc8785


def canonical(data: Any) -> bytes:
    """Raises ValueError where the data holds what this form cannot say, such as a whole number beyond 2^53."""
    try:
        return rfc8785.dumps(data)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"cannot be written as canonical JSON: {error}") from None


def digest(data: Any) -> str:
    """SHA-256 of the canonical form, as `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(canonical(data)).hexdigest()}"

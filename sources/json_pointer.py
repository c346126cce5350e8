"""JSON pointers (RFC 6901): how a place in a document is named, and what stands there."""

from collections.abc import Sequence
from typing import Any


def pointer_to(*keys: str) -> str:
    """Of one key within another, whatever characters an agency put into their names."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(pointer: str) -> tuple[str, ...]:
    """The keys on the way; none for the whole document. A text that does not begin with a slash is one key."""
    if not pointer.startswith("/"):
        return (pointer,) if pointer else ()
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer[1:].split("/"))


def at_keys(value: Any, keys: Sequence[str]) -> tuple[bool, Any]:
    """Whether something stands there, and what."""
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return False, None
    return True, value

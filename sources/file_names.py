"""Names of originals: what a system calls its files never becomes a path of ours."""

import hashlib
import re
from pathlib import PurePosixPath

_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")
_LONGEST = 150


def safe_name(text: str, fallback: str = "extract") -> str:
    """The last part of `text` as a plain file name of letters, digits and `._=+-`, at most 150 of them."""
    last = re.split(r"[/\\]", text)[-1]
    return _shortened(_UNSAFE.sub("_", last).lstrip(".")) or fallback


def safe_key_name(key: str, taken: set[str]) -> str:
    """A name for an object of a store that is not among `taken`: its folders are kept, joined by `__`."""
    parts = [part for part in key.split("/") if part not in ("", ".", "..")]
    name = safe_name("__".join(parts))
    if name not in taken:
        return name
    # Two keys may fall on one name (`a/b` and `a__b`); the hash of the key keeps them apart, the same every night.
    path = PurePosixPath(name)
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{path.stem}-{digest}{path.suffix}"


def printable(text: str, longest: int = _LONGEST) -> str:
    """A text as messages and rejects may show it: no control character, nothing that turns the line, its middle left out
    where it is longer than `longest` characters."""
    if len(text) > longest:
        text = f"{text[: longest * 2 // 3]}…{text[-longest // 4 :]}"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _shortened(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    suffix = PurePosixPath(name).suffix[:20]
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST - len(suffix) - 13]}-{digest}{suffix}"

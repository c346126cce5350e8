"""Text files in UTF-8, whatever encoding they came in."""

from pathlib import Path

from sources.connectors import ExtractError

_CHUNK_CHARACTERS = 4 << 20


def is_utf8(encoding: str) -> bool:
    """Whether a file of this encoding is UTF-8 as it stands."""
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "ascii", "us-ascii")


def in_utf8(path: Path, encoding: str, scratch: Path) -> Path:
    """The file itself, or a copy in UTF-8 in `scratch`. Raises ExtractError where it is not in `encoding`.

    The engine's own transcoding would need an extension of 336 MB; a stream through Python does not.
    """
    if is_utf8(encoding):
        return path
    target = scratch / "transcoded"
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while chunk := source.read(_CHUNK_CHARACTERS):
                out.write(chunk)
    except (UnicodeError, LookupError) as error:
        raise ExtractError(f"the file is not {encoding}: {error}; declare the encoding that it really has") from None
    return target

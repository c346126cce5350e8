"""Originals that come packed: gzip and zip, told by their first bytes, unpacked to plain bytes beside the night."""

import errno
import gzip
import lzma
import shutil
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, cast

from sources.connectors import ExtractError

# A declared 1000:1 is already beyond any real table; what is larger is refused before it fills the disk.
MAX_EXPANSION = 1000
MIN_LIMIT_BYTES = 1 << 30
_CHUNK_BYTES = 1 << 20
# An office document is a zip too, and is read as it is.
_OFFICE_MARKS = {"[Content_Types].xml", "mimetype"}
# What the readers of archives raise over bytes that are not as they should be; bz2 and a wild offset raise OSError.
_DAMAGE = (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error, OSError, ValueError, RuntimeError)


def unpacked(original: Path, scratch: Path) -> Path:
    """The plain file: `original` itself, or its content unpacked into the folder `scratch`.

    Raises ExtractError where the archive is damaged, holds more or less than one file, or unpacks without end.
    """
    with original.open("rb") as file:
        magic = file.read(4)
    try:
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(original) as packed:
                return _copied(cast(IO[bytes], packed), scratch / original.name.removesuffix(".gz"), original)
        if magic[:4] == b"PK\x03\x04":
            return _only_member(original, scratch)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # the disk, not the archive
        raise ExtractError(f"{original.name} is a damaged archive ({error}); ask the agency to send it again") from None
    if magic[:2] == b"PK" or original.suffix == ".zip" or original.suffix == ".gz":
        raise ExtractError(f"{original.name} is not the archive that its name says; ask the agency to send it again")
    return original


def _only_member(original: Path, scratch: Path) -> Path:
    with zipfile.ZipFile(original) as archive:
        if _OFFICE_MARKS.intersection(archive.namelist()):
            return original
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise ExtractError(f"{original.name} holds {len(members)} files; one is expected")
        # The member's own name is never used as a path: it may point anywhere.
        with archive.open(members[0]) as packed:
            return _copied(packed, scratch / "unpacked", original)


def _copied(packed: IO[bytes], target: Path, original: Path) -> Path:
    limit = max(MIN_LIMIT_BYTES, original.stat().st_size * MAX_EXPANSION)
    if shutil.disk_usage(target.parent).free < limit // 100:
        raise ExtractError(f"too little disk to unpack {original.name}; free some space, then run the night again")
    written = 0
    with target.open("wb") as plain:
        while chunk := packed.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > limit:
                raise ExtractError(
                    f"{original.name} unpacks to more than {limit} bytes; it is refused as a decompression bomb"
                )
            plain.write(chunk)
    return target

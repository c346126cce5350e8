"""Zips of strangers: every name once, no way out of the folder, nothing hidden between the members, no bombs."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sharing.ledger.xroad.errors import Broken
from sources.arrival.limits import Limits
from sources.file_names import printable
from sources.formats.packing.members import Member, Unfit, opened_zip, zip_members

# As of an extract; one archive of a security server has some dozens of megabytes.
_LIMITS = Limits()
MOST_CONTAINERS = 100_000
# Containers are read whole.
MOST_CONTAINER_BYTES = 256 << 20
_LOCAL_HEADER = 30
_HAS_DESCRIPTOR, _IS_UTF8 = 0x8, 0x800
# Bytes of the sizes and check sum after a member whose header was written before they were known (APPNOTE.TXT, 4.3.9).
_DESCRIPTORS = (12, 16, 20, 24)
_DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    OSError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    OverflowError,
)


@dataclass(frozen=True)
class OpenZip:
    """The members of a zip, by name; `allowed` bytes may come out of all of them together."""

    members: dict[str, Member]
    allowed: int

    def content(self, name: str, most: int) -> bytes:
        """The bytes of a member that may have `most`. Raises Broken."""
        content = bytearray()
        with _told():
            for chunk in self.members[name].chunks():
                content += chunk
                if len(content) > min(most, self.allowed):
                    raise Broken(f"{printable(name)} unpacks to more than {min(most, self.allowed):,} bytes")
        return bytes(content)


@contextmanager
def opened(path: Path, most_members: int) -> Iterator[OpenZip]:
    """Raises Broken where the file is no zip, or one that is not to be trusted."""
    with _told(), opened_zip(path, most_members) as archive:
        members = zip_members(archive, most_members)
        _refuse_names([entry.filename for entry in archive.infolist()])
        _refuse_hidden(archive)
        with _passed_on():
            yield OpenZip({member.name: member for member in members}, _LIMITS.unpacked_of(path.stat().st_size))


class _PassedOn(Exception):
    """What the user of an open zip raised, past the handlers of its opening."""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except _PassedOn as error:
        raise error.args[0] from None
    except Unfit as error:
        raise Broken(f"the zip {error.what}") from None
    except _DAMAGE:
        raise Broken("it is no zip, or a damaged one") from None


@contextmanager
def _passed_on() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise _PassedOn(error) from None


def _refuse_names(names: list[str]) -> None:
    taken: set[str] = set()
    for name in names:
        parts = name.rstrip("/").split("/")
        if (
            name.startswith("/")
            or "\\" in name
            or not name.isprintable()
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise Broken(f"the zip has a member with the name {printable(name)}, which leads elsewhere")
        if name.casefold() in taken:
            raise Broken(f"the zip has {printable(name)} twice")
        taken.add(name.casefold())


def _refuse_hidden(archive: zipfile.ZipFile) -> None:
    """A reader that goes from member to member must find what the directory lists, under the same names."""
    file = archive.fp
    assert file is not None
    entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
    starts = [*(entry.header_offset for entry in entries), archive.start_dir]
    if starts[0]:
        raise Broken("the zip has bytes before its first member")
    for entry, following in zip(entries, starts[1:], strict=True):
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER)
        name_length, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        if file.read(name_length) != entry.orig_filename.encode("utf-8" if entry.flag_bits & _IS_UTF8 else "cp437"):
            raise Broken(f"the zip has {printable(entry.filename)} under two names")
        gap = following - (entry.header_offset + _LOCAL_HEADER + name_length + extra + entry.compress_size)
        if gap not in (_DESCRIPTORS if entry.flag_bits & _HAS_DESCRIPTOR else (0,)):
            raise Broken(f"the zip has bytes after {printable(entry.filename)} that its directory does not list")

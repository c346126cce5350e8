"""Originals that come packed: told by their first bytes, unpacked to plain files beside the night, within the limits of the extract."""

import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sources.arrival.limits import Meter, check_disk
from sources.arrival.remote_path import compiled
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.file_names import printable, safe_key_name
from sources.formats.packing.compressed import bzip2_chunks, gzip_chunks, xz_chunks, zstandard_chunks
from sources.formats.packing.members import Member, Unfit, opened_zip, tar_members, zip_members

# An archive may hold archives, and those plain files alone.
_MOST_LEVELS = 2
_HEAD_BYTES = 512
# Beyond each so many bytes the disk is looked at; a look costs microseconds.
_LOOK_BYTES = 16 << 20
_STREAMS: dict[bytes, Callable[[Path], Iterator[bytes]]] = {
    b"\x1f\x8b": gzip_chunks, b"BZh": bzip2_chunks, b"\xfd7zXZ\0": xz_chunks, b"\x28\xb5\x2f\xfd": zstandard_chunks,
}  # fmt: skip
# The first block of bzip2, or the end of an empty one: BZh alone may begin a text.
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_SPLIT_ZIP = b"PK\x07\x08"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# An office document is a zip too, and is read as it is: Office Open XML, OpenDocument.
_OFFICE_MARKS = ({"[Content_Types].xml"}, {"mimetype", "META-INF/manifest.xml"})
_UNREAD = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "RAR"}
_LEFTOVERS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_PACKED_SUFFIXES = (".zip", ".gz", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".7z", ".rar")
# What the readers of archives raise over bytes that are not as they should be; bz2 and a wild offset raise OSError.
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error, OSError, ValueError, RuntimeError,
    OverflowError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Plain:
    """A plain file: where it lies, and what people call it, such as `towns.zip/2026/north.csv`."""

    path: Path
    file: str


def unpacked(originals: Sequence[Path], scratch: Path, contract: Contract, meter: Meter) -> list[Plain]:
    """The plain files of an extract: originals themselves, or what they hold, unpacked into the folder `scratch`.

    Members of an archive come in the order of their names; the server option `member` says which. Raises ExtractError, with
    the file, where an archive is damaged, encrypted, too deep or empty, or where one of the extract's limits is passed.
    """
    unpacking = _Unpacking(originals, scratch / "unpacked", contract, meter)
    return [plain for path in originals for plain in unpacking.plain(Plain(path, path.name), 0)]


class _Unpacking:
    """All originals of one extract on their way to plain files, under one measure."""

    def __init__(self, originals: Sequence[Path], into: Path, contract: Contract, meter: Meter) -> None:
        self.into, self.meter, self.agency_name = into, meter, contract.agency_name
        self.limit = meter.limits.unpacked_of(sum(path.stat().st_size for path in originals))
        self.most_members = meter.limits.members
        self.pattern = str(contract.server.options.get("member", ""))
        self.written, self._taken = 0, set[str]()
        into.mkdir(exist_ok=True)

    def plain(self, found: Plain, level: int) -> Iterator[Plain]:
        """Each plain file that `found` is or holds; `level` archives are around it."""
        with self._told(found):
            unpack = self._opener(found)
        if unpack is None:
            yield found
            return
        if level == _MOST_LEVELS:
            raise self._refused(found, "lies in an archive within an archive", "for files that are packed once")
        with self._told(found):
            inner = unpack(found, level)
        if level:
            found.path.unlink()
        for item in inner:
            yield from self.plain(item, level + 1)

    def _opener(self, found: Plain) -> "Callable[[Plain, int], list[Plain]] | None":
        """How the file is unpacked; None where it is plain."""
        head = _head(found.path)
        if _stream_of(head):
            return self._from_stream
        if _is_tar(head):
            return self._from_tar
        if head.startswith(_ZIP):
            return None if self._is_office(found) else self._from_zip
        unread = next((name for magic, name in _UNREAD.items() if head.startswith(magic)), None)
        if unread:
            raise Unfit(f"is a {unread} archive, which is not read", "for zip or gzip")
        if found.path.suffix.lower() in _PACKED_SUFFIXES or head.startswith(_SPLIT_ZIP):
            raise Unfit("is not the archive that its name says", "to send it again")
        return None

    def _is_office(self, found: Plain) -> bool:
        with opened_zip(found.path, self.most_members) as archive:
            names = set(archive.namelist())
            if not any(marks <= names for marks in _OFFICE_MARKS):
                return False
            # Its readers trust the sizes that it states: they are held against its bytes here. Other damage they tell themselves.
            for member in zip_members(archive, self.most_members):
                with suppress(*_DAMAGE):
                    for chunk in member.chunks():
                        self._count(found, len(chunk))
        return True

    def _from_stream(self, found: Plain, level: int) -> list[Plain]:
        """The one file; where it is a tar, that is one archive with the stream, and its members are meant."""
        read = _stream_of(_head(found.path))
        assert read is not None
        is_named_so = found.path.suffix.lower() in _PACKED_SUFFIXES
        plain = self._written(found, found.path.stem if is_named_so else found.path.name, read(found.path))
        if not _is_tar(_head(plain.path)):
            return [plain]
        members = self._from_tar(plain, level)
        plain.path.unlink()
        return members

    def _from_tar(self, found: Plain, level: int) -> list[Plain]:
        with tar_members(found.path, self.most_members) as members:
            return self._members(found, members, level)

    def _from_zip(self, found: Plain, level: int) -> list[Plain]:
        with opened_zip(found.path, self.most_members) as archive:
            return self._members(found, zip_members(archive, self.most_members), level)

    def _members(self, found: Plain, members: list[Member], level: int) -> list[Plain]:
        self.most_members -= len(members)
        doubled = [name for name, count in Counter(member.name for member in members).items() if count > 1]
        if doubled:
            raise Unfit(f"has two members called {printable(doubled[0])}", "for one of each name")
        chosen = [member for member in members if self._is_chosen(member.name, level)]
        if not chosen and self.pattern:
            raise Unfit(
                f"holds {len(members)} files, none of them {self.pattern}", "for it, or mend `member` in the contract"
            )
        if not chosen:
            raise Unfit(f"holds {len(members)} files, and no extract", "to send it again")
        return [self._unpacked_member(found, member) for member in sorted(chosen, key=lambda member: member.name)]

    def _is_chosen(self, name: str, level: int) -> bool:
        """By the pattern, which is of the members of the outer archive; nobody means what a desktop leaves beside the files."""
        parts = name.replace("\\", "/").split("/")
        if parts[-1].startswith("._") or parts[-1] in _LEFTOVERS or "__MACOSX" in parts:
            return False
        return not self.pattern or level > 0 or _matches(self.pattern, name)

    def _unpacked_member(self, found: Plain, member: Member) -> Plain:
        whole = Plain(found.path, f"{found.file}/{printable(member.name)}")
        with self._told(whole):
            return self._written(whole, f"{found.path.name}/{member.name}", member.chunks())

    def _written(self, found: Plain, name: str, chunks: Iterator[bytes]) -> Plain:
        # The member's own name is never used as a path: it may point anywhere.
        safe = safe_key_name(name, self._taken)
        while safe in self._taken:
            safe = f"_{safe}"
        self._taken.add(safe)
        target = self.into / safe
        with target.open("xb") as plain:
            for chunk in chunks:
                self._count(found, len(chunk))
                plain.write(chunk)
        return Plain(target, found.file)

    def _count(self, found: Plain, count: int) -> None:
        if (self.written + count) // _LOOK_BYTES > self.written // _LOOK_BYTES:
            check_disk(self.into, _LOOK_BYTES)
        self.written += count
        self.meter.check_time()
        if self.written > self.limit:
            raise self._refused(
                found, f"unpacks to more than {self.limit} bytes, the limit of the extract, and is refused as a decompression bomb",
                "for smaller ones, or allow more unpackedBytes or expansion in limits",
            )  # fmt: skip

    @contextmanager
    def _told(self, found: Plain) -> Iterator[None]:
        try:
            yield
        except Unfit as unfit:
            raise self._refused(found, unfit.what, unfit.remedy) from None
        except _DAMAGE as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the disk, not the archive
            said = printable(str(error) or type(error).__name__)
            raise self._refused(found, f"is a damaged archive ({said})", "to send it again") from None

    def _refused(self, found: Plain, what: str, remedy: str) -> ExtractError:
        return ExtractError(f"{found.file} {what}; ask {self.agency_name} {remedy}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _stream_of(head: bytes) -> Callable[[Path], Iterator[bytes]] | None:
    for magic, read in _STREAMS.items():
        if head.startswith(magic) and (magic != b"BZh" or head[4:10] in _BZIP2_BLOCKS):
            return read
    return None


def _is_tar(head: bytes) -> bool:
    """POSIX and GNU alike; what is older says nothing of itself."""
    return head[257:263] in (b"ustar\0", b"ustar ")


def _matches(pattern: str, name: str) -> bool:
    """A pattern without a folder is of the last part of a name."""
    return compiled(pattern).match(name if "/" in pattern else name.rpartition("/")[2])

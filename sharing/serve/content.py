"""The one Parquet file of a release as its recipient reads it: any part of it, never whole in memory, held against its manifest first."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import entries_of
from sharing.release.kept import Release
from sharing.release.manifest import MANIFEST, Manifest
from warehouse.errors import KeyRefused
from warehouse.keys.data_key import DataKey
from warehouse.keys.keyed_folder import key_of
from warehouse.keys.sealed_file import SEALED, opened_length, opened_range

_PIECE_BYTES = 1 << 20
_State = tuple[int, int, int]


@dataclass(frozen=True)
class Content:
    """`length` in bytes; `key` is None where the file is not sealed."""

    path: Path
    key: DataKey | None
    length: int
    sha256: str

    @classmethod
    def of(cls, release: Release) -> "Content":
        """Raises KeyRefused where the file is not the one that the manifest tells of: so none is read in the place of another."""
        path, said = release.sealed, release.manifest.content
        key = key_of(path) if path.suffix == SEALED else None
        content = cls(path, key, opened_length(path) if key else path.stat().st_size, said.sha256)
        found = path.stat()
        if (
            content.length != said.bytes
            or _digest(content, (found.st_mtime_ns, found.st_ino, found.st_size)) != said.sha256
        ):
            raise KeyRefused(f"{path} is not the file of its release; put it back from a backup")
        return content

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """In pieces. Raises KeyRefused where it is not as it was sealed."""
        if self.key is not None:
            yield from opened_range(self.path, self.key, start, stop)
            return
        with self.path.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(_PIECE_BYTES, stop - start))):
                start += len(piece)
                yield piece

    def schema(self) -> pa.Schema:
        """Its columns and their types."""
        with pa.PythonFile(io.BufferedReader(_Seekable(self)), mode="r") as file:
            return pq.read_schema(file)


def check_noted(ledger: Ledger, release: Release) -> None:
    """Raises KeyRefused where the manifest is not the one that the ledger has of this release."""
    found = (release.folder / MANIFEST).stat()
    _check_noted(ledger.folder, release.folder, (found.st_mtime_ns, found.st_ino, found.st_size))


@lru_cache(maxsize=1000)
def _check_noted(ledger: Path, folder: Path, _state: _State) -> None:
    """Once for each state of a manifest, where it holds."""
    manifest = Manifest.read(folder)
    entries = entries_of(Ledger(ledger), f'"release":"{manifest.release}"')
    if not any(one.kind == Kind.RELEASE and one.what["manifest"] == manifest.digest for one in entries):
        raise KeyRefused(
            f"the manifest in {folder} is not the one that the ledger has of its release; put it back from a backup"
        )


@lru_cache(maxsize=1000)
def _digest(content: Content, _state: _State) -> str:
    """Once for each state of a file."""
    found = hashlib.sha256()
    for piece in content.read(0, content.length):
        found.update(piece)
    return found.hexdigest()


class _Seekable(io.RawIOBase):
    """As readers of Parquet take it."""

    def __init__(self, content: Content) -> None:
        self._content, self._place = content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._content.length}[whence] + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        stop = min(self._place + len(view), self._content.length)
        read = b"".join(self._content.read(self._place, stop)) if stop > self._place else b""
        view[: len(read)] = read
        self._place += len(read)
        return len(read)

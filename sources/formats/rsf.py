"""Register Serialisation Format (GOV.UK Registers): a log of items and entries whose hashes prove that none is missing or changed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Reading
from sources.formats.json.record import StrictDecoder, as_text
from sources.formats.staged import Stage, known_headers, refuse_too_many

_SHA256 = "sha-256:"
_OF_ENTRY = ("key", "entry-number", "entry-timestamp")
_LEAF, _NODE = b"\x00", b"\x01"


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one register. Raises ExtractError where a hash is not that of its items or entries, or a line is no command.

    Entries after the last root are proven by nothing: the register is refused for them, or with `unproven: reject` they are
    rejected, and what was proven before them lands.
    """
    register = _Register(contract, paths[0])
    for number, line in register.lines():
        register.obey(number, line)
    rows = register.rows()
    fields = dict.fromkeys(field for _, _, item in rows for field in item)
    headers = [*fields, *(name for name in _OF_ENTRY if name not in fields)]
    known = known_headers(contract, headers, bool(rows))
    # What the register itself adds is nothing new, where the contract has no use for it.
    new = [field for field in fields if contract.matching_header(field) is None]
    refuse_too_many(contract, len(new))
    stage = Stage(scratch / "records.parquet", [*known, *new])
    for broken in register.unproven():
        stage.reject(broken)
    # Entry by entry, because each has fields of its own.
    for place, entry, item in rows:
        values: dict[str, str | None] = {**{name: as_text(value) for name, value in item.items()}, **entry}
        stage.add(tuple(values.get(header) for header in stage.headers), place)
    return stage.reading(connection)


class _Tree:
    """The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf: only the roots of its complete subtrees are kept."""

    def __init__(self) -> None:
        self._roots: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        size, root = 1, hashlib.sha256(_LEAF + leaf).digest()
        while self._roots and self._roots[-1][0] == size:
            root = hashlib.sha256(_NODE + self._roots.pop()[1] + root).digest()
            size *= 2
        self._roots.append((size, root))

    @property
    def root(self) -> str:
        if not self._roots:
            return hashlib.sha256(b"").hexdigest()
        *others, (_, root) = self._roots
        for _, left in reversed(others):
            root = hashlib.sha256(_NODE + left + root).digest()
        return root.hex()


class _Register:
    """What the commands of a file have made so far."""

    def __init__(self, contract: Contract, path: Path) -> None:
        self.contract, self.path = contract, path
        self._decoder = StrictDecoder()
        self._items: dict[str, dict[str, Any]] = {}
        self._entries: list[tuple[int, dict[str, str], dict[str, Any]]] = []
        self._tree = _Tree()
        # How many entries stand before the last root, and whether there is one.
        self._proven, self._has_root = 0, False

    def lines(self) -> Iterator[tuple[int, str]]:
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n") and not self._is_whole(raw):
                    raise self._wrong(number, "the file ends in the middle of a command, it was cut off")
                try:
                    yield number, raw.rstrip(b"\r\n").decode()
                except UnicodeDecodeError:
                    raise self._wrong(number, "bytes that are not valid UTF-8") from None

    def obey(self, number: int, line: str) -> None:
        command, *arguments = line.split("\t")
        if command == "add-item" and len(arguments) == 1:
            self._add_item(number, arguments[0])
        elif command == "append-entry" and len(arguments) == 4:
            self._append(number, arguments)
        elif command == "assert-root-hash" and len(arguments) == 1:
            self._check_root(number, arguments[0].removeprefix(_SHA256))
        else:
            raise self._wrong(number, "no command of the Register Serialisation Format")

    def rows(self) -> list[tuple[int, dict[str, str], dict[str, Any]]]:
        """Line, entry and item of all proven user entries, or of the latest of each key, in the order of the file."""
        proven = self._entries[: self._proven]
        rejects = self.contract.server.options.get("unproven", "refuse") == "reject"
        if not self._has_root or (len(proven) < len(self._entries) and not rejects):
            raise ExtractError(
                f"the last entries are followed by no assert-root-hash, the file may be cut off; ask "
                f"{self.contract.agency_name} to send it again, or write `unproven: reject` in {self.contract.path.name} to take "
                "what is proven"
            )
        if self.contract.server.options.get("rows", "records") == "entries":
            return proven
        latest = {entry["key"]: row for row in proven for entry in (row[1],)}
        return sorted(latest.values(), key=lambda row: row[0])

    def unproven(self) -> Iterator[BrokenRecord]:
        """The entries after the last root."""
        for line, entry, item in self._entries[self._proven :]:
            record = json.dumps({**entry, "item": item}, ensure_ascii=False)
            yield BrokenRecord(line, "an entry after the last assert-root-hash, which nothing proves", record)

    def _add_item(self, number: int, text: str) -> None:
        try:
            item, end, fault = self._decoder.decode(text)
        except ValueError:
            item, end, fault = None, 0, "not JSON"
        if fault or end < len(text) or not isinstance(item, dict):
            raise self._wrong(number, "an item that is no JSON object")
        self._items[hashlib.sha256(text.encode()).hexdigest()] = item

    def _append(self, number: int, arguments: list[str]) -> None:
        kind, key, timestamp, hashes = arguments
        item_hash = hashes.removeprefix(_SHA256)
        if item_hash not in self._items:
            raise self._wrong(number, f"no item before it has the hash {item_hash}")
        if kind == "system":
            return
        if kind != "user":
            raise self._wrong(number, "an entry that is neither user nor system")
        position = str(len(self._entries) + 1)
        leaf = {
            "index-entry-number": position, "entry-number": position, "entry-timestamp": timestamp, "key": key,
            "item-hash": [hashes],
        }  # fmt: skip
        self._tree.add(json.dumps(leaf, separators=(",", ":"), ensure_ascii=False).encode())
        entry = {"key": key, "entry-number": position, "entry-timestamp": timestamp}
        self._entries.append((number, entry, self._items[item_hash]))

    def _check_root(self, number: int, stated: str) -> None:
        if stated != self._tree.root:
            raise self._wrong(
                number, f"the root hash is stated as {stated}, but the entries before it have {self._tree.root}"
            )
        self._proven, self._has_root = len(self._entries), True

    def _is_whole(self, raw: bytes) -> bool:
        """Whether a last line without a line end is a whole assertion, whose length is known."""
        return raw.startswith(b"assert-root-hash\t") and len(raw) == len(b"assert-root-hash\t") + len(_SHA256) + 64

    def _wrong(self, number: int, what: str) -> ExtractError:
        return ExtractError(f"line {number}: {what}; ask {self.contract.agency_name} to send the register again")

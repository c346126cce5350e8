"""The same three records in every format, with the contract that reads them; and helpers to write a format's bytes."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import Feed
from tests.sources.formats.workbooks import xlsx

RECORDS = [("a1", Decimal("1.10"), "Zoë"), ("b2", Decimal("-20.05"), None), ("c3", Decimal("300.00"), "x y")]
EXPECTED = [{"id": key, "amount": amount, "name": name} for key, amount, name in RECORDS]
COLUMNS = (("id", "string, primaryKey: true"), ("amount", 'number, physicalType: "DECIMAL(9,2)"'), ("name", "string"))
# A feed must have some option; this one says nothing.
NO_OPTIONS = {"connector": "local"}


@dataclass(frozen=True)
class Sample:
    """A format's feed and its file; `write` makes a file of other records."""

    feed: Feed
    write: Callable[[list[tuple[Any, ...]]], bytes]

    @property
    def content(self) -> bytes:
        return self.write(RECORDS)


def prop(name: str, kind: str, physical: str = "", **custom: object) -> str:
    """One property in flow style."""
    inner = ", ".join(f"{{property: {key}, value: {value}}}" for key, value in custom.items())
    place = f", customProperties: [{inner}]" if custom else ""
    return (
        f"{{name: {name}, logicalType: {kind}{f', physicalName: {json.dumps(physical)}' if physical else ''}{place}}}"
    )


def packed(value: int, length: int) -> bytes:
    """COMP-3: two digits a byte, the sign in the last half."""
    return bytes.fromhex(str(abs(value)).rjust(2 * length - 1, "0") + ("C" if value >= 0 else "D"))


def zoned(value: int, length: int, encoding: str = "cp500") -> bytes:
    """Digits with the sign over the last one."""
    digits = str(abs(value)).rjust(length, "0")
    signs = "{ABCDEFGHI" if value >= 0 else "}JKLMNOPQR"
    return (digits[:-1] + signs[int(digits[-1])]).encode(encoding)


def _jsonl(rows: list[tuple[Any, ...]]) -> bytes:
    # Written by hand: json.dumps would make a float of the amount.
    return "".join(
        f'{{"id": {json.dumps(key)}, "amount": {amount}, "name": {json.dumps(name, ensure_ascii=False)}}}\n'
        for key, amount, name in rows
    ).encode()


def _json(rows: list[tuple[Any, ...]]) -> bytes:
    return b'{"data": {"items": [' + b",".join(_jsonl(rows).splitlines()) + b"]}}"


def _fixed(rows: list[tuple[Any, ...]]) -> bytes:
    return b"".join(
        key.ljust(4).encode("cp500") + packed(int(amount * 100), 5) + (name or "").ljust(6).encode("cp500")
        for key, amount, name in rows
    )


def _xml(rows: list[tuple[Any, ...]]) -> bytes:
    records = "".join(
        f'<p:row id="{key}"><p:amount>{amount}</p:amount><p:name>{name or ""}</p:name></p:row>\n'
        for key, amount, name in rows
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<p:rows xmlns:p="urn:t">\n{records}</p:rows>\n'.encode()


def _excel(rows: list[tuple[Any, ...]]) -> bytes:
    numbers = [[float(cell) if isinstance(cell, Decimal) else cell for cell in row] for row in rows]
    return xlsx(("Sheet1", [["id", "amount", "name"], *numbers]))


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def _parquet(rows: list[tuple[Any, ...]]) -> bytes:
    types = {"id": pa.string(), "amount": pa.decimal128(9, 2), "name": pa.string()}
    columns = zip(types.items(), zip(*rows, strict=True), strict=True)
    return parquet({name: pa.array(values, kind) for (name, kind), values in columns})


class Register:
    """Writes a register in RSF: its tree is computed anew at each root, by the definition of RFC 6962."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._leaves: list[bytes] = []

    def add(self, key: str, item: dict[str, Any], timestamp: str = "2026-01-01T00:00:00Z") -> None:
        text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        item_hash = f"sha-256:{hashlib.sha256(text.encode()).hexdigest()}"
        number = str(len(self._leaves) + 1)
        leaf = {
            "index-entry-number": number, "entry-number": number, "entry-timestamp": timestamp, "key": key,
            "item-hash": [item_hash],
        }  # fmt: skip
        self._leaves.append(json.dumps(leaf, separators=(",", ":"), ensure_ascii=False).encode())
        self.lines += [f"add-item\t{text}", f"append-entry\tuser\t{key}\t{timestamp}\t{item_hash}"]

    def content(self) -> bytes:
        root = _root(self._leaves).hex()
        return ("\n".join([*self.lines, f"assert-root-hash\tsha-256:{root}"]) + "\n").encode()


def _root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _rsf(rows: list[tuple[Any, ...]]) -> bytes:
    register = Register()
    for key, amount, name in rows:
        register.add(key, {"amount": str(amount)} | ({"name": name} if name else {}))
    return register.content()


def _properties(**physical: str) -> list[str]:
    return [prop(name, kind, physical.get(name, "")) for name, kind in COLUMNS]


_FIXED = [
    prop("id", COLUMNS[0][1], start=1, length=4),
    prop("amount", COLUMNS[1][1], start=5, length=5, encodedAs="packed", decimals=2),
    prop("name", COLUMNS[2][1], start=10, length=6),
]
SAMPLES = {
    "excel": Sample(Feed(_properties(), path="x.xlsx", format="excel", options={"headerRow": "1"}), _excel),
    "fixed": Sample(Feed(_FIXED, path="x.dat", format="fixed", encoding="cp500", options={"recordLength": "15"}), _fixed),
    "json": Sample(Feed(_properties(), path="x.json", format="json", options={"records": "/data/items"}), _json),
    "jsonl": Sample(Feed(_properties(), path="x.jsonl", format="jsonl", options=NO_OPTIONS), _jsonl),
    "parquet": Sample(Feed(_properties(), path="x.parquet", format="parquet", options=NO_OPTIONS), _parquet),
    "rsf": Sample(Feed(_properties(id="key"), path="x.rsf", format="rsf", options={"rows": "records"}), _rsf),
    "xml": Sample(
        Feed(
            _properties(id="@id", amount="q:amount", name="q:name"), path="x.xml", format="xml",
            options={"record": '"q:row"', "namespaces": '{q: "urn:t"}'},
        ),
        _xml,
    ),
}  # fmt: skip

"""Extracts read back with plain libraries: every record as texts by the agency's own column names."""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from lxml import etree

from simulation.extracts.business_register import NAMESPACE
from simulation.extracts.education import HEADER_ROW, SHEETS
from simulation.extracts.social_security import FIELDS, RECORD_LENGTH

Record = dict[str, str | None]


def records(extracts: Path, agency: str, feed: str, night: date) -> list[Record]:
    folder = extracts / agency / night.isoformat()
    read = {"tax_authority": _csv, "social_security": _fixed, "education": _workbook, "business_register": _xml}.get(
        agency
    )
    if read:
        return list(read(next(path for path in sorted(folder.iterdir()) if _is_of(path.name, agency, feed))))
    if feed == "jarvalinn_residents":
        lines = (folder / "jarvalinn" / "residents.jsonl").read_text(encoding="utf-8").splitlines()
        return [{name: _text(value) for name, value in json.loads(line).items()} for line in lines]
    files = sorted((folder / "residents").iterdir()) if feed == "residents" else [folder / f"{feed}.parquet"]
    return [record for file in files for record in _table(pq.read_table(file))]


def _is_of(name: str, agency: str, feed: str) -> bool:
    if agency == "business_register":
        return name.startswith("businesses" if feed == "business" else "roles")
    return not name.endswith(".ctl")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _table(table: pa.Table) -> Iterator[Record]:
    columns = [pc.cast(column, pa.string()).to_pylist() for column in table.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(table.column_names, values, strict=True))


def _csv(path: Path) -> Iterator[Record]:
    with path.open(encoding="cp1252", newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            yield {name: value or None for name, value in row.items()}


def _fixed(path: Path) -> Iterator[Record]:
    content = path.read_bytes()
    assert len(content) % RECORD_LENGTH == 0
    for start in range(RECORD_LENGTH, len(content) - RECORD_LENGTH, RECORD_LENGTH):
        raw = content[start : start + RECORD_LENGTH]
        yield {
            field.name: _value(raw[field.start - 1 : field.start - 1 + field.length], field.encoded_as)
            for field in FIELDS
        }


def _value(raw: bytes, encoded_as: str) -> str | None:
    if encoded_as == "text":
        return raw.decode("cp500").rstrip() or None
    return str(packed_number(raw) if encoded_as == "packed" else zoned_number(raw))


def packed_number(raw: bytes) -> int:
    halves = raw.hex()
    return int(halves[:-1]) * (-1 if halves[-1] == "d" else 1)


def zoned_number(raw: bytes) -> int:
    digits = "".join(f"{byte & 15}" for byte in raw)
    return int(digits) * (-1 if raw[-1] >> 4 == 0xD else 1)


def _workbook(path: Path) -> Iterator[Record]:
    book = fastexcel.read_excel(path)
    for sheet in SHEETS:
        table = pa.table(book.load_sheet(sheet, header_row=HEADER_ROW - 1).to_arrow())
        for record in _table(table):
            yield {name: _without_zeros(name, value) for name, value in record.items()}


def _without_zeros(name: str, value: str | None) -> str | None:
    """A workbook knows one kind of number, and dates with a time of day."""
    if value is None or name in ("School", "Family name", "First name"):
        return value
    if name in ("Born", "Since"):
        return value[:10]
    return value.removesuffix(".0")


def _xml(path: Path) -> Iterator[Record]:
    root = etree.fromstring(gzip.decompress(path.read_bytes()))
    for element in root:
        yield {f"@{name}": value for name, value in element.attrib.items()} | dict(_leaves(element, ""))


def _leaves(element: etree._Element, above: str) -> Iterator[tuple[str, str | None]]:
    for child in element:
        name = f"{above}b:{etree.QName(child).localname}"
        assert etree.QName(child).namespace == NAMESPACE
        if len(child):
            yield from _leaves(child, f"{name}/")
        else:
            yield name, child.text


def cents(text: str) -> int:
    """`1234,56` or `1234.56` as whole cents."""
    return int(Decimal(text.replace(",", ".")) * 100)

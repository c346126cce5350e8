"""Writers of small workbooks: .xlsx; and, as no library writes them here, .ods, .xls (BIFF8 in a compound file) and .xlsb."""

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from tests.sources.archives import zipped

Cell = str | float | bool | None
Rows = Sequence[Sequence[Cell]]
_PREFIXES = {"office": "office", "style": "style", "table": "table", "text": "text", "number": "datastyle"}
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for prefix, name in _PREFIXES.items()
)
_CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def xlsx(
    *sheets: tuple[str, Sequence[Sequence[Any]]], merged: dict[str, list[str]] | None = None, **options: object
) -> bytes:
    """Sheets by name and their rows; a cell may be a value with the format that shows it."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, options) as book:
        # The same bytes on every day.
        book.set_properties({"created": datetime(2026, 1, 1)})
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for place in (merged or {}).get(name, []):
                sheet.merge_range(place, None)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    value, form = cell if isinstance(cell, tuple) else (cell, None)
                    sheet.write(number, column, value, book.add_format({"num_format": form}) if form else None)
    return stream.getvalue()


def with_part(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """A workbook with some bytes of one part replaced, which must be there."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    found = parts[part]
    assert isinstance(found, bytes) and old in found
    return zipped({**parts, part: found.replace(old, new)})


def ods_cell(value: Cell, more: str = "") -> str:
    if value is None:
        return f"<table:table-cell {more}/>"
    if isinstance(value, bool):
        kind = f'office:value-type="boolean" office:boolean-value="{str(value).lower()}"'
    else:
        number = f'float" office:value="{value}'
        kind = f'office:value-type="{"string" if isinstance(value, str) else number}"'
    return f"<table:table-cell {kind} {more}><text:p>{value}</text:p></table:table-cell>"


def ods_row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def ods(
    *tables: tuple[str, str],
    hidden: Sequence[str] = (),
    manifest: str = "",
    kind: str = "spreadsheet",
    styles: str = "",
) -> bytes:
    """Tables by name and the XML of their rows; `styles` are those of cells and numbers."""
    body = "".join(
        f'<table:table table:name="{name}" table:style-name="{"off" if name in hidden else "on"}">{rows}</table:table>'
        for name, rows in tables
    )
    style = (
        '<office:automatic-styles><style:style style:name="off" style:family="table">'
        f'<style:table-properties table:display="false"/></style:style>{styles}</office:automatic-styles>'
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_NAMESPACES} {_CALC}>{style}'
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    return zipped({
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "META-INF/manifest.xml": f'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{manifest}</m:manifest>',
        "content.xml": content,
    })  # fmt: skip


def ods_table(rows: Rows) -> str:
    return "".join(ods_row(*map(ods_cell, row)) for row in rows)


def _biff(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def biff_cell(row: int, column: int, value: Cell) -> bytes:
    """One cell record; a date has the style 1."""
    where = struct.pack("<HHH", row, column, 0)
    if isinstance(value, bool):
        return _biff(0x0205, where + bytes([value, 0]))
    if isinstance(value, str):
        return _biff(0x0204, where + struct.pack("<HB", len(value), 1) + value.encode("utf-16-le"))
    return b"" if value is None else _biff(0x0203, where + struct.pack("<d", value))


def biff_number(row: int, column: int, kind: int, value: bytes, style: int) -> bytes:
    return _biff(kind, struct.pack("<HHH", row, column, style) + value)


def biff_styles(*patterns: str) -> bytes:
    """Style 0 is General; then one for each pattern."""
    formats = b"".join(
        _biff(0x041E, struct.pack("<HHB", 164 + n, len(text), n % 2) + text.encode("utf-16-le" if n % 2 else "latin-1"))
        for n, text in enumerate(patterns)
    )
    used = [0, *range(164, 164 + len(patterns))]
    return formats + b"".join(_biff(0x00E0, struct.pack("<HHH", 0, number, 0) + bytes(14)) for number in used)


def biff_merged(top: int, bottom: int, left: int, right: int) -> bytes:
    return _biff(0x00E5, struct.pack("<5H", 1, top, bottom, left, right))


def biff_formula(row: int, column: int, result: bytes) -> bytes:
    return _biff(0x0006, struct.pack("<HHH", row, column, 0) + result + bytes(6) + struct.pack("<HBH", 3, 0x1E, 1))


def biff_sheet(rows: Rows) -> bytes:
    return b"".join(biff_cell(y, x, value) for y, row in enumerate(rows) for x, value in enumerate(row))


def xls(
    *sheets: tuple[str, bytes],
    hidden: Sequence[str] = (),
    is_1904: bool = False,
    version: int = 0x0600,
    extra: bytes = b"",
) -> bytes:
    """Sheets by name and their cell records; `extra` are further records of the workbook."""
    begin = struct.pack("<HHHHII", version, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    styles = b"".join(_biff(0x00E0, struct.pack("<HHH", 0, form, 0) + bytes(14)) for form in (0, 14))
    head = _biff(0x0809, begin) + extra + _biff(0x0022, struct.pack("<H", is_1904)) + styles
    parts = [
        _biff(0x0809, struct.pack("<HHHHII", version, 0x0010, 0x0DBB, 0x07CC, 0, 6)) + cells + _biff(0x000A)
        for _, cells in sheets
    ]
    names = [name.encode("utf-16-le") for name, _ in sheets]
    at = len(head) + sum(4 + 8 + len(name) for name in names) + 4
    bounds = b""
    for (name, _), raw, part in zip(sheets, names, parts, strict=True):
        bounds += _biff(0x0085, struct.pack("<IBBBB", at, name in hidden, 0, len(name), 1) + raw)
        at += len(part)
    return compound({"Workbook": head + bounds + _biff(0x000A) + b"".join(parts)})


def compound(files: dict[str, bytes]) -> bytes:
    """A compound file of sectors of 512 bytes; each stream is made at least 4096 bytes long, and so is in no small sector."""
    contents = [content.ljust(max(4096, -(-len(content) // 512) * 512), b"\0") for content in files.values()]
    sizes = [len(content) // 512 for content in contents]
    tables = -(-(sum(sizes) + 2) // 127) + 1
    chain = [0xFFFFFFFD] * tables + [0xFFFFFFFE]
    entries = _entry("Root Entry", 5, 0xFFFFFFFE, 0, 1)
    for number, (name, size) in enumerate(zip(files, sizes, strict=True), 1):
        begin = len(chain)
        chain += [*range(begin + 1, begin + size), 0xFFFFFFFE]
        entries += _entry(name, 2, begin, size * 512, 0xFFFFFFFF if number == len(files) else number + 1, is_right=True)
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(tables * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, tables, tables, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack(f"<{tables}I", *range(tables)).ljust(436, b"\xff")
    return header + table + entries.ljust(512, b"\0") + b"".join(contents)


def _entry(name: str, kind: int, start: int, size: int, other: int, is_right: bool = False) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    left, right, child = 0xFFFFFFFF, other if is_right else 0xFFFFFFFF, 0xFFFFFFFF if is_right else other
    return (
        raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, left, right, child) + bytes(36)
        + struct.pack("<IQ", start, size)
    )  # fmt: skip


def _binary(kind: int, content: bytes = b"") -> bytes:
    """A record of MS-XLSB."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = b"", len(content)
    while size >= 128:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return head + length + bytes([size]) + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb_row(number: int, row: Sequence[Cell], first: int = 0) -> bytes:
    content = _binary(0, struct.pack("<IIHBBBI", number, 0, 300, 0, 0, 0, 0))
    for column, value in enumerate(row, first):
        where = struct.pack("<II", column, 0)
        if isinstance(value, bool):
            content += _binary(4, where + bytes([value]))
        elif isinstance(value, str):
            content += _binary(6, where + _wide(value))
        elif value is not None:
            content += _binary(5, where + struct.pack("<d", value))
    return content


def xlsb_merged(top: int, bottom: int, left: int, right: int) -> bytes:
    return (
        _binary(177, struct.pack("<I", 1)) + _binary(176, struct.pack("<4I", top, bottom, left, right)) + _binary(178)
    )


def xlsb_number(column: int, kind: int, value: bytes, style: int) -> bytes:
    return _binary(kind, struct.pack("<II", column, style) + value)


def xlsb_styles(*patterns: str) -> bytes:
    """Style 0 is General; then one for each pattern."""
    formats = b"".join(_binary(44, struct.pack("<H", 164 + n) + _wide(text)) for n, text in enumerate(patterns))
    named = [0, *range(164, 164 + len(patterns))]
    used = b"".join(_binary(47, struct.pack("<HH", 0, number) + bytes(12)) for number in named)
    formats = _binary(615, struct.pack("<I", len(patterns))) + formats + _binary(616)
    # Those of named styles come first, and are none of the cells'.
    named_styles = _binary(626, struct.pack("<I", 1)) + _binary(47, bytes(16)) + _binary(627)
    return formats + named_styles + _binary(617, struct.pack("<I", len(named))) + used + _binary(618)


def xlsb(
    *sheets: tuple[str, bytes, bytes], hidden: Sequence[str] = (), is_1904: bool = False, styles: bytes = b""
) -> bytes:
    """Sheets by name, the records of their rows, and those after the rows."""
    bundle = b"".join(
        _binary(156, struct.pack("<II", name in hidden, number) + _wide(f"rId{number}") + _wide(name))
        for number, (name, _, _) in enumerate(sheets, 1)
    )
    properties = _binary(153, struct.pack("<III", is_1904, 0, 0))
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="worksheets/sheet{number}.bin"/>'
        for number in range(1, len(sheets) + 1)
    )
    relations += f'<Relationship Id="rId99" Type="{kind[:-9]}styles" Target="styles.bin"/>' if styles else ""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "xl/workbook.bin": _binary(131) + properties + _binary(143) + bundle + _binary(144) + _binary(132),
        "xl/_rels/workbook.bin.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f"{relations}</Relationships>",
    }
    if styles:
        parts["xl/styles.bin"] = styles
    for number, (_, rows, after) in enumerate(sheets, 1):
        size = _binary(148, struct.pack("<4I", 0, 9, 0, 9))
        parts[f"xl/worksheets/sheet{number}.bin"] = (
            _binary(129) + size + _binary(145) + rows + _binary(146) + after + _binary(130)
        )
    return zipped(parts)

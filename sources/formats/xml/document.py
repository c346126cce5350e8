"""XML: one element a record, read as a stream; no entities, no DTD, no network, and no more than a record in memory."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
from lxml import etree

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import Reading
from sources.formats.staged import Stage, known_headers, refuse_too_many
from sources.formats.xml.record import XmlShape


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one file. Raises ExtractError where it is not well-formed, was cut off, has a DTD, or is another document."""
    shape = XmlShape(contract)
    stage = _staged(shape, paths[0], scratch / "records.parquet")
    reading = stage.reading(connection)
    missing = set(shape.headers) - set(known_headers(contract, shape.seen, stage.count > 0))
    reading.headers = tuple(header for header in reading.headers if header not in missing)
    return reading


def _staged(shape: XmlShape, path: Path, target: Path) -> Stage:
    """All records; a second time where elements turned up that the contract does not know."""
    known = len(shape.new)
    stage = Stage(target, [*shape.headers, *shape.new])
    # Record by record: XML can only be walked element by element. lxml does in C what can be done there.
    line = 0
    for record in _records(shape, path):
        row = shape.row(record)
        if len(shape.new) == known:
            # Beyond line 65535 libxml2 tells the lines of texts alone: a record without any has that of the one before.
            line = max(line, record.sourceline)
            stage.add(row, line)
    if len(shape.new) == known:
        return stage
    stage.discard()
    refuse_too_many(shape.contract, len(shape.new))
    return _staged(shape, path, target)


def _records(shape: XmlShape, path: Path) -> Iterator[etree._Element]:
    """The records as they end; each is forgotten when the next one is asked for."""
    events = etree.iterparse(
        str(path), events=("end",), tag=shape.tag, remove_comments=True, remove_pis=True, resolve_entities=False,
        load_dtd=False, no_network=True, huge_tree=False,
    )  # fmt: skip
    agency_name, count = shape.contract.agency_name, 0
    try:
        for count, (_, record) in enumerate(events, start=1):
            if count == 1:
                _refuse_doctype(record, agency_name)
            # The inner one would be forgotten before the outer one is read.
            if next(record.iterancestors(shape.tag), None) is not None:
                raise ExtractError(
                    f"line {record.sourceline}: a <{shape.record}> stands within another one; "
                    f"ask {agency_name} what changed, or mend `record` in {shape.contract.path.name}"
                )
            yield record
            record.clear()
            _forget_before(record)
    except etree.XMLSyntaxError as error:
        raise ExtractError(
            f"line {error.lineno or 1}: the file is no well-formed XML, or was cut off ({_fault(error)}); "
            f"ask {agency_name} to send it again"
        ) from None
    if events.root is not None:
        _refuse_doctype(events.root, agency_name)
    if events.root is not None and not count:
        _refuse_other_document(shape, events.root)


def _fault(error: etree.XMLSyntaxError) -> str:
    """The kind of fault by the parser's own name for it; its message would quote the file."""
    # The log goes on from file to file of a process.
    found = next((entry for entry in reversed(list(error.error_log)) if entry.type == error.code), None)
    return str(found.type_name).removeprefix("ERR_").replace("_", " ").lower() if found else "unknown"


def _refuse_doctype(element: etree._Element, agency_name: str) -> None:
    if element.getroottree().docinfo.doctype:
        raise ExtractError(
            f"the file declares a document type (DOCTYPE), which is never read; ask {agency_name} for XML without one"
        )


def _refuse_other_document(shape: XmlShape, root: etree._Element) -> None:
    """A document without records may be an empty list; one without the records' namespace, or a page for people, is none."""
    namespace = etree.QName(shape.tag).namespace or ""
    is_page = etree.QName(root).localname.lower() == "html"
    if is_page or next(root.iter(f"{{{namespace}}}*"), None) is None:
        raise ExtractError(
            f"there is no <{shape.record}> in the file, nor anything else of its namespace; "
            f"ask {shape.contract.agency_name} what changed, or mend `record` and `namespaces` in {shape.contract.path.name}"
        )


def _forget_before(record: etree._Element) -> None:
    """Take the record's elder siblings, and those of what it stands in, out of the tree."""
    node = record
    while (parent := node.getparent()) is not None:
        while node.getprevious() is not None:
            del parent[0]
        node = parent

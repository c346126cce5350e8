"""Parquet: columns of the file's own types; what a database connector wrote lands as it is where nothing is to be changed."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sources.contract.model import Contract
from sources.contract.server.known_systems import kind
from sources.errors import ExtractError
from sources.formats import Reading
from sources.formats.parquet_moments import too_fine, with_texts
from warehouse.engines.duckdb.engine import literal, quoted


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one Parquet file. Raises ExtractError where it is damaged or no Parquet."""
    return ParquetReading(connection, contract, paths[0], scratch)


# A field of type i32 that follows the one before, in Thrift's compact form.
_NEXT_NUMBER = b"\x15"
_LONGEST_PAGE_HEAD = 64
_BATCH_ROWS = 20_000
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
# The engine's decimals end here, and beyond it would read other numbers.
_MOST_DIGITS = 38


class ParquetReading(Reading):
    """One Parquet file; see `formats.Reading`. A record's place is its row number."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, scratch: Path) -> None:
        self._agency_name = contract.agency_name
        self._check_magic(path)
        try:
            metadata = pq.read_metadata(path)
            self._rows: int = metadata.num_rows
            self._check_columns(metadata.schema.to_arrow_schema())
            if _has_checksums(path, metadata):
                _read_with_checksums(path)
            path = self._with_all_digits(path, metadata.schema.to_arrow_schema(), scratch)
            source = f"read_parquet({literal(str(path))})"
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
            as_bytes = [name for name, kind, *_ in described if kind == "BLOB"]
            known = [name for name in as_bytes if contract.matching_header(name)]
            for name in known:
                self._check_text(connection, path, name)
        except (pa.ArrowException, duckdb.Error, UnicodeDecodeError, OSError):
            raise self._refused("the file is no Parquet, or was cut off or damaged") from None
        self.headers = tuple(row[0] for row in described)
        nested = [name for name, kind, *_ in described if _is_nested(kind)]
        self.types = {
            name: kind for name, kind, *_ in described if kind not in ("VARCHAR", "BLOB") and name not in nested
        }
        as_text = [f"CAST(to_json({quoted(name)}) AS VARCHAR) AS {quoted(name)}" for name in nested]
        as_text += [
            f"{f'decode({quoted(name)})' if name in known else f'CAST({quoted(name)} AS VARCHAR)'} AS {quoted(name)}"
            for name in as_bytes
        ]
        self.relation = f"(SELECT * REPLACE ({', '.join(as_text)}) FROM {source})" if as_text else source
        self.parquet = path if _is_our_own(contract) and not as_text else None

    def _check_magic(self, path: Path) -> None:
        with path.open("rb") as file:
            begin = file.read(4)
            file.seek(max(0, path.stat().st_size - 4))
            end = file.read(4)
        if _ENCRYPTED in (begin, end):
            raise self._refused("the file is encrypted", "for it without encryption")
        if begin != _MAGIC or end != _MAGIC:
            raise self._refused("the file is no Parquet, or was cut off")

    def _check_columns(self, schema: pa.Schema) -> None:
        """The engine would name columns anew that are called alike, and read other numbers where there are too many digits."""
        folded = [name.lower() for name in schema.names]
        alike = sorted({name for name in schema.names if folded.count(name.lower()) > 1})
        if alike:
            raise self._refused(f"the file has more than one column {', '.join(alike)}", "for other names")
        wide = [item.name for item in schema if pa.types.is_decimal(item.type) and item.type.precision > _MOST_DIGITS]
        if wide:
            raise self._refused(f"{', '.join(wide)} has decimals of more than {_MOST_DIGITS} digits", "for fewer")

    def _with_all_digits(self, path: Path, schema: pa.Schema, scratch: Path) -> Path:
        """The file itself, or a copy in which the times that the engine would cut are texts."""
        fine = too_fine(path, schema.names)
        nested = [name for name in fine if pa.types.is_nested(schema.field(name).type)]
        if nested:
            raise self._refused(f"{', '.join(nested)} has times with digits below a microsecond", "for microseconds")
        return with_texts(path, fine, scratch / "texts.parquet") if fine else path

    def _check_text(self, connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
        """Some writers do not say that their bytes are text; those that are none cannot land."""
        found = connection.execute(f"""
            SELECT file_row_number + 1
            FROM read_parquet({literal(str(path))}, file_row_number=true)
            WHERE {quoted(name)} IS NOT NULL AND try(decode({quoted(name)})) IS NULL
            LIMIT 1
        """).fetchone()
        if found:
            raise self._refused(f"record {found[0]}: {name} holds bytes that are no text", "for text in UTF-8")

    def _refused(self, what: str, remedy: str = "to send it again") -> ExtractError:
        return ExtractError(f"{what}; ask {self._agency_name} {remedy}")

    def records(self, found: int) -> int:
        """The file's own footer tells it."""
        return self._rows


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _has_checksums(path: Path, metadata: pq.FileMetaData) -> bool:
    """Whether the writer put a checksum into the head of the first page, by the order of its fields in Thrift's compact form."""
    if not metadata.num_row_groups or not metadata.num_columns:
        return False
    column = metadata.row_group(0).column(0)
    places = [place for place in (column.dictionary_page_offset, column.data_page_offset) if place]
    with path.open("rb") as file:
        file.seek(min(places, default=0))
        head = file.read(_LONGEST_PAGE_HEAD)
    at = 0
    # Kind of page, size, packed size: each one a number of seven bits a byte. The fourth field is the checksum.
    for _ in range(3):
        if head[at : at + 1] != _NEXT_NUMBER:
            return False
        at += 1
        while head[at : at + 1] > b"\x7f":
            at += 1
        at += 1
    return head[at : at + 1] == _NEXT_NUMBER


def _read_with_checksums(path: Path) -> None:
    """Raises ArrowException or OSError where a page is not as it was written. The engine does not look."""
    file = pq.ParquetFile(path, page_checksum_verification=True)
    for _ in file.iter_batches(_BATCH_ROWS):
        pass


def _is_our_own(contract: Contract) -> bool:
    """Whether a connector of ours wrote the file. One from outside is written anew: its damage may show in one reader only."""
    found = kind(contract.server)
    return found is not None and found.format == "parquet"

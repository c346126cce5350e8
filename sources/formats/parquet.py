"""Parquet: columns of the file's own types; what a database connector wrote lands as it is where nothing is to be changed."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from sources.connectors import ExtractError, kind
from sources.contract import Contract
from sources.formats import Reading
from warehouse.engine import literal, quoted


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one Parquet file. Raises ExtractError where it is damaged or no Parquet."""
    return ParquetReading(connection, contract, paths[0])


class ParquetReading(Reading):
    """One Parquet file; see `formats.Reading`. A record's place is its row number."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path) -> None:
        try:
            self._rows: int = pq.read_metadata(path).num_rows
            source = f"read_parquet({literal(str(path))})"
            described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        except (pa.ArrowException, duckdb.Error, UnicodeDecodeError, OSError):
            raise ExtractError(
                f"the file is no Parquet, or was cut off; ask {contract.agency_name} to send it again"
            ) from None
        self.headers = tuple(row[0] for row in described)
        nested = [name for name, kind, *_ in described if _is_nested(kind)]
        self.types = {name: kind for name, kind, *_ in described if kind != "VARCHAR" and name not in nested}
        as_json = ", ".join(f"CAST(to_json({quoted(name)}) AS VARCHAR) AS {quoted(name)}" for name in nested)
        self.relation = f"(SELECT * REPLACE ({as_json}) FROM {source})" if nested else source
        self.parquet = path if _is_our_own(contract) and not nested else None

    def records(self, found: int) -> int:
        """The file's own footer tells it."""
        return self._rows


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _is_our_own(contract: Contract) -> bool:
    """Whether a connector of ours wrote the file. One from outside is written anew: its damage may show in one reader only."""
    found = kind(contract.server)
    return found is not None and found.format == "parquet"

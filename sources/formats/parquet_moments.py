"""Times in Parquet with digits below a microsecond, which the engine cuts: such columns become texts with all their digits."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_BATCH_ROWS = 20_000
_UNIT = 1000


def too_fine(path: Path, names: list[str]) -> list[str]:
    """Those of the columns in nanoseconds in which some value, also a nested one, has digits below a microsecond."""
    file = pq.ParquetFile(path)
    fine = [name for name in names if _has_nanoseconds(file.schema_arrow.field(name).type)]
    found: set[str] = set()
    for batch in file.iter_batches(_BATCH_ROWS, columns=fine) if fine else ():
        found |= {name for name in fine if name not in found and any(map(_is_too_fine, _leaves(batch.column(name))))}
        if len(found) == len(fine):
            break
    return [name for name in fine if name in found]


def with_texts(path: Path, names: list[str], target: Path) -> Path:
    """A copy of the file with these columns as texts in ISO 8601, those of a moment in UTC."""
    file = pq.ParquetFile(path)
    schema = pa.schema([item.with_type(pa.string()) if item.name in names else item for item in file.schema_arrow])
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:
        for batch in file.iter_batches(_BATCH_ROWS):
            columns = [
                _text(column) if name in names else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
    return target


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = column.cast(pa.timestamp("ns", "UTC"))
    return column.cast(pa.string())


def _has_nanoseconds(kind: pa.DataType) -> bool:
    return "[ns" in str(kind) and "duration" not in str(kind)


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    kind = column.type
    if pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from _leaves(pc.struct_field(column, number))
    elif pa.types.is_map(kind):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(pc.list_flatten(column))
    elif _has_nanoseconds(kind):
        yield column


def _is_too_fine(column: pa.Array) -> bool:
    units = column.cast(pa.int64())
    return bool(pc.any(pc.not_equal(pc.multiply(pc.divide(units, _UNIT), _UNIT), units)).as_py())

"""Batches of our own as a relation of the engine: read as fast as it takes them, not ahead of it.

Of any other Arrow stream the engine makes a scanner of pyarrow, which reads up to a gigabyte ahead where the engine is slower.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.dataset as ds

# All batches of the file with these columns, from the first on.
Batches = Callable[[list[str]], Iterator[pa.RecordBatch]]


class Streamed(ds.InMemoryDataset):
    """What the engine may scan as often as it likes; it asks a dataset for its scanner, and that for a reader."""

    def __init__(self, schema: pa.Schema, batches: Batches) -> None:
        super().__init__(schema.empty_table())
        self._batches = batches

    # The engine calls it by these names.
    def scanner(self, columns: list[str] | None = None, filter: ds.Expression | None = None) -> "_Pass":
        names = self.schema.names if columns is None else columns
        return _Pass(pa.schema([self.schema.field(name) for name in names]), self._batches, filter)


class _Pass:
    """One scan. Rows that the engine asks not to see are left out here."""

    def __init__(self, schema: pa.Schema, batches: Batches, wanted: ds.Expression | None) -> None:
        self._schema, self._batches, self._wanted = schema, batches, wanted

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._schema, self._rows())

    def _rows(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches(self._schema.names):
            yield batch if self._wanted is None else batch.filter(self._wanted)

"""The cells of one sheet as columns of text, from A1 on, with what is wrong in some of them and what merged ranges repeat."""

import re
from collections.abc import Iterable

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.formats.excel_book import MAX_ROWS, Book, Merged, SheetFacts

_ERROR = "holds an error of Excel"
_DURATION = re.compile(r'DurationIso\("([^"]+)"\)')


class Grid:
    """`columns` by their number from 0, which is A; `faults` by row and column: what a cell holds in place of a value.

    `filled` says which rows have a value of their own: one that a merged range would fill is still blank.
    """

    def __init__(self, book: Book, cells: fastexcel.ExcelReader, name: str, facts: SheetFacts) -> None:
        # From the very first row, so that a row's number here is its number in the sheet.
        loaded = cells.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = loaded.to_arrow_with_errors() if loaded.width else (pa.record_batch([], names=[]), None)
        if batch.num_rows > MAX_ROWS:
            raise book.refused(f"sheet {name} has {batch.num_rows} rows, more than the {MAX_ROWS} of Excel")
        first = loaded.available_columns()[0].absolute_index if batch.num_columns else 0
        self.faults = dict(facts.faults)
        # The reader ends at the last value; a cell whose value is missing may stand beyond it.
        self.rows: int = max([batch.num_rows, *(row + 1 for row, _ in self.faults)])
        width = max([first + batch.num_columns, *(column + 1 for _, column in self.faults)])
        blank, below = pa.nulls(self.rows, pa.string()), pa.nulls(self.rows - batch.num_rows, pa.string())
        found = [pa.concat_arrays([_without_empty(column), below]) for column in batch.columns]
        self.columns: list[pa.Array] = ([blank] * first + found + [blank] * width)[:width]
        durations: dict[int, list[tuple[int, str]]] = {}
        for item in errors.errors if errors else []:
            (row, column), duration = item.position, _DURATION.search(item.detail)
            if duration:
                durations.setdefault(column + first, []).append((row, duration[1]))
            else:
                self.faults[row, column + first] = _ERROR
        self._put_in(durations)
        self.filled = self._filled()

    def _put_in(self, durations: dict[int, list[tuple[int, str]]]) -> None:
        """A time of day of an .ods is no text to the reader, but its text is told with the error."""
        for column, found in durations.items():
            values = self.columns[column].to_numpy(zero_copy_only=False)
            values = values.copy()
            rows, texts = zip(*found, strict=True)
            values[list(rows)] = texts
            self.columns[column] = pa.array(values, pa.string())

    def _filled(self) -> npt.NDArray[np.bool_]:
        filled = np.zeros(self.rows, dtype=bool)
        for column in self.columns:
            filled |= column.is_valid().to_numpy(zero_copy_only=False)
        for row, _ in self.faults:
            filled[row] = True
        return filled

    def text(self, row: int, column: int) -> str:
        """The words of a cell with one space between them."""
        value = self.columns[column][row].as_py() if row < self.rows else None
        return " ".join((value or "").split())

    def fill(self, ranges: Iterable[tuple[Merged, int, int]], columns: Iterable[int]) -> None:
        """Put the value of each range's first cell into its rows from the second to the third of the tuple."""
        before = list(self.columns)
        for index in columns:
            here = [item for item in ranges if item[0].left <= index <= item[0].right]
            if not here:
                continue
            values = self.columns[index].to_pylist()
            for item, first, last in here:
                is_there = item.top < self.rows and item.left < len(before)
                value = before[item.left][item.top].as_py() if is_there else None
                values[first : last + 1] = [value] * max(0, min(last, self.rows - 1) + 1 - first)
            self.columns[index] = pa.array(values, pa.string())


def _without_empty(column: pa.Array) -> pa.Array:
    """An empty text, such as the result of a formula, is seen as an empty cell."""
    texts = column.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)

"""The cells of one sheet as columns of text, from A1 on, with what is wrong in some of them and what merged ranges repeat."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.formats.excel.book_structure import MAX_ROWS, Book, Merged, SheetFacts
from sources.formats.excel.numbers import Told, time_of

_PANIC = "PanicException"
_ERROR = "holds an error of Excel"
# How the reader writes numbers, dates, and the day before the one that never was, which it takes for the same.
_NUMBER, _DATE, _DAY_BEFORE = r"^-?[0-9.]+$", "^[0-9]{4}-", "^1900-02-28 "
_DURATION = re.compile(r'DurationIso\("([^"]+)"\)')


@contextmanager
def reader_of_cells(book: Book) -> Iterator[fastexcel.ExcelReader]:
    """Raises ExtractError where the reader cannot make anything of the file."""
    try:
        yield fastexcel.read_excel(book.path.read_bytes())
    except fastexcel.FastExcelError as error:
        raise book.damaged(error) from None
    except BaseException as error:
        # A part that the reader did not expect ends it in a panic, which is no Exception to Python.
        if type(error).__name__ != _PANIC:
            raise
        raise book.damaged(error) from None


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
        # A time of day of an .ods is no text to the reader, but its text is told with the error.
        durations = Told()
        for item in errors.errors if errors else []:
            (row, column), duration = item.position, _DURATION.search(item.detail)
            if duration:
                durations.add(row, column + first, time_of(duration[1]))
            else:
                self.faults[row, column + first] = _ERROR
        self._facts = facts
        told = ((durations, ""), (facts.numbers, _NUMBER), (facts.no_days, _DAY_BEFORE), (facts.iso_dates, _DATE))
        for texts, where in told:
            self.columns = [texts.put_in(index, column, where) for index, column in enumerate(self.columns)]
        self.filled = self._filled()

    def show(self, index: int) -> None:
        """Put what people see into a column of texts; where that cannot be told, the cell is at fault."""
        self.columns[index] = self._facts.shown.put_in(index, self.columns[index], _NUMBER)
        self.faults |= {place: fault for place, fault in self._facts.unshown.items() if place[1] == index}

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

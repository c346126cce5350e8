"""Excel workbooks (.xlsx): title rows, merged cells, footers and several sheets of one layout. The whole workbook stands in memory."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.connectors import ExtractError
from sources.contract import Contract
from sources.formats import BrokenRecord, Reading
from sources.formats.excel_book import Merged, Workbook, column_letters
from sources.formats.excel_cells import as_expected
from sources.formats.staged import Stage

MAX_ROWS = 1_048_576


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one workbook. Raises ExtractError where it is none, is too large, or has no such sheet or headings."""
    book = Workbook(paths[0], contract.agency_name)
    try:
        cells = fastexcel.read_excel(paths[0].read_bytes())
        sheets = [_Sheet(contract, book, cells, name) for name in _chosen(contract, book)]
    except fastexcel.FastExcelError as error:
        raise book.damaged(error) from None
    stage = Stage(scratch / "records.parquet", sheets[0].headers)
    for sheet in sheets:
        sheet.stage(stage, sheet.name if len(sheets) > 1 else "")
    return stage.reading(connection)


def _chosen(contract: Contract, book: Workbook) -> list[str]:
    options = contract.server.options
    wanted = [
        str(name) for name in options.get("sheets") or ([options["sheet"]] if "sheet" in options else book.visible)
    ]
    missing = [name for name in wanted if name not in book.names]
    if missing:
        raise ExtractError(
            f"the workbook has no sheet {', '.join(missing)}, but {', '.join(book.names)}; "
            f"ask {contract.agency_name} what changed, or change {contract.path.name}"
        )
    if not wanted or (len(wanted) > 1 and "sheets" not in options):
        raise ExtractError(
            f"the workbook has {len(wanted)} visible sheets ({', '.join(wanted) or 'none'}); name one as `sheet`, or several "
            f"of one layout as `sheets`, in {contract.path.name}"
        )
    return wanted


@dataclass(frozen=True)
class _Heading:
    """A column with a name: its place in what was read, and its letters in the sheet."""

    name: str
    index: int
    letters: str


class _Sheet:
    """One sheet: what stands below its headings, without blank rows and footers."""

    def __init__(self, contract: Contract, book: Workbook, cells: fastexcel.ExcelReader, name: str) -> None:
        self.contract, self.book, self.name = contract, book, name
        # fastexcel reads the cells outside Python's lock, and the merged ranges are found meanwhile.
        with ThreadPoolExecutor(1) as beside:
            merged = beside.submit(book.merged, name)
            # From the very first row, so that a row's number here is its number in the sheet.
            loaded = cells.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
            batch, errors = loaded.to_arrow_with_errors() if loaded.width else (pa.record_batch([], names=[]), None)
        self._merged = merged.result()
        self._columns = [batch.column(index) for index in range(batch.num_columns)]
        self._first_column = loaded.available_columns()[0].absolute_index if batch.num_columns else 0
        self._errors = {item.position: item.detail for item in (errors.errors if errors else [])}
        if batch.num_rows > MAX_ROWS:
            raise ExtractError(f"sheet {name} has {batch.num_rows} rows, more than the {MAX_ROWS} of Excel")
        self._header_row = int(contract.server.options.get("headerRow", 1)) - 1
        self._is_filled = self._filled()
        self._fill_merged()
        self._headings = self._named()
        self.headers = [heading.name for heading in self._headings]
        self.lines = self._records()

    def stage(self, stage: Stage, file: str) -> None:
        places = {heading.name: heading for heading in self._headings}
        if set(places) != set(stage.headers):
            raise self._wrong(
                f"has the headings {', '.join(places)}, but the sheet before it {', '.join(stage.headers)}"
            )
        faulty = self._with_errors(file)
        stage.broken += faulty
        broken = [record.line for record in faulty]
        lines = self.lines[~np.isin(self.lines, broken)] if broken else self.lines
        rows = pa.array(lines - 1)
        columns = [
            as_expected(self._columns[places[name].index].take(rows), self.contract.matching_header(name), self.book)
            for name in stage.headers
        ]
        stage.add_columns(columns, pa.array(lines), file)

    def _with_errors(self, file: str) -> list[BrokenRecord]:
        """The records with a cell such as #DIV/0!, which is no value."""
        used = {heading.index: heading for heading in self._headings}
        wrong: dict[int, str] = {}
        for (row, column), _ in self._errors.items():
            if column in used and row > self._header_row:
                wrong.setdefault(row, f"cell {used[column].letters}{row + 1} holds an error of Excel")
        return [BrokenRecord(row + 1, reason, self._shown(row), file) for row, reason in sorted(wrong.items())]

    def _shown(self, row: int) -> str:
        values = {heading.name: self._columns[heading.index][row].as_py() for heading in self._headings}
        return json.dumps(values, ensure_ascii=False)

    def _fill_merged(self) -> None:
        """A merged heading stands in all its cells; so does a value of the columns that the contract names."""
        wanted = set(map(str, self.contract.server.options.get("fillMerged") or []))
        headings = [item for item in self._merged if item.top <= self._header_row <= item.bottom]
        self._fill([(item, self._header_row, self._header_row) for item in headings], range(len(self._columns)))
        below = [(item, item.top, item.bottom) for item in self._merged if item.top > self._header_row]
        named = [index for index in range(len(self._columns)) if wanted and self._label(index) in wanted]
        absent = wanted - {self._label(index) for index in named}
        if absent:
            raise self._wrong(f"has no heading {', '.join(sorted(absent))}, which `fillMerged` names")
        self._fill(below, named)

    def _fill(self, ranges: list[tuple[Merged, int, int]], indexes: range | list[int]) -> None:
        """Put the value of each range's first cell into its rows from the second to the third of the tuple."""
        for index in indexes:
            column = index + self._first_column
            here = [item for item in ranges if item[0].left <= column <= item[0].right]
            if not here:
                continue
            values = self._columns[index].to_pylist()
            for item, first, last in here:
                source = item.left - self._first_column
                value = self._columns[source][item.top].as_py() if source >= 0 else None
                values[first : last + 1] = [value] * (min(last, len(values) - 1) + 1 - first)
            self._columns[index] = pa.array(values, pa.string())

    def _label(self, index: int) -> str:
        column = self._columns[index]
        text = column[self._header_row].as_py() if self._header_row < len(column) else None
        return " ".join((text or "").split())

    def _named(self) -> list[_Heading]:
        headings: list[_Heading] = []
        for index, column in enumerate(self._columns):
            letters, name = column_letters(index + self._first_column), self._label(index)
            is_empty = column[self._header_row + 1 :].null_count == max(0, len(column) - self._header_row - 1)
            doubled = name in {heading.name for heading in headings}
            if (not name or doubled) and is_empty:
                continue
            if not name:
                raise self._wrong(f"has values in column {letters}, but no heading in row {self._header_row + 1}")
            if doubled:
                raise self._wrong(f"has the heading {name} twice, in column {letters} a second time")
            headings.append(_Heading(name, index, letters))
        if not headings:
            raise self._wrong(f"has no headings in row {self._header_row + 1}")
        return headings

    def _records(self) -> npt.NDArray[np.int64]:
        """The numbers of the rows that are records."""
        filled = self._is_filled
        filled[: self._header_row + 1] = False
        footer = self.contract.server.options.get("footer")
        if footer:
            first = self._columns[self._headings[0].index]
            is_footer = pc.fill_null(pc.match_substring_regex(first, str(footer)), False)
            filled &= ~is_footer.to_numpy(zero_copy_only=False)
        return np.flatnonzero(filled) + 1

    def _filled(self) -> npt.NDArray[np.bool_]:
        """Which rows have a value of their own: one that a merged range would fill is still blank."""
        filled = np.zeros(len(self._columns[0]) if self._columns else 0, dtype=bool)
        for column in self._columns:
            filled |= pc.fill_null(pc.not_equal(column, ""), False).to_numpy(zero_copy_only=False)
        for row, _ in self._errors:
            filled[row] = True
        return filled

    def _wrong(self, what: str) -> ExtractError:
        return ExtractError(
            f"sheet {self.name} {what}; ask {self.contract.agency_name} what changed, or change {self.contract.path.name}"
        )

"""Workbooks (.xlsx, .xlsb, .xls, .ods): title rows, merged cells, footers, several sheets of one layout. All stands in memory.

Rows and columns that people have hidden count as the others; hidden sheets are read only where the contract names them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import BrokenRecord, Reading
from sources.formats.excel.book_structure import Book, Merged, column_letters, open_book
from sources.formats.excel.cells import as_expected
from sources.formats.excel.grid import Grid, reader_of_cells
from sources.formats.stacked_headings import joined
from sources.formats.staged import Stage

# How far down a heading is looked for.
_SEARCHED_ROWS = 200
_DETECT = "detect"


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open one workbook. Raises ExtractError where it is none, is too large, or has no such sheet or headings."""
    book = open_book(paths[0], contract.agency_name)
    names = _chosen(contract, book)
    # What a sheet says of its size is known before its cells are read into memory.
    facts = {name: book.facts(name) for name in names}
    with reader_of_cells(book) as cells:
        if set(names) - set(cells.sheet_names):
            raise book.refused(f"sheet {', '.join(set(names) - set(cells.sheet_names))} has no cells", "what changed")
        sheets = [
            _Sheet(contract, book, name, Grid(book, cells, name, facts[name]), facts[name].merged) for name in names
        ]
    stage = Stage(scratch / "records.parquet", sheets[0].headers)
    for sheet in sheets:
        sheet.stage(stage, sheet.name if len(sheets) > 1 else "")
    reading = stage.reading(connection)
    reading.heading, reading.has_heading_row = sheets[0].heading, sheets[0].has_heading_row
    return reading


def _chosen(contract: Contract, book: Book) -> list[str]:
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

    def __init__(self, contract: Contract, book: Book, name: str, grid: Grid, merged: list[Merged]) -> None:
        self.contract, self.book, self.name, self._grid = contract, book, name, grid
        options = contract.server.options
        self._heading_rows = int(options.get("headerRows", 1))
        self._top = (
            self._found_heading(merged) if options.get("headerRow") == _DETECT else int(options.get("headerRow", 1)) - 1
        )
        # The first row below the headings.
        self._below = self._top + self._heading_rows
        self._fill_headings(merged, self._top)
        self._headings = self._named() if self._heading_rows else self._by_position()
        self._show_texts()
        self._fill_values(merged)
        self.headers = [heading.name for heading in self._headings]
        self.lines = self._records()
        self.heading, self.has_heading_row = self._top + 1, self._heading_rows == 1

    def stage(self, stage: Stage, file: str) -> None:
        places = {heading.name: heading for heading in self._headings}
        if set(places) != set(stage.headers):
            raise self._wrong(
                f"has the headings {', '.join(places)}, but the sheet before it {', '.join(stage.headers)}"
            )
        faulty = self._with_faults(file)
        stage.broken += faulty
        broken = [record.line for record in faulty]
        lines = self.lines[~np.isin(self.lines, broken)] if broken else self.lines
        rows = pa.array(lines - 1)
        columns = [
            as_expected(
                self._grid.columns[places[name].index].take(rows), self.contract.matching_header(name), self.book
            )
            for name in stage.headers
        ]
        stage.add_columns(columns, pa.array(lines), file)

    def _with_faults(self, file: str) -> list[BrokenRecord]:
        """The records with a cell such as #DIV/0!, which is no value."""
        used = {heading.index: heading for heading in self._headings}
        wrong: dict[int, str] = {}
        for (row, column), what in sorted(self._grid.faults.items()):
            if column in used and row >= self._below:
                wrong.setdefault(row, f"cell {used[column].letters}{row + 1} {what}")
        return [BrokenRecord(row + 1, reason, self._shown(row), file) for row, reason in sorted(wrong.items())]

    def _shown(self, row: int) -> str:
        values = {heading.name: self._grid.columns[heading.index][row].as_py() for heading in self._headings}
        return json.dumps(values, ensure_ascii=False)

    def _found_heading(self, merged: list[Merged]) -> int:
        """The first row whose headings name all columns of the contract."""
        wanted = {column.header for column in self.contract.columns}
        # A heading in cells that are merged side by side stands once in the sheet, so that only its first one is looked for.
        for top in range(min(_SEARCHED_ROWS, self._grid.rows)):
            self._fill_headings(merged, top)
            if wanted <= set(self._labels(top)):
                return top
        raise self._wrong(f"has no row in its first {_SEARCHED_ROWS} that names {', '.join(sorted(wanted))}")

    def _fill_headings(self, merged: list[Merged], top: int) -> None:
        """A merged heading stands in all its columns, and in the first of its rows alone, as its words are put together."""
        last = top + self._heading_rows - 1
        ranges = [
            (item, max(item.top, top), max(item.top, top)) for item in merged if item.top <= last and item.bottom >= top
        ]
        self._grid.fill(ranges, range(len(self._grid.columns)))

    def _fill_values(self, merged: list[Merged]) -> None:
        """A merged value stands in all its rows in the columns that the contract names."""
        wanted = set(map(str, self.contract.server.options.get("fillMerged") or []))
        columns = [heading.index for heading in self._headings if heading.name in wanted]
        absent = wanted - {heading.name for heading in self._headings}
        if absent:
            raise self._wrong(f"has no heading {', '.join(sorted(absent))}, which `fillMerged` names")
        self._grid.fill([(item, item.top, item.bottom) for item in merged if item.top >= self._below], columns)

    def _show_texts(self) -> None:
        """A column of texts takes what people see of a number: 02360, where the cell holds 2360."""
        for heading in self._headings:
            column = self.contract.matching_header(heading.name)
            if column is None or column.sql_type == "VARCHAR":
                self._grid.show(heading.index)

    def _labels(self, top: int) -> list[str]:
        rows = range(top, top + self._heading_rows)
        return joined([[self._grid.text(row, index) for index in range(len(self._grid.columns))] for row in rows])

    def _is_empty(self, index: int) -> bool:
        below = self._grid.columns[index][self._below :]
        has_faults = any(column == index and row >= self._below for row, column in self._grid.faults)
        return below.null_count == len(below) and not has_faults

    def _named(self) -> list[_Heading]:
        headings: list[_Heading] = []
        for index, name in enumerate(self._labels(self._top)):
            letters = column_letters(index)
            doubled = name in {heading.name for heading in headings}
            if (not name or doubled) and self._is_empty(index):
                continue
            if not name:
                raise self._wrong(f"has values in column {letters}, but no heading in row {self._top + 1}")
            if doubled:
                raise self._wrong(
                    f"has the heading {self.contract.shown_headings([name])} twice, in column {letters} a second time"
                )
            headings.append(_Heading(name, index, letters))
        if not headings:
            raise self._wrong(f"has no headings in row {self._top + 1}")
        return headings

    def _by_position(self) -> list[_Heading]:
        """Without headings, the columns from A on are those of the contract, in its order."""
        columns, grid = self.contract.columns, self._grid
        beyond = next((index for index in range(len(columns), len(grid.columns)) if not self._is_empty(index)), None)
        if beyond is not None:
            raise self._wrong(
                f"has values in column {column_letters(beyond)}, but the contract has {len(columns)} columns"
            )
        grid.columns += [pa.nulls(grid.rows, pa.string())] * (len(columns) - len(grid.columns))
        return [_Heading(column.header, index, column_letters(index)) for index, column in enumerate(columns)]

    def _records(self) -> npt.NDArray[np.int64]:
        """The numbers of the rows that are records."""
        filled = self._grid.filled.copy()
        filled[: self._below] = False
        footer = self.contract.server.options.get("footer")
        if footer:
            first = self._grid.columns[self._headings[0].index]
            is_footer = pc.fill_null(pc.match_substring_regex(first, str(footer)), False)
            filled &= ~is_footer.to_numpy(zero_copy_only=False)
        return np.flatnonzero(filled) + 1

    def _wrong(self, what: str) -> ExtractError:
        return ExtractError(
            f"sheet {self.name} {what}; ask {self.contract.agency_name} what changed, or change {self.contract.path.name}"
        )

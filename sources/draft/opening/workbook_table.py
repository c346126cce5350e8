"""Where the table of a workbook is: its sheet, and the row of its headings below any titles."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.errors import ExtractError
from sources.formats.excel.book_structure import open_book
from sources.formats.excel.grid import reader_of_cells

_LOOKED_AT = 50
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class BookPlace:
    """The server options `sheet` and `headerRow`, where they are not the only and the first one; `doubt` says what was left out."""

    options: dict[str, Any]
    doubt: str = ""


@dataclass(frozen=True)
class _Sheet:
    name: str
    heading: int
    width: int
    rows: int
    is_sure: bool = True


def guessed_table(path: Path) -> BookPlace:
    """The visible sheet with the most cells in its table. Raises ExtractError where it is no workbook, or has no table."""
    book = open_book(path, "the agency")
    for name in book.visible:
        book.facts(name)  # refuses what would fill the memory
    with reader_of_cells(book) as cells:
        sheets = [_looked_through(cells, name) for name in book.visible]
    found = sorted((sheet for sheet in sheets if sheet.width), key=lambda sheet: -sheet.width * sheet.rows)
    if not found:
        raise ExtractError("the workbook has no cells; ask the agency to send it again")
    chosen = found[0]
    options: dict[str, Any] = {"sheet": chosen.name} if len(book.visible) > 1 else {}
    if chosen.heading > 1:
        options["headerRow"] = chosen.heading
    others = ", ".join(sheet.name for sheet in found[1:])
    doubts = [f"The sheet {chosen.name} was read, and not {others}; name the one that is meant."] if others else []
    if not chosen.is_sure:
        doubts.append(
            f"Row {chosen.heading} was taken for the headings, and may be a record; set headerRow, or ask for headings."
        )
    return BookPlace(options, " ".join(doubts))


def _looked_through(cells: Any, name: str) -> _Sheet:
    loaded = cells.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
    if not loaded.width:
        return _Sheet(name, 1, 0, 0)
    batch = loaded.to_arrow()
    top = zip(*(column.to_pylist() for column in batch.slice(0, _LOOKED_AT).columns), strict=True)
    filled = [[cell for cell in row if cell and cell.strip()] for row in top]
    width = max(map(len, filled), default=0)
    heading = next((number for number, row in enumerate(filled, 1) if _is_heading(row, width)), None)
    widest = next((number for number, row in enumerate(filled, 1) if len(row) == width), 1)
    return _Sheet(name, heading or widest, width, batch.num_rows, heading is not None)


def _is_heading(filled: list[str], width: int) -> bool:
    """Words in most columns. A title fills fewer; a row of data has a number or date somewhere."""
    return 3 * len(filled) >= 2 * width and all(_LETTER.search(cell) for cell in filled)

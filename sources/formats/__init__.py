"""How the bytes of an extract become rows and rejects: one module per format, chosen by the contract's server format."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path

import duckdb

from sources.arrival.totals import Totals
from sources.contract.model import Contract
from sources.contract.server.known_formats import form
from sources.errors import ExtractError
from sources.formats.other_kinds import TEXT_FORMATS, refuse_other_kind


@dataclass(frozen=True)
class Place:
    """Where a record begins: its line (or its number, where the format has no lines), and its file where there are several."""

    line: int
    file: str = ""


@dataclass(frozen=True)
class BrokenRecord:
    """A record that does not have the shape of this feed, and where it begins."""

    line: int
    reason: str
    record: str
    file: str = ""


@dataclass(frozen=True)
class Mended:
    """Records or a heading read otherwise than they are written, because nothing else can be meant: how many, and where first."""

    reason: str
    records: int
    lines: tuple[int, ...]
    file: str = ""

    @classmethod
    def at(cls, line: int, reason: str) -> "Mended":
        return cls(reason, 1, (line,))


# Broken records stand in memory until they are written; a file with more of them is not the file that its contract describes.
MOST_BROKEN_RECORDS = 500_000
MOST_BROKEN_CHARACTERS = 256 << 20


def refuse_if_too_many_broken(records: int, characters: int, last: int) -> None:
    """Raises ExtractError where nearly nothing of a file is as its contract says; `last` is the line of the last record seen."""
    if records > MOST_BROKEN_RECORDS or characters > MOST_BROKEN_CHARACTERS:
        raise ExtractError(
            f"{records} records up to line {last} are broken, more than a file may have; declare the delimiter, quote and encoding "
            "that it has, or ask the agency what changed"
        )


class NotSure(Exception):
    """What was read does not add up, and the file is to be read once more with more care."""


class Reading(ABC):
    """A file opened as a relation whose columns are named by the file's headers, in the order of the file.

    The methods may be called once the relation has been read to its end.
    """

    headers: tuple[str, ...]
    relation: str
    # The engine's types of the columns that are not text.
    types: Mapping[str, str] = {}
    # A Parquet file that already is the relation, byte for byte.
    parquet: Path | None = None
    # Where the headers stand.
    heading: int = 1
    # Whether the headers are a row of the file, which may be there again further down.
    has_heading_row: bool = False
    # The texts of each row of a heading of several.
    heading_rows: Sequence[Sequence[str | None]] = ()
    # Whether `with_care` gives another reading of the same file.
    has_care: bool = False

    def broken(self) -> list[BrokenRecord]:
        """The records that are not rows of the relation. Raises ExtractError where nobody can say where they end."""
        return []

    def with_care(self) -> "Reading":
        """The same file read in a slower way, which is sure of each record."""
        return self

    def hides_columns(self, without_last: int, without_last_two: int) -> bool:
        """Whether records may have had more columns than they should; so many have no value in the last, or the last two."""
        return False

    def mended(self) -> list[Mended]:
        """What was read otherwise than it is written."""
        return []

    def open_line(self) -> int | None:
        """The last line where it has no line end, as in a file that was cut off; None otherwise."""
        return None

    @abstractmethod
    def records(self, found: int) -> int:
        """How many records the file holds, counted by other means than the engine's; `found` is what it saw."""

    def places(self, positions: list[int]) -> list[Place]:
        """Where the rows of the relation begin, by their positions in it, from 1."""
        return [Place(position) for position in positions]

    def totals(self) -> Totals | None:
        """What the file's own header or trailer states of it."""
        return None

    def stated_date(self) -> date | None:
        """The date that the file's own header or trailer states; it must be the night's."""
        return None


Read = Callable[[duckdb.DuckDBPyConnection, Contract, list[Path], Path], Reading]


def read(connection: duckdb.DuckDBPyConnection, contract: Contract, paths: list[Path], scratch: Path) -> Reading:
    """Open plain files in this contract's format; what a reader writes meanwhile goes into the folder `scratch`.

    Raises ExtractError where they are not in it.
    """
    if contract.server.format in TEXT_FORMATS:
        for path in paths:
            refuse_other_kind(path, contract.server.format, contract.agency_name)
    function: Read = import_module(form(contract).module).read
    return function(connection, contract, paths, scratch)

"""How the bytes of an extract become rows and rejects: one module per format, chosen by the contract's server format."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import duckdb

from sources.connectors import ExtractError
from sources.contract import Contract

# format -> module with `read(connection, contract, path) -> Reading`
FORMATS = {"csv": "sources.formats.csv", "tsv": "sources.formats.csv"}


@dataclass(frozen=True)
class BrokenRecord:
    """A record that does not have the shape of this feed, with the line of the file on which it begins."""

    line: int
    reason: str
    record: str


class Reading(Protocol):
    """A file opened as a relation of text columns, named by the file's headers, in the order of the file.

    The methods may be called once the relation has been read to its end.
    """

    @property
    def headers(self) -> tuple[str, ...]: ...

    @property
    def relation(self) -> str:
        """What to write after FROM."""

    def broken(self) -> list[BrokenRecord]:
        """The records that are not rows of the relation. Raises ExtractError where nobody can say where they end."""

    def open_line(self) -> int | None:
        """The last line where it has no line end, as in a file that was cut off; None otherwise."""

    def records(self, found: int) -> int:
        """How many records the file holds, counted by other means than the engine's; `found` is what it saw."""

    def lines(self, positions: list[int]) -> list[int]:
        """The lines on which rows of the relation begin, by their positions in it, from 1."""


Read = Callable[[duckdb.DuckDBPyConnection, Contract, Path], Reading]


def reader(contract: Contract) -> Read:
    """The function that reads this contract's format. Raises ExtractError for a format that nothing reads."""
    module = FORMATS.get(contract.server.format)
    if module is None:
        known = ", ".join(sorted(FORMATS))
        raise ExtractError(f"format {contract.server.format!r} is not read; use one of {known}")
    read: Read = import_module(module).read
    return read

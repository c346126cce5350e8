"""A feed's contract: the only place where a feed is described. What it means for SQL is in `rules_as_sql.py`."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from sources.contract.grants import Grant
from sources.typing.number_format import PLAIN, NumberFormat
from warehouse.home import AGENCIES

SUFFIX = ".odcs.yaml"
# From the least to the most protected; what is above `internal` is masked wherever a value is shown.
PERSONAL = "personal"
CLASSIFICATIONS = ("public", "internal", PERSONAL, "special-category")
# Names of the platform's own columns beside an agency's rows.
RESERVED_NAMES = frozenset(
    {"_faults", "_record", "_row", "file_row_number", "_unfit", "_gone", "_stored_key", "_stored_in"}
)
EXTRACT_MODES = ("snapshot", "append", "incremental")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Column:
    """One property of the feed. `header` is the agency's name for it, `sql_type` the engine's type of a landed value.

    `options` are the standard's logicalTypeOptions, `custom` the property's customProperties (where it stands in a record).
    `numbers` is how the texts of a number are written.
    """

    name: str
    header: str
    sql_type: str
    description: str
    classification: str
    required: bool = False
    unique: bool = False
    key_position: int | None = None
    enum: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    numbers: NumberFormat = PLAIN

    @property
    def is_masked(self) -> bool:
        return CLASSIFICATIONS.index(self.classification) > CLASSIFICATIONS.index("internal")

    @property
    def loosened(self) -> "Column":
        """The same, whatever stands in it; where it stands in a record stays."""
        return replace(self, sql_type="VARCHAR", required=False, unique=False, enum=(), options={}, numbers=PLAIN)

    @property
    def must_have_value(self) -> bool:
        return self.required or self.key_position is not None

    @property
    def identifier_kind(self) -> str | None:
        """The module of python-stdnum that knows this identifier, such as `ee.ik`; None where it is none."""
        return self.custom.get("identifierKind")

    @property
    def years_from(self) -> int | None:
        """The first of the hundred years that a year of two digits is one of; None where the contract says none."""
        said = self.custom.get("yearsFrom")
        return None if said is None else int(said)

    @property
    def ambiguous_time(self) -> str | None:
        """Which instant a local time that was twice is: `earlier`, `later`, or None, which refuses it."""
        return self.custom.get("ambiguousTime")


@dataclass(frozen=True)
class QualityRule:
    """A rule of the contract's `quality` sections: a measured number against a bound, on the feed or on one column."""

    name: str
    dimension: str
    severity: str
    description: str
    column: str | None
    metric: str | None = None
    query: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    expectation: dict[str, Any] | None = None
    operator: str = "mustBe"
    bound: Any = 0
    unit: str = "rows"

    def is_about(self, columns: Iterable[str]) -> bool:
        """Whether one of these columns stands anywhere in it."""
        said = json.dumps([self.column, self.query, self.arguments, self.expectation], default=str)
        return not set(columns).isdisjoint(_WORD.findall(said))


@dataclass(frozen=True)
class Reference:
    """A key of this feed that points to another feed's columns."""

    columns: tuple[str, ...]
    to_agency: str
    to_feed: str
    to_columns: tuple[str, ...]

    @property
    def to_name(self) -> str:
        """`agency/feed`, as people write it."""
        return f"{self.to_agency}/{self.to_feed}"


@dataclass(frozen=True)
class Server:
    """Where an extract comes from and what its bytes are.

    `options` are the standard's further fields of the server (host, port, …) and its customProperties, which go first.
    """

    type: str
    location: str
    format: str
    delimiter: str
    encoding: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ServiceLevel:
    """What the agency promised: how often, by when (UTC, HH:MM), how late at most, and how long its originals are kept."""

    frequency: timedelta
    available_by: str
    latency: timedelta
    retention: timedelta

    @property
    def longest_wait(self) -> timedelta:
        """How long after one extract was promised the next one may come; more often than once a night nothing is asked for."""
        return max(self.frequency, timedelta(days=1)) + self.latency


@dataclass(frozen=True)
class DateProof:
    """Where an extract states its own date: `column NAME` or `name REGEX` (of the file, with a group for the date)."""

    kind: str
    expression: str


@dataclass(frozen=True)
class Increment:
    """An extract of what changed: rows whose `watermark` is not before the last accepted one less `lateness`.

    A number's lateness is one too: what is written later may have a lower number, where it was begun earlier.

    `deleted_when` is the column that marks a row as deleted at the agency.
    """

    watermark: str
    deleted_when: str | None
    lateness: timedelta | int


@dataclass(frozen=True)
class Contact:
    """Who is told: a channel of the contract's `support`, and the standard's word for its kind, such as email or slack."""

    channel: str
    url: str
    tool: str = ""


@dataclass(frozen=True)
class Contract:
    """All that is known of one feed. Made by `sources.contract.load`."""

    path: Path
    agency: str
    feed: str
    agency_name: str
    id: str
    version: str
    title: str
    description: str
    server: Server
    physical_name: str
    columns: tuple[Column, ...]
    quality: tuple[QualityRule, ...]
    references: tuple[Reference, ...]
    service_level: ServiceLevel
    contacts: tuple[Contact, ...]
    extract_mode: str
    increment: Increment | None
    reject_threshold: Decimal
    largest_drop: Decimal
    date_proof: DateProof | None
    # Whose public holidays the feed keeps: ISO 3166-1, two letters.
    country: str | None = None
    # What it may name on this machine, said outside the contract.
    grant: Grant = field(default_factory=Grant)
    # The bytes that all this was read from; its file may have changed since.
    wording: bytes = field(default=b"", repr=False, compare=False)
    # Why nothing new may come of the feed: its present contract cannot be used, and this one is of an earlier wording.
    unusable: str | None = None
    # Columns of the feed that no agreement covers: nothing is asked of them, and none of their values is kept.
    left_out: tuple[Column, ...] = ()

    @property
    def name(self) -> str:
        """`agency/feed`, as people write it."""
        return f"{self.agency}/{self.feed}"

    @property
    def relation(self) -> str:
        """`agency__feed`, as relations are called."""
        return f"{self.agency}__{self.feed}"

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Names of the primary key's columns, in key order."""
        keyed = [column for column in self.columns if column.key_position is not None]
        return tuple(column.name for column in sorted(keyed, key=lambda column: column.key_position or 0))

    @cached_property
    def is_protected(self) -> bool:
        """Whether any of its columns is of a person, so that its rows are encrypted at rest."""
        return any(column.is_masked for column in self.columns)

    @cached_property
    def has_protected_key(self) -> bool:
        """Whether its key tells who somebody is, so that records are known by a pseudonym."""
        return any(self.column(name).is_masked for name in self.key)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the contract file: which wording a landed extract was read by."""
        return hashlib.sha256(self.wording).hexdigest()

    @property
    def known_by(self) -> tuple[str, ...]:
        """The columns without which a night cannot add to those before: the key, the watermark, the mark of a deleted row."""
        increment = [self.increment.watermark, self.increment.deleted_when] if self.increment else []
        return (*self.key, *(name for name in increment if name))

    def leaving_out(self, names: frozenset[str]) -> "Contract":
        """The feed without these columns, and without the rules that are about them."""
        if not names:
            return self
        return replace(
            self,
            columns=tuple(column for column in self.columns if column.name not in names),
            left_out=tuple(column for column in self.columns if column.name in names),
            quality=tuple(rule for rule in self.quality if not rule.is_about(names)),
            references=tuple(reference for reference in self.references if not names & set(reference.columns)),
        )

    def loosened(self, names: frozenset[str]) -> "Contract":
        """The feed as it arrives, where these columns may hold anything: a value that is not kept must not cost its row."""
        return replace(
            self, columns=tuple(column.loosened if column.name in names else column for column in self.columns)
        )

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def shown_headings(self, names: Iterable[str]) -> str:
        """Headings as messages may show them: in a feed of people only those like one of the contract's.

        A file that lost its header begins with somebody's row.
        """
        names = list(names)
        if self.is_protected:
            known = [column.header.lower() for column in self.columns]
            like = [name for name in names if get_close_matches(name.lower(), known, 1)]
            hidden = len(names) - len(like)
            names = [*like, *([f"{hidden} not shown here"] if hidden else [])]
        return ", ".join(names) or "none"

    def matching_header(self, header: str) -> Column | None:
        return next((column for column in self.columns if column.header == header), None)


def contract_files(folder: Path = AGENCIES) -> list[Path]:
    """Every contract below `folder`: `<agency>/<feed>.odcs.yaml`."""
    return sorted(folder.glob(f"*/*{SUFFIX}"))

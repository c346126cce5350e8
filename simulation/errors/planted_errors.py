"""Errors put into an extract at known places: which records, which kinds, and the truth beside what was written.

Which record has which error follows from the seed and the record's own number, so an error stays from night to night until
it is mended. A place has at most one error.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.errors.error_kinds import CELL_KINDS, Cell
from simulation.profile import ErrorRule, Profile
from simulation.random_numbers import Integers, hashed, uniform

SECOND_RECORDS_FROM = 900_000_000


@dataclass(frozen=True)
class Mark:
    """Rows that an agency's own carelessness put there (a payment after death): the error is that they are there."""

    kind: str
    column: str
    rows: Integers


@dataclass
class Extract:
    """What an agency would send if all went well: the first column of `table` is the key; `person` are the true people (or -1).

    `number` is what the record is known by to the random numbers, `date_format` how dates are written where they are text,
    `unspelled` the texts of columns before they were fitted to the agency's letters, `charset` the letters that it has.
    Only rows that changed since `late_from` can come late.
    """

    agency: str
    feed: str
    table: pa.Table
    person: Integers
    number: Integers
    date_format: str = ""
    charset: str = "ascii"
    unspelled: dict[str, pa.Array] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    late_from: datetime | None = None

    @property
    def name(self) -> str:
        return f"{self.agency}/{self.feed}"

    @property
    def key(self) -> str:
        return str(self.table.column_names[0])


@dataclass(frozen=True)
class Sent:
    """An extract as it is sent: the table with its errors, the true person of each row, and the errors."""

    agency: str
    feed: str
    table: pa.Table
    person: Integers
    errors: pa.Table

    @property
    def keys(self) -> pa.Array:
        return pc.cast(self.table.column(0), pa.string()).combine_chunks()


def rate_of(profile: Profile, feed: str, kind: str) -> float:
    """The share of records with an error that the agency's own module makes."""
    return sum(rule.rate for rule in profile.errors.get(feed, ()) if rule.kind == kind)


class Damage:
    """Puts a profile's errors into one extract of the night number `night` (from 0)."""

    def __init__(self, extract: Extract, profile: Profile, seed: int, night: int) -> None:
        self.extract, self.profile, self.seed, self.night = extract, profile, seed, night
        self.columns = {name: extract.table.column(name).combine_chunks() for name in extract.table.column_names}
        self.touched = {name: np.zeros(len(extract.number), dtype=bool) for name in self.columns}
        self.found: list[pa.Table] = []

    def done(self) -> Sent:
        extract = self.extract
        for mark in extract.marks:
            written = self.columns[mark.column].take(pa.array(mark.rows))
            self._note(mark.kind, mark.column, mark.rows, pa.nulls(len(mark.rows), pa.string()), written)
            self.touched[mark.column][mark.rows] = True
        rules = self.profile.errors.get(extract.name, ())
        for rule in rules:
            self._apply(rule)
        table, person = pa.table(self.columns), extract.person
        for rule in rules:
            if rule.kind in ("doubled_row", "second_record"):
                table, person = self._with_more_rows(rule, table, person)
        return Sent(extract.agency, extract.feed, table, person, pa.concat_tables([_no_errors(), *self.found]))

    def _apply(self, rule: ErrorRule) -> None:
        if rule.kind == "swapped_names":
            self._swap(rule)
        elif rule.kind == "missing":
            for column in rule.columns:
                rows = self._hit(rule, column)
                self._write(rule.kind, column, rows, [None] * len(rows))
        elif rule.kind in CELL_KINDS:
            for column in rule.columns:
                self._spoil(rule, column)

    def _hit(self, rule: ErrorRule, column: str) -> Integers:
        """The rows with this error in this column that have a value and no other error there."""
        purpose = f"{self.extract.name} {rule.kind} {column}"
        number = self._moment(column) if rule.kind == "late_row" else self.extract.number
        hit = (uniform(self.seed, purpose, number) < rule.rate) & ~self.touched[column]
        hit &= self.columns[column].is_valid().to_numpy(zero_copy_only=False)
        if rule.kind == "late_row":
            hit &= pc.greater_equal(self.columns[column], pa.scalar(self.extract.late_from)).to_numpy(
                zero_copy_only=False
            )
        else:
            hit &= self._lasts(purpose) > self.night
        return np.flatnonzero(hit)

    def _moment(self, column: str) -> Integers:
        """A late row is late for one change of it, not for good."""
        return self.extract.number * 100_000 + pc.cast(self.columns[column], pa.int64()).to_numpy() // 86_400_000_000

    def _lasts(self, purpose: str) -> Integers:
        """How many nights an error lasts until somebody mends it."""
        share = min(max(self.profile.shares["mended_per_night"], 1e-6), 0.999)
        return 1 + (np.log1p(-uniform(self.seed, f"mended {purpose}", self.extract.number)) / np.log1p(-share)).astype(
            np.int64
        )

    def _spoil(self, rule: ErrorRule, column: str) -> None:
        rows, spoil = self._hit(rule, column), CELL_KINDS[rule.kind]
        values = self.columns[column]
        chance = (hashed(self.seed, f"how {rule.kind} {column}", self.extract.number[rows]) >> np.uint64(20)).astype(
            np.int64
        )
        others = values.take(pa.array(chance % len(values))).to_pylist() if len(rows) else []
        unspelled = self.extract.unspelled.get(column)
        texts = [None] * len(rows) if unspelled is None else unspelled.take(pa.array(rows)).to_pylist()
        # Only the few damaged values pass through Python.
        cells = zip(values.take(pa.array(rows)).to_pylist(), chance.tolist(), others, texts, strict=True)
        forms = (self.extract.date_format, self.extract.charset)
        written = [spoil(Cell(value, number, other, text, *forms)) for value, number, other, text in cells]
        happens = np.array([value is not None for value in written], dtype=bool)
        self._write(rule.kind, column, rows[happens], [value for value in written if value is not None])

    def _swap(self, rule: ErrorRule) -> None:
        first, second = rule.columns
        rows = self._hit(rule, first)
        values = [self.columns[name].take(pa.array(rows)).to_pylist() for name in rule.columns]
        given = [index for index, pair in enumerate(zip(*values, strict=True)) if pair[1] is not None]
        free = [index for index in given if not self.touched[second][rows[index]]]
        self._write(rule.kind, first, rows[free], [values[1][index] for index in free])
        self._write(rule.kind, second, rows[free], [values[0][index] for index in free])

    def _write(self, kind: str, column: str, rows: Integers, written: list[Any]) -> None:
        """Note what is really different, and put it in place."""
        before = self.columns[column]
        values = pa.array(written, before.type)
        true = before.take(pa.array(rows))
        differs = pc.fill_null(pc.not_equal(true, values), True).to_numpy(zero_copy_only=False).astype(bool)
        rows, values, true = rows[differs], values.filter(pa.array(differs)), true.filter(pa.array(differs))
        mask = np.zeros(len(before), dtype=bool)
        mask[rows] = True
        self.columns[column] = pc.replace_with_mask(before, pa.array(mask), values)
        self.touched[column] |= mask
        self._note(kind, column, rows, true, values)

    def _note(self, kind: str, column: str, rows: Integers, true: pa.Array, written: pa.Array) -> None:
        keys = self.extract.table.column(0).combine_chunks().take(pa.array(rows))
        self.found.append(_errors(keys, column, kind, true, written))

    def _with_more_rows(self, rule: ErrorRule, table: pa.Table, person: Integers) -> tuple[pa.Table, Integers]:
        """The same record once more; as a second record it has a number of its own."""
        rows = self._hit(rule, self.extract.key)
        more = table.take(pa.array(rows))
        keys = more.column(0).combine_chunks()
        if rule.kind == "second_record":
            numbers = pa.array(SECOND_RECORDS_FROM + self.extract.number[rows], keys.type)
            more = more.set_column(0, more.schema.field(0), numbers)
            self.found.append(_errors(numbers, self.extract.key, rule.kind, keys, numbers))
        else:
            self.found.append(_errors(keys, self.extract.key, rule.kind, pa.nulls(len(rows), keys.type), keys))
        return pa.concat_tables([table, more]).combine_chunks(), np.concatenate([person, person[rows]])


_ERROR_COLUMNS = ("source_key", "column", "kind", "true_value", "written_value")


def _no_errors() -> pa.Table:
    return pa.table({name: pa.array([], pa.string()) for name in _ERROR_COLUMNS})


def _errors(keys: pa.Array, column: str, kind: str, true: pa.Array, written: pa.Array) -> pa.Table:
    repeated = [pa.array([text] * len(keys), pa.string()) for text in (column, kind)]
    values = [pc.cast(keys, pa.string()), *repeated, pc.cast(true, pa.string()), pc.cast(written, pa.string())]
    return pa.table(dict(zip(_ERROR_COLUMNS, values, strict=True)))

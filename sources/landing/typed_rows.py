"""From one opened reading to typed rows and rejects: every record of it lands or is rejected, with its place and reason."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats import Mended, NotSure, Reading
from sources.landing.faulty_records import FAULTS, FaultyRecords, arrow
from sources.landing.matched_columns import agreed, fields_of, selected_values, typed_query
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import ENGINE_ERRORS, quoted, write_parquet
from warehouse.engines.duckdb.exact import as_number, sum_of
from warehouse.files import replaced_whole, share_file
from warehouse.keys.keyed_folder import key_file_of

# No column of a contract begins with an underscore.
_UNKNOWN_LAST = "_last"
_QUOTED = re.compile(r"[\"'].*[\"']")


@dataclass(frozen=True)
class Landed:
    """The counts of one landed file: sent = landed + rejected; sums are of the columns asked for, over all typed records.

    `extra_columns` are those that the contract does not know: they are named, and nothing of them is kept.
    """

    sent: int
    landed: int
    rejected: int
    extra_columns: list[str]
    sums: dict[str, Decimal]
    mended: list[Mended]


class TypedRows:
    """One file on its way from a reading to `rows` and `rejects`, two Parquet files. `scratch` is for what lies between."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: Contract, reading: Reading, scratch: Path, file: str
    ) -> None:
        self.connection, self.contract, self.reading, self.file = connection, contract, reading, file
        self.fields = fields_of(contract, reading)
        self.faulty = FaultyRecords(connection, reading, self.fields, scratch)

    def land(self, rows: Path, rejects: Path, summed: list[str]) -> Landed:
        """Raises ExtractError where the file is not of this contract, cannot be read, or does not balance.

        Raises NotSure where the last two of them may not be so when the file is read with more care.
        """
        self._write_rows(rows)
        self._register_broken()
        rejected = self._write_rejects(rejects)
        self._refuse_if_cut_off(rejects)
        landed = self._count(rows)
        sent = self.reading.records(landed + rejected)
        if sent != landed + rejected:
            raise self._unreadable(
                f"{sent} records were sent, but {landed} landed and {rejected} were rejected; nothing was taken, "
                "tell the platform's maintainers"
            )
        if self.reading.hides_columns(self._without_last(rows, 1), self._without_last(rows, 2)):
            raise NotSure
        self._drop_last_where_unknown(rows)
        sums = self._sums(rows, summed)
        self._forget_read()
        extra = [item.header for item in self.fields if item.column is None]
        mended = [replace(item, file=item.file or self.file) for item in self.reading.mended()]
        return Landed(sent, landed, rejected, extra, sums, mended)

    def _unreadable(self, why: str) -> Exception:
        return NotSure() if self.reading.has_care else ExtractError(why)

    def _write_rows(self, rows: Path) -> None:
        """The usual night in one pass; where a record has a fault, the faulty ones alone in a second one."""
        is_as_sent = all(item.is_as_sent and item.column is not None for item in self.fields)
        # A file that was sent is not encrypted as rows are.
        may_share = key_file_of(rows) is None
        if self.reading.parquet and may_share and is_as_sent and not self._has_faults():
            share_file(self.reading.parquet, rows)
            return
        checks = " AND ".join(check.counted for check in self.faulty.checks) or "true"
        try:
            write_parquet(self.connection, f"SELECT {self._written()} FROM {self._values()} WHERE {checks}", rows)
            unmet = self.faulty.unmet()
            if unmet:
                self._forget_read()
                self.faulty.find(unmet, self.file)
        except ENGINE_ERRORS as error:
            raise self._unreadable(
                f"the file cannot be read: {_first_line(error)}; ask the agency to send it again"
            ) from error

    def _written(self) -> str:
        """What the contract knows, and the last column: its values tell whether columns moved."""
        last = self.fields[-1]
        known = selected_values(agreed(self.fields))
        return known if last.column else f"{known}, {last.value} AS {_UNKNOWN_LAST}"

    def _drop_last_where_unknown(self, rows: Path) -> None:
        if self.fields[-1].column is None:
            names = ", ".join(quoted(item.name) for item in agreed(self.fields))
            with replaced_whole(rows) as temporary:
                write_parquet(self.connection, f"SELECT {names} FROM {parquet(rows)}", temporary)

    def _values(self) -> str:
        texts = {item.text: quoted(item.header) for item in self.fields}
        return typed_query(self.fields, texts, self.reading.relation)

    def _has_faults(self) -> bool:
        is_right = " AND ".join(check.is_right for check in self.faulty.checks) or "true"
        query = f"SELECT 1 FROM {self._values()} WHERE NOT ({is_right}) LIMIT 1"
        return self.connection.execute(query).fetchone() is not None

    def _forget_read(self) -> None:
        """The engine adds what it rejects of the next file, or of the same once more, to what it rejected before."""
        self.connection.execute("DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans")

    def _register_broken(self) -> None:
        broken = self.reading.broken()
        table = arrow(
            file=[item.file or self.file for item in broken], line=[item.line for item in broken],
            reason=[item.reason for item in broken], record=[item.record for item in broken],
        )  # fmt: skip
        self.connection.register("broken", table)

    def _write_rejects(self, rejects: Path) -> int:
        """One row per rejected record: its first fault in columns, all of them in `faults`; `position` is its own among the records
        that have the shape of a row, and empty for the others.
        """
        told = f"""
            WITH rejected AS (
                SELECT file, line, NULL::BIGINT AS position,
                    [{{'rule': 'structure', 'column': NULL, 'value': NULL, 'reason': reason}}]::{FAULTS} AS faults,
                    record
                FROM broken
                UNION ALL
                SELECT file, line, position, faults, record FROM faulty
            )
            SELECT file, line, unnest(faults[1]), record, faults, position
            FROM rejected
            ORDER BY file, line
        """
        write_parquet(self.connection, told, rejects)
        return self._count(rejects)

    def _refuse_if_cut_off(self, rejects: Path) -> None:
        """A last record without a line end that is too short, or wrong where it stops: more is missing than this one.

        How many rejects the contract allows does not matter then.
        """
        cut_off = f"""
            SELECT line
            FROM {readable(self.connection, rejects)}
            WHERE line = ?
              AND (rule = 'structure' AND reason <> 'too many columns'
                   OR list_contains(list_transform(faults, lambda fault: fault."column"), ?))
        """
        found = self.connection.execute(cut_off, [self.reading.open_line(), self.fields[-1].name]).fetchone()
        if found:
            raise ExtractError(
                f"line {found[0]}: the file ends in the middle of a record, it was cut off; "
                f"ask {self.contract.agency_name} to send it again"
            )

    def _without_last(self, rows: Path, columns: int) -> int:
        """How many records of the reading have no value in so many columns at their end, as far as those are kept."""
        before = [quoted(item.name) for item in self.fields[-columns:-1] if item.column]
        names = [*before, quoted(self.fields[-1].name) if self.fields[-1].column else _UNKNOWN_LAST]
        last = " AND ".join(f"{name} IS NULL" for name in names)
        found = self.connection.execute(
            f"SELECT count(*) FROM {readable(self.connection, rows)} WHERE {last}"
        ).fetchone()
        return self.faulty.without_last(columns) + (int(found[0]) if found else 0)

    def _sums(self, rows: Path, columns: list[str]) -> dict[str, Decimal]:
        if not columns:
            return {}
        selected = ", ".join(sum_of(quoted(name), self.contract.column(name).sql_type) for name in columns)
        found = self.connection.execute(f"SELECT {selected} FROM {self.faulty.with_rows(rows)}").fetchone()
        return {name: as_number(value) for name, value in zip(columns, found or (), strict=True)}

    def _count(self, file: Path) -> int:
        found = self.connection.execute(f"SELECT count(*) FROM {readable(self.connection, file)}").fetchone()
        return int(found[0]) if found else 0


def _first_line(error: Exception) -> str:
    """The engine's words without what it quotes: values of people, and paths of this machine."""
    return _QUOTED.sub("…", str(error).strip().splitlines()[0])[:300]

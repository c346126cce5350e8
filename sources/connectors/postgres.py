"""A table or query of PostgreSQL, copied by the engine's own scanner: binary, in parallel, in one snapshot of the database."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from sources.arrival.limits import Meter, watched
from sources.arrival.request import Arrived, Pull
from sources.arrival.totals import Totals
from sources.connectors.server_words import shown
from sources.connectors.tables import ORIGINAL, Selection, check_columns, place, selection
from sources.contract.model import Contract
from sources.contract.server.connection import SSL_MODES
from sources.contract.server.location import located, own_file, permit_host
from sources.contract.server.secret import secret
from sources.errors import ExtractError
from sources.typed_value import typed
from warehouse.engines.duckdb.engine import literal, load_extension, open_database, quoted, write_parquet

_CONNECT_SECONDS = 10
_SILENCE_MILLISECONDS = 120_000
_EXACT = re.compile(r"DECIMAL\(([0-9]+),([0-9]+)\)")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def fetch(pull: Pull) -> Arrived:
    """One Parquet file of the contract's columns. The count and the sums of exact numbers are asked of the server itself,
    in the same snapshot, so that what is lost or changed on the way shows.

    Raises ExtractError where the server, the login, the table or a column is not there, or the transfer breaks.
    """
    meter = Meter.of(pull)
    with _attached(pull.contract, pull.extract_date, meter) as connection:
        try:
            with watched(connection, lambda: _check(pull, meter)):
                arrived = _Copy(connection, pull).copy()
            _check(pull, meter)
            return arrived
        except duckdb.Error as error:
            meter.check_time()
            raise ExtractError(_told(pull.contract, error)) from None
        finally:
            # Left to the destructor, a rollback on a connection that the server closed would end the whole process.
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the table could not be pulled now."""
    with _attached(contract, extract_date, Meter(contract, time.monotonic())) as connection:
        try:
            _Copy(connection, Pull(contract, extract_date, Path())).types()
        except duckdb.Error as error:
            raise ExtractError(_told(contract, error)) from None


def _check(pull: Pull, meter: Meter) -> None:
    target = pull.into / ORIGINAL
    meter.check_arrived(target.stat().st_size if target.exists() else 0, pull.into)


class _Copy:
    """One extract inside one transaction, which the scanner's parallel connections share (repeatable read, read only)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, pull: Pull) -> None:
        self.connection, self.pull, self.contract = connection, pull, pull.contract
        self.rows: Selection = selection(pull, quoted)
        self.is_table = "query" not in self.contract.server.options

    def copy(self) -> Arrived:
        self.connection.execute("BEGIN")
        types = self.types()
        beyond = {name for name, kind in types.items() if _is_beyond(kind)}
        summed = [name for name, kind in types.items() if _EXACT.fullmatch(kind) and name not in beyond]
        totals, inexact = self._totals(summed, types)
        as_text = inexact | beyond | self._unlimited_numbers(types)
        write_parquet(self.connection, self._select(types, as_text), self.pull.into / ORIGINAL)
        return Arrived((ORIGINAL,), totals=totals, evidence={"isolation": "repeatable read"})

    def types(self) -> dict[str, str]:
        """The engine's types of the contract's columns, by their names in the table."""
        source = (
            f"src.{self.rows.source}" if self.is_table else self._query(f"SELECT * FROM {self.rows.source} LIMIT 0")
        )
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        check_columns(self.contract, [row[0] for row in described])
        wanted = set(self.rows.columns)
        return {row[0]: row[1] for row in described if row[0] in wanted}

    def _totals(self, summed: list[str], types: dict[str, str]) -> tuple[Totals, set[str]]:
        """The server's own count and sums, and the columns whose sum is no number: the scanner reads NaN as zero."""
        sums = [f"sum({quoted(name)})::text AS {quoted(f'sum {number}')}" for number, name in enumerate(summed)]
        asked = f"""
            SELECT {", ".join(["count(*) AS rows", *sums])}
            FROM {self.rows.source}{self.rows.condition}
        """
        count, *found = self.connection.execute(f"SELECT * FROM {self._query(asked)}").fetchone() or (0,)
        stated = {name: Decimal(text or 0) for name, text in zip(summed, found, strict=True)}
        inexact = {name for name, value in stated.items() if not value.is_finite()}
        by_column = {
            column.name: stated[column.header]
            for column in self.contract.columns
            if column.header in stated and column.header not in inexact and column.sql_type.startswith("DECIMAL")
            and typed(column, "value", types[column.header]).is_right == "true"
        }  # fmt: skip
        return Totals(f"the server of {place(self.contract)}", int(count), by_column), inexact

    def _unlimited_numbers(self, types: dict[str, str]) -> set[str]:
        """NUMERIC without a precision, or with more digits than the engine has: the scanner would make floats of them.

        Of a query nobody can tell a float from such a number, so both come as text.
        """
        floats = {name for name, kind in types.items() if kind == "DOUBLE"}
        if not floats or not self.is_table:
            return floats
        asked = f"""
            SELECT attname::text AS name
            FROM pg_attribute
            WHERE attrelid = {literal(self.rows.source)}::regclass AND atttypid = 'numeric'::regtype
        """
        return floats & {name for (name,) in self.connection.execute(f"SELECT * FROM {self._query(asked)}").fetchall()}

    def _select(self, types: dict[str, str], as_text: set[str]) -> str:
        if self.is_table and not as_text:
            source = f"src.{self.rows.source}{self.rows.condition}"
        else:
            columns = ", ".join(
                f"{quoted(name)}::text AS {quoted(name)}" if name in as_text else quoted(name) for name in types
            )
            source = self._query(f"SELECT {columns} FROM {self.rows.source}{self.rows.condition}")
        values = ", ".join(f"{self._value(name, types[name], as_text)} AS {quoted(name)}" for name in types)
        return f"SELECT {values} FROM {source}"

    def _value(self, name: str, kind: str, as_text: set[str]) -> str:
        """In the contract's own type where nothing can be lost by it, so that the file lands as it is."""
        column = self.contract.matching_header(name)
        if column is None or name in as_text:
            return quoted(name)
        value = typed(column, quoted(name), kind)
        return value.value if value.is_right == "true" else quoted(name)

    def _query(self, sql: str) -> str:
        return f"postgres_query('src', {literal(sql)})"


def _is_beyond(kind: str) -> bool:
    """Whether the engine has no such numbers: of more decimals than digits, or, which comes to it as that, of whole thousands."""
    found = _EXACT.match(kind)
    return found is not None and int(found[2]) > int(found[1])


@contextmanager
def _attached(contract: Contract, extract_date: date, meter: Meter) -> Iterator[duckdb.DuckDBPyConnection]:
    with tempfile.TemporaryDirectory() as scratch, open_database() as connection:
        words = _words(contract, extract_date, Path(scratch))
        # The server ends by itself what would answer too late: while it is silent, nothing here is listened to.
        words["options"] += f" -c statement_timeout={max(1, round(meter.seconds_left * 1000))}"
        parameters = " ".join(f"{name}='{_escaped(value)}'" for name, value in words.items())
        load_extension(connection, "postgres_scanner")
        try:
            connection.execute(f"ATTACH {literal(parameters)} AS src (TYPE postgres, READ_ONLY)")
        except duckdb.Error as error:
            raise ExtractError(_told(contract, error)) from None
        yield connection


def _words(contract: Contract, extract_date: date, scratch: Path) -> dict[str, str]:
    """The connection in libpq's words. The password goes through a file of its own: libpq's errors quote the rest."""
    options = contract.server.options
    host = located(contract, extract_date, str(options["host"]))
    # libpq tries each of a list.
    for item in host.split(","):
        permit_host(contract, item)
    is_near = host in _LOOPBACK or host.startswith("/")
    mode = located(contract, extract_date, str(options.get("sslMode", "prefer" if is_near else "verify-full")))
    if mode not in SSL_MODES:
        raise ExtractError(f"sslMode of {contract.path.name} is none of {', '.join(SSL_MODES)}; write one of them")
    if not is_near and mode not in ("verify-full", "verify-ca"):
        raise ExtractError(
            f"sslMode {mode} of {contract.path.name} does not verify the server's certificate; write verify-full or verify-ca"
        )
    words = {
        "host": host,
        "port": located(contract, extract_date, str(options.get("port", 5432))),
        "dbname": located(contract, extract_date, str(options["database"])),
        "sslmode": mode,
        "connect_timeout": str(_CONNECT_SECONDS),
        "tcp_user_timeout": str(_SILENCE_MILLISECONDS),
        "keepalives_idle": "30",
        "application_name": "interagency",
        "options": "-c TimeZone=UTC",
    }
    if "caFile" in options:
        words["sslrootcert"] = str(own_file(contract, str(options["caFile"]), extract_date))
    user, password = secret(contract, "username"), secret(contract, "password")
    if user:
        words["user"] = user
    if password:
        keeper = scratch / "pgpass"
        keeper.touch(mode=0o600)
        keeper.write_text(
            f"*:*:*:*:{password.replace(chr(92), chr(92) * 2).replace(':', chr(92) + ':')}\n", encoding="utf-8"
        )
        words["passfile"] = str(keeper)
    return words


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _told(contract: Contract, error: duckdb.Error) -> str:
    return (
        f"{place(contract)}: {shown(error)}; check the server, the login and its rights, or ask {contract.agency_name}"
    )

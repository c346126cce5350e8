"""A table or query of any database that SQLAlchemy has a dialect for, streamed in batches into one Parquet file."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sources.arrival.limits import Meter
from sources.arrival.request import Arrived, Pull
from sources.arrival.totals import Totals
from sources.connectors.server_words import shown
from sources.connectors.tables import ORIGINAL, Selection, check_columns, place, selection
from sources.contract.model import Column, Contract
from sources.contract.server.location import located, permit_host, permitted
from sources.contract.server.secret import secret
from sources.errors import ExtractError
from warehouse.engines.duckdb.engine import ended_after

if TYPE_CHECKING:
    import sqlalchemy as sa

# Engines that are libraries, and not servers of an agency.
_IN_PROCESS = frozenset(
    {"duckdb", "interagency_duckdb", "chdb", "datafusion", "shillelagh", "gsheets", "access", "csv"}
)
# Words behind the `?` by which drivers find their server, or take a file that says where it is.
_HOSTS_IN_QUERY = frozenset({"host", "hostaddr", "server", "unix_socket", "unix_sock"})
_HIDDEN_PLACES = frozenset({"service", "servicefile", "passfile", "dsn", "read_default_file", "read_default_group"})
_ODBC_SERVER = re.compile(
    r"(?:^|;)\s*(?:server|address|addr|network address)\s*=\s*\{?(?:(?:tcp|np|lpc|admin):)?([^;,}\\]+)", re.IGNORECASE
)
_BATCH_ROWS = 50_000
_BATCH_BYTES = 64 << 20
# So many rows show how large they are.
_FIRST_ROWS = 1000
# Dialects that can show one state of the database to several statements; of others no count is asked beside the rows.
_SNAPSHOT = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "mariadb": "REPEATABLE READ",
             "oracle": "SERIALIZABLE", "mssql": "SNAPSHOT", "sqlite": "SERIALIZABLE"}  # fmt: skip
_ARROW = {"VARCHAR": pa.string(), "BIGINT": pa.int64(), "INTEGER": pa.int32(), "SMALLINT": pa.int16(), "DOUBLE": pa.float64(),
          "DATE": pa.date32(), "BOOLEAN": pa.bool_(), "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC")}  # fmt: skip
# Beyond it a float is no longer sure of its last digit.
_MOST_WHOLE = 1 << 53
# The values of Python of which nothing is lost. Of a float, Arrow would make a whole number; of a time, its day.
_KEPT_WHOLE: dict[pa.DataType, set[type]] = {
    pa.int64(): {int}, pa.int32(): {int}, pa.int16(): {int}, pa.float64(): {float, int, Decimal},
    pa.date32(): {date}, pa.bool_(): {bool}, pa.timestamp("us", tz="UTC"): {datetime},
}  # fmt: skip


def fetch(pull: Pull) -> Arrived:
    """The contract's columns in its own types; all of them as text where a value does not fit, so that it is rejected by name.

    Raises ExtractError where the driver, the server, the login, the table or a column is not there, or the transfer breaks.
    """
    import sqlalchemy as sa

    engine, meter = _engine(pull.contract, pull.extract_date), Meter.of(pull)
    target = pull.into / ORIGINAL
    try:
        with _connected(pull.contract, engine) as connection, _ended_in_time(connection, meter):
            try:
                count = _copy(connection, pull, target, _typed_schema(pull.contract))
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
                count = _copy(connection, pull, target, _text_schema(pull.contract))
    except sa.exc.SQLAlchemyError as error:
        meter.check_time()
        raise ExtractError(_told(pull.contract, error)) from None
    finally:
        engine.dispose()
    return Arrived((ORIGINAL,), totals=Totals(f"the server of {place(pull.contract)}", count))


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the table could not be pulled now."""
    import sqlalchemy as sa

    engine = _engine(contract, extract_date)
    rows = selection(Pull(contract, extract_date, Path()), engine.dialect.identifier_preparer.quote)
    try:
        with _opened(contract, engine) as connection:
            check_columns(contract, _columns_there(connection, contract, rows))
    except sa.exc.SQLAlchemyError as error:
        raise ExtractError(_told(contract, error)) from None
    finally:
        engine.dispose()


def _engine(contract: Contract, extract_date: date) -> "sa.Engine":
    import sqlalchemy as sa

    try:
        url = sa.make_url(located(contract, extract_date, str(contract.server.options["url"])))
        _permit(contract, url)
        user, password = secret(contract, "username"), secret(contract, "password")
        url = url.set(username=user or url.username, password=password or url.password)
        return sa.create_engine(url, poolclass=sa.pool.NullPool)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ModuleNotFoundError, TypeError, ValueError) as error:
        raise ExtractError(
            f"the url of {contract.path.name} cannot be used ({type(error).__name__}); write DIALECT+DRIVER://HOST/DATABASE "
            "and install the driver"
        ) from None


def _permit(contract: Contract, url: "sa.URL") -> None:
    """Raises ExtractError where the address leads to a host or file that the agency was not granted."""
    dialect = url.get_backend_name()
    if dialect in _IN_PROCESS:
        # Its SQL would be run by our own process, with our own files.
        raise ExtractError(
            f"the url of {contract.path.name} names {dialect}, which is no server; send the file as Parquet"
        )
    if dialect == "sqlite":
        if url.query:
            raise ExtractError(f"the url of {contract.path.name} is no plain SQLite file; write sqlite:///PATH alone")
        if url.database and url.database != ":memory:":
            permitted(contract, url.database)
        return
    for host in _hosts(contract, url) or [url.host or ""]:
        permit_host(contract, host)


def _hosts(contract: Contract, url: "sa.URL") -> list[str]:
    """The hosts that stand behind the `?`. Raises ExtractError where one may be hidden in what is named there."""
    found: list[str] = []
    for name, values in url.query.items():
        texts = [values] if isinstance(values, str) else list(values)
        if name.lower() in _HOSTS_IN_QUERY:
            found += [part for text in texts for part in text.split(",")]
        if name.lower() == "odbc_connect":
            found += [host.strip() for text in texts for host in _ODBC_SERVER.findall(text)]
        if name.lower() in _HIDDEN_PLACES or (name.lower() == "odbc_connect" and not found):
            raise ExtractError(
                f"the url of {contract.path.name} says by {name} where the server is; write its host in the address"
            )
    return found


def _opened(contract: Contract, engine: "sa.Engine") -> "sa.Connection":
    try:
        return engine.connect()
    except (TypeError, ValueError, OSError) as error:
        # A driver's own way to say that it does not know a word of the address.
        raise ExtractError(
            f"the driver refuses the url of {contract.path.name} ({type(error).__name__}); mend what stands behind its `?`"
        ) from None


def _connected(contract: Contract, engine: "sa.Engine") -> "sa.Connection":
    level = _SNAPSHOT.get(engine.dialect.name)
    connection = _opened(contract, engine)
    connection = connection.execution_options(isolation_level=level) if level else connection
    if engine.dialect.name == "postgresql":
        # Watermarks are written in UTC; the server's own zone would move them.
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        _keep_json_as_sent(connection)
    return connection


def _keep_json_as_sent(connection: "sa.Connection") -> None:
    """psycopg would make floats of the numbers in JSON."""
    driver: Any = connection.connection.dbapi_connection
    if type(driver).__module__.partition(".")[0] == "psycopg":
        from psycopg.types.json import set_json_loads

        set_json_loads(lambda content: content.decode() if isinstance(content, bytes) else content, driver)


def _ended_in_time(connection: "sa.Connection", meter: Meter) -> AbstractContextManager[None]:
    """Ends the statement when the extract's time is over, where the driver has a word for that; else between two batches."""
    driver = connection.connection.dbapi_connection
    # sqlite3, psycopg and oracledb; all say that another thread may call it.
    end = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
    return ended_after(end or (lambda: None), meter.seconds_left)


def _copy(connection: "sa.Connection", pull: Pull, target: Path, schema: pa.Schema) -> int | None:
    """Write the rows; returns the server's own count of them, where it shows one state to both statements."""
    rows = selection(pull, connection.dialect.identifier_preparer.quote)
    check_columns(pull.contract, _columns_there(connection, pull.contract, rows))
    columns = ", ".join(map(connection.dialect.identifier_preparer.quote, rows.columns))
    count = None
    if connection.dialect.name in _SNAPSHOT:
        count = int(connection.execute(_text(f"SELECT count(*) FROM {rows.source}{rows.condition}")).scalar_one())
    statement = _text(f"SELECT {columns} FROM {rows.source}{rows.condition}")
    # The driver's own buffer grows by its habits; how many rows come at once is asked for below.
    result = connection.execution_options(stream_results=True, max_row_buffer=_FIRST_ROWS).execute(statement)
    meter = Meter.of(pull)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in _batches(result, schema):
            writer.write_batch(batch)
            meter.check_arrived(target.stat().st_size, target.parent)
    return count


def _columns_there(connection: "sa.Connection", contract: Contract, rows: Selection) -> list[str]:
    """The names of the columns of the table or query. Of a table they are read in the server's catalog: no statement asks for columns
    that nobody agreed on, which a server that grants columns one by one would refuse.
    """
    import sqlalchemy as sa

    if "query" not in contract.server.options:
        try:
            schema = str(contract.server.options.get("schema") or "") or None
            return [
                str(column["name"]) for column in sa.inspect(connection).get_columns(contract.physical_name, schema)
            ]
        except (sa.exc.NoSuchTableError, NotImplementedError):
            # What the server itself says of it follows.
            pass
    return list(connection.execute(_text(f"SELECT * FROM {rows.source} WHERE 1 = 0")).keys())


def _text(sql: str) -> "sa.TextClause":
    import sqlalchemy as sa

    # A colon before a word would be a parameter.
    return sa.text(sql.replace(":", "\\:"))


def _batches(result: "sa.CursorResult[Any]", schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """As many rows at once as are about 64 MiB: a table of documents is not gathered by the fifty thousand."""
    wanted = _FIRST_ROWS
    while rows := result.fetchmany(wanted):
        columns = zip(*rows, strict=True)
        batch = pa.record_batch(
            [_array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema=schema
        )
        yield batch
        fitting = _BATCH_BYTES * len(rows) // max(batch.nbytes, 1)
        # Not at once: the first rows may be the small ones.
        wanted = max(1, min(fitting, 4 * wanted, _BATCH_ROWS))


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Raises ArrowTypeError where the driver's values are of another type, of which Arrow would keep a part."""
    given = set(map(type, values)) - {type(None)}
    if kind == pa.string():
        return pa.array(values if given <= {str} else [_as_text(value) for value in values], kind)
    if float in given and pa.types.is_integer(kind):
        # Whole numbers of a database without such a type; others are an error.
        return pa.array(values, pa.float64()).cast(kind)
    if not given <= _KEPT_WHOLE.get(kind, {Decimal, int} if pa.types.is_decimal(kind) else given):
        raise pa.ArrowTypeError(f"{kind} of {', '.join(sorted(item.__name__ for item in given))}")
    return pa.array(values, kind)


def _as_text(value: Any) -> str | None:
    """As people write it: exact numbers without an exponent, times in ISO 8601, bytes in hexadecimal, what is nested as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, float) and value.is_integer() and abs(value) < _MOST_WHOLE:
        return str(int(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list | tuple):
        return _as_json(value)
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _as_json(value: Any) -> str:
    """Numbers exactly as they are; other values as their texts."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_as_json, value)) + "]"
    if value is None or isinstance(value, int | float | Decimal):
        return _as_text(value) or "null"
    return json.dumps(_as_text(value), ensure_ascii=False)


def _typed_schema(contract: Contract) -> pa.Schema:
    return pa.schema([(column.header, _arrow_type(column)) for column in contract.columns])


def _text_schema(contract: Contract) -> pa.Schema:
    return pa.schema([(column.header, pa.string()) for column in contract.columns])


def _arrow_type(column: Column) -> pa.DataType:
    kind = column.sql_type
    if kind.startswith("DECIMAL"):
        precision, scale = kind.removeprefix("DECIMAL(").removesuffix(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    if "defaultTimezone" in column.options:
        # Arrow would take a time without a zone for UTC; as text it is read in the contract's own zone.
        return pa.string()
    return _ARROW.get(kind, pa.string())


def _told(contract: Contract, error: Exception) -> str:
    import sqlalchemy as sa

    reason = shown(getattr(error, "orig", None) or error)
    remedy = f"check the server, the login and its rights, or ask {contract.agency_name}"
    if isinstance(error, sa.exc.DataError):
        remedy = f"a value is none that the driver can hold, such as a day after the year 9999; ask {contract.agency_name} to mend it"
    return f"{place(contract)}: {reason}; {remedy}"

"""The number that each table rule measures, on a connection that can do nothing else: a contract's query is a stranger's text."""

from pathlib import Path

import duckdb

from nights.record.verdict import WITHHELD
from sources.contract.model import Contract
from sources.contract.rules_as_sql import TableRule
from warehouse.engines.duckdb.engine import ended_after, lock, open_database, safe_message
from warehouse.engines.duckdb.functions import register_functions
from warehouse.engines.duckdb.given_up import given_up_after
from warehouse.settings import settings

_TOO_LONG = "takes longer than a feed may (INTERAGENCY_FEED_TIMEOUT_SECONDS)"
_TIMES = ("DATE", "TIMESTAMP", "TIME")


def measures(contract: Contract, rules: list[TableRule], database: Path, rows: Path) -> dict[str, str]:
    """The measured value of each rule by its name, as text; `rows` is the file that the view `rows` of the database reads.

    Raises RuntimeError where a rule cannot be evaluated or measures a text: which, never the engine's words about a value.
    """
    if not rules:
        return {}

    def asked() -> dict[str, str]:
        with open_database(database, read_only=True) as connection:
            register_functions(connection)
            lock(connection, [rows])
            with ended_after(connection.interrupt, settings().feed_timeout_seconds):
                return _together(connection, contract, rules)

    try:
        return given_up_after(settings().feed_timeout_seconds, asked)
    except TimeoutError:
        raise _refused(contract, "", _TOO_LONG) from None


def _together(connection: duckdb.DuckDBPyConnection, contract: Contract, rules: list[TableRule]) -> dict[str, str]:
    """In one pass over the rows; where one rule fails, each is asked alone, so that it can be named."""
    try:
        return _measured(connection, contract, rules)
    except duckdb.InterruptException:
        raise _refused(contract, "", _TOO_LONG) from None
    except duckdb.Error as error:
        if len(rules) == 1:
            raise _refused(contract, rules[0].name, f"is not valid SQL: {safe_message(error)}") from None
    return {name: value for rule in rules for name, value in _together(connection, contract, [rule]).items()}


def _measured(connection: duckdb.DuckDBPyConnection, contract: Contract, rules: list[TableRule]) -> dict[str, str]:
    selected = ", ".join(rule.measure.replace("{rows}", "rows") for rule in rules)
    asked = connection.sql(f"SELECT {selected}")
    for rule, kind in zip(rules, asked.types, strict=True):
        if not _is_measure(str(kind), rule.is_of_dates):
            raise _refused(contract, rule.name, f"measures a {kind}; write a query for a number, or true or false")
    row = asked.fetchone() or ()
    return {rule.name: _text(value) if rule.is_open else WITHHELD for rule, value in zip(rules, row, strict=True)}


def _is_measure(kind: str, of_dates: bool) -> bool:
    """Whether a value of the engine's type is a number, true or false, or a date where the rule's bound is one."""
    is_number = kind.startswith("DECIMAL") or kind in _NUMBERS
    return is_number or (of_dates and kind.startswith(_TIMES))


_NUMBERS = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
     "FLOAT", "DOUBLE"}
)  # fmt: skip


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _refused(contract: Contract, rule: str, words: str) -> RuntimeError:
    return RuntimeError(f"quality rule {rule or 'one'} of {contract.path.name} {words}")

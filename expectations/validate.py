"""Running a suite: great-expectations over one relation of a database file, pushed down as SQL."""

import logging
import numbers
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.suite import Check, suite
from nights.record.verdict import WITHHELD
from warehouse.engines.duckdb import sqlalchemy_dialect
from warehouse.engines.duckdb.engine import ended_after, safe_message
from warehouse.engines.duckdb.given_up import given_up_after
from warehouse.settings import settings

_QUERY = gxe.UnexpectedRowsExpectation
# No values: failing rows are counted here and shown, masked, by our own SQL.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
# What is kept of a result: numbers of rows. An example, a list of values or a trace of the stack may hold what was sent.
_KEPT = frozenset(
    {"element_count", "unexpected_count", "unexpected_percent", "missing_count", "missing_percent",
     "unexpected_percent_total", "unexpected_percent_nonmissing"}
)  # fmt: skip
# Not even its errors: great-expectations logs them in the engine's words, which quote values.
_SILENT = logging.CRITICAL + 1


@dataclass(frozen=True)
class Validation:
    """A suite's result without any value of a protected column, and the seconds that were not the engine's."""

    result: ExpectationSuiteValidationResult
    fixed_seconds: float


def validate(
    name: str, checks: list[Check], database: Path, relation: str, readable: Sequence[Path] = ()
) -> Validation:
    """The result of `checks` on `relation` (of `schema.relation`) in the database file, which stays closed before and after.

    `readable` are the files that its views read; the suite can read no others, and write none. Raises RuntimeError where a
    rule cannot be evaluated: which, and the kind of error, never the engine's words about a value.
    """
    try:
        return given_up_after(
            settings().feed_timeout_seconds, lambda: _validated(name, checks, database, relation, readable)
        )
    except TimeoutError:
        raise RuntimeError(
            f"the rules of {name} take longer than a feed may (INTERAGENCY_FEED_TIMEOUT_SECONDS); mend those of its contract"
        ) from None


def _validated(name: str, checks: list[Check], database: Path, relation: str, readable: Sequence[Path]) -> Validation:
    began = time.perf_counter()
    logging.getLogger("great_expectations").setLevel(_SILENT)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    opening: dict[str, Any] = {
        "kwargs": {"connect_args": {sqlalchemy_dialect.READABLE: [str(file) for file in readable]}}
    }
    source = context.data_sources.add_sql(
        name, connection_string=sqlalchemy_dialect.url(database), create_temp_table=False, **opening
    )
    schema, _, table = relation.rpartition(".")
    asset = source.add_table_asset(name, table_name=table, schema_name=schema or None)
    definition = gx.ValidationDefinition(
        name=name, data=asset.add_batch_definition_whole_table("night"), suite=suite(name, checks)
    )
    context.suites.add(definition.suite)
    engine = source.get_execution_engine().engine
    try:
        with _engine_time(engine) as engine_seconds, _engine_errors(engine) as errors, _ended_in_time(engine):
            result = _run(name, context.validation_definitions.add(definition))
        _raise_unevaluated(result, errors)
    finally:
        for opened in (engine, source.get_engine()):
            opened.dispose()
    by_name = {check.name: check for check in checks}
    for found in result.results:
        _forget_values(found, by_name[rule_of(found)])
    return Validation(result, time.perf_counter() - began - sum(engine_seconds))


def _run(name: str, definition: gx.ValidationDefinition) -> ExpectationSuiteValidationResult:
    try:
        return definition.run(result_format=_RESULT_FORMAT)
    except Exception as error:
        # Its own words may quote what it looked at.
        raise RuntimeError(
            f"the rules of {name} cannot be evaluated: great-expectations ends with {type(error).__name__}; mend those of its contract"
        ) from None


@contextmanager
def _ended_in_time(engine: sa.Engine) -> Iterator[None]:
    """A rule that never ends is one feed's matter: its statement ends when a pull would have to."""
    raw = engine.raw_connection()
    try:
        # The wrapper hands what is not its own on to the engine's connection, of which the pool has one.
        driver: Any = raw.driver_connection
        with ended_after(driver.interrupt, settings().feed_timeout_seconds):
            yield
    finally:
        raw.close()


@contextmanager
def _engine_errors(engine: sa.Engine) -> Iterator[list[str]]:
    """What the engine raised inside the block, without values; great-expectations hands its words on as they are."""
    errors: list[str] = []

    def heard(context: sa.engine.ExceptionContext) -> None:
        error = context.original_exception
        errors.append(safe_message(error) if isinstance(error, duckdb.Error) else type(error).__name__)

    sa.event.listen(engine, "handle_error", heard)
    yield errors


def _raise_unevaluated(result: ExpectationSuiteValidationResult, errors: list[str]) -> None:
    for found in result.results:
        if any(info.get("raised_exception") for info in _exceptions(found)):
            said = "; ".join(dict.fromkeys(errors)) or "great-expectations cannot read it"
            raise RuntimeError(f"rule {rule_of(found)} cannot be evaluated: {said}; mend it in the contract")


def _forget_values(found: Any, check: Check) -> None:
    """Leave numbers alone, and of a protected column only numbers of rows: this result is kept, shown and published."""
    measured = found.result.get("observed_value")
    found.result = {name: value for name, value in found.result.items() if name in _KEPT}
    if isinstance(measured, numbers.Real | Decimal | date) and (check.is_open or isinstance(check.expectation, _QUERY)):
        found.result["observed_value"] = measured


@contextmanager
def _engine_time(engine: sa.Engine) -> Iterator[list[float]]:
    """The seconds of each statement that the engine runs inside the block."""
    seconds: list[float] = []
    started: list[float] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *_: started.append(time.perf_counter()))
    sa.event.listen(engine, "after_cursor_execute", lambda *_: seconds.append(time.perf_counter() - started.pop()))
    yield seconds


def rule_of(result: Any) -> str:
    """Which of the platform's rules a result answers."""
    return str(result.expectation_config.meta["rule"])


def unexpected_count(result: Any) -> int:
    """Rows (or groups of rows) that break the rule."""
    counted = "observed_value" if isinstance(result.expectation_config.to_domain_obj(), _QUERY) else "unexpected_count"
    found = result.result.get(counted)
    return int(found) if isinstance(found, int | float) else int(not result.success)


def observed_value(result: Any, check: Check) -> str | None:
    """What an expectation measured; None for one that counts rows."""
    if "unexpected_count" in result.result or isinstance(check.expectation, _QUERY):
        return None
    found = result.result.get("observed_value")
    if found is None:
        return None if check.is_open else WITHHELD
    return f"{found:.6g}" if isinstance(found, float) else str(found)


def _exceptions(result: Any) -> list[dict[str, Any]]:
    info = result.exception_info or {}
    return [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]

"""Running a suite: great-expectations over one relation of a database file, pushed down as SQL."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig

from expectations.suite import Check, suite
from warehouse import dialect

_QUERY = gxe.UnexpectedRowsExpectation
# No values: failing rows are counted here and shown, masked, by our own SQL.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Validation:
    """A suite's result, and the seconds that were not the engine's."""

    result: ExpectationSuiteValidationResult
    fixed_seconds: float


def validate(name: str, checks: list[Check], database: Path, relation: str) -> Validation:
    """The result of `checks` on `relation` (of `schema.relation`) in the database file, which stays closed before and after."""
    began = time.perf_counter()
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_sql(name, connection_string=dialect.url(database), create_temp_table=False)
    schema, _, table = relation.rpartition(".")
    asset = source.add_table_asset(name, table_name=table, schema_name=schema or None)
    definition = gx.ValidationDefinition(
        name=name, data=asset.add_batch_definition_whole_table("night"), suite=suite(name, checks)
    )
    context.suites.add(definition.suite)
    try:
        with _engine_time(source.get_execution_engine().engine) as engine_seconds:
            result = context.validation_definitions.add(definition).run(result_format=_RESULT_FORMAT)
    finally:
        for engine in (source.get_execution_engine().engine, source.get_engine()):
            engine.dispose()
    return Validation(result, time.perf_counter() - began - sum(engine_seconds))


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
    """Rows (or groups of rows) that break the rule. Raises RuntimeError where the rule could not be evaluated at all."""
    raised = [info.get("exception_message") for info in _exceptions(result) if info.get("raised_exception")]
    if raised:
        raise RuntimeError(f"rule {rule_of(result)} cannot be evaluated: {raised[0]}")
    counted = "observed_value" if isinstance(result.expectation_config.to_domain_obj(), _QUERY) else "unexpected_count"
    found = result.result.get(counted)
    return int(found) if isinstance(found, int | float) else int(not result.success)


def observed_value(result: Any) -> str | None:
    """The number that an expectation measured; None for one that counts rows."""
    found = result.result.get("observed_value")
    if found is None or isinstance(result.expectation_config.to_domain_obj(), _QUERY):
        return None
    return f"{found:.6g}" if isinstance(found, float) else str(found)


def _exceptions(result: Any) -> list[dict[str, Any]]:
    info = result.exception_info or {}
    return [info] if "raised_exception" in info else [value for value in info.values() if isinstance(value, dict)]

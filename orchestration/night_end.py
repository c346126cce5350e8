"""How a night ends: a step that failed says why, in one line without a value; whoever is concerned is told, and the report is written."""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from catalogue.protection import Exposed
from expectations.cross_agency import RuleError
from expectations.data_docs import write_data_docs
from nights.build import NotBuilt
from nights.record.past import open_past
from reports.report import write_report
from sharing.ledger.errors import LedgerDamaged, NotWritten
from sharing.ledger.platform import make_checkpoint
from sharing.policy.purposes_of_marts import NotForOnePurpose
from sources.contract.model import Contract
from sources.errors import NotAllowed
from warehouse.engines.duckdb.engine import safe_message
from warehouse.errors import KeyRefused
from warehouse.files import DISK_REMEDY, refused_by_disk
from warehouse.home import PROJECT, Home
from warehouse.store.night_records import record
from warehouse.store.published_nights import PublishError
from warehouse.store.seal import Tampered
from watch.alerts import tell

# Errors whose words are the platform's own: they say what happened and what to do, and hold no value of a row.
_OWN_WORDS = (
    NotAllowed, NotForOnePurpose, KeyRefused, LedgerDamaged, NotWritten, RuntimeError, FileNotFoundError, PublishError, RuleError, Exposed, Tampered,
    DagsterDbtCliRuntimeError,
)  # fmt: skip
# Dagster puts the (private) name of its class before the words of a step that says itself why it fails.
_OWN_FAILURE = "dagster._core.definitions.events.Failure: "
_PARTITION = "dagster/partition"


def told(error: Exception) -> str:
    """What is said of a defect: its kind and place; its own words only where they are the platform's, since others quote values."""
    if type(error) in _OWN_WORDS and str(error):
        return " ".join(str(error).split())[:500]
    if refusal := refused_by_disk(error):
        return f"{refusal}: {DISK_REMEDY}"
    kind = safe_message(error) if isinstance(error, duckdb.Error) else type(error).__name__
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(PROJECT)]
    own = [frame for frame in own if ".venv" not in Path(frame.filename).parts]
    place = f" in {Path(own[-1].filename).relative_to(PROJECT)}, line {own[-1].lineno}" if own else ""
    return f"{kind}{place}"


def told_plainly(step: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Of a step's body: what goes wrong fails it in words that may be kept. Dagster stores what an error says, and its causes."""

    def decorated(body: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(body)
        def stepwise(*arguments: Any, **named: Any) -> Iterator[Any]:
            with _plain_failure(step):
                yield from body(*arguments, **named)

        @functools.wraps(body)
        def whole(*arguments: Any, **named: Any) -> Any:
            with _plain_failure(step):
                return body(*arguments, **named)

        return stepwise if inspect.isgeneratorfunction(body) else whole

    return decorated


@contextmanager
def _plain_failure(step: str) -> Iterator[None]:
    try:
        yield
    except dg.Failure:
        raise
    except NotBuilt as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        raise dg.Failure(f"the {step} could not be run: {told(error)}", allow_retries=False) from None


def why_failed(event: Any) -> str:
    """The step and the deepest cause of its STEP_FAILURE event, in one line."""
    error = event.event_specific_data.error
    while error.cause:
        error = error.cause
    message = " ".join(error.message.split()).removeprefix(_OWN_FAILURE)
    return f"{event.step_key}: {message[:500]}"


def close_night(contracts: list[Contract], home: Home, night: date, failure: str | None) -> Path:
    """How a night ends, published (`failure` None) or not: recorded, told to whom it concerns, reported. Returns the front page's path."""
    record(home, "night", night, [{"failure": failure}], {})
    write_data_docs(home, night)
    with open_past(home, contracts, night) as past:
        tell(past)
    page = write_report(contracts, home, night)
    make_checkpoint(home)
    return page


def report_hook(contracts: list[Contract], report_step: str) -> dg.HookDefinition:
    """However a night was started: one that is not published has its report and its alerts too. A good one writes its own."""

    @dg.failure_hook(name="report_failure", required_resource_keys={"platform"})
    def report_failure(context: dg.HookContext) -> None:
        if context.step_key == report_step:
            return
        run = context.instance.get_run_by_id(context.run_id)
        failed = context.instance.get_records_for_run(context.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        if run is None or not failed:
            return
        night, failure = date.fromisoformat(run.tags[_PARTITION]), why_failed(failed[-1].event_log_entry.dagster_event)
        close_night(contracts, context.resources.platform.home, night, failure)

    return report_failure

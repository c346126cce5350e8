"""A step that failed: why, in one line, and the report of the night that is not published because of it."""

from datetime import date
from typing import Any

import dagster as dg

from expectations.data_docs import write_data_docs
from reports.site import write_report
from sources.contract import Contract
from warehouse.records import record

# Dagster puts the name of its class before the words of a step that says itself why it fails.
_OWN_FAILURE = "dagster._core.definitions.events.Failure: "
_PARTITION = "dagster/partition"


def why_failed(event: Any) -> str:
    """The step and the deepest cause of its STEP_FAILURE event, in one line."""
    error = event.event_specific_data.error
    while error.cause:
        error = error.cause
    message = " ".join(error.message.split()).removeprefix(_OWN_FAILURE)
    return f"{event.step_key}: {message[:500]}"


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
        home, night = context.resources.platform.home, date.fromisoformat(run.tags[_PARTITION])
        record(home, "night", night, [{"failure": why_failed(failed[-1].event_log_entry.dagster_event)}], {})
        write_data_docs(home, night)
        write_report(contracts, home, night)

    return report_failure

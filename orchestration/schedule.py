"""When the night runs, what follows what, and who is told: jobs, schedule, sensors, hook."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.assets.harmonise import REPORT_KEY
from orchestration.assets.ingest import HARMONISE, INGEST, accepted_key, landing_key, who_to_tell
from orchestration.night_end import report_hook
from sources.contract.model import Contract

# Dagster has no public name for a job that is still to be resolved against the assets.
Job = Any
# Runs that the command started: it starts the second one by itself.
BY_COMMAND = "interagency/by_command"


def night_jobs(contracts: list[Contract]) -> list[Job]:
    """`ingest` may end failed; `harmonise` depends on none of its checks."""
    fed = dg.AssetSelection.assets(*[key for item in contracts for key in (landing_key(item), accepted_key(item))])
    tell = _tell_hook(contracts)
    rest = dg.AssetSelection.all() - fed
    return [
        dg.define_asset_job(INGEST, selection=fed, hooks={tell}, description="Extract, gate and accept every feed."),
        dg.define_asset_job(
            HARMONISE,
            selection=rest,
            hooks={tell, report_hook(contracts, REPORT_KEY.to_python_identifier())},
            description="Harmonise, gate between agencies, publish, report.",
        ),
    ]


def nightly_schedule(contracts: list[Contract], ingest: Job) -> dg.ScheduleDefinition:
    """Once every agency has promised to have delivered (UTC); pulls the night of that day."""

    @dg.schedule(
        job=ingest, cron_schedule=cron(contracts), execution_timezone="UTC", name="nightly", default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Runs when the last of the contracts' times of availability has come.",
    )  # fmt: skip
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        night = (context.scheduled_execution_time or datetime.now(UTC)).date().isoformat()
        return dg.RunRequest(run_key=night, partition_key=night)

    return nightly


def cron(contracts: list[Contract]) -> str:
    hour, minute = max((contract.service_level.available_by for contract in contracts), default="02:00").split(":")
    return f"{int(minute)} {int(hour)} * * *"


def follow_sensors(ingest: Job, harmonise: Job) -> Iterator[dg.SensorDefinition]:
    """Start `harmonise` when `ingest` ended, whatever its result: one bad agency never stops the others."""
    for name, status in (
        ("after_good_ingest", dg.DagsterRunStatus.SUCCESS),
        ("after_failed_ingest", dg.DagsterRunStatus.FAILURE),
    ):
        yield _follow_sensor(name, status, ingest, harmonise)


def _follow_sensor(
    name: str,
    status: dg.DagsterRunStatus,
    ingest: Job,
    harmonise: Job,
) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name=name,
        run_status=status,
        monitored_jobs=[ingest],
        request_job=harmonise,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        if BY_COMMAND in run.tags:
            return dg.SkipReason("The command that started this run starts the next one itself.")
        return dg.RunRequest(run_key=run.run_id, partition_key=run.tags["dagster/partition"])

    return follow


def _tell_hook(contracts: list[Contract]) -> dg.HookDefinition:
    """A failed step is logged with those who are to be told, from the contract."""
    by_step = {contract.relation: contract for contract in contracts}

    @dg.failure_hook(name="tell_contacts")
    def tell(context: dg.HookContext) -> None:
        concerned = [contract for relation, contract in by_step.items() if relation in context.op.name]
        told = "; ".join(who_to_tell(contract) for contract in concerned) or "tell the platform's data engineers"
        context.log.error(f"step {context.op.name} failed — {told}")

    return tell

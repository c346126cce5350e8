"""What Dagster sees: jobs, schedule, sensors, lineage, freshness and blocking gates, as the server would load them."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nights.record.feed_night import FeedNight
from orchestration.assets.ingest import accepted_key, landing_key
from orchestration.first_night import begin_no_later, first_night
from orchestration.schedule import BY_COMMAND, cron
from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.conftest import ended
from warehouse.home import PROJECT, Home

INGEST_ASSETS = {
    f"{step}/{feed}"
    for step in ("landing", "accepted")
    for feed in ("bts/airlines", "bts/flights", "faa/aircraft", "faa/airports", "noaa/weather")
}
HARMONISE_ASSETS = {
    "quality/finding", "quality/report", "warehouse/published",
    "seeds/airport_time_zone", "seeds/manufacturer_alias",
    "staging/stg_bts__airlines", "staging/stg_bts__flights", "staging/stg_faa__aircraft", "staging/stg_faa__airports",
    "staging/stg_noaa__weather",
    "intermediate/int_aircraft_manufacturer", "intermediate/int_airport_reference", "intermediate/int_airport_time_zone",
    "intermediate/int_flight_arrival", "intermediate/int_flight_departure", "intermediate/int_time_zone",
    "intermediate/int_utc_offset_period",
    "marts/aircraft", "marts/airline", "marts/airport", "marts/flight", "marts/weather_observation",
}  # fmt: skip


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs


@pytest.fixture(scope="module")
def contracts() -> list[Contract]:
    return load_all()


def assets_of(defs: dg.Definitions, job: str) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_job_def(job).asset_layer.executable_asset_keys}


def test_the_server_loads_the_workspace(tmp_path: Path, home: Home) -> None:
    dagster = Path(sys.executable).with_name("dagster")
    done = ended(dagster, "definitions", "validate", DAGSTER_HOME=str(tmp_path))
    assert "Validation successful for code location interagency" in done.stdout + done.stderr


def test_partitions_begin_with_the_first_night_that_there_is(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INTERAGENCY_FIRST_NIGHT")
    today = datetime.now(UTC).date()
    assert first_night(home) == today
    begin_no_later(home, today - timedelta(days=3))
    assert first_night(home) == today - timedelta(days=3)
    night, now = today - timedelta(days=9), datetime.now(UTC)
    FeedNight(night, "noaa", "weather", "accepted", now, now).save(home)
    begin_no_later(home, today)
    assert first_night(home) == night


def test_a_job_takes_one_kind_of_partitions_alone() -> None:
    """Where this fails, each feed may have partitions that begin with its own first night."""
    starts = {"early": "2026-11-01", "late": "2026-11-20"}
    specs = [
        dg.AssetSpec(name, partitions_def=dg.DailyPartitionsDefinition(start_date=start))
        for name, start in starts.items()
    ]

    @dg.multi_asset(specs=specs, can_subset=True)
    def land() -> Iterator[dg.MaterializeResult]:
        yield from ()

    defs = dg.Definitions(assets=[land], jobs=[dg.define_asset_job("night")])
    with pytest.raises(dg.DagsterInvalidDefinitionError) as caught:
        defs.resolve_job_def("night")
    assert "Selected assets must have the same partitions definitions" in str(caught.value.__cause__)


def test_tables_have_their_rows_over_the_nights(published_home: Home) -> None:
    with dg.DagsterInstance.from_config(str(published_home.dagster)) as instance:
        made = {
            key: instance.get_latest_materialization_event(dg.AssetKey(key.split("/")))
            for key in ("staging/stg_bts__airlines", "marts/airline", "marts/flight")
        }
    rows = {
        key: event.asset_materialization.metadata["dagster/row_count"].value for key, event in made.items() if event
    }
    assert rows == {"staging/stg_bts__airlines": 16, "marts/airline": 16, "marts/flight": 336776}


def test_assets_name_their_team_and_lead_to_their_contract(defs: dg.Definitions, contracts: list[Contract]) -> None:
    graph = defs.resolve_asset_graph()
    for contract in contracts:
        for layer, key in (("landing", landing_key(contract)), ("accepted", accepted_key(contract))):
            node = graph.get(key)
            assert (node.group_name, list(node.owners)) == (
                f"{layer}_{contract.agency}",
                [f"team:{contract.agency_name}"],
            )
            (link,) = node.metadata["dagster/code_references"].code_references
            assert link.file_path == str(contract.path)


def test_snapshot_of_the_jobs(defs: dg.Definitions) -> None:
    assert assets_of(defs, "ingest") == INGEST_ASSETS
    assert assets_of(defs, "harmonise") == HARMONISE_ASSETS


def test_definitions_stay_short() -> None:
    assert len((PROJECT / "orchestration" / "definitions.py").read_text().splitlines()) < 50


def test_the_schedule_waits_for_the_last_agency(defs: dg.Definitions, contracts: list[Contract]) -> None:
    schedule = defs.resolve_schedule_def("nightly")
    hour, minute = max(contract.service_level.available_by for contract in contracts).split(":")
    assert schedule.cron_schedule == cron(contracts) == f"{int(minute)} {int(hour)} * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    fired_at = datetime(2026, 11, 20, int(hour), int(minute), tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=fired_at, repository_def=defs.get_repository_def()
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests
    assert requests is not None
    assert [request.partition_key for request in requests] == ["2026-11-20"]


def followed(defs: dg.Definitions, sensor: str, tags: dict[str, str], succeeded: bool) -> Any:
    """What a sensor makes of the end of a run that has these tags."""

    @dg.op
    def end() -> None:
        if not succeeded:
            raise dg.Failure("one agency's gate")

    @dg.job(name="ingest", tags={"dagster/partition": "2026-11-20", **tags})
    def job() -> None:
        end()

    with dg.DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        ran = job.execute_in_process(instance=instance, raise_on_error=False, run_config=quiet)
        ended = dg.DagsterEventType.RUN_SUCCESS if succeeded else dg.DagsterEventType.RUN_FAILURE
        event = next(event for event in ran.all_events if event.event_type == ended)
        context = dg.build_run_status_sensor_context(sensor, event, instance, ran.dagster_run)
        return defs.resolve_sensor_def(sensor)(context)


@pytest.mark.parametrize(("sensor", "succeeded"), [("after_good_ingest", True), ("after_failed_ingest", False)])
def test_harmonise_follows_ingest_whatever_its_result(defs: dg.Definitions, sensor: str, succeeded: bool) -> None:
    definition = defs.resolve_sensor_def(sensor)
    assert definition.default_status == dg.DefaultSensorStatus.RUNNING
    assert definition.job_name == "harmonise"
    assert followed(defs, sensor, {}, succeeded).partition_key == "2026-11-20"
    skipped = followed(defs, sensor, {BY_COMMAND: "true"}, succeeded)
    assert isinstance(skipped, dg.SkipReason)
    assert "The command" in (skipped.skip_message or "")


def test_accepted_feeds_are_fresh_as_their_contracts_promise(defs: dg.Definitions, contracts: list[Contract]) -> None:
    graph = defs.resolve_asset_graph()
    for contract in contracts:
        policy = graph.get(accepted_key(contract)).freshness_policy
        level = contract.service_level
        assert isinstance(policy, dg.FreshnessPolicy)
        assert policy == dg.FreshnessPolicy.time_window(fail_window=level.frequency + level.latency)
        assert level.frequency + level.latency > timedelta(days=1)


def test_lineage_leads_from_each_agencys_file_to_a_mart_and_to_what_readers_see(
    defs: dg.Definitions, contracts: list[Contract]
) -> None:
    graph = defs.resolve_asset_graph()

    def downstream(key: dg.AssetKey) -> set[str]:
        found, next_ones = set(), {key}
        while next_ones := {child for one in next_ones for child in graph.get(one).child_keys}:
            found |= {child.to_user_string() for child in next_ones}
        return found

    for contract in contracts:
        below = downstream(landing_key(contract))
        assert f"accepted/{contract.name}" in below
        assert f"staging/stg_{contract.relation}" in below
        assert any(key.startswith("marts/") for key in below)
        assert {"quality/finding", "warehouse/published", "quality/report"} <= below


def test_gates_block_and_arrival_does_not(defs: dg.Definitions, contracts: list[Contract]) -> None:
    graph = defs.resolve_asset_graph()
    specs = {key.to_user_string(): graph.get_check_spec(key) for key in graph.asset_check_keys}
    for contract in contracts:
        assert specs[f"landing/{contract.name}:gate"].blocking
        assert not specs[f"landing/{contract.name}:arrived"].blocking
    assert specs["quality/finding:cross_agency"].blocking
    ingest = defs.resolve_job_def("ingest").asset_layer
    assert {key.name for key in ingest.asset_graph.asset_check_keys} >= {"gate", "arrived"}


def test_everything_is_partitioned_by_night_and_can_be_backfilled(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for job in ("ingest", "harmonise"):
        for name in assets_of(defs, job):
            partitions = graph.get(dg.AssetKey.from_user_string(name)).partitions_def
            assert isinstance(partitions, dg.DailyPartitionsDefinition), name
            policy = graph.get(dg.AssetKey.from_user_string(name)).backfill_policy
            assert policy is None or policy.max_partitions_per_run == 1, name
    today = datetime.now(UTC).date().isoformat()
    assert defs.resolve_job_def("ingest").partitions_def.get_last_partition_key() == today


def test_who_is_told_of_a_failure_stands_in_the_contract(defs: dg.Definitions, contracts: list[Contract]) -> None:
    from orchestration.assets.ingest import who_to_tell

    assert {hook.name for hook in defs.resolve_job_def("ingest").hook_defs} == {"tell_contacts"}
    flights = next(contract for contract in contracts if contract.feed == "flights")
    assert "bts-on-time-data (mailto:ontime-data@bts.example.gov)" in who_to_tell(flights)


def test_sources_know_nothing_of_the_orchestrator() -> None:
    script = (
        "import sys, pkgutil, importlib, sources\n"
        "for found in pkgutil.walk_packages(sources.__path__, 'sources.'): importlib.import_module(found.name)\n"
        "print(sorted({'dagster', 'great_expectations', 'dbt'} & set(sys.modules)))"
    )
    assert ended(sys.executable, "-c", script).stdout.strip() == "[]"

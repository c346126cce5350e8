"""The run `harmonise` as Dagster assets: staging and marts by dbt, the cross-agency gate, publishing, the report."""

import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from catalogue.protection import Protection, refuse_exposed
from expectations.cross_agency import gate_build
from expectations.data_docs import write_data_docs
from linkage.night import link_night
from linkage.settle.cases import load_dispositions
from nights.past import open_past
from nights.retention import forget_originals, forget_superseded
from nights.rows.accepted import SCHEMA, create_empty_relations, create_relations, last_accepted
from nights.unrecorded import record_missed
from nights.untouched import tampered
from orchestration.dbt import (
    BySchema,
    build_variable,
    givers,
    modelled_contracts,
    of_loaded,
    prepare,
    ran,
    target_folder,
    variables,
    versioned_marts,
)
from orchestration.failure import told_plainly
from orchestration.ingest import STEP
from orchestration.partitions import NIGHTS, night_of
from orchestration.resources import Platform
from reports.front import anomalies, by_agency
from reports.scores import scores_of
from reports.site import write_report
from sharing.agreements import read_register
from sharing.retention import forget_unagreed, remember
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import make_private
from warehouse.home import Home
from warehouse.store.builds import build_database, is_newest, note_feeds, prune_nights, publish, start_build
from warehouse.store.history import Versioned, add_history, in_build, keep_history
from warehouse.store.records import COMMENTS, copy_into, record
from warehouse.store.restricted import attach_restricted
from watch.anomalies import write_anomalies

# What the marts read of linkage.
_LINKED = {
    "person_link": "The person of each record.",
    "body_link": "The business or other body of each record.",
    "case_disposition": "What was decided of cases.",
}
_BUILD = ["build", "--exclude-resource-type", "unit_test"]
# What the platform itself puts into the open database beside dbt's models: records' pseudonyms and random ids, and its records.
_OWN = [
    *(f"linkage.{table}" for table in (*_LINKED, "entity_change", "large_block", "conflict")),
    *(f"quality.{table}" for table in COMMENTS),
]
STAGING = "tag:staging"
# dbt assets would take all nights of a backfill in one run.
_NIGHT_BY_NIGHT = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
PERSON_RECORD = dg.AssetKey(["intermediate", "int_person_record"])
GATE_KEY = dg.AssetKey(["quality", "finding"])
PUBLISHED_KEY = dg.AssetKey(["warehouse", "published"])
REPORT_KEY = dg.AssetKey(["quality", "report"])


def harmonise_assets(contracts: list[Contract]) -> list[dg.AssetsDefinition]:
    """In the order of the night; the build of a run is one folder, named by night and run."""
    manifest = prepare(modelled_contracts(), Home.from_environment())
    loaded = of_loaded(contracts)
    staged = [f"{selector},{STAGING}" for selector in loaded]

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=BySchema(),
        select=" ".join(staged),
        name="staging",
        partitions_def=NIGHTS,
        backfill_policy=_NIGHT_BY_NIGHT,
        op_tags={STEP: "harmonise"},
    )
    @told_plainly("staging models")
    def staging(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
        night = night_of(context)
        refuse_tampered(contracts, platform.home, night)
        record_missed(contracts, platform.home)
        # Here every feed has its verdict, and the record is not copied into a build yet.
        write_anomalies(contracts, platform.home, night)
        agreed = read_register().allowed(contracts)
        used = [contract for contract in agreed if last_accepted(contract, platform.home, night)]
        if not used:
            raise dg.Failure(
                f"no feed with an agreement in force has an accepted extract up to {night}; nothing to publish",
                allow_retries=False,
            )
        database = start_build(platform.home, night, context.run.run_id)
        note_feeds(database, [contract.name for contract in used])
        with open_database(database) as connection:
            create_relations(connection, agreed, platform.home, night)
            # What a feed without an agreement sent before is not read; its models are empty.
            create_empty_relations(connection, [*_not_loaded(contracts), *(c for c in contracts if c not in agreed)])
        os.environ.update(build_variable(platform.home))
        yield from dbt.cli(
            [*_BUILD, *variables(manifest), "--select", " ".join(staged)],
            context=context,
            target_path=target_folder(platform.home, "staging"),
        ).stream()

    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=BySchema(),
        select=" ".join(loaded),
        exclude=STAGING,
        name="marts",
        partitions_def=NIGHTS,
        backfill_policy=_NIGHT_BY_NIGHT,
        op_tags={STEP: "harmonise"},
    )
    @told_plainly("marts")
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
        os.environ.update(build_variable(platform.home))
        yield from dbt.cli(
            [*_BUILD, *variables(manifest), "--select", " ".join(loaded), "--exclude", STAGING],
            context=context,
            target_path=target_folder(platform.home, "marts"),
        ).stream()

    return [
        staging,
        # Without an agency of people or bodies there is nothing to link.
        *([_linkage_asset(staging)] if PERSON_RECORD in staging.keys else []),
        marts,
        _gate_asset(contracts, marts, givers(manifest)),
        _published_asset(contracts, versioned_marts(manifest)),
        _report_asset(contracts),
    ]


def refuse_tampered(contracts: list[Contract], home: Home, night: date) -> None:
    """Raises dagster.Failure where the build would read what the platform did not write; readers keep what they have."""
    found = tampered(contracts, home, night)
    if found:
        more = f" ({len(found) - 1} more places are not as they were written)" if found[1:] else ""
        raise dg.Failure(f"{found[0]}{more}", allow_retries=False)


def _not_loaded(contracts: list[Contract]) -> list[Contract]:
    """Those that a model may read besides: they have no night here."""
    names = {contract.name for contract in contracts}
    return [contract for contract in modelled_contracts() if contract.name not in names]


def _linkage_asset(staging: dg.AssetsDefinition) -> dg.AssetsDefinition:
    @dg.multi_asset(
        specs=[
            dg.AssetSpec(["linkage", table], deps=list(staging.keys), group_name="linkage", description=description)
            for table, description in _LINKED.items()
        ],
        partitions_def=NIGHTS, backfill_policy=_NIGHT_BY_NIGHT, op_tags={STEP: "link"}, name="linkage",
    )  # fmt: skip
    @told_plainly("linkage")
    def linkage(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:
        night = night_of(context)
        database = build_database(platform.home, night, context.run.run_id)
        with open_database(database) as connection:
            attach_restricted(connection, database)
            link_night(connection, platform.home, night)
            load_dispositions(connection, platform.home, night)
            for table in _LINKED:
                row = connection.execute(f"SELECT count(*) FROM linkage.{table}").fetchone()
                yield dg.MaterializeResult(asset_key=["linkage", table], metadata={"rows": row[0] if row else 0})

    return linkage


def _gate_asset(
    contracts: list[Contract], marts: dg.AssetsDefinition, given: dict[str, list[str]]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=GATE_KEY, deps=list(marts.keys), partitions_def=NIGHTS, group_name="quality", op_tags={STEP: "cross-agency gate"},
        check_specs=[dg.AssetCheckSpec("cross_agency", asset=GATE_KEY, blocking=True, description="Every rule between agencies of severity error holds.")],
        description="What does not fit between the agencies.",
    )  # fmt: skip
    @told_plainly("cross-agency gate")
    def finding(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        night = night_of(context)
        database = build_database(platform.home, night, context.run.run_id)
        results = gate_build(contracts, platform.home, database, night, given)
        broken = [result for result in results if not result.passed and result.severity == "error"]
        for result in broken:
            context.log.error(
                f"{result.rule}: {result.description} ({result.observed_value}); the build is not published"
            )
        table = [
            dg.TableRecord({"rule": r.rule, "severity": r.severity, "passed": r.passed, "observed": r.observed_value})
            for r in results
        ]
        yield dg.MaterializeResult(metadata={"rules": dg.MetadataValue.table(table)})
        yield dg.AssetCheckResult(
            check_name="cross_agency",
            passed=not broken,
            metadata={"broken": ", ".join(r.rule for r in broken) or "none"},
        )

    return finding


def _published_asset(contracts: list[Contract], versioned: list[Versioned]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED_KEY, deps=[GATE_KEY], partitions_def=NIGHTS, group_name="warehouse", op_tags={STEP: "publish"},
        description="The warehouse that analysts read; readers see the old night or the new one, never half of it.", kinds={"duckdb"},
    )  # fmt: skip
    @told_plainly("publication")
    def published(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        home, night = platform.home, night_of(context)
        database = build_database(home, night, context.run.run_id)
        with open_database(database) as connection:
            attach_restricted(connection, database)
            copy_into(connection, home, night)
            kept = in_build(connection, versioned)
            add_history(connection, home, night, kept)
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
        refuse_exposed(database, Protection.read(ran(home)), _OWN)
        if is_newest(home, night):
            keep_history(home, night, kept)
        # dbt copies its cache of the project with the mode that it has there.
        make_private(home.dbt)
        is_current = publish(home, database)
        prune_nights(home)
        forget_originals(contracts, home)
        forget_superseded(home)
        register = read_register()
        remember(home, register)
        forget_unagreed(home, register)
        return dg.MaterializeResult(metadata={"database": str(database), "readers see it": is_current})

    return published


def _report_asset(contracts: list[Contract]) -> dg.AssetsDefinition:
    @dg.asset(
        key=REPORT_KEY, deps=[PUBLISHED_KEY], partitions_def=NIGHTS, group_name="quality", op_tags={STEP: "report"},
        description="The stewards' quality report.", kinds={"html"},
        check_specs=[dg.AssetCheckSpec("usual", asset=REPORT_KEY, description="No figure of a feed is unusual against its own history.")],
    )  # fmt: skip
    @told_plainly("report")
    def report(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        night = night_of(context)
        record(platform.home, "night", night, [{"failure": None}], {})
        write_data_docs(platform.home, night)
        page = write_report(contracts, platform.home, night)
        with open_past(platform.home, contracts, night) as past:
            scores = [
                {"agency": feeds[0].agency_name} | {score.dimension: score.text for score in scores_of(past, feeds)}
                for feeds in by_agency(contracts)
            ]
            odd = [
                {"feed": f"{agency}/{feed}", "measure": measure, "seen": said}
                for agency, feed, measure, said in anomalies(past)
            ]
        yield dg.MaterializeResult(metadata={"page": dg.MetadataValue.path(str(page)), **_table("quality", scores)})
        yield dg.AssetCheckResult(
            check_name="usual", passed=not odd, severity=dg.AssetCheckSeverity.WARN, metadata=_table("unusual", odd)
        )

    return report


def _table(name: str, rows: list[dict[str, str]]) -> dict[str, dg.MetadataValue]:
    """Dagster knows the columns of a table by its first row."""
    return {name: dg.MetadataValue.table([dg.TableRecord(row) for row in rows])} if rows else {}

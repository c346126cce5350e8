"""The run `harmonise` as Dagster assets: staging and marts by dbt, the cross-agency gate, publishing, the report."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from catalogue.protection import Protection
from expectations.cross_agency import gate_build
from nights import build as builds
from nights.build import LINKED, Build
from nights.record.past import open_past
from nights.retention_by_contract import forget_all
from orchestration.assets.ingest import STEP, rules_metadata
from orchestration.dbt import (
    BySchema,
    copies,
    givers,
    modelled_contracts,
    of_loaded,
    prepare,
    ran,
    run_dbt,
    versioned_marts,
)
from orchestration.night_end import close_night, told_plainly
from orchestration.partitions import NIGHTS, night_of
from orchestration.resources import Platform
from orchestration.ui.links import owners
from reports.figures.feed_lines import by_agency
from reports.figures.scores import scores_of
from reports.figures.since_night_before import anomalies
from sharing.agreements.seen import remember
from sharing.ledger.held import hold_against_ledger, refuse_erased
from sharing.ledger.night import (
    note_agreements,
    note_ended,
    note_feeds,
    note_keys,
    note_originals_ended,
    note_publication,
)
from sharing.ledger.records import hold_records, note_records
from sharing.policy.policy import Action, Policy
from sharing.policy.purposes_of_marts import Purposes, comment, refuse_joined
from sharing.retention_by_agreement import forget_unagreed
from sharing.rights.corrections import close_answered
from sharing.rights.returned import note_returned
from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.journal import actor
from warehouse.store.history import Versioned
from watch.anomalies import write_anomalies

STAGING = "tag:staging"
# dbt assets would take all nights of a backfill in one run.
_NIGHT_BY_NIGHT = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
PERSON_RECORD = dg.AssetKey(["intermediate", "int_person_record"])
GATE_KEY = dg.AssetKey(["quality", "finding"])
PUBLISHED_KEY = dg.AssetKey(["warehouse", "published"])
REPORT_KEY = dg.AssetKey(["quality", "report"])


def harmonise_assets(contracts: list[Contract], before_report: Sequence[dg.AssetKey] = ()) -> list[dg.AssetsDefinition]:
    """In the order of the night; the build of a run is one folder, named by night and run."""
    manifest = prepare(modelled_contracts(), Home.from_environment())
    loaded = of_loaded(contracts)
    staged = " ".join(f"{selector},{STAGING}" for selector in loaded)

    @_models("staging", manifest, staged)
    @told_plainly("staging models")
    def staging(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
        build = _build(context, platform)
        begin_build(build, contracts, _not_loaded(contracts))
        yield from run_dbt(context, dbt, build.home, manifest, "staging", ["--select", staged])

    @_models("marts", manifest, " ".join(loaded), exclude=STAGING)
    @told_plainly("marts")
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
        yield from run_dbt(
            context, dbt, platform.home, manifest, "marts", ["--select", " ".join(loaded), "--exclude", STAGING]
        )

    return [
        staging,
        # Without an agency of people or bodies there is nothing to link.
        *([_linkage_asset(staging)] if PERSON_RECORD in staging.keys else []),
        marts,
        # Without a mart the staging models alone are what is built.
        _gate_asset(contracts, [*staging.keys, *marts.keys], givers(manifest), copies(manifest)),
        _published_asset(contracts, versioned_marts(manifest)),
        _report_asset(contracts, before_report),
    ]


def begin_build(build: Build, contracts: list[Contract], others: list[Contract]) -> None:
    """What is read is as it was written, by its seals and by the ledger, and allowed by agreements; models of the `others` are empty."""
    policy = Policy.read(build.home)
    refuse_erased(build.home, contracts, build.night)
    # First: what is missing in the record is written there again by the next line.
    hold_records(build.home)
    builds.make_ready(contracts, build.home, build.night)
    hold_against_ledger(build.home, contracts, build.night)
    note_records(build.home, actor())
    note_feeds(build.home, contracts, policy, build.night, actor())
    note_keys(build.home, actor())
    # Here every feed has its verdict, and the record is not copied into a build yet.
    write_anomalies(contracts, build.home, build.night)
    agreed = policy.admitted(contracts, Action.BUILD)
    # What a feed without an agreement sent before is not read.
    names = {contract.name for contract in agreed}
    builds.begin(build, agreed, [*others, *(contract for contract in contracts if contract.name not in names)])


def _build(context: dg.AssetExecutionContext, platform: Platform) -> Build:
    return Build(platform.home, night_of(context), context.run.run_id)


def _models(
    name: str, manifest: Path, selected: str, exclude: str = ""
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """The models of one invocation of dbt as assets."""
    return dbt_assets(
        manifest=manifest, dagster_dbt_translator=BySchema({contract.agency: owners(contract) for contract in modelled_contracts()}), select=selected, exclude=exclude, name=name, partitions_def=NIGHTS,
        backfill_policy=_NIGHT_BY_NIGHT, op_tags={STEP: "harmonise"},
    )  # fmt: skip


def _not_loaded(contracts: list[Contract]) -> list[Contract]:
    """Those that a model may read besides: they have no night here."""
    names = {contract.name for contract in contracts}
    return [contract for contract in modelled_contracts() if contract.name not in names]


def _linkage_asset(staging: dg.AssetsDefinition) -> dg.AssetsDefinition:
    @dg.multi_asset(
        specs=[
            dg.AssetSpec(["linkage", table], deps=list(staging.keys), group_name="linkage", description=description)
            for table, description in LINKED.items()
        ],
        partitions_def=NIGHTS, backfill_policy=_NIGHT_BY_NIGHT, op_tags={STEP: "link"}, name="linkage",
    )  # fmt: skip
    @told_plainly("linkage")
    def linkage(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult]:
        for table, rows in builds.link(_build(context, platform)).items():
            yield dg.MaterializeResult(asset_key=["linkage", table], metadata={"rows": rows})

    return linkage


def _gate_asset(
    contracts: list[Contract], models: list[dg.AssetKey], given: dict[str, list[str]], copied: dict[str, str]
) -> dg.AssetsDefinition:
    @dg.asset(
        key=GATE_KEY, deps=models, partitions_def=NIGHTS, group_name="quality", op_tags={STEP: "cross-agency gate"},
        check_specs=[
            dg.AssetCheckSpec("cross_agency", asset=GATE_KEY, blocking=True, description="Every rule between agencies of severity error holds."),
            dg.AssetCheckSpec("warnings", asset=GATE_KEY, description="No rule between agencies warns that only warns."),
        ],
        description="What does not fit between the agencies.",
    )  # fmt: skip
    @told_plainly("cross-agency gate")
    def finding(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        build = _build(context, platform)
        builds.refuse_empty(build)
        results = gate_build(contracts, build.home, build.database, build.night, given, copied)
        broken = [result for result in results if not result.passed and result.severity == "error"]
        for result in broken:
            context.log.error(
                f"{result.rule}: {result.description} ({result.observed_value}); the build is not published"
            )
        warned = [result for result in results if not result.passed and result.severity != "error"]
        yield dg.MaterializeResult(metadata=rules_metadata(results))
        yield dg.AssetCheckResult(check_name="cross_agency", passed=not broken, metadata=rules_metadata(broken))
        yield dg.AssetCheckResult(
            check_name="warnings",
            passed=not warned,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=rules_metadata(warned),
        )

    return finding


def _published_asset(contracts: list[Contract], versioned: list[Versioned]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED_KEY, deps=[GATE_KEY], partitions_def=NIGHTS, group_name="warehouse", op_tags={STEP: "publish"},
        description="The warehouse that analysts read; readers see the old night or the new one, never half of it.", kinds={"duckdb"},
    )  # fmt: skip
    @told_plainly("publication")
    def published(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        build = _build(context, platform)
        manifests = ran(build.home)
        protection, policy = Protection.read(manifests), Policy.read(build.home)
        purposes = Purposes.today(policy, protection.lineage)
        refuse_joined(purposes)
        comment(build.database, purposes)
        is_current = builds.publish(build, versioned, manifests, protection)
        note_originals_ended(build.home, forget_all(contracts, build.home).originals, actor())
        note_records(build.home, actor())
        note_publication(build.home, build.database, build.night, build.run, is_current, actor())
        note_agreements(build.home, remember(build.home, policy.register, actor()), actor())
        gone = forget_unagreed(build.home, policy)
        note_ended(build.home, gone, "the retention of its agreement is over", actor())
        close_answered(build.home, contracts, actor())
        note_returned(build.home, actor())
        return dg.MaterializeResult(metadata={"database": str(build.database), "readers see it": is_current})

    return published


def _report_asset(contracts: list[Contract], before: Sequence[dg.AssetKey] = ()) -> dg.AssetsDefinition:
    @dg.asset(
        key=REPORT_KEY, deps=[PUBLISHED_KEY, *before], partitions_def=NIGHTS, group_name="quality", op_tags={STEP: "report"},
        description="The stewards' quality report.", kinds={"html"},
        check_specs=[dg.AssetCheckSpec("usual", asset=REPORT_KEY, description="No figure of a feed is unusual against its own history.")],
    )  # fmt: skip
    @told_plainly("report")
    def report(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        night = night_of(context)
        page = close_night(contracts, platform.home, night, failure=None)
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

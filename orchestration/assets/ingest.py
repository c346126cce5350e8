"""The run `ingest` as Dagster assets: landing of all feeds, a blocking gate for each, the accepted extracts."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import dagster as dg

from expectations.gate import run_gate
from nights.accept import accept_night, decide, record_not_taken
from nights.broken_contracts import Broken
from nights.pulling.all_feeds import Pulled, pull
from nights.record.unrecorded import record_failed
from nights.record.verdict import RuleResult
from orchestration.night_end import told, told_plainly
from orchestration.partitions import NIGHTS, night_of
from orchestration.resources import Platform
from orchestration.ui.links import ROW_COUNT, code_link, owners
from sharing.agreements.seen import remember
from sharing.ledger.night import note_agreements
from sharing.policy.policy import Action, Policy
from sources.contract.model import Contract
from sources.errors import NotAllowed
from warehouse.files import refused_by_disk
from warehouse.journal import actor
from warehouse.store.seal import Tampered

INGEST, HARMONISE = "ingest", "harmonise"
STEP = "interagency/step"


def landing_key(contract: Contract) -> dg.AssetKey:
    return dg.AssetKey(["landing", contract.agency, contract.feed])


def accepted_key(contract: Contract) -> dg.AssetKey:
    return dg.AssetKey(["accepted", contract.agency, contract.feed])


def landing_assets(contracts: list[Contract], left_out: Sequence[Broken] = ()) -> dg.AssetsDefinition:
    """One op for all feeds, so that waiting for one agency overlaps with the others. Feeds that are left out have no asset,
    and are told in its log.
    """
    by_key = {landing_key(contract): contract for contract in contracts}

    @dg.multi_asset(
        name="land",
        specs=[_landing_spec(contract) for contract in contracts],
        check_specs=[
            dg.AssetCheckSpec("arrived", asset=key, description="The extract arrived and can be read.")
            for key in by_key
        ],
        can_subset=True,
        partitions_def=NIGHTS,
        op_tags={STEP: "extract"},
    )
    @told_plainly("landing")
    def land(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        for broken in left_out:
            context.log.error(f"{broken.name}: left out: {broken.why}")
        selected = [contract for key, contract in by_key.items() if key in context.selected_asset_keys]
        context.log.info(_what_follows(context.job_name, len(selected), len(contracts)))
        policy = Policy.read(platform.home)
        note_agreements(platform.home, remember(platform.home, policy.register, actor()), actor())
        admit = partial(policy.admit, action=Action.PULL)
        for pulled in pull(selected, admit, platform.home, night_of(context)):
            yield from _landed(context, pulled)

    return land


def _what_follows(job: str, selected: int, of_all: int) -> str:
    """What becomes of a night that was started by hand, in whole or in part."""
    part = f"{selected} of {of_all} feeds are pulled; the others go on with their last good night"
    if job == INGEST:
        return f"{part}. The run `{HARMONISE}` follows by itself, and publishes."
    return f"{part}. Nothing is published after this run: launch the job `{HARMONISE}` for the same night."


def _landing_spec(contract: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        landing_key(contract),
        skippable=True,
        group_name=f"landing_{contract.agency}",
        description=contract.description,
        owners=owners(contract),
        kinds={contract.server.format, contract.server.type},
        metadata={"contract": contract.path.name, "agency": contract.agency_name} | code_link(contract.path),
    )


def _landed(context: dg.AssetExecutionContext, pulled: Pulled) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """A feed that did not arrive yields no asset, so its gate and acceptance are skipped, and no one else's."""
    key = landing_key(pulled.contract)
    if pulled.manifest is None or pulled.missed is not None:
        reason = (pulled.missed.reason if pulled.missed else None) or ""
        context.log.error(f"{pulled.contract.name}: {reason} — {who_to_tell(pulled.contract)}")
        yield dg.AssetCheckResult(asset_key=key, check_name="arrived", passed=False, metadata={"reason": reason})
        return
    manifest = pulled.manifest
    yield dg.MaterializeResult(
        asset_key=key,
        metadata={
            "rows sent": manifest.rows_sent, ROW_COUNT: manifest.rows_landed, "landing rejects": manifest.rows_rejected,
            "landing rejects, %": _percent(manifest.rows_rejected, manifest.rows_sent),
            "original SHA-256": manifest.original_sha256, "new columns": ", ".join(manifest.extra_columns) or "none",
        },
    )  # fmt: skip
    yield dg.AssetCheckResult(asset_key=key, check_name="arrived", passed=True)


def _percent(rejected: int | None, sent: int | None) -> float:
    return 100 * (rejected or 0) / sent if sent else 0.0


def who_to_tell(contract: Contract) -> str:
    channels = ", ".join(f"{contact.channel} ({contact.url})" for contact in contract.contacts)
    return f"tell {contract.agency_name}: {channels or 'no support channel in the contract'}"


def gate_check(contract: Contract) -> dg.AssetChecksDefinition:
    """The verdict on one feed: a check of what is an error, which blocks (a refused extract is not accepted; a steward's override
    lets it through), and one of what only warns.
    """
    key = landing_key(contract)

    @dg.multi_asset_check(
        name=f"{contract.relation}_gate",
        specs=[
            dg.AssetCheckSpec(
                "gate", asset=key, blocking=True, description=f"The contract {contract.path.name} holds."
            ),
            dg.AssetCheckSpec("warnings", asset=key, description="No rule warns that only warns."),
        ],
        op_tags={STEP: "gate"},
    )
    def gate(context: dg.AssetCheckExecutionContext, platform: Platform) -> Iterator[dg.AssetCheckResult]:
        night = night_of(context)
        with _recorded_failure(context, contract, platform, "gate"):
            admitted = Policy.read(platform.home).admit(contract, Action.ACCEPT)
            verdict = run_gate(admitted, platform.home, night)
            decision = decide(admitted, platform.home, night)
            if not decision.is_taken:
                record_not_taken(admitted, platform.home, decision)
        if not decision.is_taken:
            context.log.error(f"{contract.name}: refused: {decision.reason} — {who_to_tell(contract)}")
        errors, warnings = (
            [result for result in verdict.results if (result.severity == "error") is is_error]
            for is_error in (True, False)
        )
        said = "accepted" if verdict.accepted else "; ".join(verdict.reasons)
        counts: dict[str, dg.MetadataValue] = {
            "verdict": dg.MetadataValue.text(said),
            "gate rejects": dg.MetadataValue.int(verdict.rows_rejected),
        }
        yield dg.AssetCheckResult(
            asset_key=key, check_name="gate", passed=decision.is_taken, metadata=counts | rules_metadata(errors)
        )
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name="warnings",
            passed=all(result.passed for result in warnings),
            severity=dg.AssetCheckSeverity.WARN,
            metadata=rules_metadata(warnings),
        )

    return gate


class _NoSkippedGates(logging.Filter):
    """Where a feed did not arrive its gate is skipped, and so is its acceptance: Dagster says that this "will proceed without
    gating", of a step that does not proceed at all.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return "will proceed without gating" not in record.getMessage()


logging.getLogger("dagster._core.execution.plan.active").addFilter(_NoSkippedGates())


@contextmanager
def _recorded_failure(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, contract: Contract, platform: Platform, step: str
) -> Iterator[None]:
    """A defect inside ends the step, and is the feed's failed night."""
    began = datetime.now(UTC)
    try:
        yield
    except Exception as error:
        reason = told(error)
        if refused_by_disk(error):
            reason = f"the {step} could not be run: {reason}"
        elif not isinstance(error, Tampered | NotAllowed):
            reason = f"the {step} could not be run: {reason}; tell the platform's maintainers"
        record_failed(contract, platform.home, night_of(context), began, reason)
        raise dg.Failure(reason, allow_retries=False) from None


def rules_metadata(results: Sequence[RuleResult]) -> dict[str, dg.MetadataValue]:
    """Dagster draws the numbers over the nights."""
    rows = [
        dg.TableRecord({
            "rule": result.rule, "dimension": result.dimension, "passed": result.passed,
            "unexpected": result.unexpected_count, "observed": result.observed_value,
            "rows": "; ".join(example.place for example in result.examples),
        })
        for result in sorted(results, key=lambda result: result.passed)
    ]  # fmt: skip
    broken = [result for result in results if not result.passed]
    return {
        "rules that do not hold": dg.MetadataValue.int(len(broken)),
        "rows that break them": dg.MetadataValue.int(sum(result.unexpected_count for result in broken)),
        # Dagster knows the columns of a table by its first row.
        **({"rules": dg.MetadataValue.table(rows)} if rows else {}),
    }


def accepted_asset(contract: Contract) -> dg.AssetsDefinition:
    """The rows that are read further; fresh for as long as the contract's service level promises."""

    @dg.asset(
        key=accepted_key(contract),
        deps=[landing_key(contract)],
        partitions_def=NIGHTS,
        group_name=f"accepted_{contract.agency}",
        owners=owners(contract),
        metadata=code_link(contract.path),
        description=f"{contract.title}: the rows that passed the gate.",
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=contract.service_level.longest_wait),
        kinds={"parquet"},
        op_tags={STEP: "accept"},
    )
    def accepted(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        with _recorded_failure(context, contract, platform, "acceptance"):
            admitted = Policy.read(platform.home).admit(contract, Action.ACCEPT)
            night = accept_night(admitted, platform.home, night_of(context))
        return dg.MaterializeResult(
            metadata={
                "status": night.status,
                ROW_COUNT: night.rows_accepted or 0,
                "rows rejected": night.rows_rejected or 0,
                "rows rejected, %": _percent(night.rows_rejected, night.rows_sent),
            }
        )

    return accepted

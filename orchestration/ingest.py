"""The run `ingest` as Dagster assets: landing of all feeds, a blocking gate for each, the accepted extracts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from expectations.gate import run_gate
from nights.accept import accept_night, decide, record_not_taken
from nights.last_wording import Broken
from nights.pull import Pulled, pull
from nights.record.unrecorded import record_failed
from nights.record.verdict import Verdict
from orchestration.failure import told, told_plainly
from orchestration.partitions import NIGHTS, night_of
from orchestration.resources import Platform
from sharing.agreements import read_register
from sources.contract.model import Contract
from warehouse.files import refused_by_disk
from warehouse.store.seal import Tampered

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
        for pulled in pull(selected, read_register().refusal, platform.home, night_of(context)):
            yield from _landed(context, pulled)

    return land


def _landing_spec(contract: Contract) -> dg.AssetSpec:
    return dg.AssetSpec(
        landing_key(contract),
        skippable=True,
        group_name="landing",
        description=contract.description,
        kinds={contract.server.format, contract.server.type},
        metadata={"contract": contract.path.name, "agency": contract.agency_name},
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
            "rows sent": manifest.rows_sent, "rows landed": manifest.rows_landed, "landing rejects": manifest.rows_rejected,
            "original SHA-256": manifest.original_sha256, "new columns": ", ".join(manifest.extra_columns) or "none",
        },
    )  # fmt: skip
    yield dg.AssetCheckResult(asset_key=key, check_name="arrived", passed=True)


def who_to_tell(contract: Contract) -> str:
    channels = ", ".join(f"{contact.channel} ({contact.url})" for contact in contract.contacts)
    return f"tell {contract.agency_name}: {channels or 'no support channel in the contract'}"


def gate_check(contract: Contract) -> dg.AssetChecksDefinition:
    """The verdict on one feed. Blocking: a refused extract is not accepted; a steward's override lets it through."""

    @dg.asset_check(
        name="gate",
        asset=landing_key(contract),
        blocking=True,
        description=f"The contract {contract.path.name} holds.",
        op_tags={STEP: "gate"},
    )
    def gate(context: dg.AssetCheckExecutionContext, platform: Platform) -> dg.AssetCheckResult:
        night = night_of(context)
        with _recorded_failure(context, contract, platform, "gate"):
            verdict = run_gate(contract, platform.home, night)
            decision = decide(contract, platform.home, night)
            if not decision.is_taken:
                record_not_taken(contract, platform.home, decision)
        if not decision.is_taken:
            context.log.error(f"{contract.name}: refused: {decision.reason} — {who_to_tell(contract)}")
        return dg.AssetCheckResult(passed=decision.is_taken, metadata=_verdict_metadata(verdict))

    return gate


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
        elif not isinstance(error, Tampered):
            reason = f"the {step} could not be run: {reason}; tell the platform's maintainers"
        record_failed(contract, platform.home, night_of(context), began, reason)
        raise dg.Failure(reason, allow_retries=False) from None


def _verdict_metadata(verdict: Verdict) -> dict[str, dg.MetadataValue]:
    rows = [
        dg.TableRecord({
            "rule": result.rule, "dimension": result.dimension, "severity": result.severity, "passed": result.passed,
            "unexpected": result.unexpected_count, "observed": result.observed_value,
            "rows": "; ".join(f"{example.row} ({example.key})" for example in result.examples),
        })
        for result in sorted(verdict.results, key=lambda result: result.passed)
    ]  # fmt: skip
    return {
        "verdict": dg.MetadataValue.text("accepted" if verdict.accepted else "; ".join(verdict.reasons)),
        "gate rejects": dg.MetadataValue.int(verdict.rows_rejected),
        "rules": dg.MetadataValue.table(rows),
    }


def accepted_asset(contract: Contract) -> dg.AssetsDefinition:
    """The rows that are read further; fresh for as long as the contract's service level promises."""

    @dg.asset(
        key=accepted_key(contract),
        deps=[landing_key(contract)],
        partitions_def=NIGHTS,
        group_name="accepted",
        description=f"{contract.title}: the rows that passed the gate.",
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=contract.service_level.longest_wait),
        kinds={"parquet"},
        op_tags={STEP: "accept"},
    )
    def accepted(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        with _recorded_failure(context, contract, platform, "acceptance"):
            night = accept_night(contract, platform.home, night_of(context))
        counts = {"rows accepted": night.rows_accepted or 0, "rows rejected": night.rows_rejected or 0}
        return dg.MaterializeResult(metadata={"status": night.status, **counts})

    return accepted

"""Products of agreements as Dagster assets, made after publication; what may not leave is told, and stops nothing."""

from collections.abc import Iterator, Sequence

import dagster as dg

from orchestration.assets.harmonise import PUBLISHED_KEY
from orchestration.assets.ingest import STEP
from orchestration.dbt import ran
from orchestration.partitions import NIGHTS, night_of
from orchestration.resources import Platform
from sharing.agreements.model import Agreement
from sharing.agreements.register import Register, read_register
from sharing.release.nightly import Left, release_products
from warehouse.home import Home
from warehouse.store.night_records import record
from warehouse.store.seal import Tampered

Key = tuple[str, str]


def products(home: Home) -> list[Key]:
    """Agreement and product, of all texts that are signed; none where what this home has seen of them was changed, which a night tells."""
    try:
        register = read_register(home)
    except Tampered:
        register = Register()
    signed: Sequence[Agreement] = [one.agreement for one in register.agreements if not one.unsigned]
    return [(agreement.id, product.id) for agreement in signed for product in agreement.products]


def release_key(key: Key) -> dg.AssetKey:
    return dg.AssetKey(["release", *(part.replace("-", "_") for part in key)])


def release_assets(keys: Sequence[Key]) -> list[dg.AssetsDefinition]:
    """One step for all products: whether they may leave is read from the night's lineage once."""
    if not keys:
        return []

    @dg.multi_asset(
        specs=[dg.AssetSpec(release_key(key), deps=[PUBLISHED_KEY], group_name="release", description=f"Product {key[1]} of agreement {key[0]}, for its recipients.") for key in keys],
        check_specs=[dg.AssetCheckSpec("released", asset=release_key(key), description="Every recipient got it.") for key in keys],
        partitions_def=NIGHTS, backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1), op_tags={STEP: "release"}, name="release",
    )  # fmt: skip
    def release(
        context: dg.AssetExecutionContext, platform: Platform
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        home, night = platform.home, night_of(context)
        found = release_products(home, ran(home), night, keys)
        record(home, "release", night, [left.recorded() for left in found], {})
        for key in keys:
            yield from _told(key, [left for left in found if (left.agreement, left.product) == key])

    return [release]


def _told(key: Key, found: Sequence[Left]) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    asset, refused = release_key(key), [left for left in found if left.reason]
    rows = [
        dg.TableRecord(
            {"recipient": left.recipient, "state": left.state, "rows": left.rows or 0, "reason": left.reason or ""}
        )
        for left in found
    ]
    table = {"recipients": dg.MetadataValue.table(rows)} if rows else {}
    yield dg.MaterializeResult(asset_key=asset, metadata=table)
    yield dg.AssetCheckResult(
        asset_key=asset, check_name="released", passed=not refused, severity=dg.AssetCheckSeverity.WARN, metadata=table
    )

"""The partition of everything: the night pulled, UTC. The first night is configuration, later ones follow by themselves."""

from datetime import date

import dagster as dg

from warehouse.settings import settings

# Today is a partition from its first minute on, not only when it is over.
NIGHTS = dg.DailyPartitionsDefinition(start_date=settings().first_night.isoformat(), end_offset=1)


def night_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    if isinstance(context, dg.AssetExecutionContext):
        return date.fromisoformat(context.partition_key)
    return date.fromisoformat(context.run.tags["dagster/partition"])

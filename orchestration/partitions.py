"""The partition of everything: the night pulled, UTC. The first night is configuration, later ones follow by themselves."""

import os
from datetime import date

import dagster as dg

FIRST_NIGHT = os.environ.get("INTERAGENCY_FIRST_NIGHT", "2013-01-01")
# Today is a partition from its first minute on, not only when it is over.
NIGHTS = dg.DailyPartitionsDefinition(start_date=FIRST_NIGHT, end_offset=1)


def night_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    return date.fromisoformat(
        context.partition_key
        if isinstance(context, dg.AssetExecutionContext)
        else context.run.tags["dagster/partition"]
    )

"""The partition of everything: the night pulled, UTC. It begins with the first night that this home has, or was asked for."""

from datetime import date

import dagster as dg

from orchestration.first_night import first_night
from warehouse.home import Home

# One beginning for all feeds, also those that came later: Dagster resolves no job whose assets are partitioned in different ways
# (a test holds it to that), and a night is one job. A feed's own nights are those that have a materialization.
# Today is a partition from its first minute on, not only when it is over.
NIGHTS = dg.DailyPartitionsDefinition(start_date=first_night(Home.from_environment()).isoformat(), end_offset=1)


def night_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    if isinstance(context, dg.AssetExecutionContext):
        return date.fromisoformat(context.partition_key)
    return date.fromisoformat(context.run.tags["dagster/partition"])

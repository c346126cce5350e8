"""The partition of everything: the night pulled, UTC. It begins with the first night that this home has, or was asked for."""

from datetime import UTC, date, datetime

import dagster as dg

from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.settings import settings
from warehouse.store.records import nights_on_record

# The first night that a command was asked for, where that is earlier than all on record.
_NOTE = "first_night"


def first_night(home: Home) -> date:
    """INTERAGENCY_FIRST_NIGHT, else the earliest night on record or asked for, else today. Raises SettingError."""
    note, today = home.dagster / _NOTE, datetime.now(UTC).date()
    asked = [date.fromisoformat(note.read_text(encoding="utf-8"))] if note.exists() else []
    return settings().first_night or min([*nights_on_record(home)[:1], *asked, today])


def begin_no_later(home: Home, night: date) -> None:
    """Let the partitions begin with `night`, where they would begin after it."""
    if night < first_night(home):
        write_text(private_folder(home.dagster) / _NOTE, night.isoformat())


# Today is a partition from its first minute on, not only when it is over.
NIGHTS = dg.DailyPartitionsDefinition(start_date=first_night(Home.from_environment()).isoformat(), end_offset=1)


def night_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    return date.fromisoformat(
        context.partition_key
        if isinstance(context, dg.AssetExecutionContext)
        else context.run.tags["dagster/partition"]
    )

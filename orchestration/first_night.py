"""Where the partitions begin: read when Dagster's definitions are loaded, so a night is noted here before that."""

from datetime import UTC, date, datetime

from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.settings import settings
from warehouse.store.night_records import nights_on_record

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

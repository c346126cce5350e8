"""What became of one feed in one night: the row of `quality.feed_night`."""

from dataclasses import dataclass, fields
from datetime import date, datetime

from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import Home
from warehouse.store.night_records import record, records

ACCEPTED, UNCHANGED, BY_STEWARD = "accepted", "unchanged", "accepted_by_steward"
REFUSED, FAILED, NO_AGREEMENT = "refused", "failed", "no_agreement"
TAKEN = (ACCEPTED, UNCHANGED, BY_STEWARD)
# The same in SQL, of a row of `feed_night`.
IS_TAKEN = f"status IN ({', '.join(map(literal, TAKEN))})"
# What was refused came, and was late for nobody.
HAS_ARRIVED = f"status IN ({', '.join(map(literal, (*TAKEN, REFUSED)))})"


@dataclass(frozen=True)
class FeedNight:
    """Counts are of records; on a taken night rows_sent = rows_accepted + rows_rejected.

    rows_new, rows_changed and rows_gone are keys of the feed's state, against the last accepted night before; rows_again are
    keys that an append feed sent again with another content, which is not taken.
    """

    extract_date: date
    agency: str
    feed: str
    status: str
    started_at: datetime
    finished_at: datetime
    rows_sent: int | None = None
    rows_accepted: int | None = None
    rows_rejected: int | None = None
    original_sha256: str | None = None
    reason: str | None = None
    rows_new: int | None = None
    rows_changed: int | None = None
    rows_gone: int | None = None
    rows_again: int | None = None

    @property
    def is_taken(self) -> bool:
        return self.status in TAKEN

    def save(self, home: Home) -> None:
        record(home, "feed_night", self.extract_date, [self], {"agency": self.agency, "feed": self.feed})


def verdicts_given(home: Home) -> dict[tuple[str, str, str], datetime]:
    """When each recorded night was decided, by extract date (yyyy-mm-dd), agency and feed."""
    with open_database(spills=False) as connection:
        rows = connection.execute(
            f"SELECT extract_date::VARCHAR, agency, feed, finished_at FROM {records(home, 'feed_night')}"
        ).fetchall()
    return {(night, agency, feed): finished_at for night, agency, feed, finished_at in rows}


def feed_nights(home: Home, extract_date: date) -> dict[tuple[str, str], FeedNight]:
    """What was recorded of each feed in a night, by agency and feed."""
    found = _read(home, "extract_date = ?", extract_date)
    return {(night.agency, night.feed): night for night in found}


def recorded(home: Home, extract_date: date, agency: str, feed: str) -> FeedNight | None:
    """What was recorded of one feed in a night, or None."""
    found = _read(home, "extract_date = ? AND agency = ? AND feed = ?", extract_date, agency, feed)
    return found[0] if found else None


def last_recorded(home: Home, agency: str, feed: str) -> FeedNight | None:
    """What was recorded of one feed's last night, or None."""
    found = _read(home, "agency = ? AND feed = ? ORDER BY extract_date DESC LIMIT 1", agency, feed)
    return found[0] if found else None


def _read(home: Home, wanted: str, *values: date | str) -> list[FeedNight]:
    names = ", ".join(field.name for field in fields(FeedNight))
    query = f"SELECT {names} FROM {records(home, 'feed_night')} WHERE {wanted}"
    with open_database(spills=False) as connection:
        return [FeedNight(*row) for row in connection.execute(query, list(values)).fetchall()]

"""Night folders and publishing: build apart, check, then let readers' link lead to the new night in one step."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from warehouse.engines.duckdb.engine import open_database
from warehouse.errors import KeyRefused
from warehouse.files import make_private, point_link, private_folder, sync_folder, sync_tree, write_text
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase, protect
from warehouse.settings import readers
from warehouse.store.restricted import PROTECTED, attach_protected

# Readers' views store the name of the file's stem, so a build has it from the start.
DATABASE = "published.duckdb"
# The variable by which dbt is told the path of the build.
BUILD_VARIABLE = "INTERAGENCY_BUILD"
_COMPLETE = "complete"
_FEEDS = "feeds.json"
RESTORABLE_NIGHTS = 7
# Of the newest nights so many builds each, the last ones: a second run that was bad is noticed within a day or two.
NIGHTS_BY_RUN, RESTORABLE_RUNS = 2, 3
# Long enough for a reader on a busy machine between asking where the link leads and opening it.
STILL_OPENED = timedelta(minutes=1)
# A table function on files, or a file named in a table's place.
_READS_FILES = r"""(?i)\b(read_\w+|parquet_scan)\s*\(|\.(parquet|csv|json)(\.\w+)?["']"""


class PublishError(Exception):
    """A build that cannot be published, or a night that cannot be restored: why, and what to do."""


@dataclass(frozen=True)
class Night:
    """A build that was published once."""

    folder: Path
    extract_date: date
    finished_at: datetime
    is_current: bool

    @property
    def run(self) -> str:
        """The beginning of the run's id, as it tells the builds of a night apart."""
        return self.folder.name[len("yyyy-mm-dd-") :]


def build_database(home: Home, extract_date: date, run: str) -> Path:
    """Where the run builds; the folder is made by `start_build`."""
    return home.nights / f"{extract_date.isoformat()}-{run[:8]}" / DATABASE


def start_build(home: Home, extract_date: date, run: str) -> Path:
    """An empty folder for a build; what an interrupted night left behind goes."""
    database = build_database(home, extract_date, run)
    for leftover in home.nights.glob("*"):
        if not (leftover / _COMPLETE).exists():
            erase(leftover)
    protect(home, private_folder(database.parent), f"builds/{database.parent.name}")
    point_link(home.building, database.parent)
    return database


@contextmanager
def opened_build(night: Night) -> Iterator[duckdb.DuckDBPyConnection]:
    """All databases of a build, to be read. Raises KeyRefused."""
    database = night.folder / DATABASE
    with open_database(database, read_only=True) as connection:
        try:
            attach_protected(connection, database, read_only=True)
        except duckdb.Error:
            raise KeyRefused(
                f"the protected databases of {night.extract_date} cannot be opened by the key of today; set the key of this home"
            ) from None
        yield connection


def publish(home: Home, database: Path) -> bool:
    """Let readers see the build; returns False where a later night is already published, and theirs stays.

    Raises PublishError where the build cannot be opened by itself.
    """
    with open_database(database) as connection:
        attach_protected(connection, database)
        connection.execute("; ".join(["CHECKPOINT", *(f"CHECKPOINT {name}" for name in PROTECTED)]))
    if any(database.parent.glob("*.wal")):
        raise PublishError(f"{database.parent.name} still has a write-ahead log; run the night again")
    try:
        with open_database(database, read_only=True) as connection:
            foreign = connection.execute(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal AND regexp_matches(sql, ?)", [_READS_FILES]
            ).fetchall()
    except duckdb.Error as error:
        raise PublishError(f"the build cannot be opened: {str(error).splitlines()[0]}; run the night again") from error
    if foreign:
        raise PublishError(
            f"views read files outside the warehouse: {', '.join(name for (name,) in foreign)}; make them tables"
        )
    make_private(database.parent)
    _let_readers_in(home, database)
    sync_tree(database.parent)
    # Last, and whole: a folder that has it is a night.
    write_text(database.parent / _COMPLETE, datetime.now(UTC).isoformat())
    sync_folder(home.nights)
    if not is_newest(home, _extract_date(database.parent)):
        return False
    _show(home, database)
    return True


def rows_of_tables(database: Path) -> dict[tuple[str, str], int]:
    """The rows of each table of a build, the protected ones too, by schema and name: of all of them by one statement."""
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        found = connection.execute(
            "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() WHERE NOT internal"
        )
        return {(schema, table): int(rows) for schema, table, rows in found.fetchall()}


def _let_readers_in(home: Home, database: Path) -> None:
    """Give the published file, and a way to it, to the group of readers; nothing beside it, and no list of what is there."""
    group = readers()
    if group is None:
        return
    for folder in (home.root, home.nights.parent, home.nights, database.parent):
        os.chown(folder, -1, group)
        folder.chmod(0o710)
    os.chown(database, -1, group)
    database.chmod(0o640)


def is_newest(home: Home, extract_date: date) -> bool:
    """Whether readers will see a build of this night: none of a later one is published."""
    current = current_night(home)
    return current is None or current.extract_date <= extract_date


def _show(home: Home, database: Path) -> None:
    """Let readers' link lead to `database`; the folder of the build that they saw is stamped with the time it was last seen."""
    current = current_night(home)
    if current is not None:
        os.utime(current.folder)
    point_link(home.published, database)


def published_nights(home: Home) -> list[Night]:
    """Complete builds, newest first."""
    current = home.published.resolve().parent if home.published.exists() else None
    nights = []
    for mark in home.nights.glob(f"*/{_COMPLETE}"):
        finished_at = datetime.fromisoformat(mark.read_text(encoding="utf-8"))
        nights.append(Night(mark.parent, _extract_date(mark.parent), finished_at, mark.parent == current))
    return sorted(nights, key=lambda night: (night.extract_date, night.finished_at), reverse=True)


def current_night(home: Home) -> Night | None:
    """The build that readers see."""
    return next((night for night in published_nights(home) if night.is_current), None)


def note_feeds(database: Path, feeds: Mapping[str, Iterable[str]]) -> None:
    """Write beside a build which feeds (`agency/feed`) it was made from, and which of their columns."""
    said = {name: sorted(columns) for name, columns in sorted(feeds.items())}
    write_text(database.parent / _FEEDS, json.dumps(said) + "\n")


def feeds_noted(database: Path) -> dict[str, frozenset[str]]:
    """What `note_feeds` wrote beside a build; nothing where it wrote none."""
    note = database.parent / _FEEDS
    said = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    return {name: frozenset(said[name] if isinstance(said, dict) else ()) for name in said}


def is_complete(database: Path) -> bool:
    """Whether the build in this database was published once."""
    return (database.parent / _COMPLETE).exists()


def feeds_of(night: Night) -> dict[str, frozenset[str]]:
    """The feeds that a build was made from, with the columns it had of each; of one without a note all that it has a record of, and
    where earlier versions did not note them no columns.
    """
    if (night.folder / _FEEDS).exists():
        return feeds_noted(night.folder / DATABASE)
    with open_database(night.folder / DATABASE, read_only=True) as connection:
        has_record = connection.execute(
            "FROM duckdb_tables() WHERE schema_name = 'quality' AND table_name = 'feed_night'"
        )
        if has_record.fetchone() is None:
            return {}
        found = connection.execute("""
            SELECT DISTINCT agency || '/' || feed
            FROM quality.feed_night
            WHERE rows_accepted IS NOT NULL
        """)
        return {name: frozenset() for (name,) in found.fetchall()}


def restore(
    home: Home,
    extract_date: date,
    refusal: Callable[[Mapping[str, frozenset[str]]], str | None],
    run: str | None = None,
) -> Night:
    """Let readers see a build of that night again: the last one, or the one whose run begins so.

    Raises PublishError where there is none or several, or where `refusal` says why a build of these feeds may not be shown.
    """
    night = _build_of(home, extract_date, run)
    refused = refusal(feeds_of(night))
    if refused is not None:
        raise PublishError(f"the night of {extract_date} is not shown: {refused}")
    _show(home, night.folder / DATABASE)
    return night


def _build_of(home: Home, extract_date: date, run: str | None) -> Night:
    nights = published_nights(home)
    builds = [night for night in nights if night.extract_date == extract_date]
    if not builds:
        known = ", ".join(sorted({str(night.extract_date) for night in nights})) or "none"
        raise PublishError(f"no build of {extract_date} is kept; kept: {known}")
    if run is None:
        return builds[0]
    found = [night for night in builds if run and night.run.startswith(run)]
    if len(found) != 1:
        told = "several runs begin" if found else "no run begins"
        raise PublishError(
            f"{told} with {run!r} among the builds of {extract_date}; kept: {', '.join(night.run for night in found or builds)}"
        )
    return found[0]


def restorable(home: Home) -> list[Night]:
    """The last build of each of the newest nights, of the very newest some more, and the one that readers see; newest first."""
    by_night: dict[date, list[Night]] = {}
    for night in published_nights(home):
        by_night.setdefault(night.extract_date, []).append(night)
    kept: set[Path] = set()
    for place, builds in enumerate(list(by_night.values())[:RESTORABLE_NIGHTS]):
        kept.update(night.folder for night in builds[: RESTORABLE_RUNS if place < NIGHTS_BY_RUN else 1])
    return [night for night in published_nights(home) if night.is_current or night.folder in kept]


def prune_nights(home: Home, still_opened: timedelta = STILL_OPENED) -> list[Path]:
    """Remove builds that are not restorable; returns their folders. One that readers saw within `still_opened` stays until
    the next time: the engine first asks where the link leads, and opens that place a moment later.
    """
    kept = {night.folder for night in restorable(home)}
    seen_before = datetime.now(UTC) - still_opened
    removed = [
        night.folder
        for night in published_nights(home)
        if night.folder not in kept and datetime.fromtimestamp(night.folder.stat().st_mtime, UTC) <= seen_before
    ]
    for folder in removed:
        _remove(folder)
    return removed


def forget_night(night: Night) -> None:
    """Remove a build that readers do not see."""
    _remove(night.folder)


def _remove(folder: Path) -> None:
    # Without the mark first: a half-removed build must not be listed.
    (folder / _COMPLETE).unlink()
    erase(folder)


def _extract_date(folder: Path) -> date:
    return date.fromisoformat(folder.name[:10])

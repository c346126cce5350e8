"""Local times that never were, or were twice, where a zone's clock was put forward or back: as SQL.

The engine takes any local time, and moves one that never was by the length of the gap.
"""

from datetime import UTC, datetime
from functools import cache

from warehouse.engines.duckdb.engine import literal, open_database

# Which of the two instants is meant by a local time that was twice; without either it is refused.
EARLIER, LATER = "earlier", "later"
# Times before the first year are all looked at closely: clocks were changed at more hours of the day. The rules of the last
# year go on for ever.
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_HOUR = 3_600
_STEPS = ((86_400, (_LAST_YEAR - _FIRST_YEAR) * 366), (_HOUR, 24), (60, 60), (1, 60))
_CHANGES = """
WITH step AS (
    SELECT start + number * $step AS moment
    FROM (SELECT unnest($starts) AS start), range($count) AS steps (number)
),
offsets AS (
    SELECT
        moment,
        CAST(epoch(timezone($zone, to_timestamp(moment))) AS BIGINT) - moment AS before,
        CAST(epoch(timezone($zone, to_timestamp(moment + $step))) AS BIGINT) - moment - $step AS after
    FROM step
)
SELECT moment, before, after FROM offsets WHERE before <> after
"""


def instant(zone: str, local: str, which: str | None = None) -> str:
    """SQL of the instant that the local time `local` (SQL, without a zone) is; null where it never was.

    Of two instants that one of `which`; null where nothing says which. Raises duckdb.Error where the zone is not known.
    """
    found = chosen = _instant(zone, local)
    if which != LATER:
        earlier = _earlier(zone, local)
        is_twice = f"{earlier} < {found} AND {_local(zone, earlier)} = {local}"
        chosen = f"CASE WHEN {is_twice} THEN {earlier if which == EARLIER else 'NULL'} ELSE {found} END"
    was = f"{_local(zone, found)} = {local}"
    return f"CASE WHEN {_is_rare(zone, local)} THEN CASE WHEN {was} THEN {chosen} END ELSE {found} END"


def reason(zone: str, local: str, otherwise: str) -> str:
    """SQL of what is to be said of a local time that has no instant, and `otherwise` (a text) of anything else."""
    gone = literal(f"not a time that ever was in {zone}: its clock was put forward over it")
    twice = literal(
        f"not a single time: {zone} put its clock back over it, so that it was twice; say with ambiguousTime in the contract "
        "which is meant, or ask the agency for the offset from UTC"
    )
    return (
        f"CASE WHEN {local} IS NULL THEN {literal(otherwise)} "
        f"WHEN {_local(zone, _instant(zone, local))} <> {local} THEN {gone} "
        f"WHEN {instant(zone, local)} IS NULL THEN {twice} ELSE {literal(otherwise)} END"
    )


def _instant(zone: str, local: str) -> str:
    """Of a local time that was twice the engine takes the later instant."""
    return f"timezone({literal(zone)}, {local})"


def _local(zone: str, moment: str) -> str:
    return f"timezone({literal(zone)}, {moment})"


def _earlier(zone: str, local: str) -> str:
    """The instant of a local time by the offset that held two days before."""
    before = f"({_instant(zone, local)} - INTERVAL 2 DAY)"
    offset = f"({_local(zone, before)} - timezone('UTC', {before}))"
    return f"timezone('UTC', {local} - {offset})"


def _is_rare(zone: str, local: str) -> str:
    """SQL: whether the clock may have been changed at this local time.

    Asking the zone costs more than all else about a time; nearly all times are told by their hour and month.
    """
    rare = f"{local} < TIMESTAMP '{_FIRST_YEAR}-01-01'"
    changes = _changes(zone)
    if changes:
        hours, months = (", ".join(map(str, sorted(set(part)))) for part in zip(*changes, strict=True))
        rare += f" OR (hour({local}) IN ({hours}) AND month({local}) IN ({months}))"
    return f"({rare})"


@cache
def _changes(zone: str) -> frozenset[tuple[int, int]]:
    """Hours and months, local, in which the zone's clock is put forward or back."""
    first = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp())
    found = [(first, 0, 0)]
    with open_database() as connection:
        # Ever closer: the days at whose end the offset is another one, then the hours of them, the minutes, the seconds.
        for step, count in _STEPS:
            starts = [at for at, _, _ in found]
            asked = {"zone": zone, "starts": starts, "step": step, "count": count}
            found = connection.execute(_CHANGES, asked).fetchall()
    hours: set[tuple[int, int]] = set()
    for at, *offsets in found:
        # What never was, or was twice, is from the change on as one of the two clocks shows it to the change as the other does.
        begin, end = at + 1 + min(offsets), at + 1 + max(offsets)
        for second in [*range(begin, end, _HOUR), end - 1]:
            moment = datetime.fromtimestamp(second, UTC)
            hours.add((moment.hour, moment.month))
    return frozenset(hours)

"""What a night asks of an agency: findings, cases and notices about its own records, as one list and as files for each agency.

An agency sees its own records and their keys; of others it sees that they are concerned, and nothing of their records.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from linkage.settle.cases import NoCases, published_cases
from nights.rows.accepted import accepted_nights, state_of
from reports.figures.no_formulas import defused
from sources.contract.model import Contract
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.files import replaced_whole
from warehouse.home import Home
from warehouse.keys.platform_key import platform_key
from warehouse.store.night_records import records
from warehouse.store.published_nights import current_night
from warehouse.store.seal import Tampered

_TEXTS = ("kind", "agency", "feed", "key", "type", "detail", "others", "status")
_ORDER = "kind, agency, type, feed, key"
_NAMED = "-findings-"
# The rule that tells of cases: where the cases themselves are listed, they are not listed twice.
_RULE_OF_CASES = "cases"


@dataclass(frozen=True)
class Concern:
    """One question to an agency. `kind` is finding, case or notice; `key` is of its own record, a pseudonym where that is protected.

    `others` are the other agencies concerned; `status` is a finding's severity, a case's id, a notice's days.
    """

    kind: str
    agency: str
    feed: str
    key: str
    type: str
    detail: str
    others: str
    status: str


def listed(
    contracts: Sequence[Contract], home: Home, night: date, agency: str | None, limit: int
) -> tuple[int, list[Concern]]:
    """How many there are of one agency, or of all, and the first of them. Raises Tampered."""
    with _gathered(contracts, home, night) as connection:
        wanted = "FROM concern WHERE $agency IS NULL OR agency = $agency"
        total = connection.execute(f"SELECT count(*) {wanted}", {"agency": agency}).fetchone() or (0,)
        rows = connection.execute(
            f"SELECT {', '.join(_TEXTS)} {wanted} ORDER BY {_ORDER} LIMIT {limit}", {"agency": agency}
        ).fetchall()
    return int(total[0]), [Concern(*row) for row in rows]


def write_concerns(contracts: Sequence[Contract], home: Home, night: date, agency: str | None, target: Path) -> int:
    """The same as a CSV file with the keys as the agencies have them, for the steward's eyes. Returns how many. Raises Tampered."""
    with _gathered(contracts, home, night) as connection:
        _name_keys(connection, contracts, home, night)
        return _copy(connection, agency, target)


def write_for_agencies(contracts: Sequence[Contract], home: Home, night: date) -> dict[str, Path]:
    """A file for each agency that is asked anything, in `sent_back/<night>/`; those of an earlier report of the night go.

    None where what was decided of cases is not as it was written: that holds the next night back, which tells of it.
    """
    folder = home.sent_back / night.isoformat()
    for file in folder.glob(f"*{_NAMED}{night}.csv"):
        file.unlink()
    files: dict[str, Path] = {}
    if platform_key() is not None and any(contract.is_protected for contract in contracts):
        # No copy in clear of what is encrypted: `interagency findings` writes one where and when it is sent.
        return files
    with suppress(Tampered), _gathered(contracts, home, night) as connection:
        _name_keys(connection, contracts, home, night)
        asked = {agency for (agency,) in connection.execute("SELECT DISTINCT agency FROM concern").fetchall()}
        # A rule may name anybody: a file is written for those that send something.
        for agency in sorted(asked.intersection(contract.agency for contract in contracts)):
            files[agency] = folder / f"{agency}{_NAMED}{night}.csv"
            _copy(connection, agency, files[agency])
    return files


def forget_files(contracts: Sequence[Contract], home: Home, today: date | None = None) -> None:
    """Delete those that are older than the shortest retention of the agency's feeds, and of agencies that are gone."""
    today = today or datetime.now(UTC).date()
    kept = {item.agency: item.service_level.retention for item in contracts}
    for contract in contracts:
        kept[contract.agency] = min(kept[contract.agency], contract.service_level.retention)
    for file in home.sent_back.glob(f"*/*{_NAMED}*.csv"):
        agency, _, night = file.stem.partition(_NAMED)
        if agency not in kept or today - date.fromisoformat(night) > kept[agency]:
            file.unlink()


@contextmanager
def _gathered(contracts: Sequence[Contract], home: Home, night: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the table `concern`. Cases and notices are those of the published night, where this is that night."""
    current = current_night(home)
    with ExitStack() as stack:
        parts = [_findings(contracts, home, night)]
        connection = None
        if current is not None and current.extract_date == night:
            with suppress(NoCases):
                connection = stack.enter_context(published_cases(home))
                parts += [_cases("left", "right"), _cases("right", "left"), _NOTICES]
        has_cases = connection is not None
        connection = connection or stack.enter_context(open_database())
        connection.execute(f"CREATE TEMP TABLE concern AS {' UNION ALL BY NAME '.join(parts)}")
        if has_cases:
            connection.execute("DELETE FROM concern WHERE kind = 'finding' AND type = ?", [_RULE_OF_CASES])
        yield connection


def _findings(contracts: Sequence[Contract], home: Home, night: date) -> str:
    """Of a record the agency that sent it; what is about a shared table, each agency concerned.

    The key of such a table's row is told where no agency concerned has protected ones.
    """
    protected = ", ".join(sorted({literal(item.agency) for item in contracts if item.has_protected_key}))
    return f"""
        SELECT 'finding' AS kind, unnest(CASE WHEN is_own THEN [split_part(name, '/', 1)] ELSE concerned END) AS agency,
          CASE WHEN is_own THEN split_part(name, '/', 2) ELSE '' END AS feed,
          CASE WHEN is_own THEN substr(source_key, length(name) + 2)
            WHEN len(list_intersect(concerned, [{protected}]::VARCHAR[])) = 0 THEN source_key ELSE '' END AS key,
          rule AS type, detail, CASE WHEN is_own THEN '' ELSE array_to_string(concerned, ', ') END AS others,
          severity AS status
        FROM (
          SELECT *, string_split(agencies, ',') AS concerned, split_part(source_key, ':', 1) AS name,
            contains(name, '/') AND list_contains(concerned, split_part(name, '/', 1)) AS is_own
          FROM {records(home, "finding")}
          WHERE extract_date = {literal(night.isoformat())}
        )"""


def _cases(own: str, other: str) -> str:
    """Open ones, of one side: what was decided needs no question any more."""
    return f"""
        SELECT 'case' AS kind, split_part({own}_source, '/', 1) AS agency, split_part({own}_source, '/', 2) AS feed,
          coalesce({own}_source_key, '') AS key, match_type AS type, detail,
          split_part({other}_source, '/', 1) AS others, match_case_id AS status
        FROM known_case
        WHERE disposition = 'open'"""


_NOTICES = """
    SELECT 'notice' AS kind, agency_to_tell AS agency, '' AS feed, example_source_key AS key, event_type AS type,
      'not recorded in ' || records || ' of its records; one is named' AS detail, registered_by AS others,
      days_outstanding || ' days' AS status
    FROM marts.life_event_notice"""


def _name_keys(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract], home: Home, night: date) -> None:
    """In the place of pseudonyms the keys as the agency has them: a notice names a record of any of its feeds."""
    for contract in contracts:
        wanted = f"agency = {literal(contract.agency)} AND feed IN ('', {literal(contract.feed)})"
        asked = connection.execute(f"SELECT 1 FROM concern WHERE {wanted} LIMIT 1").fetchone()
        if not contract.has_protected_key or asked is None:
            continue
        key = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in contract.key)
        state = state_of(contract, accepted_nights(contract, home, night))
        let_read(connection, state)
        connection.execute(f"""
            UPDATE concern
            SET key = known.key
            FROM (
              SELECT _source_key, concat_ws('|', {key}) AS key
              FROM ({state})
              WHERE _source_key IN (SELECT key FROM concern WHERE {wanted})
            ) AS known
            WHERE {wanted} AND concern.key = known._source_key""")


def _copy(connection: duckdb.DuckDBPyConnection, agency: str | None, target: Path) -> int:
    """For its owner's eyes alone, and no cell of it is a formula."""
    safe = ", ".join(f"{defused(name)} AS {name}" for name in _TEXTS)
    wanted = f"WHERE agency = {literal(agency)}" if agency else ""
    with replaced_whole(target) as temporary:
        written = connection.execute(f"""
            COPY (
              SELECT {safe}
              FROM concern
              {wanted}
              ORDER BY {_ORDER}
            ) TO {literal(str(temporary))} (FORMAT csv, HEADER)""").fetchone()
    return int((written or (0,))[0])

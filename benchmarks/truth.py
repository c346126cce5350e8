"""What the platform finds of the errors that the simulated country has on purpose, and what it refuses that was right.

    python -m simulation.country --people 100000 --nights 1
    python -m benchmarks.truth [INTERAGENCY_HOME/country]

An error is caught where a reject or a finding names its record; a clean row wrongly refused is a reject without an error.
Linkage is measured on the published links: pairs of records that are of one person. A notice is right where the event is
true and the agency cannot know of it yet; one is missed where no notice tells an agency that holds the person.
"""

import os
import sys
from pathlib import Path

import duckdb
import typer

from sources.contract.load import load_all
from warehouse.engines.duckdb.engine import literal, open_database
from warehouse.home import PROJECT, Home
from warehouse.store.pseudonym import pseudonym

CAUGHT, REFUSED, PRECISION, RECALL = 0.95, 0.001, 0.999, 0.97


def main(country: Path) -> None:
    platform, truth = country / "platform", country / "truth"
    key = _key_of_platform(Home(platform))
    with open_database(platform / "warehouse" / "published.duckdb", read_only=True) as connection:
        night = connection.execute("SELECT max(extract_date) FROM quality.feed_night").fetchone()[0]
        _make_errors(connection, truth, str(night), key)
        _make_rejects(connection, platform, str(night))
        connection.execute(f"""
            CREATE TEMP TABLE told AS
            SELECT DISTINCT split_part(source_key, ':', 1) AS source,
                substr(source_key, instr(source_key, ':') + 1) AS source_key
            FROM quality.finding
            WHERE extract_date = DATE '{night}' AND subject = 'population'
            UNION
            SELECT source, {key} FROM reject
        """)
        _show_caught(connection)
        _show_refused(connection, str(night))
        _show_linkage(connection, truth, str(night), key)
        _show_notices(connection, truth, str(night))


def _key_of_platform(home: Home) -> str:
    """SQL of a record's key as the platform has it, from its feed `source` and its own `source_key`: a pseudonym where that is protected."""
    contracts = load_all([PROJECT / "simulation" / "agencies"])
    protected = ", ".join(literal(contract.name) for contract in contracts if contract.has_protected_key)
    return f"CASE WHEN source IN ({protected}) THEN {pseudonym(home, 'source_key')} ELSE source_key END"


def _make_errors(connection: duckdb.DuckDBPyConnection, truth: Path, night: str, key: str) -> None:
    connection.execute(
        f"""
        CREATE TEMP TABLE error AS
        WITH made AS (
            SELECT DISTINCT agency || '/' || feed AS source, source_key, kind, "column" AS name
            FROM {literal(str(truth / "error.parquet"))}
            WHERE night = DATE '{night}'
        )
        SELECT *, {key} AS key_of_platform FROM made
        """
    )


def _make_rejects(connection: duckdb.DuckDBPyConnection, platform: Path, night: str) -> None:
    """Rejects of the landing and of the gate, with the key of the record."""
    connection.execute("CREATE TEMP TABLE reject (source VARCHAR, source_key VARCHAR)")
    for contract in load_all([PROJECT / "simulation" / "agencies"]):
        column = contract.column(contract.key[0])
        for step in ("landing", "quality/gates"):
            file = platform / step / contract.agency / contract.feed / night / "rejects.parquet"
            if file.exists():
                header = column.header if step == "landing" else column.name
                value = f"json_extract_string(TRY_CAST(record AS JSON), {literal('$.' + chr(34) + header + chr(34))})"
                connection.execute(f"""
                    INSERT INTO reject
                    SELECT {literal(contract.name)}, coalesce({value}, record)
                    FROM {literal(str(file))}
                """)


def _show_caught(connection: duckdb.DuckDBPyConnection) -> None:
    """A late row is not wrong: the contract's lateness takes it in all the same."""
    found = connection.execute("""
        SELECT kind, count(*),
            count(*) FILTER (WHERE (source, key_of_platform) IN (SELECT (source, source_key) FROM told))
        FROM error
        WHERE kind <> 'late_row'
        GROUP BY kind
        ORDER BY kind
    """).fetchall()
    for kind, errors, caught in found:
        typer.echo(f"{kind.replace('_', ' '):<28}{errors:>8,} errors {caught:>8,} caught {caught / errors:>8.1%}")
    errors, caught = sum(row[1] for row in found), sum(row[2] for row in found)
    _goal("errors caught", caught / errors, caught / errors >= CAUGHT, f"at least {CAUGHT:.0%}")


def _show_refused(connection: duckdb.DuckDBPyConnection, night: str) -> None:
    row = connection.execute(f"""
        SELECT
            count(*) FILTER (WHERE (source, source_key) NOT IN (SELECT (source, source_key) FROM error)),
            (
                SELECT sum(rows_sent)
                FROM quality.feed_night
                WHERE extract_date = DATE '{night}' AND agency || '/' || feed IN (SELECT source FROM error)
            )
        FROM reject
    """).fetchone()
    refused, sent = row or (0, 1)
    _goal("clean rows refused", refused / sent, refused / sent <= REFUSED, f"at most {REFUSED:.1%}")


def _show_linkage(connection: duckdb.DuckDBPyConnection, truth: Path, night: str, key: str) -> None:
    connection.execute(
        f"""
        CREATE TEMP TABLE linked AS
        WITH record AS (
            SELECT DISTINCT agency, agency || '/' || feed AS source, source_key, person_id
            FROM {literal(str(truth / "record.parquet"))}
            WHERE night <= DATE '{night}' AND person_id IS NOT NULL
        ),
        keyed AS (SELECT agency, source, {key} AS source_key, person_id FROM record)
        SELECT link.person_id, keyed.person_id AS truth, keyed.agency
        FROM linkage.person_link AS link JOIN keyed USING (source, source_key)
        """
    )
    both, found, true = (_pairs(connection, group) for group in ("person_id, truth", "person_id", "truth"))
    _goal("pairwise precision", both / found, both / found >= PRECISION, f"at least {PRECISION}")
    _goal("pairwise recall", both / true, both / true >= RECALL, f"at least {RECALL}")


def _pairs(connection: duckdb.DuckDBPyConnection, group: str) -> int:
    row = connection.execute(
        f"SELECT sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM linked GROUP BY {group})"
    ).fetchone()
    return int(row[0]) if row else 0


def _show_notices(connection: duckdb.DuckDBPyConnection, truth: Path, night: str) -> None:
    """Of deaths, moves and changes of name that the registry knows; an agency that sends no address is told of no move."""
    connection.execute(f"""
        CREATE TEMP TABLE due AS
        WITH event AS (
            SELECT type, person_id AS truth, known_civil_registry AS registered, COLUMNS('known_.*')
            FROM {literal(str(truth / "event.parquet"))}
            WHERE type IN ('death', 'move', 'name_change')
        )
        SELECT DISTINCT type, replace(agency, 'known_', '') AS agency, truth
        FROM event UNPIVOT INCLUDE NULLS (known FOR agency IN (COLUMNS('known_.*')))
        WHERE registered <= DATE '{night}'
          AND (known IS NULL OR known > DATE '{night}')
          AND (replace(agency, 'known_', ''), truth) IN (SELECT (agency, truth) FROM linked)
    """)
    connection.execute("""
        CREATE TEMP TABLE told_of AS
        SELECT DISTINCT event_type AS type, agency_to_tell AS agency, truth
        FROM marts.life_event_notice
        JOIN (SELECT DISTINCT person_id, truth FROM linked) USING (person_id)
    """)
    found = connection.execute("""
        SELECT coalesce(told_of.type, due.type) AS type, coalesce(told_of.agency, due.agency) AS agency,
            count(*) FILTER (WHERE due.truth IS NOT NULL AND told_of.truth IS NOT NULL),
            count(*) FILTER (WHERE due.truth IS NULL),
            count(*) FILTER (WHERE told_of.truth IS NULL)
        FROM told_of
        FULL JOIN due USING (type, agency, truth)
        GROUP BY ALL
        ORDER BY ALL
    """).fetchall()
    for kind, agency, right, wrong, missed in found:
        typer.echo(
            f"notice of a {kind.replace('_', ' ')} to {agency:<24}{right:>6,} right {wrong:>6,} wrong {missed:>6,} missed"
        )


def _goal(name: str, figure: float, is_met: bool, goal: str) -> None:
    typer.echo(f"{name:<28}{figure:>10.5f}  goal {goal}: {'met' if is_met else 'MISSED'}")


if __name__ == "__main__":
    home = Path(os.environ.get("INTERAGENCY_HOME") or PROJECT / "data")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else home / "country")

"""Whose rows may leave in one release: those whose consent names this recipient and purpose, holds now, and is not used up."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from sharing.agreements.purposes import broader, is_within
from sharing.consent.kept import folder_of, read_consents
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import literal, open_database, write_parquet
from warehouse.files import private_folder, replaced_whole
from warehouse.home import Home
from warehouse.keys.keyed_folder import protect

_USES = "uses"
_NEVER_USED = """
    SELECT NULL::VARCHAR AS consent_id, NULL::VARCHAR AS release, NULL::VARCHAR AS release_id, NULL::TIMESTAMPTZ AS used_at
    WHERE false
"""


@dataclass(frozen=True)
class Use:
    """What a release is of, for a consent: `name` is one for the same agreement, product, recipient and night."""

    name: str
    manager: str
    recipient: str
    purpose: str
    codes: frozenset[str]
    night: date
    at: datetime
    is_stored: bool
    has_period: bool


@dataclass(frozen=True)
class Held:
    """How many consents count, how many of this recipient do not, a hash of those that do, and how long the rows may be kept."""

    counted: int
    left_out: int
    sha256: str
    life: timedelta | None

    @property
    def as_json(self) -> dict[str, int | str]:
        return {"counted": self.counted, "left_out": self.left_out, "sha256": self.sha256}


def hold(connection: duckdb.DuckDBPyConnection, home: Home, identifiers: str, use: Use) -> Held:
    """Make the temporary table `consenting` (person_id, consent_id, range_from, range_to). `identifiers` is the place of the mart
    person_identifier. An identifier that two people have counts for neither.
    """
    read_consents(connection, home)
    _read_uses(connection, home)
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE consenting AS
        WITH used AS (
            SELECT consents.consent_id, count(DISTINCT uses.release) AS ever,
                count(DISTINCT uses.release) FILTER (WHERE uses.used_at > {_moment(use.at)} - to_days(1) * consents.each_days) AS lately
            FROM consent AS consents
            LEFT JOIN consent_use AS uses ON uses.consent_id = consents.consent_id AND uses.release <> {literal(use.name)}
            GROUP BY consents.consent_id
        ),
        holding AS (
            SELECT consent.*
            FROM consent JOIN used USING (consent_id)
            WHERE status = 'ACTIVE'
                AND starts <= {_moment(use.at)} AND {_moment(use.at)} <= expires
                AND manager = {literal(use.manager)}
                AND consumer = {literal(use.recipient)}
                AND purpose IN ({", ".join(literal(code) for code in _purposes(use))})
                AND mode IN ({"'STORE'" if use.is_stored else "'STORE', 'QUERY', 'STREAM'"})
                AND NOT has_filter
                AND {"true" if use.has_period else f"DATE '{use.night}' BETWEEN range_from::DATE AND range_to::DATE"}
                AND NOT (is_once AND ever > 0)
                AND (uses IS NULL OR lately < uses)
        ),
        known AS (
            SELECT
                identifier_kind AS kind,
                upper(regexp_replace(identifier, '[^[:alnum:]]', '', 'g')) AS value,
                any_value(person_id) AS person_id
            FROM {identifiers}
            GROUP BY ALL
            HAVING count(DISTINCT person_id) = 1
        ),
        named AS (
            SELECT consent_id, range_from, range_to, life_days, unnest(identifiers, recursive := true)
            FROM holding
        )
        SELECT consent_id, any_value(person_id) AS person_id, any_value(range_from) AS range_from, any_value(range_to) AS range_to,
            any_value(life_days) AS life_days
        FROM named JOIN known ON known.value = named.value AND (named.kind = '' OR named.kind = known.kind)
        GROUP BY consent_id
        HAVING count(DISTINCT person_id) = 1
    """)
    row = connection.execute(f"""
        SELECT
            count(*),
            (SELECT count(*) FROM consent WHERE consumer = {literal(use.recipient)}),
            sha256(coalesce(string_agg(concat_ws('|', consent_id, person_id, range_from, range_to), ';' ORDER BY consent_id), '')),
            min(life_days)
        FROM consenting
    """).fetchone()
    counted, named, sha256, life = row or (0, 0, "", None)
    return Held(counted, named - counted, sha256, timedelta(days=life) if life is not None else None)


def condition(person: str, period: str | None) -> str:
    """SQL that is true of rows of people who consent; with a `period` (SQL of a day), of its days alone."""
    in_range = f" AND CAST({period} AS DATE) BETWEEN range_from::DATE AND range_to::DATE" if period else ""
    return f"EXISTS (SELECT 1 FROM consenting WHERE consenting.person_id = {person}{in_range})"


def still_holds(home: Home, release_id: str, counted: int, at: datetime) -> bool:
    """Whether all of the `counted` consents that a release rests on hold at that moment: none paused, revoked or over. Raises Tampered."""
    with open_database(spills=False) as connection:
        read_consents(connection, home)
        _read_uses(connection, home)
        row = connection.execute(f"""
            SELECT count(*)
            FROM consent_use JOIN consent USING (consent_id)
            WHERE release_id = {literal(release_id)} AND status = 'ACTIVE' AND {_moment(at)} <= expires
        """).fetchone()
    return row == (counted,)


def note_uses(connection: duckdb.DuckDBPyConnection, home: Home, use: Use, release_id: str) -> None:
    """Count the release as a use of each consent that it rests on; the same release is counted once."""
    folder = private_folder(folder_of(home) / _USES)
    protect(home, folder_of(home), "consents")
    name = f"{len(list(folder.glob('*.parquet'))) + 1:06d}.parquet"
    query = f"""
        SELECT consent_id, {literal(use.name)} AS release, {literal(release_id)} AS release_id, {_moment(use.at)} AS used_at
        FROM consenting
        ORDER BY consent_id
    """
    with replaced_whole(folder / name) as temporary:
        write_parquet(connection, query, temporary)


def uses_of(connection: duckdb.DuckDBPyConnection, home: Home) -> list[tuple[str, int, datetime]]:
    """Of each consent how many releases rested on it, and when the last one did."""
    _read_uses(connection, home)
    rows = connection.execute("""
        SELECT consent_id, count(DISTINCT release), max(used_at)
        FROM consent_use
        GROUP BY consent_id
        ORDER BY consent_id
    """)
    return rows.fetchall()


def _read_uses(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    files: list[Path] = sorted((folder_of(home) / _USES).glob("*.parquet"))
    source = f"SELECT * FROM {readable(connection, files)}" if files else _NEVER_USED
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE consent_use AS
        SELECT consent_id, release, release_id, min(used_at) AS used_at
        FROM ({source})
        GROUP BY consent_id, release, release_id
    """)


def _purposes(use: Use) -> list[str]:
    """Codes that allow this purpose: those that the agreement lists, its own term, and every term that includes it."""
    return sorted({*use.codes, *(term for term in broader() if is_within(use.purpose, term))})


def _moment(at: datetime) -> str:
    return f"TIMESTAMPTZ {literal(at.isoformat())}"

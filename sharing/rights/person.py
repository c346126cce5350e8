"""Who is asked about: found by an identifier in the published night, with the records of each agency that are theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from sharing.rights.errors import NotCarriedOut
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.home import Home
from warehouse.store.published_nights import Night, current_night, opened_build

# Numbers that nobody else has: what two people share, such as an account, tells of neither alone.
IDS, NUMBERS, RECORDS = "subject_id", "subject_number", "subject_record"
_SYSTEM = ("system", "temp")
# Where the identifiers of people lie, by versions of the warehouse.
_IDENTITY = ("identity", "marts")
PERSON_ID = "person_id"


@dataclass(frozen=True)
class Relation:
    """A table or view of the night: the database it lies in, its names, its columns with their types."""

    database: str
    schema: str
    name: str
    columns: dict[str, str]

    @property
    def place(self) -> str:
        return ".".join(map(quoted, (self.database, self.schema, self.name)))

    @property
    def label(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Person:
    """`identifiers` are kind and value; `records` source (`agency/feed`) and key of each record that is theirs."""

    person_id: str
    identifiers: tuple[tuple[str, str], ...]
    records: frozenset[tuple[str, str]]

    @property
    def feeds(self) -> frozenset[str]:
        return frozenset(source for source, _ in self.records)


@contextmanager
def opened_night(home: Home) -> Iterator[tuple[duckdb.DuckDBPyConnection, Night]]:
    """The published night with its protected databases. Raises NotCarriedOut, KeyRefused."""
    night = current_night(home)
    if night is None:
        raise NotCarriedOut("nothing is published, so nobody can be found; `interagency run`")
    with opened_build(night) as connection:
        yield connection, night


def find(connection: duckdb.DuckDBPyConnection, kind: str, identifier: str) -> Person:
    """The one person with that identifier; the connection gets temporary tables of their id, numbers and records.

    An identifier is compared by its letters and digits. Raises NotCarriedOut.
    """
    if kind == PERSON_ID:
        return person_of(connection, identifier)
    place = identifiers_place(connection)
    found = connection.execute(
        f"""
        SELECT DISTINCT person_id
        FROM {place}
        WHERE identifier_kind = $kind AND {plain("identifier")} = {plain("$identifier")}
        """,
        {"kind": kind, "identifier": identifier},
    ).fetchall()
    if len(found) != 1:
        said = (
            f"linkage holds {', '.join(sorted(str(row[0]) for row in found))} apart that have it; choose one with --kind person_id"
            if found
            else "nobody of the published night has it; check it, or name its kind with --kind"
        )
        raise NotCarriedOut(f"the {kind.replace('_', ' ')} was not found for one person: {said}")
    return person_of(connection, str(found[0][0]))


def person_of(connection: duckdb.DuckDBPyConnection, person_id: str) -> Person:
    """By the platform's own id. Raises NotCarriedOut."""
    place = identifiers_place(connection)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {IDS} AS SELECT {literal(person_id)} AS person_id")
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {NUMBERS} AS
        SELECT any_value(identifier_kind) AS kind, any_value(identifier) AS identifier, {plain("identifier")} AS number
        FROM {place}
        WHERE identifier IN (SELECT identifier FROM {place} WHERE person_id = {literal(person_id)})
        GROUP BY {plain("identifier")}
        HAVING count(DISTINCT person_id) = 1
    """)
    identifiers = connection.execute(f"""
        SELECT DISTINCT identifier_kind, identifier
        FROM {place}
        WHERE person_id = {literal(person_id)}
        ORDER BY ALL
    """).fetchall()
    _find_records(connection)
    records = connection.execute(f"SELECT source, source_key FROM {RECORDS}").fetchall()
    if not records:
        raise NotCarriedOut(f"the published night has no record of {person_id}; it may be that the person was erased")
    return Person(person_id, tuple(identifiers), frozenset(records))


def _find_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Those that were linked, and those that marts say are the person's: a payment has no name, and is theirs."""
    linked = place_of(connection, "linkage", "person_link")
    parts = [f"SELECT source, source_key FROM {linked} WHERE person_id IN (FROM {IDS})"]
    parts += [
        f"SELECT agency || '/' || feed, source_key FROM {one.place} WHERE person_id IN (FROM {IDS})"
        for one in relations(connection)
        if {"person_id", "agency", "feed", "source_key"} <= set(one.columns)
    ]
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {RECORDS} AS
        SELECT source, source_key
        FROM ({" UNION ".join(parts)})
        WHERE source_key IS NOT NULL
    """)


def place_of(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> str:
    """SQL of a relation, in whichever database of the night it lies. Raises NotCarriedOut."""
    found = next((one for one in relations(connection) if (one.schema, one.name) == (schema, name)), None)
    if found is None:
        raise NotCarriedOut(
            f"the published night has no {schema}.{name}, so nobody can be found in it: none of its agencies sends records of people"
        )
    return found.place


def identifiers_place(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL of where the identifiers of people lie. Raises NotCarriedOut."""
    known = {(one.schema, one.name): one for one in relations(connection)}
    schema = next((schema for schema in _IDENTITY if (schema, "person_identifier") in known), _IDENTITY[0])
    return place_of(connection, schema, "person_identifier")


def relations(connection: duckdb.DuckDBPyConnection) -> list[Relation]:
    """Every table and view of the open databases."""
    rows = connection.execute(f"""
        SELECT database_name, schema_name, table_name, list(column_name ORDER BY column_index), list(data_type ORDER BY column_index)
        FROM duckdb_columns()
        WHERE NOT internal AND database_name NOT IN {_SYSTEM}
        GROUP BY ALL
        ORDER BY ALL
    """).fetchall()
    return [
        Relation(database, schema, name, dict(zip(names, types, strict=True)))
        for database, schema, name, names, types in rows
    ]


def plain(text: str) -> str:
    """SQL of a text's letters and digits alone, in capitals."""
    return f"upper(regexp_replace({text}, '[^[:alnum:]]', '', 'g'))"


def concerns(columns: "dict[str, str] | list[str]") -> str | None:
    """SQL that is true of rows of a relation that are of the person, by the temporary tables; None where no column says whose they are."""
    names = set(columns)
    parts = [f"{quoted(name)} IN (FROM {IDS})" for name in sorted(names) if name.endswith("person_id")]
    pairs = [("agency || '/' || feed", "source_key")] if {"agency", "feed", "source_key"} <= names else []
    pairs += [
        (source, key)
        for source, key in (
            ("source", "source_key"),
            ("one_source", "one_source_key"),
            ("other_source", "other_source_key"),
        )
        if {source, key} <= names
    ]
    parts += [
        f"EXISTS (FROM {RECORDS} AS own WHERE own.source = {source} AND own.source_key = {key})"
        for source, key in _qualified(pairs)
    ]
    return " OR ".join(parts) or None


def _qualified(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """By the alias `rows`, since the table of records has columns of the same names."""
    return [
        ("rows.agency || '/' || rows.feed" if "||" in source else f"rows.{source}", f"rows.{key}")
        for source, key in pairs
    ]

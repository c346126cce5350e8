"""A few records of people, written down by hand, and who is found to be whom."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from linkage import Entity, resolve
from tests.linkage.people import SCHEMA, key_of

ANNA = {"given_name": "Anna", "surname": "Svensson", "birth_date": "1980-03-07", "sex": "F", "street": "Niitynpolku", "house_number": "4",
        "postcode": "10702", "town": "Aldermere"}  # fmt: skip


def table(rows: dict[str, dict[str, Any]]) -> pa.Table:
    """Rows by source key."""
    from datetime import date

    full = []
    for key, row in rows.items():
        keys = {"given_key": key_of(row.get("given_name")), "surname_key": key_of(row.get("surname"))}
        born = row.get("birth_date")
        full.append(
            {
                **row,
                **keys,
                "source": row.get("source", "registry"),
                "source_key": key,
                "birth_date": born and date.fromisoformat(born),
            }
        )
    return pa.Table.from_pylist(full, schema=SCHEMA)


def together(
    connection: duckdb.DuckDBPyConnection, entity: Entity, model: Path, rows: dict[str, dict[str, Any]]
) -> set[frozenset[str]]:
    """Resolve `rows` among the people of the registry; the sets of their keys that are one person."""
    connection.register("by_hand", table(rows))
    connection.execute("CREATE OR REPLACE TEMP TABLE registered AS FROM record WHERE source = 'civil_registry/person'")
    found = resolve(connection, {"country": "registered", "by_hand": "by_hand"}, entity, model)
    sql = (
        f"SELECT list(source_key) FROM {found} WHERE source_key IN (SELECT source_key FROM by_hand) GROUP BY entity_id"
    )
    return {frozenset(keys) for (keys,) in connection.execute(sql).fetchall()}

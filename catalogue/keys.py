"""Which columns tell the rows of a shared table apart, and which lead to another: from what the models say of themselves.

A key is the column that is declared unique and never null, else the model's `history_key`. Names are the platform's own, one for
each thing, so a column that is called as another table's key, or ends with its name, refers to it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import duckdb

from warehouse.engines.duckdb.engine import quoted

_SHARED = ("marts", "identity")


def primary_keys(manifests: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The key of each shared table, by `schema.name`."""
    found: dict[str, tuple[str, ...]] = {}
    for manifest in manifests:
        nodes = manifest["nodes"].values()
        unique, whole = _tested(nodes, "unique"), _tested(nodes, "not_null")
        for node in nodes:
            if node["resource_type"] == "model" and node["schema"] in _SHARED:
                single = [name for name in node["columns"] if (node["unique_id"], name) in unique & whole]
                key = tuple(single[:1] or node["config"].get("meta", {}).get("history_key", ()))
                if key:
                    found[f"{node['schema']}.{node['name']}"] = key
    return found


def _tested(nodes: Iterable[Mapping[str, Any]], test: str) -> set[tuple[str, str]]:
    return {
        (node["attached_node"], node["column_name"])
        for node in nodes
        if node["resource_type"] == "test" and (node.get("test_metadata") or {}).get("name") == test
    }


def reference(relation: str, column: str, keys: Mapping[str, tuple[str, ...]]) -> str | None:
    """The shared table that a column of `relation` leads to, where that is another one."""
    for other, key in keys.items():
        if other != relation and len(key) == 1 and (column == key[0] or column.endswith(f"_{key[0]}")):
            return other
    return None


def declare(connection: duckdb.DuckDBPyConnection, keys: Mapping[str, tuple[str, ...]]) -> None:
    """Tell the engine the keys of the shared tables that the open build has, in whichever of its databases they lie.

    A key that does not hold is not declared: what tells it is the gate between agencies. The engine takes no foreign key of a
    table that is there already.
    """
    tables = connection.execute("SELECT database_name, schema_name, table_name FROM duckdb_tables()").fetchall()
    for database, schema, table in tables:
        if key := keys.get(f"{schema}.{table}"):
            place = ".".join(map(quoted, (database, schema, table)))
            try:
                connection.execute(f"ALTER TABLE {place} ADD PRIMARY KEY ({', '.join(map(quoted, key))})")
            except duckdb.ConstraintException:
                continue

"""Which profiles are compared at all: one number per blocking rule, and keys that too many share found before they cost."""

import duckdb

from linkage.declare.entity import Block, Entity
from linkage.prepare import steps
from linkage.prepare.described import describe
from linkage.prepare.scratch import make
from linkage.prepare.steps import block_mark
from warehouse.engines.duckdb.engine import literal, quoted


def limit_blocks(connection: duckdb.DuckDBPyConnection, entity: Entity) -> None:
    """Set the marks `block_<number>` of `node` to null, or to a narrower key, where a rule would explode."""
    for number, block in enumerate(entity.blocking, 1):
        _limit(connection, entity, block, block_mark(number))


def _limit(connection: duckdb.DuckDBPyConnection, entity: Entity, block: Block, name: str) -> None:
    if not _count_large(connection, block, name, entity.largest_block, "narrowed" if block.narrow_by else "left out"):
        return
    large = f"FROM node WHERE {name} IN (SELECT key FROM large_key)"
    if not block.narrow_by:
        connection.execute(f"UPDATE node SET {name} = NULL WHERE {name} IN (SELECT key FROM large_key)")
        return
    describe(connection, entity, steps.crowded(entity), large)
    key = f"CASE WHEN {_complete(block.narrow_by)} THEN hash({_row((*block.columns, *block.narrow_by))}) END"
    make(connection, steps.NARROW_KEY, f"SELECT n, {key} AS key FROM crowded")
    connection.execute(f"UPDATE node SET {name} = narrow_key.key FROM narrow_key WHERE node.n = narrow_key.n")
    if _count_large(connection, block, name, entity.largest_block, "left out"):
        connection.execute(f"UPDATE node SET {name} = NULL WHERE {name} IN (SELECT key FROM large_key)")


def _count_large(connection: duckdb.DuckDBPyConnection, block: Block, name: str, largest: int, handled: str) -> bool:
    """Pairs are counted as n (n - 1) / 2 of a key: more than are really compared, never fewer."""
    large_key = f"""
        SELECT {name} AS key, count(*) AS n
        FROM node
        WHERE {name} IS NOT NULL
        GROUP BY 1
        HAVING count(*) * (count(*) - 1) // 2 > {largest}"""
    make(connection, steps.LARGE_KEY, large_key)
    connection.execute(f"""
        INSERT INTO large_block
        SELECT {literal(block.name)}, n, n * (n - 1) // 2, {literal(handled)}
        FROM large_key""")
    return bool((connection.execute("SELECT count(*) FROM large_key").fetchone() or (0,))[0])


def _row(columns: tuple[str, ...]) -> str:
    return ", ".join(quoted(name) for name in columns)


def _complete(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"{quoted(name)} IS NOT NULL" for name in columns)


def rules(entity: Entity, only_new: bool) -> list[str]:
    """Splink's blocking rules: equal keys, not in one kernel already, and no identifier that says they are two.

    `only_new`: at least one of both is new or changed.
    """
    apart = [
        f"(l.{quoted('id_' + name)} = r.{quoted('id_' + name)} OR l.{quoted('id_' + name)} IS NULL OR r.{quoted('id_' + name)} IS NULL)"
        for name in entity.authoritative
    ]
    more = ["l.kernel <> r.kernel", *apart, *(["(l.is_new OR r.is_new)"] if only_new else [])]
    return [
        " AND ".join([f"l.{block_mark(number)} = r.{block_mark(number)}", *more])
        for number in range(1, len(entity.blocking) + 1)
    ]

"""Linkage as a step of the night: from the intermediate records of people and bodies to the schema `linkage` of the build."""

from datetime import date

import duckdb

from linkage.compare.explain import fields_sql, make_frequencies
from linkage.compare.splink_model import load
from linkage.declare.entity import Entity, load_entity
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.described import describe
from linkage.prepare.profiles import read_inputs
from linkage.prepare.scratch import SCRATCH, make, scratch
from linkage.published_tables import LINKS, OTHERS, REVIEW_QUEUE, Table
from linkage.resolve import link
from linkage.settle.review import decisions, folder_of
from linkage.settle.stable_ids import give_ids
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.files import private_folder
from warehouse.home import Home
from warehouse.keys.keyed_folder import protect
from warehouse.store.night_records import record

RESTRICTED = "restricted"
INPUTS = {"person": "int_person_record", "body": "int_body_record"}


def link_night(connection: duckdb.DuckDBPyConnection, home: Home, night: date) -> None:
    """Write the schema `linkage` of the build that `connection` has open, and `review_queue` of `restricted` where that is attached.

    Where there are no intermediate records the tables are empty. What must outlast the build goes to `state/linkage/`.
    """
    build = str((connection.execute("SELECT current_database()").fetchone() or ("memory",))[0])
    has_restricted = _exists(connection, "SELECT 1 FROM duckdb_databases() WHERE database_name = ?", RESTRICTED)
    _make_tables(connection, build, has_restricted)
    for name, table in INPUTS.items():
        place = _input(connection, table)
        if place is not None:
            entity = load_entity(name)
            with scratch(connection) as work:
                read_inputs(connection, {name: place}, entity)
                _link_entity(work, home, night, entity)
                _write(connection, build, name, has_restricted)
                _record_figures(connection, home, night, name)


def _exists(connection: duckdb.DuckDBPyConnection, sql: str, *values: str) -> bool:
    return connection.execute(sql, list(values)).fetchone() is not None


def _input(connection: duckdb.DuckDBPyConnection, table: str) -> str | None:
    row = connection.execute(f"""
        SELECT table_catalog
        FROM information_schema.tables
        WHERE table_schema = 'intermediate' AND table_name = {literal(table)}
        ORDER BY table_catalog <> {literal(RESTRICTED)}
        LIMIT 1""").fetchone()
    return f"{quoted(row[0])}.intermediate.{table}" if row else None


def _make_tables(connection: duckdb.DuckDBPyConnection, build: str, has_restricted: bool) -> None:
    places: list[tuple[str, tuple[Table, ...]]] = [(f"{quoted(build)}.linkage", (*LINKS, *OTHERS))]
    if has_restricted:
        places.append((f"{RESTRICTED}.linkage", (REVIEW_QUEUE,)))
    for schema, tables in places:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for table in tables:
            table.make(connection, schema)


def _link_entity(connection: duckdb.DuckDBPyConnection, home: Home, night: date, entity: Entity) -> None:
    folder = folder_of(home, entity.entity)
    protect(home, private_folder(folder), f"linkage/{entity.entity}")
    memory = Memory(folder, night, decisions(home, entity.entity, night), folder / "model.json")
    link(connection, entity, memory)
    give_ids(connection, memory, entity.id_prefix)
    pairs = """
        SELECT l.node_key AS one, r.node_key AS other, match_weight
        FROM pair JOIN node AS l ON l.n = pair.one JOIN node AS r ON r.n = pair.other"""
    memory.write(connection, "pair", pairs)
    # The last of the night's files: what it compares with is only taken where all of it was written.
    memory.write(connection, "node", "SELECT node_key FROM node")
    memory.forget_comparisons()
    _make_queue(connection, entity, memory)
    # Each night's file is in order already.
    changes = memory.until_now("change")
    let_read(connection, changes)
    connection.execute(f"CREATE VIEW changes AS SELECT {literal(entity.entity)} AS entity, * FROM {changes}")


def _make_queue(connection: duckdb.DuckDBPyConnection, entity: Entity, memory: Memory) -> None:
    """`queue`: a pair that a steward decided on does not come again."""
    shares = load(memory.model, entity) if memory.model else None
    doubtful = "FROM node WHERE n IN (SELECT one FROM review_pair UNION SELECT other FROM review_pair)"
    describe(connection, entity, steps.doubtful(entity), doubtful)
    for name in entity.term_frequencies:
        make_frequencies(connection, name, "doubtful")
    make(connection, steps.QUEUE, _queue_sql(entity, fields_sql(entity, shares or {}), memory))


def _queue_sql(entity: Entity, fields: str, memory: Memory) -> str:
    decided = [
        f"({literal(d.one_source)}, {literal(d.one_key)}, {literal(d.other_source)}, {literal(d.other_key)})"
        for d in memory.decisions
    ]
    without = (
        f"WHERE (one_source, one_source_key, other_source, other_source_key) NOT IN ({', '.join(decided)})"
        if decided
        else ""
    )
    return f"""
        WITH shown AS (
          SELECT n, min((source, source_key)) AS record
          FROM record_profile SEMI JOIN doubtful USING (n)
          GROUP BY n
        ),
        asked AS (
          SELECT a.record[1] AS one_source, a.record[2] AS one_source_key,
            b.record[1] AS other_source, b.record[2] AS other_source_key,
            match_weight, reason, {fields} AS fields
          FROM review_pair AS p
          JOIN doubtful AS l ON l.n = p.one JOIN shown AS a ON a.n = p.one
          JOIN doubtful AS r ON r.n = p.other JOIN shown AS b ON b.n = p.other
        )
        SELECT {literal(entity.entity)} AS entity,
          left(md5(concat_ws(chr(31), one_source, one_source_key, other_source, other_source_key)), 12) AS pair_id, *
        FROM asked
        {without}"""


def _record_figures(connection: duckdb.DuckDBPyConnection, home: Home, night: date, entity: str) -> None:
    """For the steward's report. Precision and recall are what the probabilities of the compared pairs let expect."""
    figures = f"""
        WITH compared AS (
          SELECT 1 - 1 / (1 + power(2.0, least(match_weight, 60))) AS probability, a.entity = b.entity AS is_linked
          FROM {SCRATCH}.kernel_pair AS p
          JOIN {SCRATCH}.entity_of AS a ON a.kernel = p.one
          JOIN {SCRATCH}.entity_of AS b ON b.kernel = p.other
        )
        SELECT (SELECT count(*) FROM {SCRATCH}.resolved), (SELECT count(DISTINCT entity) FROM {SCRATCH}.resolved),
          count(*) FILTER (WHERE is_linked), avg(probability) FILTER (WHERE is_linked),
          sum(probability) FILTER (WHERE is_linked) / nullif(sum(probability), 0),
          (SELECT count(*) FROM {SCRATCH}.queue),
          (SELECT count(*) FROM {SCRATCH}.changes WHERE night = $night AND change = 'merge'),
          (SELECT count(*) FROM {SCRATCH}.changes WHERE night = $night AND change = 'split')
        FROM compared"""
    found = connection.execute(figures, {"night": night}).fetchone()
    names = ("records", "entities", "links", "expected_precision", "expected_recall", "review_queue", "merged", "split")
    record(home, "linkage_night", night, [dict(zip(names, found or (), strict=True))], {"entity": entity})


def _write(connection: duckdb.DuckDBPyConnection, build: str, entity: str, has_restricted: bool) -> None:
    target, name = f"{quoted(build)}.linkage", literal(entity)
    connection.execute(f"""
        INSERT INTO {target}.{entity}_link
        SELECT source, source_key, entity_id, match_probability, match_basis
        FROM {SCRATCH}.resolved JOIN {SCRATCH}.identified USING (entity)""")
    connection.execute(f"INSERT INTO {target}.entity_change BY NAME SELECT * FROM {SCRATCH}.changes")
    connection.execute(f"""
        INSERT INTO {target}.large_block
        SELECT {name}, * FROM {SCRATCH}.large_block
        ORDER BY ALL""")
    connection.execute(f"""
        INSERT INTO {target}.conflict
        SELECT DISTINCT {name}, source, source_key, identifier, conflict
        FROM {SCRATCH}.conflict JOIN {SCRATCH}.record_profile USING (n)
        ORDER BY ALL""")
    if has_restricted:
        connection.execute(f"""
            INSERT INTO {RESTRICTED}.linkage.review_queue
            SELECT * FROM {SCRATCH}.queue
            ORDER BY match_weight DESC, pair_id""")

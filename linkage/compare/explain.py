"""Why a pair weighs what it weighs: field by field both values, how they agree, and the bits that this is worth."""

from typing import Any

import duckdb

from linkage.compare.conditions import Comparison, comparisons
from linkage.compare.splink_model import LEAST_FREQUENCY, REST
from linkage.declare.entity import Entity, columns_of
from linkage.memory import Memory
from linkage.prepare import steps
from linkage.prepare.described import describe
from linkage.prepare.scratch import make
from linkage.prepare.steps import FIELD, value_mark
from warehouse.engines.duckdb.engine import literal, quoted

Pair = tuple[tuple[str, str], tuple[str, str]]


def fields_sql(entity: Entity, shares: dict[str, Any]) -> str:
    """SQL of a list of FIELD for a pair of nodes `l` and `r`: the prior first, then each comparison."""
    from math import log2

    prior = float(shares["prior"])
    first = f"{{'field': 'before anything is compared', 'one': NULL, 'other': NULL, 'agreement': NULL, 'weight': {log2(prior / (1 - prior))}}}"
    parts = [first, *(_field(item, shares[item.name]) for item in comparisons(entity))]
    return f"[{', '.join(parts)}]::{FIELD}[]"


def _field(item: Comparison, shares: list[list[float]]) -> str:
    from math import log2

    label, weight = [f"WHEN {item.absent} THEN 'absent'"], [f"WHEN {item.absent} THEN 0"]
    for level, (m, u) in zip(item.levels, shares, strict=False):
        label.append(f"WHEN {level.sql} THEN {literal(level.label)}")
        weight.append(
            f"WHEN {level.sql} THEN {log2(m / u)}{_frequency(level.term_frequency, _usual(item, shares, level.term_frequency, u))}"
        )
    m, u = shares[-1]
    shown = sorted(columns_of(item.absent))
    values = {
        side: "concat_ws(' ', " + ", ".join(f"{side}.{quoted(name)}" for name in shown) + ")" for side in ("l", "r")
    }
    return (
        f"{{'field': {literal(item.name)}, 'one': {values['l']}, 'other': {values['r']}, "
        f"'agreement': CASE {' '.join(label)} ELSE {literal(REST)} END, 'weight': CASE {' '.join(weight)} ELSE {log2(m / u)} END}}"
    )


def _usual(item: Comparison, shares: list[list[float]], column: str | None, u: float) -> float:
    """How often the column agrees by chance: as Splink has it, the share of the level that is nothing but its equality."""
    plain = [
        share[1] for level, share in zip(item.levels, shares, strict=False) if level.sql == f"l.{column} = r.{column}"
    ]
    return plain[0] if plain else u


def _frequency(column: str | None, u: float) -> str:
    """A rare value that agrees says more than a common one."""
    if column is None:
        return ""
    often = f"(SELECT {quoted('tf_' + column)} FROM {quoted('tf_' + column)} AS t WHERE t.{quoted(column)} = {{}}.{quoted(column)})"
    return f" + coalesce(log2({u} / greatest({often.format('l')}, {often.format('r')}, {LEAST_FREQUENCY})), 0)"


def make_frequencies(connection: duckdb.DuckDBPyConnection, name: str, described: str) -> str:
    """`tf_<name>`: how often the values of a column that the table `described` has occur among all nodes."""
    step, mark = steps.term_frequency(name), quoted(value_mark(name))
    frequencies = f"""
        WITH marked AS (
          SELECT {mark}, count(*) / sum(count(*)) OVER () AS often
          FROM node
          WHERE {mark} IS NOT NULL
          GROUP BY {mark}
        )
        SELECT {quoted(name)}, any_value(often) AS {quoted(step.name)}
        FROM {described} JOIN marked USING ({mark})
        GROUP BY {quoted(name)}"""
    make(connection, step, frequencies)
    return step.name


def explain(
    connection: duckdb.DuckDBPyConnection, inputs: dict[str, str], config: Entity, pair: Pair, shares: dict[str, Any]
) -> list[dict[str, Any]]:
    """Field, both values, agreement and bits of one pair of records; the bits sum to the pair's match weight.

    `shares` are a model's (`linkage.compare.splink_model.load`). Raises KeyError where a record is not in the inputs.
    """
    from linkage.prepare.profiles import make_profiles, read_inputs
    from linkage.prepare.scratch import scratch

    with scratch(connection) as work:
        read_inputs(connection, inputs, config)
        make_profiles(work, config, Memory())
        describe(work, config, steps.explained(config), "FROM profile")
        # Without kernels every profile is a node.
        work.execute("CREATE VIEW node AS FROM profile")
        for name in config.term_frequencies:
            make_frequencies(work, name, "explained")
        one, other = (_profile_of(work, record) for record in pair)
        found = work.execute(f"""
            SELECT {fields_sql(config, shares)}
            FROM explained AS l, explained AS r
            WHERE l.n = {one} AND r.n = {other}""").fetchone()
    return list(found[0]) if found else []


def _profile_of(connection: duckdb.DuckDBPyConnection, record: tuple[str, str]) -> int:
    row = connection.execute(
        "SELECT min(n) FROM record_profile WHERE source = ? AND source_key = ?", list(record)
    ).fetchone()
    if row is None or row[0] is None:
        raise KeyError(f"{record[0]} has no record {record[1]}")
    return int(row[0])

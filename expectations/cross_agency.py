"""The cross-agency gate: hand-written rules on the harmonised tables, and the keys that contracts point at each other.

A rule is an entry of `harmonised/<subject>.yaml`: a query for the rows that do not fit. What it finds is kept as findings;
great-expectations then holds that a rule has none. `error` keeps the build from being published, `warning` reports.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from nights.accept import record_results
from nights.record.verdict import RuleResult
from nights.rows.accepted import SCHEMA, HeldBack, accepted_nights, held_back
from sources.contract.model import Contract, Reference
from warehouse.engines.duckdb.engine import literal, open_database, quoted, write_parquet
from warehouse.files import replaced_whole, write_text
from warehouse.home import Home
from warehouse.numbers_for_people import several
from warehouse.store.night_records import copy_into, no_records, record_file
from warehouse.store.restricted import PROTECTED, attach_protected
from warehouse.store.seal import PARQUET_SEAL, UNSEALED, place_of, seal_parquet
from warehouse.yaml import FileError, Schema, load_file
from watch.drift import drifted

AGENCY = "harmonised"
RELATIONSHIPS, RECONCILIATION, STORED_ROWS, DRIFT = "relationships", "reconciliation", "stored_rows", "drift"
RULES = Path(__file__).parent / "harmonised"
# What a rule's query reads of a build.
_ASKED = re.compile(r"\b(?:(?:(?:restricted|vault)\.)?(?:marts|staging|intermediate|identity)\.\w+|given_to_\w+)")
_PROTECTED = re.compile(r"\b(?:restricted|vault)\.(\w+\.\w+)")
_ENTRIES = Schema({"type": ["array", "null"], "items": {"type": "object"}})


@dataclass(frozen=True)
class CrossRule:
    """`query` returns the rows that do not fit as (source_key, detail), on marts.* and staging.* of a build.

    `agencies` are those it is about: their names, or a query for them.
    """

    subject: str
    rule: str
    title: str
    dimension: str
    severity: str
    agencies: list[str] | str
    query: str


@dataclass(frozen=True)
class _FoundBy:
    """How many findings each rule has, by name, and the rules whose tables are all empty."""

    counts: dict[str, int]
    over_nothing: frozenset[str]


class RuleError(Exception):
    """A cross-agency rule that cannot be used: file, rule, and what to do."""


def load_rules(folder: Path = RULES) -> list[CrossRule]:
    """Every rule of every subject. Raises RuleError naming file and rule."""
    rules: list[CrossRule] = []
    for path in sorted(folder.glob("*.yaml")):
        for entry in _entries(path):
            try:
                rule = CrossRule(path.stem, **entry)
                if rule.severity not in ("error", "warning") or rule.rule in {known.rule for known in rules}:
                    raise KeyError("severity is neither error nor warning, or the rule's name is taken")
                rules.append(rule)
            except (TypeError, KeyError) as error:
                raise RuleError(
                    f"{path}: {entry.get('rule', 'a rule')}: {error}; write rule, title, dimension, severity, agencies, query"
                ) from None
    return rules


def asked_of_models(rules: Iterable[CrossRule]) -> set[str]:
    """The names under which staging models give rows to these rules."""
    return {name for rule in rules for name in re.findall(r"\bgiven_to_(\w+)", rule.query)}


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        return load_file(path, _ENTRIES) or []
    except FileError as error:
        raise RuleError(f"{error}; write a list of rules") from None


def gate_build(
    contracts: list[Contract],
    home: Home,
    database: Path,
    extract_date: date,
    givers: Mapping[str, Sequence[str]],
    copies: Mapping[str, str],
) -> list[RuleResult]:
    """Find what does not fit in a build, record it, and return the result of every rule.

    `givers` are the staging models by what they give rows to: a rule may read `given_to_NAME`. `copies` are the marts that have
    every row of a staging model, with that.
    Raises RuleError where a query is not valid SQL on this build.
    """
    rules = _of_this_build(load_rules(), database)
    found_by = _write_findings(rules, home, database, extract_date, givers)
    with open_database(database) as connection:
        copy_into(connection, home, extract_date)
    results = []
    for subject in sorted({rule.subject for rule in rules}):
        found = _validated([rule for rule in rules if rule.subject == subject], home, database, extract_date, found_by)
        record_results(home, extract_date, AGENCY, subject, found)
        results += found
    derived = {
        RELATIONSHIPS: _relationships(contracts, database),
        RECONCILIATION: _reconciled(contracts, database) + _copied(copies, database),
        STORED_ROWS: _held_back(contracts, home, extract_date),
        DRIFT: drifted(home, database, extract_date),
    }
    for name, found in derived.items():
        record_results(home, extract_date, AGENCY, name, found)
        results += found
    return results


def _of_this_build(rules: list[CrossRule], database: Path) -> list[CrossRule]:
    """Without the rules about agencies that are not pulled here: their marts are not in the build. What a rule reads of the
    restricted database or the vault it reads where this build has it: where a relation lies is proved of its columns.
    """
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        found = connection.execute("SELECT database_name, schema_name, table_name FROM duckdb_tables()").fetchall()
        own = str((connection.execute("SELECT current_database()").fetchone() or ("",))[0])
    there = {str(name) for catalog, schema, name in found if (catalog, schema) == (own, "marts")}
    places = {
        f"{schema}.{name}": f"{catalog}.{schema}.{name}" if catalog in PROTECTED else f"{schema}.{name}"
        for catalog, schema, name in found
    }
    rules = [_placed(rule, places) for rule in rules]
    named = {rule.rule: set(re.findall(r"\bmarts\.(\w+)", rule.query)) for rule in rules}
    subjects = {rule.subject for rule in rules if named[rule.rule] and not named[rule.rule] <= there}
    return [rule for rule in rules if rule.subject not in subjects]


def _placed(rule: CrossRule, places: Mapping[str, str]) -> CrossRule:
    def place(text: str) -> str:
        return _PROTECTED.sub(lambda found: places.get(found[1], found[0]), text)

    agencies = place(rule.agencies) if isinstance(rule.agencies, str) else rule.agencies
    return replace(rule, query=place(rule.query), agencies=agencies)


def _write_findings(
    rules: list[CrossRule], home: Home, database: Path, extract_date: date, givers: Mapping[str, Sequence[str]]
) -> "_FoundBy":
    """Run each query once; its rows become the night's findings."""
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        connection.execute(f"CREATE TEMP TABLE found AS FROM {no_records('finding')}")
        for name in sorted(asked_of_models(rules)):
            _view(connection, name, givers.get(name, ()))
        for rule in rules:
            try:
                _find(connection, rule, extract_date)
            except duckdb.Error as error:
                raise RuleError(
                    f"expectations/harmonised/{rule.subject}.yaml: {rule.rule}: {str(error).splitlines()[0]}"
                ) from error
        path = record_file(home, "finding", extract_date)
        with replaced_whole(path) as temporary:
            write_parquet(connection, "FROM found ORDER BY ALL", temporary, (PARQUET_SEAL, UNSEALED))
            seal_parquet(home, temporary, place_of(home, path))
        counts = dict(connection.execute("SELECT rule, count(*) FROM found GROUP BY rule").fetchall())
        return _FoundBy(counts, frozenset(rule.rule for rule in rules if _reads_nothing(connection, rule)))


def _reads_nothing(connection: duckdb.DuckDBPyConnection, rule: CrossRule) -> bool:
    """Whether none of the tables that it asks has a row, so that it cannot but hold."""
    asked = sorted(set(_ASKED.findall(rule.query)))
    are_empty = [f"NOT EXISTS (FROM {relation})" for relation in asked]
    found = connection.execute(f"SELECT {' AND '.join(are_empty)}").fetchone() if asked else None
    return bool(found and found[0])


def _view(connection: duckdb.DuckDBPyConnection, name: str, models: Sequence[str]) -> None:
    """What the models give to `name`; those that are not in the build give nothing."""
    staging = """
        SELECT database_name, table_name
        FROM duckdb_tables()
        WHERE schema_name = 'staging' AND list_contains(?, table_name)"""
    found = connection.execute(staging, [list(models)]).fetchall()
    staged = [f"FROM {quoted(catalog)}.staging.{quoted(table)}" for catalog, table in found]
    connection.execute(f"CREATE TEMP VIEW {quoted(f'given_to_{name}')} AS {' UNION ALL BY NAME '.join(staged)}")


def _find(connection: duckdb.DuckDBPyConnection, rule: CrossRule, extract_date: date) -> None:
    about = rule.agencies
    if isinstance(about, str):
        about = sorted(name for (name,) in connection.execute(about).fetchall())
    fixed = [extract_date.isoformat(), rule.rule, rule.severity, rule.subject, ",".join(about)]
    query = rule.query.strip().rstrip(";")
    connection.execute(f"INSERT INTO found SELECT {', '.join(map(literal, fixed))}, source_key, detail FROM ({query})")


def _validated(
    rules: list[CrossRule], home: Home, database: Path, extract_date: date, found_by: _FoundBy
) -> list[RuleResult]:
    from expectations.suite import query_check
    from expectations.validate import rule_of, unexpected_count, validate

    subject, tonight = rules[0].subject, f"extract_date = DATE {literal(extract_date.isoformat())}"
    checks = [
        query_check(
            rule.rule,
            f"SELECT source_key, detail FROM {{batch}} WHERE {tonight} AND rule = {literal(rule.rule)}",
            {"dimension": rule.dimension, "severity": rule.severity, "description": rule.title},
        )
        for rule in rules
    ]
    validation = validate(subject, checks, database, "quality.finding").result
    write_text(
        home.quality / "gates" / AGENCY / subject / f"{extract_date}.json", json.dumps(validation.to_json_dict())
    )
    found = {rule_of(result): result for result in validation.results}
    return [
        RuleResult(
            rule=rule.rule, dimension=rule.dimension, severity=rule.severity, description=rule.title,
            passed=bool(found[rule.rule].success), unexpected_count=unexpected_count(found[rule.rule]),
            row_count=0 if rule.rule in found_by.over_nothing else None,
            observed_value="no rows to look at" if rule.rule in found_by.over_nothing else several(found_by.counts.get(rule.rule, 0), "finding"),
        )
        for rule in rules
    ]  # fmt: skip


def _relationships(contracts: list[Contract], database: Path) -> list[RuleResult]:
    """Rows whose key points to nothing, for each relationship of each contract; on the accepted relations of the build."""
    by_name = {contract.name: contract for contract in contracts}
    with open_database(database, read_only=True) as connection:
        return [
            _orphans(connection, contract, reference, by_name[f"{reference.to_agency}/{reference.to_feed}"])
            for contract in contracts
            for reference in contract.references
        ]


def _reconciled(contracts: list[Contract], database: Path) -> list[RuleResult]:
    """Every accepted row is in its staging model: none dropped, none doubled. A feed without a model stops at acceptance."""
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        found = connection.execute(
            "SELECT table_name, database_name FROM duckdb_tables() WHERE schema_name = 'staging'"
        ).fetchall()
        places = {str(name): f"{quoted(catalog)}.staging.{quoted(name)}" for name, catalog in found}
        staged = [(contract, places.get(f"stg_{contract.relation}")) for contract in contracts]
        return [_staged(connection, contract, place) for contract, place in staged if place is not None]


def _copied(copies: Mapping[str, str], database: Path) -> list[RuleResult]:
    """Every staged row is in its mart, once. What is not in the build says nothing."""
    with open_database(database, read_only=True) as connection:
        attach_protected(connection, database, read_only=True)
        found = connection.execute("""
            SELECT schema_name, table_name, database_name
            FROM duckdb_tables()
            WHERE schema_name IN ('staging', 'marts')
        """).fetchall()
        places = {(schema, name): f"{quoted(catalog)}.{schema}.{quoted(name)}" for schema, name, catalog in found}
        return [
            _as_staged(connection, places["marts", mart], places["staging", staging], mart, staging)
            for mart, staging in sorted(copies.items())
            if ("marts", mart) in places and ("staging", staging) in places
        ]


def _as_staged(connection: duckdb.DuckDBPyConnection, place: str, staged: str, mart: str, staging: str) -> RuleResult:
    row = connection.execute(f"""
        WITH staged AS (
            SELECT agency, feed, extract_date, source_key, count(*) AS times FROM {staged} GROUP BY ALL
        ),
        published AS (
            SELECT agency, feed, extract_date, source_key, count(*) AS times FROM {place} GROUP BY ALL
        )
        SELECT
            count(*) FILTER (WHERE staged.times IS DISTINCT FROM published.times),
            coalesce(sum(staged.times), 0)
        FROM staged FULL JOIN published USING (agency, feed, extract_date, source_key)
    """).fetchone()
    wrong, rows = row or (0, 0)
    return RuleResult(
        rule=f"{mart}_reconciles", dimension="consistency", severity="error", passed=wrong == 0,
        description=f"Every row of staging.{staging} is in marts.{mart}, once", unexpected_count=wrong, row_count=int(rows),
        observed_value=f"{wrong} rows missing, doubled or added",
    )  # fmt: skip


def _held_back(contracts: list[Contract], home: Home, extract_date: date) -> list[RuleResult]:
    """Stored values that a changed contract does not know as its type: their rows are not in the build, and no one else's."""
    with open_database() as connection:
        return [
            _no_value_of_its_type(contract, held)
            for contract in contracts
            for held in held_back(connection, contract, accepted_nights(contract, home, extract_date))
        ]


def _no_value_of_its_type(contract: Contract, held: HeldBack) -> RuleResult:
    kind = contract.column(held.column).sql_type
    return RuleResult(
        rule=f"{contract.relation}.{held.column} fits {kind}", dimension="conformity", severity="warning", passed=False,
        description=f"{held.values} stored values of {held.column} of {contract.name} are no {kind}, which the contract says "
        f"since: their rows, of {held.first_night} to {held.last_night}, are held back. Give the column its old type, or "
        f"ask {contract.agency_name} for these nights again and backfill them",
        unexpected_count=held.values, row_count=None, observed_value=f"{held.values} values held back",
    )  # fmt: skip


def _staged(connection: duckdb.DuckDBPyConnection, contract: Contract, place: str) -> RuleResult:
    model = f"stg_{contract.relation}"
    row = connection.execute(f"""
        SELECT (SELECT count(*) FROM {SCHEMA}.{quoted(contract.relation)}),
          (SELECT count(*) FROM {place})""").fetchone()
    accepted, staged = row or (0, 0)
    return RuleResult(
        rule=f"{model}_reconciles", dimension="consistency", severity="error", passed=accepted == staged,
        description=f"Every accepted row of {contract.name} is in staging.{model}, once", unexpected_count=abs(accepted - staged),
        row_count=accepted, observed_value=f"{accepted} accepted, {staged} staged",
    )  # fmt: skip


def _orphans(
    connection: duckdb.DuckDBPyConnection, contract: Contract, reference: Reference, target: Contract
) -> RuleResult:
    source, pointed = f"{SCHEMA}.{quoted(contract.relation)}", f"{SCHEMA}.{quoted(target.relation)}"
    given = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in reference.columns)
    pairs = " AND ".join(
        f"child.{quoted(own)} = parent.{quoted(theirs)}"
        for own, theirs in zip(reference.columns, reference.to_columns, strict=True)
    )
    row = connection.execute(f"""
        SELECT (SELECT count(*) FROM {source} AS child ANTI JOIN {pointed} AS parent ON {pairs} WHERE {given}),
          (SELECT count(*) FROM {source} WHERE {given})""").fetchone()
    orphans, rows = row or (0, 0)
    name = f"{contract.relation}.{','.join(reference.columns)} -> {target.relation}.{','.join(reference.to_columns)}"
    return RuleResult(
        rule=name, dimension="consistency", severity="warning", passed=orphans == 0, unexpected_count=orphans, row_count=rows,
        description=f"Every {', '.join(reference.columns)} of {contract.name} is known to {target.name}",
        observed_value=f"{100 * orphans / max(rows, 1):.4g} %",
    )  # fmt: skip

"""The gate of one landed extract: its contract's suite, the rows that break a row rule, and the verdict."""

import json
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from expectations.measures import measures
from nights.folders import gate_folder, landed_folder
from nights.integrity.sealed_extracts import seal_gate
from nights.keyed_nights import keyed_night
from nights.record.attempt import GATE
from nights.record.rejects import in_record
from nights.record.verdict import VALIDATION, Example, RuleResult, Verdict
from nights.rows.accepted import Acceptance, last_accepted, mode_of
from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.model import Contract
from sources.contract.rules_as_sql import ROWS as RELATION
from sources.contract.rules_as_sql import TableRule, key_rules, row_rules, ruled_out, table_rules, volume_rule
from sources.landing.as_sent import write_as_sent
from warehouse.engines.duckdb.encrypted_parquet import parquet, readable
from warehouse.engines.duckdb.engine import literal, open_database, quoted, write_parquet
from warehouse.engines.duckdb.functions import register_functions
from warehouse.files import remove_unfinished
from warehouse.home import Home
from warehouse.keys.keyed_folder import erase
from warehouse.numbers_for_people import MASK, exact_percent

if TYPE_CHECKING:
    from expectations.validate import Validation

_MAX_EXAMPLES = 5


def run_gate(contract: Contract, home: Home, extract_date: date) -> Verdict:
    """Gate the landed extract of one night and keep the result under `quality/gates/`.

    Raises FileNotFoundError where nothing landed, and RuntimeError where a rule cannot be evaluated.
    """
    landing = landed_folder(contract, home, extract_date).resolve(strict=True)
    target = gate_folder(contract, home, extract_date)
    remove_unfinished(target.parent, GATE, erase)
    with keyed_night(contract, home, target, "gate") as folder:
        verdict, validation = gate_extract(contract, landing, folder, _rows_before(contract, home, extract_date))
        (folder / VALIDATION).write_text(json.dumps(validation), encoding="utf-8")
        verdict.write(folder)
        seal_gate(home, folder)
    return verdict


def _rows_before(contract: Contract, home: Home, extract_date: date) -> int | None:
    """Rows of the last good night before this one; None where there is none, or where a night is not the whole."""
    before = last_accepted(contract, home, extract_date - timedelta(days=1))
    if before is None or contract.extract_mode != "snapshot":
        return None
    last = Acceptance.read(before)
    return last.rows_accepted if mode_of(contract, last) == "snapshot" else None


def gate_extract(
    contract: Contract, landing: Path, into: Path, rows_before: int | None = None
) -> tuple[Verdict, dict[str, object]]:
    """The verdict on the extract in the folder `landing`, and great-expectations' own result; rejects are written to `into`.

    `rows_before` is the last good night's number of rows, against which a snapshot's volume is held.
    """
    began = time.perf_counter()
    manifest = Manifest.read(landing)
    tables = table_rules(contract) + ([volume_rule(contract, rows_before)] if rows_before else [])
    with tempfile.TemporaryDirectory() as scratch:
        database = Path(scratch) / "gate.duckdb"
        with open_database(database) as connection:
            rejected = write_rejects(connection, contract, landing, into / REJECTS)
            examples = _examples(connection, contract, into / REJECTS) if rejected else {}
        measured = measures(contract, tables, database, landing / ROWS)
        results, validation = _validated(contract, tables, database, landing / ROWS, manifest.rows_landed)
    results = [_completed(result, measured, examples) for result in results]
    reasons = _refusals(contract, manifest, rejected, results)
    verdict = Verdict(
        agency=contract.agency, feed=contract.feed, extract_date=manifest.extract_date.isoformat(), landing=landing.name,
        accepted=not reasons, reasons=reasons, rows_landed=manifest.rows_landed, rows_rejected=rejected, results=results,
        seconds=time.perf_counter() - began, fixed_seconds=validation.fixed_seconds,
    )  # fmt: skip
    return verdict, validation.result.to_json_dict()


def _validated(
    contract: Contract, tables: list[TableRule], database: Path, rows: Path, row_count: int
) -> "tuple[list[RuleResult], Validation]":
    from expectations.suite import contract_checks
    from expectations.validate import observed_value, rule_of, unexpected_count, validate

    checks = contract_checks(contract, tables)
    validation = validate(contract.relation, checks, database, RELATION, [rows])
    found = {rule_of(result): result for result in validation.result.results}
    results = [
        RuleResult(
            rule=check.name, dimension=check.dimension, severity=check.severity, description=check.description,
            passed=bool(found[check.name].success), unexpected_count=unexpected_count(found[check.name]), row_count=row_count,
            observed_value=observed_value(found[check.name], check)
            or f"{100 * unexpected_count(found[check.name]) / max(row_count, 1):.4g} %",
        )
        for check in checks
    ]  # fmt: skip
    return results, validation


@dataclass(frozen=True)
class _Fault:
    rule: str
    column: str
    reason: str
    is_wrong: str


def write_rejects(connection: duckdb.DuckDBPyConnection, contract: Contract, landing: Path, target: Path) -> int:
    """One row for each row landed in the folder `landing` that breaks a row rule or a key, with all its faults; returns how many.

    `record` is the typed row by the contract's names, `sent` the texts by the file's headings; file, line, `sent` and the
    faults' values as they were sent are empty, or typed, where the original cannot be read again. Leaves a view `rows` of the
    landed rows, each with its number as `_row`.
    """
    register_functions(connection)
    connection.execute(f"""
        CREATE VIEW rows AS
        SELECT *, file_row_number + 1 AS _row
        FROM {readable(connection, landing / ROWS, "file_row_number = true")}""")
    connection.execute(_doubled_rows(contract))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".scratch-") as scratch:
        wrong, sent = Path(scratch) / "wrong.parquet", Path(scratch) / "sent.parquet"
        write_parquet(connection, _wrong_rows(contract), wrong)
        source = readable(connection, wrong)
        found = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
        rejected = int(found[0]) if found else 0
        has_sent = rejected > 0 and write_as_sent(contract, landing, f"SELECT _row AS row FROM {source}", sent)
        write_parquet(connection, _with_sent(contract, source, sent if has_sent else None), target)
    return rejected


def _wrong_rows(contract: Contract) -> str:
    faults = _faults(contract)
    listed = ", ".join(_as_struct(fault) for fault in faults)
    wrong = " OR ".join(f"coalesce({fault.is_wrong}, false)" for fault in faults)
    record = ", ".join(f"{literal(column.name)}: {quoted(column.name)}" for column in contract.columns)
    return f"""
        SELECT _row, to_json({{{record}}}) AS record,
          list_filter([{listed}], lambda fault: fault IS NOT NULL) AS faults
        FROM rows LEFT JOIN doubled USING (_row)
        WHERE {wrong}
        ORDER BY _row"""


def _with_sent(contract: Contract, wrong: str, sent: Path | None) -> str:
    """The rejects, with what is known of each as it was sent."""
    if sent is None:
        return f"""
            SELECT NULL::VARCHAR AS file, NULL::BIGINT AS line, _row AS row, unnest(faults[1]), record, faults,
              NULL::VARCHAR AS sent
            FROM {wrong}
            ORDER BY _row"""
    texts = " ".join(
        f"WHEN {literal(column.name)} THEN {in_record(column.header, 'sent.record')}" for column in contract.columns
    )
    return f"""
        WITH told AS (
          SELECT sent.file, sent.line, _row, wrong.record, sent.record AS sent,
            list_transform(faults, lambda fault: {{'rule': fault.rule, 'column': fault."column",
              'value': CASE fault."column" {texts} END, 'reason': fault.reason}}) AS faults
          FROM {wrong} AS wrong JOIN {parquet(sent)} AS sent ON sent.row = _row
        )
        SELECT file, line, _row AS row, unnest(faults[1]), record, faults, sent
        FROM told
        ORDER BY _row"""


def _faults(contract: Contract) -> list[_Fault]:
    faults = [_Fault(rule.name, rule.column, rule.demand, f"NOT {rule.is_right}") for rule in row_rules(contract)]
    for rule in key_rules(contract):
        is_wrong = f"list_contains(_rules, {literal(rule.name)})"
        faults.append(_Fault(rule.name, rule.columns[0], "the same key as another row", is_wrong))
    return faults


def _as_struct(fault: _Fault) -> str:
    value = f"CAST({quoted(fault.column)} AS VARCHAR)"
    return (
        f"CASE WHEN {fault.is_wrong} THEN {{'rule': {literal(fault.rule)}, 'column': {literal(fault.column)}, "
        f"'value': {value}, 'reason': {literal(fault.reason)}}} END"
    )


def _doubled_rows(contract: Contract) -> str:
    """A table of the rows that a key rules out: later ones of identical rows, and every one of contradicting rows."""
    selects = [
        f"SELECT _row, {literal(rule.name)} AS rule FROM ({ruled_out(contract, rule, RELATION)})"
        for rule in key_rules(contract)
    ]
    return f"""
        CREATE TABLE doubled AS
        SELECT _row, list(rule) AS _rules
        FROM ({" UNION ALL ".join(selects)})
        GROUP BY _row"""


def _examples(connection: duckdb.DuckDBPyConnection, contract: Contract, rejects: Path) -> dict[str, list[Example]]:
    """A few failing rows of each row rule, their keys masked where the contract protects a column."""
    parts = [literal(MASK) if contract.column(name).is_masked else in_record(name) for name in contract.key]
    found = connection.execute(f"""
        WITH faulty AS (SELECT row, line, file, record, unnest(faults) AS fault FROM {readable(connection, rejects)})
        SELECT fault.rule, row, concat_ws('|', {", ".join(parts)}), line, nullif(file, '')
        FROM faulty
        QUALIFY row_number() OVER (PARTITION BY fault.rule ORDER BY row) <= {_MAX_EXAMPLES}
        ORDER BY row""").fetchall()
    examples: dict[str, list[Example]] = {}
    for rule, *example in found:
        examples.setdefault(rule, []).append(Example(*example))
    return examples


def _completed(result: RuleResult, measured: dict[str, str], examples: dict[str, list[Example]]) -> RuleResult:
    observed = measured.get(result.rule, result.observed_value)
    return RuleResult(**{**vars(result), "observed_value": observed, "examples": examples.get(result.rule, [])})


def _refusals(contract: Contract, manifest: Manifest, gate_rejects: int, results: list[RuleResult]) -> list[str]:
    """Why the feed's night is refused; empty where it is accepted."""
    row_level = {rule.name for rule in row_rules(contract)} | {rule.name for rule in key_rules(contract)}
    reasons = [
        f"{result.rule}: {result.description or 'the rule failed'} (measured {result.observed_value})"
        for result in results
        if not result.passed and result.severity == "error" and result.rule not in row_level
    ]
    rejected = manifest.rows_rejected + gate_rejects
    if rejected > contract.reject_threshold * manifest.rows_sent:
        reasons.append(
            f"{rejected} of {manifest.rows_sent} rows rejected, more than the {exact_percent(contract.reject_threshold)} that the contract allows"
        )
    return reasons

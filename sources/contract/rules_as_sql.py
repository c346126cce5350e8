"""What a contract demands of landed rows, as SQL: said once here, used by the gate's suite, its rejects and the docs.

Rules on identifiers need the functions of `warehouse.engines.duckdb.functions` on the connection that evaluates them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sources.contract.model import Column, Contract, QualityRule
from sources.typing.multiples import is_multiple
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.engines.duckdb.parse_tree import one_select
from warehouse.numbers_for_people import exact_percent

# What the landed rows are called where a rule is evaluated.
ROWS = "rows"

_COMPARISONS = {
    "mustBe": "=", "mustNotBe": "<>", "mustBeGreaterThan": ">", "mustBeGreaterOrEqualTo": ">=", "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=", "mustBeBetween": "BETWEEN", "mustNotBeBetween": "NOT BETWEEN",
}  # fmt: skip
_BOUNDS = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
_IDENTIFIER = "identifierKind"


@dataclass(frozen=True)
class RowRule:
    """A rule that each row obeys or not; a row that does not is a gate reject. `is_right` is never NULL.

    `demand` is what is said of it, in the suite and of a reject: `must have a value`.
    """

    name: str
    dimension: str
    column: str
    is_right: str
    demand: str


@dataclass(frozen=True)
class KeyRule:
    """No two rows share these columns: of identical rows the first stays, rows that contradict each other are all rejected."""

    name: str
    columns: tuple[str, ...]
    dimension: str = "uniqueness"


@dataclass(frozen=True)
class TableRule:
    """A measured number of the whole feed and the condition on it, both SQL; `measure` names the rows `{rows}`.

    Of one that is not `is_open`, the number may be the value of a protected column, and is shown to nobody. One that
    `is_of_dates` may measure a date or time.
    """

    name: str
    dimension: str
    severity: str
    description: str
    measure: str
    condition: str
    is_open: bool = True
    is_of_dates: bool = False


def row_rules(contract: Contract) -> list[RowRule]:
    """In the order of the contract's columns; what a key needs (a value) comes with it."""
    return [rule for column in contract.columns for rule in _column_rules(column)]


def _column_rules(column: Column) -> list[RowRule]:
    name, value = column.name, quoted(column.name)
    rules = []
    if column.must_have_value:
        rules.append(RowRule(f"{name}_required", "completeness", name, f"{value} IS NOT NULL", "must have a value"))
    if column.enum:
        allowed = ", ".join(literal(entry) for entry in column.enum)
        rules.append(_conformity(column, "enum", f"{value} IN ({allowed})", "be one of the values the contract lists"))
    for option, operator in _BOUNDS.items():
        if option in column.options:
            bound = column.options[option]
            rules.append(_conformity(column, option, f"{value} {operator} {literal(bound)}", f"be {operator} {bound}"))
    rules += _text_rules(column)
    if column.identifier_kind and column.must_have_value:
        kind = column.identifier_kind
        rules.append(_conformity(column, _IDENTIFIER, f"NOT {_is_no_identifier(column)}", f"be a valid {kind}"))
    return rules


def _text_rules(column: Column) -> list[RowRule]:
    value = quoted(column.name)
    conditions = {
        "pattern": lambda text: (f"regexp_matches({value}, {literal(text)})", f"match {text}"),
        "minLength": lambda count: (f"length({value}) >= {count}", f"have at least {count} characters"),
        "maxLength": lambda count: (f"length({value}) <= {count}", f"have at most {count} characters"),
        "multipleOf": lambda step: (is_multiple(value, column.sql_type, step), f"be a multiple of {step}"),
    }
    asked = [option for option in conditions if option in column.options]
    return [_conformity(column, option, *conditions[option](column.options[option])) for option in asked]


def _conformity(column: Column, option: str, condition: str, demand: str) -> RowRule:
    return RowRule(
        f"{column.name}_{option}", "conformity", column.name, f"coalesce({condition}, true)", f"must {demand}"
    )


def _is_no_identifier(column: Column) -> str:
    """A value whose check digit, length or sign is not one of its kind; by the same function that staging uses."""
    text = f"CAST({quoted(column.name)} AS VARCHAR)"
    return f"({text} IS NOT NULL AND canonical_identifier({literal(column.identifier_kind)}, {text}) IS NULL)"


def key_rules(contract: Contract) -> list[KeyRule]:
    """The primary key, and each column that is unique by itself."""
    keys = [KeyRule("primary_key", contract.key)]
    unique = [column.name for column in contract.columns if column.unique and contract.key != (column.name,)]
    return keys + [KeyRule(f"{name}_unique", (name,)) for name in unique]


def ruled_out(contract: Contract, rule: KeyRule, rows: str) -> str:
    """SQL of the `_row` of each of the `rows` that a key rules out: later ones of identical rows, and every one of contradicting
    rows. As with a key of a database, rows without a value are not the same as each other.
    """
    key = ", ".join(map(quoted, rule.columns))
    everything = ", ".join(quoted(column.name) for column in contract.columns)
    return f"""
        SELECT _row
        FROM (
          SELECT _row, row_number() OVER same_key AS nth,
            count(DISTINCT hash({everything})) OVER (PARTITION BY {key}) AS wordings
          FROM {rows}
          SEMI JOIN (SELECT {key} FROM {rows} GROUP BY ALL HAVING count(*) > 1) AS doubled_key USING ({key})
          WINDOW same_key AS (PARTITION BY {key} ORDER BY _row)
        )
        WHERE nth > 1 OR wordings > 1"""


def table_rules(contract: Contract) -> list[TableRule]:
    """Every quality rule of the contract that is a measured number, and a warning for each identifier that a row may do without."""
    rules = [_table_rule(contract, rule) for rule in contract.quality if rule.expectation is None]
    may_be_wrong = [column for column in contract.columns if column.identifier_kind and not column.must_have_value]
    return rules + [_identifier_rule(column) for column in may_be_wrong]


def _identifier_rule(column: Column) -> TableRule:
    """The row stays: staging leaves the identifier out, and shows what was sent beside it."""
    return TableRule(
        f"{column.name}_{_IDENTIFIER}", "conformity", "warning", f"Every {column.name} that is given is a valid {column.identifier_kind}",
        f"(SELECT count(*) FILTER (WHERE {_is_no_identifier(column)}) FROM {{rows}})", "= 0",
    )  # fmt: skip


def volume_rule(contract: Contract, rows_before: int) -> TableRule:
    """A snapshot that lost more rows since the last good night than the contract allows is a cut one until a steward says not."""
    least = int(rows_before * (1 - contract.largest_drop))
    return TableRule(
        "rows_since_last_night", "coverage", "error",
        f"At least {least} rows: the last good night had {rows_before}, and may lose {exact_percent(contract.largest_drop)}",
        "(SELECT count(*) FROM {rows})", f">= {least}",
    )  # fmt: skip


def _table_rule(contract: Contract, rule: QualityRule) -> TableRule:
    query = own_query(rule, "{rows}")
    return TableRule(
        rule.name, rule.dimension, rule.severity, rule.description, f"({query or f'SELECT {_metric(rule)} FROM {{rows}}'})",
        _condition(rule.operator, rule.bound), query is None or _counts_only(contract, rule), _is_day(rule.bound),
    )  # fmt: skip


def own_query(rule: QualityRule, rows: str) -> str | None:
    """The query that the contract itself wrote for the rule, on the relation `rows`; None where it wrote none."""
    if rule.query is None:
        return None
    query = rule.query
    for name in ("${table}", "${object}"):
        query = query.replace(name, rows)
    for name in ("${column}", "${property}"):
        query = query.replace(name, quoted(rule.column or ""))
    return query.strip().rstrip(";")


def _counts_only(contract: Contract, rule: QualityRule) -> bool:
    """Whether the query's answer cannot be a value of a protected column: it counts, compares, or gives back open ones."""
    select = one_select(own_query(rule, ROWS) or "", frozenset({ROWS}))
    values = select.value_columns()
    known = {column.name.lower(): column for column in contract.columns}
    if values is None:
        return not any(column.is_masked for column in contract.columns)
    return all(not known[name].is_masked if name in known else name in select.aliases for name in values)


def _is_day(bound: Any) -> bool:
    """Whether a rule's bound is a day or a moment (ISO 8601)."""
    try:
        datetime.fromisoformat(str(bound))
    except ValueError:
        return False
    return not isinstance(bound, int)


def _metric(rule: QualityRule) -> str:
    """The standard's library metrics: rows that are null, missing, invalid or doubled; `percent` where the unit says so."""
    counted = {"rowCount": "count(*)", "duplicateValues": _duplicates(rule)}.get(rule.metric or "")
    if counted is None:
        counted = f"count(*) FILTER (WHERE {_offending(rule)})"
    return f"100.0 * {counted} / greatest(count(*), 1)" if rule.unit == "percent" else counted


def _duplicates(rule: QualityRule) -> str:
    columns = [rule.column] if rule.column else rule.arguments.get("properties", [])
    return f"(count(*) - count(DISTINCT ({', '.join(quoted(name) for name in columns)})))"


def _offending(rule: QualityRule) -> str:
    value = quoted(rule.column or "")
    if rule.metric == "nullValues":
        return f"{value} IS NULL"
    if rule.metric == "missingValues":
        listed = [entry for entry in rule.arguments.get("missingValues", []) if entry is not None]
        return f"{value} IS NULL OR CAST({value} AS VARCHAR) IN ({', '.join(literal(str(entry)) for entry in ['', *listed])})"
    valid = []
    if "validValues" in rule.arguments:
        valid.append(f"{value} IN ({', '.join(literal(entry) for entry in rule.arguments['validValues'])})")
    if "pattern" in rule.arguments:
        valid.append(f"regexp_matches({value}, {literal(rule.arguments['pattern'])})")
    return f"NOT ({' AND '.join(valid) or 'true'})"


def _condition(operator: str, bound: Any) -> str:
    comparison = _COMPARISONS[operator]
    if isinstance(bound, list):
        return f"{comparison} {literal(bound[0])} AND {literal(bound[1])}"
    return f"{comparison} {literal(bound)}"

"""From a contract to a great-expectations suite: one expectation for each rule, in the rule's own words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.metadata_types import FailureSeverity

from sources.contract.model import Column, Contract, QualityRule
from sources.contract.rules_as_sql import KeyRule, RowRule, TableRule, key_rules, row_rules, ruled_out

_SEVERITIES = {"error": FailureSeverity.CRITICAL, "warning": FailureSeverity.WARNING}
_COMPARES_SOURCES = gxe.ExpectQueryResultsToMatchComparison
# What these measure is a number of rows, columns or different values, never one of the values.
_COUNTING = frozenset(
    {gxe.ExpectTableRowCountToBeBetween, gxe.ExpectTableRowCountToEqual, gxe.ExpectTableColumnCountToBeBetween,
     gxe.ExpectTableColumnCountToEqual, gxe.ExpectColumnUniqueValueCountToBeBetween,
     gxe.ExpectColumnProportionOfUniqueValuesToBeBetween, gxe.ExpectColumnProportionOfNonNullValuesToBeBetween}
)  # fmt: skip
_NATIVE_BOUNDS = {"minimum": ("min_value", False), "maximum": ("max_value", False),
                  "exclusiveMinimum": ("min_value", True), "exclusiveMaximum": ("max_value", True)}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """A rule of the platform and the expectation that stands for it; results find their rule by `name`.

    Of one that is not `is_open`, what it measures may be the value of a person, and is not shown.
    """

    name: str
    dimension: str
    severity: str
    description: str
    expectation: gxe.Expectation
    is_open: bool = False


def contract_checks(contract: Contract, tables: list[TableRule]) -> list[Check]:
    """Row rules, keys, the table rules given and the contract's own expectations, in this order."""
    columns = {column.name: column for column in contract.columns}
    checks = [_row_check(rule, columns[rule.column]) for rule in row_rules(contract)]
    checks += [_key_check(contract, rule) for rule in key_rules(contract)]
    checks += [_table_check(rule) for rule in tables]
    return checks + _own_expectations(contract)


def suite(name: str, checks: list[Check]) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name, expectations=[check.expectation for check in checks])


def query_check(name: str, query: str, words: dict[str, str]) -> Check:
    """A check that passes where `query` finds no row; `words` has dimension, severity, description."""
    # SQLAlchemy would take a colon before a word for a parameter; the backslash goes before the engine sees it.
    query = query.replace(":", "\\:")
    expectation = _described(gxe.UnexpectedRowsExpectation, name, words, unexpected_rows_query=query)
    return Check(name, words["dimension"], words["severity"], words["description"], expectation)


def _row_check(rule: RowRule, column: Column) -> Check:
    """The expectation that the engine knows by name where there is one: many of those are answered by a single statement."""
    words = {
        "dimension": rule.dimension,
        "severity": "error",
        "description": f"{rule.column} {rule.demand}",
    }
    option = rule.name.removeprefix(f"{rule.column}_")
    if option == "required":
        made = _described(gxe.ExpectColumnValuesToNotBeNull, rule.name, words, column=rule.column)
    elif option == "enum":
        made = _described(
            gxe.ExpectColumnValuesToBeInSet, rule.name, words, column=rule.column, value_set=list(column.enum)
        )
    elif option in _NATIVE_BOUNDS and isinstance(column.options[option], int | float):
        side, strict = _NATIVE_BOUNDS[option]
        bound = {side: column.options[option], f"strict_{side[:3]}": strict}
        made = _described(gxe.ExpectColumnValuesToBeBetween, rule.name, words, column=rule.column, **bound)
    else:
        return query_check(rule.name, f"SELECT _row FROM {{batch}} WHERE NOT {_in_template(rule.is_right)}", words)
    return Check(rule.name, rule.dimension, "error", words["description"], made)


def _key_check(contract: Contract, rule: KeyRule) -> Check:
    """It counts the very rows that are rejected."""
    words = {
        "dimension": rule.dimension,
        "severity": "error",
        "description": f"No two rows have the same {', '.join(rule.columns)}",
    }
    query = _in_template(ruled_out(contract, rule, "{rows}")).replace("{{rows}}", "{batch}")
    return query_check(rule.name, query, words)


def _table_check(rule: TableRule) -> Check:
    measure = _in_template(rule.measure).replace("{{rows}}", "{batch}")
    measured = f"SELECT {measure} AS measured"
    query = f"SELECT measured FROM ({measured}) WHERE NOT coalesce(measured {rule.condition}, false)"
    words = {"dimension": rule.dimension, "severity": rule.severity, "description": rule.description}
    return query_check(rule.name, query, words)


def _own_expectations(contract: Contract) -> list[Check]:
    return [_own_check(contract, rule) for rule in contract.quality if rule.expectation is not None]


def _own_check(contract: Contract, rule: QualityRule) -> Check:
    """Raises RuntimeError where the contract names no expectation, or gives it what it does not take."""
    written = rule.expectation or {}
    kind = getattr(gxe, "".join(part.capitalize() for part in str(written["type"]).split("_")), None)
    words = {"dimension": rule.dimension, "severity": rule.severity, "description": rule.description}
    what = f"quality rule {rule.name} of {contract.path.name}"
    # The module has more in it than expectations, and one of these asks another database.
    if not (isinstance(kind, type) and issubclass(kind, gxe.Expectation)) or kind is _COMPARES_SOURCES:
        raise RuntimeError(f"{what} is not an expectation of great-expectations that is run here; write another type")
    arguments = dict(written.get("kwargs") or {})
    try:
        made = _described(kind, rule.name, words, **arguments)
    except (AttributeError, TypeError, ValueError) as error:
        raise RuntimeError(f"{what} is not an expectation of great-expectations: {error}") from None
    # To the engine a column's name is the same in capital letters.
    named = {text.lower() for text in _texts(arguments)}
    is_open = kind in _COUNTING or not any(
        column.is_masked for column in contract.columns if column.name.lower() in named
    )
    return Check(rule.name, rule.dimension, rule.severity, rule.description, made, is_open)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        yield from _texts([*part, *part.values()])
    elif isinstance(part, list | tuple | set):
        for item in part:
            yield from _texts(item)


def _in_template(sql: str) -> str:
    """SQL whose own braces stand for themselves in a query with `{batch}`."""
    return sql.replace("{", "{{").replace("}", "}}")


def _described(
    kind: Callable[..., gxe.Expectation], name: str, words: dict[str, str], **arguments: Any
) -> gxe.Expectation:
    return kind(
        description=words["description"] or None, severity=_SEVERITIES[words["severity"]],
        meta={"rule": name, "dimension": words["dimension"], "severity": words["severity"]}, **arguments,
    )  # fmt: skip

"""The quality rules and relationships of a contract."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from open_data_contract_standard.model import DataQuality, SchemaObject

from sources.contract import defaults
from sources.contract.model import QualityRule, Reference
from sources.contract.reading.odcs import Problems, Step
from sources.contract.rules_as_sql import ROWS, own_query
from warehouse.engines.duckdb.parse_tree import NotOneSelect, one_select

_OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
_SEVERITIES = ("error", "warning")
_EXPECTATION = "implementation"
_OWN_ROWS = {"query": "${table}", _EXPECTATION: "{batch}"}


class QualityReader:
    """Turns the standard's quality and relationships sections into rules and references."""

    def __init__(self, problems: Problems) -> None:
        self.wrong = problems.add

    def qualities(self, table: SchemaObject) -> Iterator[QualityRule]:
        for index, rule in enumerate(table.quality or []):
            yield from self._quality(["schema", 0, "quality", index], rule, None)
        for place, prop in enumerate(table.properties or []):
            for index, rule in enumerate(prop.quality or []):
                yield from self._quality(["schema", 0, "properties", place, "quality", index], rule, prop.name)

    def _quality(self, steps: list[Step], rule: DataQuality, column: str | None) -> Iterator[QualityRule]:
        if rule.type == "text":
            return
        severity = rule.severity or defaults.SEVERITY
        if severity not in _SEVERITIES:
            self.wrong(
                [*steps, "severity"], f"is {severity!r}; write error (the night is refused) or warning (it is reported)"
            )
        if not rule.dimension:
            self.wrong(steps, "has no dimension; add one, such as completeness")
        operator = next((name for name in _OPERATORS if getattr(rule, name) is not None), "")
        expectation = rule.implementation if rule.type == "custom" and isinstance(rule.implementation, dict) else None
        if rule.type == "custom" and (rule.engine != "great-expectations" or not (expectation or {}).get("type")):
            remedy = "with an implementation of `type` and `kwargs`; write that"
            self.wrong(steps, f"only engine great-expectations is run, {remedy}")
        if rule.type != "custom" and not operator:
            self.wrong(steps, "has no bound; add one, such as `mustBe: 0`")
        if rule.metric == "duplicateValues" and column is None and not (rule.arguments or {}).get("properties"):
            self.wrong(steps, "names no columns; add `arguments: {properties: [...]}`, or move it to a property")
        if rule.metric not in (None, "rowCount") and column is None and rule.metric != "duplicateValues":
            self.wrong(
                [*steps, "metric"], f"{rule.metric} measures a column; move it to the property's own quality section"
            )
        found = QualityRule(
            name=rule.name or rule.id or f"{column or 'feed'}_{rule.metric or rule.type}", dimension=rule.dimension or "",
            severity=severity, description=" ".join((rule.description or "").split()), column=column,
            metric=rule.metric if rule.type in (None, "library") else None, query=rule.query, arguments=rule.arguments or {},
            expectation=expectation, operator=operator, bound=getattr(rule, operator, 0) if operator else 0, unit=rule.unit or "rows",
        )  # fmt: skip
        for place, fault in [*_shape_faults(found, operator), *_query_faults(found)]:
            self.wrong([*steps, place], fault)
        yield found

    def references(self, table: SchemaObject) -> Iterator[Reference]:
        for index, prop in enumerate(table.properties or []):
            for place, relationship in enumerate(prop.relationships or []):
                steps: list[Step] = ["schema", 0, "properties", index, "relationships", place, "to"]
                yield from self._reference(steps, [prop.name or ""], relationship.to)
        for index, relationship in enumerate(table.relationships or []):
            own = [_last(step) for step in _as_list(relationship.from_)]
            yield from self._reference(["schema", 0, "relationships", index, "to"], own, relationship.to)

    def _reference(self, steps: list[Step], own: list[str], to: str | list[str] | None) -> Iterator[Reference]:
        """`faa__airports.faa`: feeds are named as their relations are, `<agency>__<feed>`."""
        targets = [re.fullmatch(r"([a-z0-9_]+?)__([a-z0-9_]+)\.(\w+)", target) for target in _as_list(to)]
        found = [target for target in targets if target]
        if len(found) != len(targets) or len({(t[1], t[2]) for t in found}) != 1 or len(own) != len(found):
            self.wrong(steps, f"{to!r} does not name columns of one feed; write `<agency>__<feed>.<column>`")
            return
        yield Reference(tuple(own), found[0][1], found[0][2], tuple(target[3] for target in found))


def _shape_faults(rule: QualityRule, operator: str) -> Iterator[tuple[str, str]]:
    """What the standard leaves open, and the SQL of a rule cannot be made of."""
    yield from _argument_faults(rule.arguments)
    if operator.endswith("Between"):
        if not isinstance(rule.bound, list) or len(rule.bound) != 2 or not all(map(_is_one, rule.bound)):
            yield operator, "is no pair of values; write one such as [0, 10]"
    elif operator and not _is_one(rule.bound):
        yield operator, "is no single value; write a number, or a day in quotes"
    if "$PARAMETER" in json.dumps(rule.expectation):
        # Great-expectations would work it out: 9^9^9 takes longer than a night.
        yield _EXPECTATION, "has a $PARAMETER, which nothing fills in here; write the value itself"
    if not isinstance((rule.expectation or {}).get("kwargs") or {}, dict):
        yield _EXPECTATION, "has kwargs that are no mapping; write names with values"


def _argument_faults(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("properties", "validValues", "missingValues"):
        given = arguments.get(name, [])
        if not isinstance(given, list) or not all(_is_one(item) or item is None for item in given):
            yield "arguments", f"{name} is no list of single values; write one such as [a, b]"
        elif name == "properties" and not all(isinstance(item, str) for item in given):
            yield "arguments", "properties is no list of names; write one such as [id, name]"
    if "pattern" in arguments and not isinstance(arguments["pattern"], str):
        yield "arguments", "pattern is no text; write a regular expression in quotes"


def _is_one(value: object) -> bool:
    return isinstance(value, str | int | float | Decimal)


def _query_faults(rule: QualityRule) -> Iterator[tuple[str, str]]:
    """What is wrong with the SQL that a rule brings along, and the field it stands in; it is read, never run."""
    query = own_query(rule, ROWS)
    written = [("query", query)] if query is not None else []
    arguments = (rule.expectation or {}).get("kwargs") or {}
    if isinstance(arguments, dict):
        if "unexpected_rows_query" in arguments:
            written.append((_EXPECTATION, str(arguments["unexpected_rows_query"]).replace("{batch}", ROWS)))
        if isinstance(arguments.get("row_condition"), str):
            written.append((_EXPECTATION, f"SELECT 1 FROM {ROWS} WHERE ({arguments['row_condition']})"))
    for place, text in written:
        try:
            select = one_select(text.rstrip("; \n"), frozenset({ROWS}))
        except NotOneSelect as error:
            yield place, f"{error}; write one SELECT on {_OWN_ROWS[place]} alone"
        else:
            if place == "query" and len(select.tree["select_list"]) != 1:
                yield (
                    place,
                    f"gives {len(select.tree['select_list'])} columns, and a rule measures one; write one SELECT on {_OWN_ROWS[place]} alone",
                )


def _as_list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _last(reference: str) -> str:
    return reference.rpartition(".")[2]

"""From a contract file to a `Contract`: the standard's model first, then what this platform needs beyond the standard."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import (
    CustomProperty,
    DataQuality,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)

from sources.contract import (
    CLASSIFICATIONS,
    EXTRACT_MODES,
    RESERVED_NAMES,
    SUFFIX,
    Column,
    Contact,
    Contract,
    DateProof,
    QualityRule,
    Reference,
    Server,
    ServiceLevel,
    contract_files,
)
from sources.odcs import ContractError, Document, Problem, Step, read
from sources.rules import key_rules, row_rules
from sources.typing_sql import unknown_format_letters
from warehouse.engine import engine_fault, literal
from warehouse.home import PROJECT

_SAFE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_INTEGER_TYPES = {
    "i8": "TINYINT", "i16": "SMALLINT", "i32": "INTEGER", "i64": "BIGINT", "i128": "HUGEINT",
    "u8": "UTINYINT", "u16": "USMALLINT", "u32": "UINTEGER", "u64": "UBIGINT", "u128": "UHUGEINT",
}  # fmt: skip
_SIMPLE_TYPES = {
    "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE", "time": "TIME", "boolean": "BOOLEAN",
    "number": "DOUBLE",
}  # fmt: skip
_OPTIONS = {
    "string": {"minLength", "maxLength", "pattern"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "date": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "format"},
    "timestamp": {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "format",
        "timezone",
        "defaultTimezone",
    },
    "time": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "boolean": set(),
}
_OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
_SEVERITIES = ("error", "warning")
_DAYS = {"h": 1 / 24, "hour": 1 / 24, "hours": 1 / 24, "d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7,
         "m": 30, "month": 30, "months": 30, "y": 365, "yr": 365, "year": 365, "years": 365}  # fmt: skip


def load(path: Path) -> Contract:
    """The contract in `path`, named by its place: `<agency>/<feed>.odcs.yaml`.

    Raises ContractError with every problem found: file, line, path in the contract, what to write instead.
    """
    document, model = read(path)
    return _Reader(document, model).contract()


def load_all(folders: list[Path] | None = None) -> list[Contract]:
    """Every contract of the project and of the folders named by INTERAGENCY_SOURCES. Raises ContractError for all at once."""
    contracts: list[Contract] = []
    problems = [
        Problem(folder, 1, "INTERAGENCY_SOURCES", "is not a folder; name one that holds <agency>/<feed>.odcs.yaml")
        for folder in folders or contract_folders()
        if not folder.is_dir()
    ]
    for path in [path for folder in folders or contract_folders() for path in contract_files(folder)]:
        try:
            contracts.append(load(path))
        except ContractError as error:
            problems += error.problems
    seen: dict[str, Path] = {}
    for contract in contracts:
        if contract.name in seen:
            problems.append(
                Problem(
                    contract.path, 1, "file", f"describes {contract.name} again, after {seen[contract.name]}; keep one"
                )
            )
        seen[contract.name] = contract.path
    problems += [problem for contract in contracts for problem in _dangling(contract, {c.name: c for c in contracts})]
    if problems:
        raise ContractError(problems)
    return contracts


def contract_folders() -> list[Path]:
    """The project's own `sources/`, then the folders of INTERAGENCY_SOURCES (separated as in PATH)."""
    further = [Path(name) for name in os.environ.get("INTERAGENCY_SOURCES", "").split(os.pathsep) if name]
    return [PROJECT / "sources", *further]


def _dangling(contract: Contract, known: dict[str, Contract]) -> Iterator[Problem]:
    for reference in contract.references:
        target = known.get(f"{reference.to_agency}/{reference.to_feed}")
        if target is None or not {column.name for column in target.columns}.issuperset(reference.to_columns):
            wanted = f"{reference.to_agency}/{reference.to_feed}.{','.join(reference.to_columns)}"
            yield Problem(
                contract.path, 1, "relationships", f"{wanted} is not in any contract; name an existing feed and column"
            )


class _Reader:
    """Collects problems while it reads, so that an engineer mends a contract in one go."""

    def __init__(self, document: Document, model: OpenDataContractStandard) -> None:
        self.document, self.model = document, model
        self.problems: list[Problem] = []

    def contract(self) -> Contract:
        path = self.document.path.resolve()
        agency, feed = path.parent.name, path.name.removesuffix(SUFFIX)
        for name in (agency, feed):
            if not _SAFE_NAME.fullmatch(name):
                self.wrong([], f"{name!r} cannot name an agency or feed; rename the folder or file to lower_case words")
        table = self._table()
        properties = (table.properties or []) if table else []
        columns = tuple(self._column(index, prop) for index, prop in enumerate(properties))
        custom = _values(self.model.customProperties)
        parts: dict[str, Any] = {
            "server": self._server(),
            "columns": columns,
            "quality": tuple(self._qualities(table)) if table else (),
            "references": tuple(self._references(table)) if table else (),
            "service_level": self._service_level(),
            "contacts": tuple(Contact(item.channel or "", item.url or "") for item in self.model.support or []),
            "extract_mode": self._extract_mode(custom),
            "reject_threshold": self._reject_threshold(custom),
            "date_proof": self._date_proof(custom, columns),
        }
        self._check_columns(columns)
        if self.problems:
            raise ContractError(self.problems)
        team = self.model.team
        agency_name = team.name if team is not None and not isinstance(team, list) and team.name else agency
        text = self.model.description
        contract = Contract(
            path=path, agency=agency, feed=feed, agency_name=agency_name, id=self.model.id or "",
            version=self.model.version or "", title=self.model.name or feed,
            description=" ".join(((text.purpose if text else None) or "").split()), **parts,
        )  # fmt: skip
        return self._with_distinct_rules(contract)

    def _with_distinct_rules(self, contract: Contract) -> Contract:
        """Results are told apart by the rule's name, those that columns bring along included."""
        made = [rule.name for rule in row_rules(contract)] + [rule.name for rule in key_rules(contract)]
        names = made + [rule.name for rule in contract.quality]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            self.wrong(
                ["schema", 0], f"two rules are called {', '.join(doubled)}; give each quality rule a name of its own"
            )
            raise ContractError(self.problems)
        return contract

    def wrong(self, steps: list[Step], message: str) -> None:
        self.problems.append(self.document.problem(steps, message))

    def _table(self) -> SchemaObject | None:
        tables = self.model.schema_ or []
        if len(tables) != 1 or not tables[0].properties:
            self.wrong(["schema"], "describes no columns; write exactly one object with its properties")
            return None
        return tables[0]

    def _column(self, index: int, prop: SchemaProperty) -> Column:
        steps: list[Step] = ["schema", 0, "properties", index]
        name = prop.name or ""
        if not name or name.startswith("_") or name.lower() in RESERVED_NAMES:
            self.wrong(
                [*steps, "name"],
                "is missing, begins with an underscore or is a name that the platform keeps for itself; write another",
            )
        classification = prop.classification or "internal"
        if classification not in CLASSIFICATIONS:
            self.wrong([*steps, "classification"], f"is {classification!r}; write one of {', '.join(CLASSIFICATIONS)}")
            classification = "internal"
        options = prop.logicalTypeOptions or {}
        sql_type = self._sql_type(steps, prop)
        for option in sorted(set(options) - _OPTIONS.get(prop.logicalType or "", set())):
            self.wrong(
                [*steps, "logicalTypeOptions", option],
                "is not checked by this platform; use a pattern or a quality rule",
            )
        allowed = tuple(entry.value for entry in prop.enum or [])
        self._check_options([*steps, "logicalTypeOptions"], sql_type, options)
        self._check_enum(steps, sql_type, allowed)
        return Column(
            name=name, header=prop.physicalName or name, sql_type=sql_type, description=" ".join((prop.description or "").split()),
            classification=classification, required=bool(prop.required), unique=bool(prop.unique),
            key_position=(prop.primaryKeyPosition or index + 1) if prop.primaryKey else None,
            enum=allowed, options=options,
        )  # fmt: skip

    def _sql_type(self, steps: list[Step], prop: SchemaProperty) -> str:
        logical, physical = prop.logicalType or "", prop.physicalType or ""
        if logical == "integer":
            return _INTEGER_TYPES[(prop.logicalTypeOptions or {}).get("format", "i64")]
        exact = re.fullmatch(r"(?:DECIMAL|NUMERIC)\((\d+),\s*(\d+)\)", physical, re.IGNORECASE)
        if logical == "number" and exact:
            return f"DECIMAL({exact[1]},{exact[2]})"
        if logical not in _SIMPLE_TYPES:
            known = ", ".join(["integer", *_SIMPLE_TYPES])
            self.wrong([*steps, "logicalType"], f"is {logical or 'missing'}; write one of {known}")
        return _SIMPLE_TYPES.get(logical, "VARCHAR")

    def _check_options(self, steps: list[Step], sql_type: str, options: dict[str, Any]) -> None:
        """What the engine would only find out at night."""
        if "pattern" in options and (fault := engine_fault(f"regexp_matches('', {literal(options['pattern'])})")):
            self.wrong(
                [*steps, "pattern"],
                f"is not a regular expression of the engine, RE2 ({fault}); it knows no look-around and no "
                "back-reference, write it without",
            )
        zone = options.get("defaultTimezone", "UTC")
        if fault := engine_fault(f"timezone({literal(zone)}, TIMESTAMP '2000-01-01')"):
            self.wrong([*steps, "defaultTimezone"], f"{fault}; write a name such as Europe/Tallinn")
        dated = sql_type.startswith(("DATE", "TIMESTAMP"))
        unknown = unknown_format_letters(str(options.get("format", ""))) if dated else []
        if unknown:
            self.wrong(
                [*steps, "format"],
                f"has {', '.join(unknown)}, which this platform does not read; write letters such as dd.MM.yyyy HH:mm:ss, "
                "and other words between single quotes",
            )

    def _check_enum(self, steps: list[Step], sql_type: str, allowed: tuple[Any, ...]) -> None:
        for index, value in enumerate(allowed):
            # YAML reads NO as false and 010 as 8; only a text says what is meant.
            loose = sql_type == "VARCHAR" and not isinstance(value, str)
            if loose or engine_fault(f"CAST({literal(value)} AS {sql_type})"):
                self.wrong(
                    [*steps, "enum", index], f"{value!r} is not a value of a {sql_type} column; put it in quotes"
                )

    def _check_columns(self, columns: tuple[Column, ...]) -> None:
        for kind, names in (("name", [c.name.lower() for c in columns]), ("physicalName", [c.header for c in columns])):
            for name in sorted({name for name in names if names.count(name) > 1}):
                self.wrong(["schema", 0, "properties"], f"two properties have the {kind} {name!r}; write each once")
        if columns and not any(column.key_position for column in columns):
            self.wrong(
                ["schema", 0, "properties"], "no property is the primary key; mark the key with `primaryKey: true`"
            )

    def _server(self) -> Server:
        servers = self.model.servers or []
        if len(servers) != 1:
            self.wrong(["servers"], f"has {len(servers)} entries; write exactly one")
            return Server("", "", "", "", "")
        server = servers[0]
        options = _values(server.customProperties)
        location = server.path or server.location or server.endpointUrl or ""
        if not location:
            self.wrong(["servers", 0], "says no place; add `path` or `location`")
        self._check_text_format(server.encoding or "utf-8", server.delimiter or ",", options)
        return Server(
            type=server.type or "", location=location, format=(server.format or "").lower(), delimiter=server.delimiter or str(options.get("delimiter", ",")),
            encoding=server.encoding or "utf-8", options=options,
        )  # fmt: skip

    def _check_text_format(self, encoding: str, delimiter: str, options: dict[str, Any]) -> None:
        try:
            "".encode(encoding)
        except LookupError:
            self.wrong(["servers", 0, "encoding"], f"is {encoding!r}, which is not known; write one such as utf-8")
        for name, character in (
            ("delimiter", options.get("delimiter", delimiter)),
            ("quote", options.get("quote", '"')),
        ):
            if not isinstance(character, str) or len(character) != 1:
                self.wrong(["servers", 0], f"{name} is {character!r}; write one character")
        if not isinstance(options.get("nullValues", []), list):
            self.wrong(["servers", 0, "customProperties"], "nullValues is not a list; write one such as [NA]")

    def _qualities(self, table: SchemaObject) -> Iterator[QualityRule]:
        for index, rule in enumerate(table.quality or []):
            yield from self._quality(["schema", 0, "quality", index], rule, None)
        for place, prop in enumerate(table.properties or []):
            for index, rule in enumerate(prop.quality or []):
                yield from self._quality(["schema", 0, "properties", place, "quality", index], rule, prop.name)

    def _quality(self, steps: list[Step], rule: DataQuality, column: str | None) -> Iterator[QualityRule]:
        if rule.type == "text":
            return
        severity = rule.severity or "error"
        if severity not in _SEVERITIES:
            self.wrong(
                [*steps, "severity"], f"is {severity!r}; write error (the night is refused) or warning (it is reported)"
            )
        if not rule.dimension:
            self.wrong(steps, "has no dimension; add one, such as completeness")
        operator = next((name for name in _OPERATORS if getattr(rule, name) is not None), "")
        expectation = rule.implementation if rule.type == "custom" and isinstance(rule.implementation, dict) else None
        if rule.type == "custom" and (rule.engine != "great-expectations" or not (expectation or {}).get("type")):
            self.wrong(
                steps,
                "only engine great-expectations is run, with an implementation of `type` and `kwargs`; write that",
            )
        if rule.type != "custom" and not operator:
            self.wrong(steps, "has no bound; add one, such as `mustBe: 0`")
        if rule.metric == "duplicateValues" and column is None and not (rule.arguments or {}).get("properties"):
            self.wrong(steps, "names no columns; add `arguments: {properties: [...]}`, or move it to a property")
        if rule.metric not in (None, "rowCount") and column is None and rule.metric != "duplicateValues":
            self.wrong(
                [*steps, "metric"], f"{rule.metric} measures a column; move it to the property's own quality section"
            )
        yield QualityRule(
            name=rule.name or rule.id or f"{column or 'feed'}_{rule.metric or rule.type}", dimension=rule.dimension or "",
            severity=severity, description=" ".join((rule.description or "").split()), column=column,
            metric=rule.metric if rule.type in (None, "library") else None, query=rule.query, arguments=rule.arguments or {},
            expectation=expectation, operator=operator, bound=getattr(rule, operator, 0) if operator else 0, unit=rule.unit or "rows",
        )  # fmt: skip

    def _references(self, table: SchemaObject) -> Iterator[Reference]:
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

    def _service_level(self) -> ServiceLevel:
        found = {item.property: item for item in self.model.slaProperties or []}
        missing = [name for name in ("frequency", "timeOfAvailability", "latency", "retention") if name not in found]
        if missing:
            self.wrong(
                ["slaProperties"],
                f"has no {', '.join(missing)}; the schedule, freshness and retention follow from them, add them",
            )
            return ServiceLevel(timedelta(1), "00:00", timedelta(1), timedelta(1))
        spans = [
            self._span(found[name].value, found[name].unit, name) for name in ("frequency", "latency", "retention")
        ]
        by = str(found["timeOfAvailability"].value)
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", by):
            self.wrong(["slaProperties"], f"timeOfAvailability is {by!r}; write a time in UTC such as '02:30'")
        return ServiceLevel(spans[0], by, spans[1], spans[2])

    def _span(self, value: Any, unit: str | None, name: str) -> timedelta:
        days = _DAYS.get((unit or "d").lower())
        if days is None or not isinstance(value, int | float) or value <= 0:
            self.wrong(
                ["slaProperties"], f"{name} is {value} {unit}; write a positive number with unit h, d, w, m or y"
            )
            return timedelta(1)
        return timedelta(days=value * days)

    def _extract_mode(self, custom: dict[str, Any]) -> str:
        mode = custom.get("extractMode", "snapshot")
        if mode not in EXTRACT_MODES:
            self.wrong(["customProperties"], f"extractMode is {mode!r}; write one of {', '.join(EXTRACT_MODES)}")
        elif mode != "snapshot":
            self.wrong(["customProperties"], f"extractMode {mode!r} is not served yet; write snapshot")
        return str(mode)

    def _reject_threshold(self, custom: dict[str, Any]) -> Decimal:
        text = str(custom.get("rejectThreshold", "0 %"))
        try:
            percent = Decimal(text.removesuffix("%").strip())
        except InvalidOperation:
            percent = Decimal(-1)
        if not percent.is_finite() or not 0 <= percent <= 100:
            self.wrong(["customProperties"], f"rejectThreshold is {text!r}; write a share of rows such as '0.5 %'")
        return percent / 100

    def _date_proof(self, custom: dict[str, Any], columns: tuple[Column, ...]) -> DateProof | None:
        if "extractDateFrom" not in custom:
            return None
        kind, _, expression = str(custom["extractDateFrom"]).partition(" ")
        dated = {column.name for column in columns if column.sql_type.startswith(("DATE", "TIMESTAMP"))}
        if (kind == "column" and expression in dated) or (kind == "name" and _has_a_group(expression)):
            return DateProof(kind, expression)
        self.wrong(
            ["customProperties"],
            "extractDateFrom must be `column NAME` of a date column, or `name REGEX` with a group for yyyy-mm-dd or yyyymmdd",
        )
        return None


def _has_a_group(expression: str) -> bool:
    try:
        return re.compile(expression).groups > 0
    except re.error:
        return False


def _values(properties: list[CustomProperty] | None) -> dict[str, Any]:
    return {item.property or "": item.value for item in properties or []}


def _as_list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _last(reference: str) -> str:
    return reference.rpartition(".")[2]

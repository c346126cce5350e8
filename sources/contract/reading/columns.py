"""The columns of a contract: their types in the engine, and what the engine would otherwise only find out at night."""

import re
from collections import Counter
from difflib import get_close_matches
from typing import Any

from open_data_contract_standard.model import SchemaProperty

from sources.contract import defaults
from sources.contract.model import CLASSIFICATIONS, PERSONAL, RESERVED_NAMES, Column, Server
from sources.contract.reading.odcs import Problems, Step
from sources.contract.server.known_formats import FORMATS
from sources.contract.server.options import column_faults
from sources.typing.date_pattern import has_short_year, pattern_fault
from sources.typing.number_format import NUMBER_OPTIONS, PLAIN, NumberFormat, number_faults
from warehouse.engines.duckdb.engine import engine_fault, literal

# The engine writes its own 128-bit integers to Parquet as floats.
_INTEGER_TYPES = {
    "i8": "TINYINT", "i16": "SMALLINT", "i32": "INTEGER", "i64": "BIGINT", "i128": "DECIMAL(38,0)",
    "u8": "UTINYINT", "u16": "USMALLINT", "u32": "UINTEGER", "u64": "UBIGINT", "u128": "DECIMAL(38,0)",
}  # fmt: skip
_EXACT = ("DECIMAL", *_INTEGER_TYPES.values())
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


# What a property may say whatever the format: the kind of identifier that it is (a module of python-stdnum), and how its
# numbers and times are written.
_OF_EVERY_COLUMN = frozenset({"identifierKind", "yearsFrom", "ambiguousTime"}) | NUMBER_OPTIONS
# Formats that have numbers beside texts, and do not tell them apart.
_MIXED = ("excel",)


class ColumnReader:
    """Turns the standard's properties into columns; what is wrong goes to the contract's problems."""

    def __init__(self, problems: Problems, server: Server) -> None:
        self.wrong, self.server = problems.add, server
        self.numbers = self._of_server()

    def columns(self, properties: list[SchemaProperty]) -> tuple[Column, ...]:
        columns = tuple(self._column(index, prop) for index, prop in enumerate(properties))
        self._check_columns(columns)
        self._check_control(columns)
        return columns

    def _column(self, index: int, prop: SchemaProperty) -> Column:
        steps: list[Step] = ["schema", 0, "properties", index]
        name = self._name(steps, prop)
        custom = {item.property or "": item.value for item in prop.customProperties or []}
        classification = self._classification(steps, prop.classification, custom)
        options = prop.logicalTypeOptions or {}
        sql_type = self._sql_type(steps, prop)
        for option in sorted(set(options) - _OPTIONS.get(prop.logicalType or "", set())):
            remedy = "use a pattern or a quality rule"
            self.wrong([*steps, "logicalTypeOptions", option], f"is not checked by this platform; {remedy}")
        allowed = tuple(entry.value for entry in prop.enum or [])
        self._check_options([*steps, "logicalTypeOptions"], sql_type, options)
        self._check_enum(steps, sql_type, allowed)
        self._check_custom([*steps, "customProperties"], custom)
        self._check_times(steps, sql_type, options, custom)
        return Column(
            name=name, header=prop.physicalName or name, sql_type=sql_type, description=" ".join((prop.description or "").split()),
            classification=classification, required=bool(prop.required), unique=bool(prop.unique),
            key_position=(prop.primaryKeyPosition or index + 1) if prop.primaryKey else None,
            enum=allowed, options=options, custom=custom, numbers=self._numbers(steps, prop, custom),
        )  # fmt: skip

    def _classification(self, steps: list[Step], said: str | None, custom: dict[str, Any]) -> str:
        """Protected by default: what nobody classified is personal, and what identifies somebody is whatever is said."""
        classification = said or PERSONAL
        if classification not in CLASSIFICATIONS:
            self.wrong([*steps, "classification"], f"is {classification!r}; write one of {', '.join(CLASSIFICATIONS)}")
            classification = PERSONAL
        return (
            max(classification, PERSONAL, key=CLASSIFICATIONS.index) if "identifierKind" in custom else classification
        )

    def _name(self, steps: list[Step], prop: SchemaProperty) -> str:
        name = prop.name or ""
        if not name or name.startswith("_") or name.lower() in RESERVED_NAMES or not name.isprintable():
            self.wrong(
                [*steps, "name"],
                "is missing, begins with an underscore, has a character that is not printed, or is a name that the platform "
                "keeps for itself; write another",
            )
        return name

    def _of_server(self) -> dict[str, Any]:
        """The server's options of how its texts write numbers, where they can be read."""
        said = {name: value for name, value in self.server.options.items() if name in NUMBER_OPTIONS}
        found = list(number_faults(said))
        for fault in found:
            self.wrong(["servers", 0, "customProperties"], fault)
        return {} if found else said

    def _numbers(self, steps: list[Step], prop: SchemaProperty, custom: dict[str, Any]) -> NumberFormat:
        """How the texts of a column write numbers: as the property says, else as the server does."""
        own = {name: value for name, value in custom.items() if name in NUMBER_OPTIONS}
        is_number = prop.logicalType in ("number", "integer") and custom.get("encodedAs", "text") == "text"
        if own and not is_number:
            self.wrong([*steps, "customProperties"], f"{', '.join(sorted(own))} is of numbers in text; take it out")
        if not is_number:
            return PLAIN
        said = self.numbers | own
        for fault in number_faults(said):
            self.wrong([*steps, "customProperties"], fault)
            return PLAIN
        numbers = NumberFormat.of(said, is_plain_too=self.server.format in _MIXED)
        if numbers.is_plain_too and "." in numbers.thousands:
            self.wrong(
                [*steps, "customProperties"],
                f"thousandsSeparator '.' cannot be read in {self.server.format}: a cell's number 1.234 could not be told from the "
                "text 1.234; take it out, or ask for cells that are numbers",
            )
        return numbers

    def _check_times(self, steps: list[Step], sql_type: str, options: dict[str, Any], custom: dict[str, Any]) -> None:
        """A format without a fault, and beside it what the text alone does not tell: the century, and which of two hours."""
        is_dated = sql_type.startswith(("DATE", "TIMESTAMP"))
        pattern = str(options.get("format", "")) if is_dated else ""
        fault = pattern_fault(pattern) if pattern else None
        if fault:
            self.wrong(
                [*steps, "logicalTypeOptions", "format"],
                f"{fault}; write letters such as dd.MM.yyyy HH:mm:ss, and other words between single quotes",
            )
        is_short = bool(pattern) and not fault and has_short_year(pattern)
        if is_short and "yearsFrom" not in custom:
            self.wrong(
                [*steps, "logicalTypeOptions", "format"],
                "has a year of two digits, and nothing says of which century; add the customProperty yearsFrom, the first of the "
                "hundred years that are meant: with 1930, 45 is 1945 and 26 is 2026",
            )
        if "yearsFrom" in custom and not is_short:
            self.wrong(
                [*steps, "customProperties"], "yearsFrom belongs to a format with a year of two digits; take it out"
            )
        if "ambiguousTime" in custom and not (sql_type.startswith("TIMESTAMP") and "defaultTimezone" in options):
            self.wrong(
                [*steps, "customProperties"], "ambiguousTime belongs to a timestamp with a defaultTimezone; take it out"
            )

    def _check_custom(self, steps: list[Step], custom: dict[str, Any]) -> None:
        """What a property says beside the standard: where its value stands, and which identifier it is."""
        form = FORMATS.get(self.server.format)
        if form is None:
            return
        known = form.column_options | form.column_required | _OF_EVERY_COLUMN
        for name in sorted(set(custom) - known):
            near = get_close_matches(name, known, 1)
            said = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known))}"
            self.wrong(steps, f"{name} is no option of a column in {self.server.format}; {said}")
        for name in sorted(form.column_required - set(custom)):
            self.wrong(steps, f"has no {name}; {self.server.format} needs it")
        for name in sorted(set(custom) & known):
            for fault in column_faults(name, custom[name]):
                self.wrong(steps, fault)
        if {"sign", "negativeNumbers"} <= set(custom):
            self.wrong(steps, "says twice where the sign stands, by sign and by negativeNumbers; keep one")

    def _sql_type(self, steps: list[Step], prop: SchemaProperty) -> str:
        logical, physical = prop.logicalType or "", prop.physicalType or ""
        if logical == "integer":
            return _INTEGER_TYPES[(prop.logicalTypeOptions or {}).get("format", defaults.INTEGER_FORMAT)]
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
        zone = options.get("defaultTimezone", defaults.TIME_ZONE)
        if fault := engine_fault(f"timezone({literal(zone)}, TIMESTAMP '2000-01-01')"):
            self.wrong([*steps, "defaultTimezone"], f"{fault}; write a name such as Europe/Tallinn")

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
            for name in sorted(name for name, count in Counter(names).items() if count > 1):
                self.wrong(["schema", 0, "properties"], f"two properties have the {kind} {name!r}; write each once")
        if columns and not any(column.key_position for column in columns):
            self.wrong(
                ["schema", 0, "properties"], "no property is the primary key; mark the key with `primaryKey: true`"
            )

    def _check_control(self, columns: tuple[Column, ...]) -> None:
        """What a control file sums must add up to the last digit, which floating numbers do not."""
        steps: list[Step] = ["servers", 0, "customProperties"]
        control = self.server.options.get("control", {})
        if not isinstance(control, dict) or not isinstance(control.get("sums") or {}, dict):
            self.wrong(steps, "control is no mapping such as {path: …, count: NAME, sums: {column: NAME}}; write one")
            return
        exact = {column.name for column in columns if column.sql_type.startswith(_EXACT)}
        for name in sorted(set(map(str, control.get("sums") or {})) - exact):
            self.wrong(
                steps,
                f"control sums {name}, which is no column of exact numbers; make it an integer, or a number with a "
                'physicalType such as "DECIMAL(12,2)"',
            )

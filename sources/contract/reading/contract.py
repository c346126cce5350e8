"""A whole contract, part by part: the standard's model first, then what this platform needs beyond the standard."""

import re
from collections import Counter
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from sources.contract import defaults
from sources.contract.grants import grant_of
from sources.contract.model import Column, Contact, Contract, DateProof, ServiceLevel
from sources.contract.reading.columns import ColumnReader
from sources.contract.reading.extract_mode import ModeReader
from sources.contract.reading.odcs import Document, Problems
from sources.contract.reading.quality_rules import QualityReader
from sources.contract.rules_as_sql import key_rules, row_rules
from sources.contract.server.known_formats import FORMATS
from sources.contract.server.section import ServerReader, values
from sources.errors import ExtractError
from warehouse.engines.duckdb.engine import engine_fault, literal
from warehouse.files import real_path

_GROUP = re.compile(r"(?<!\\)\((?!\?)|\(\?P?<")
# A thousand years; beyond it no date is left.
_MOST_DAYS = 365_000
_DAYS = {"h": 1 / 24, "hour": 1 / 24, "hours": 1 / 24, "d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7,
         "m": 30, "month": 30, "months": 30, "y": 365, "yr": 365, "year": 365, "years": 365}  # fmt: skip


class ContractReader:
    """Collects problems while it reads, so that an engineer mends a contract in one go."""

    def __init__(self, document: Document, model: OpenDataContractStandard, agency: str, feed: str) -> None:
        self.document, self.model, self.agency, self.feed = document, model, agency, feed
        self.problems = Problems(document)
        self.wrong = self.problems.add

    def contract(self) -> Contract:
        path, agency, feed = real_path(self.document.path), self.agency, self.feed
        table = self._table()
        properties = (table.properties or []) if table else []
        server = ServerReader(self.problems).server(self.model.servers)
        columns = ColumnReader(self.problems, server).columns(properties)
        quality = QualityReader(self.problems)
        custom = values(self.model.customProperties)
        mode = ModeReader(self.problems, custom, columns)
        parts: dict[str, Any] = {
            "server": server,
            "physical_name": (table.physicalName if table else None) or feed,
            "columns": columns,
            "quality": tuple(quality.qualities(table)) if table else (),
            "references": tuple(quality.references(table)) if table else (),
            "service_level": self._service_level(),
            "contacts": tuple(
                Contact(item.channel or "", item.url or "", item.tool or "") for item in self.model.support or []
            ),
            "extract_mode": mode.mode(),
            "increment": mode.increment(),
            "reject_threshold": self._share(custom, "rejectThreshold", defaults.REJECT_THRESHOLD),
            "largest_drop": self._share(custom, "largestDrop", defaults.LARGEST_DROP),
            "date_proof": self._date_proof(custom, columns),
            "country": self._country(custom),
        }
        self.problems.raise_any()
        team = self.model.team
        agency_name = team.name if team is not None and not isinstance(team, list) and team.name else agency
        text = self.model.description
        contract = Contract(
            path=path, agency=agency, feed=feed, agency_name=agency_name, id=self.model.id or "",
            version=self.model.version or "", title=self.model.name or feed,
            description=" ".join(((text.purpose if text else None) or "").split()), grant=grant_of(agency, path.parent),
            wording=self.document.wording, **parts,
        )  # fmt: skip
        self._check_records(contract)
        return self._with_distinct_rules(contract)

    def _check_records(self, contract: Contract) -> None:
        """Where values stand in a record follows from the columns and the server together."""
        try:
            places = FORMATS[contract.server.format].places
            if places is not None:
                import_module(places).check(contract)
        except ExtractError as error:
            self.wrong(["servers", 0], str(error))
            self.problems.raise_any()

    def _with_distinct_rules(self, contract: Contract) -> Contract:
        """Results are told apart by the rule's name, those that columns bring along included."""
        made = [rule.name for rule in row_rules(contract)] + [rule.name for rule in key_rules(contract)]
        names = made + [rule.name for rule in contract.quality]
        doubled = sorted(name for name, count in Counter(names).items() if count > 1)
        if doubled:
            self.wrong(
                ["schema", 0], f"two rules are called {', '.join(doubled)}; give each quality rule a name of its own"
            )
        self.problems.raise_any()
        return contract

    def _table(self) -> SchemaObject | None:
        tables = self.model.schema_ or []
        if len(tables) != 1 or not tables[0].properties:
            self.wrong(["schema"], "describes no columns; write exactly one object with its properties")
            return None
        return tables[0]

    def _service_level(self) -> ServiceLevel:
        found = {item.property: item for item in self.model.slaProperties or []}
        missing = [name for name in ("frequency", "timeOfAvailability", "latency", "retention") if name not in found]
        if missing:
            lost = ", ".join(missing)
            self.wrong(
                ["slaProperties"], f"has no {lost}; the schedule, freshness and retention follow from them, add them"
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
        if days is None or not isinstance(value, int | float) or not 0 < value * days <= _MOST_DAYS:
            remedy = "write a positive number with unit h, d, w, m or y"
            self.wrong(["slaProperties"], f"{name} is {value} {unit}; {remedy}")
            return timedelta(1)
        return timedelta(days=value * days)

    def _share(self, custom: dict[str, Any], name: str, default: str) -> Decimal:
        text = str(custom.get(name, default))
        try:
            percent = Decimal(text.removesuffix("%").strip())
        except InvalidOperation:
            percent = Decimal(-1)
        if not percent.is_finite() or not 0 <= percent <= 100:
            self.wrong(["customProperties"], f"{name} is {text!r}; write a share of rows such as '0.5 %'")
        return percent / 100

    def _country(self, custom: dict[str, Any]) -> str | None:
        country = custom.get("country")
        if country is None or re.fullmatch("[A-Z]{2}", str(country)):
            return country
        # YAML reads NO as false.
        self.wrong(["customProperties"], f"country is {country!r}; write a code of ISO 3166-1 in quotes, such as 'EE'")
        return None

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
    """Whether it is an expression of the engine (RE2), with a group."""
    is_valid = engine_fault(f"regexp_extract('', {literal(expression)}, 1)") is None
    return is_valid and _GROUP.search(expression) is not None

"""From a contract file to a `Contract`: the standard's model first, then what this platform needs beyond the standard."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject

from sources.contract.grants import grant_of
from sources.contract.model import SUFFIX, Column, Contact, Contract, DateProof, Reference, ServiceLevel, contract_files
from sources.contract.reading.columns import ColumnReader
from sources.contract.reading.extract_mode import ModeReader
from sources.contract.reading.odcs import ContractError, Document, Problem, Problems, Step, read
from sources.contract.reading.quality_rules import QualityReader
from sources.contract.rules_as_sql import key_rules, row_rules
from sources.contract.server.paging_option import unproven_end
from sources.contract.server.section import ServerReader, values
from sources.errors import ExtractError
from warehouse.engines.duckdb.engine import engine_fault, literal
from warehouse.home import AGENCIES
from warehouse.settings import settings

_WORD = re.compile(r"[a-z][a-z0-9]*")
_GROUP = re.compile(r"(?<!\\)\((?!\?)|\(\?P?<")
_SAFE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# A thousand years; beyond it no date is left.
_MOST_DAYS = 365_000
_DAYS = {"h": 1 / 24, "hour": 1 / 24, "hours": 1 / 24, "d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7,
         "m": 30, "month": 30, "months": 30, "y": 365, "yr": 365, "year": 365, "years": 365}  # fmt: skip


def load(path: Path, wording: bytes | None = None) -> Contract:
    """The contract in `path`, named by its place: `<agency>/<feed>.odcs.yaml`; by an earlier `wording` where one is given.

    Raises ContractError with every problem found: file, line, path in the contract, what to write instead.
    """
    document, model = read(path, wording)
    agency, feed = place_of(path)
    for name in (agency, feed):
        if not is_safe_name(name):
            problem = f"{name!r} cannot name an agency or feed; rename the folder or file to lower_case words"
            raise ContractError([Problem(path, 1, "file", problem)])
    return _Reader(document, model, agency, feed).contract()


def load_anywhere(path: Path) -> Contract:
    """The contract in `path`, wherever it lies: of its folder's and file's name is taken what can be a name. Raises ContractError.

    Outside the platform's folders a name is no proof: the contract has nothing that its agency was granted.
    """
    document, model = read(path)
    agency, feed = ("_".join(_WORD.findall(name.lower())) for name in place_of(path))
    contract = _Reader(document, model, agency or "agency", feed or "feed").contract()
    return contract if is_of_platform(path) else replace(contract, grant=grant_of("", contract.path.parent))


def is_of_platform(path: Path) -> bool:
    """Whether the file is one of those that the platform pulls by."""
    return _real(path) in {_real(found) for folder in contract_folders() for found in contract_files(folder)}


def place_of(path: Path) -> tuple[str, str]:
    """Agency and feed, as the place of a contract file names them; of a link that of the file which it leads to, if any."""
    real = _real(path)
    path = real if real.is_file() else path.absolute()
    return path.parent.name, path.name.removesuffix(SUFFIX)


def _real(path: Path) -> Path:
    """Without links. Of one that leads to itself it is the link: `resolve` would raise."""
    return Path(os.path.realpath(path))


def load_all(folders: list[Path] | None = None) -> list[Contract]:
    """Every contract of the project and of the folders named by INTERAGENCY_SOURCES. Raises ContractError for all at once."""
    contracts: list[Contract] = []
    problems = missing_folders(folders or contract_folders())
    for path in [path for folder in folders or contract_folders() for path in contract_files(folder)]:
        try:
            contracts.append(load(path))
        except ContractError as error:
            problems += error.problems
    seen: dict[str, Path] = {}
    for contract in contracts:
        if contract.name in seen:
            problems.append(described_again(contract.path, contract.name, seen[contract.name]))
        seen[contract.name] = contract.path
    problems += [problem for contract in contracts for problem in dangling(contract, {c.name: c for c in contracts})]
    if problems:
        raise ContractError(problems)
    return contracts


def missing_folders(folders: Iterable[Path]) -> list[Problem]:
    message = "is not a folder; name one that holds <agency>/<feed>.odcs.yaml"
    return [Problem(folder, 1, "INTERAGENCY_SOURCES", message) for folder in folders if not folder.is_dir()]


def described_again(path: Path, name: str, first: Path) -> Problem:
    return Problem(path, 1, "file", f"describes {name} again, after {first}; keep one")


def doubts(contract: Contract) -> list[Problem]:
    """What lint asks for beside the problems: a contract that leaves it open is read all the same."""
    found = unproven_end(contract)
    steps: list[Step] = ["servers", 0, "customProperties"]
    return [Document(contract.path).problem(steps, found)] if found else []


def is_safe_name(name: str) -> bool:
    """Whether an agency or feed may be called so: lower-case words, which become the names of relations and models."""
    return _SAFE_NAME.fullmatch(name) is not None


def contract_folders() -> list[Path]:
    """This repository's own, unless INTERAGENCY_OWN_FEEDS says no, then those of INTERAGENCY_SOURCES (separated as in PATH)."""
    return [*([AGENCIES] if settings().own_feeds else []), *settings().sources]


def is_held(reference: Reference, known: Mapping[str, Contract]) -> bool:
    """Whether the feed and the columns that a key points to are in the `known` contracts, by name."""
    target = known.get(reference.to_name)
    return target is not None and {column.name for column in target.columns}.issuperset(reference.to_columns)


def dangling(contract: Contract, known: Mapping[str, Contract]) -> Iterator[Problem]:
    """What is wrong with the contract's relationships, as far as the `known` contracts tell."""
    for reference in contract.references:
        if not is_held(reference, known):
            wanted = f"{reference.to_name}.{','.join(reference.to_columns)}"
            message = f"{wanted} is not in any contract; name an existing feed and column"
            yield Problem(contract.path, 1, "relationships", message)


class _Reader:
    """Collects problems while it reads, so that an engineer mends a contract in one go."""

    def __init__(self, document: Document, model: OpenDataContractStandard, agency: str, feed: str) -> None:
        self.document, self.model, self.agency, self.feed = document, model, agency, feed
        self.problems = Problems(document)
        self.wrong = self.problems.add

    def contract(self) -> Contract:
        path, agency, feed = _real(self.document.path), self.agency, self.feed
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
            "reject_threshold": self._share(custom, "rejectThreshold", "0 %"),
            "largest_drop": self._share(custom, "largestDrop", "50 %"),
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
            _check_shape_of_records(contract)
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


def _check_shape_of_records(contract: Contract) -> None:
    """Raises ExtractError where a fixed layout or the paths into XML cannot be; the other formats need no more than names.

    The readers' own understanding is asked, and they are imported by the contracts that need them alone.
    """
    if contract.server.format == "fixed":
        from sources.formats.fixed.layout import layout

        layout(contract)
    if contract.server.format == "xml":
        from sources.formats.xml.record import XmlShape

        XmlShape(contract)

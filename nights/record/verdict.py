"""What a gate found, as plain data: nothing of great-expectations, so that it costs nothing to read."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from nights.folders import gate_folder
from nights.record.attempt import GATE
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import write_text
from warehouse.home import Home
from warehouse.store.night_records import records

# What great-expectations said, as it said it.
VALIDATION = "validation.json"
# Instead of a measured value that may be one of a person's own.
WITHHELD = "withheld"


@dataclass(frozen=True)
class Example:
    """A failing row: its position in the landed rows, its key with protected values masked, and its line in the agency's file
    where that is known.
    """

    row: int
    key: str
    line: int | None = None
    file: str | None = None

    @property
    def place(self) -> str:
        """`line 41 (key)`, as the agency finds it; `row 40 (key)` where nobody knows its line."""
        where = f"row {self.row}" if self.line is None else f"line {self.line}"
        return f"{f'{self.file}, ' if self.file else ''}{where} ({self.key})"


@dataclass(frozen=True)
class RuleResult:
    """One rule on one extract. `observed_value` is the measured number of a table rule, or the share of wrong rows in percent."""

    rule: str
    dimension: str
    severity: str
    description: str
    passed: bool
    unexpected_count: int
    row_count: int | None
    observed_value: str
    examples: list[Example] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """The gate's word on one extract. `landing` names the landed attempt that was looked at."""

    agency: str
    feed: str
    extract_date: str
    landing: str
    accepted: bool
    reasons: list[str]
    rows_landed: int
    rows_rejected: int
    results: list[RuleResult]
    # Wall seconds of the gate, and of great-expectations beyond the engine's statements.
    seconds: float = 0.0
    fixed_seconds: float = 0.0

    @property
    def failed(self) -> list[RuleResult]:
        return [result for result in self.results if not result.passed]

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        write_text(folder / GATE, text + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Verdict":
        data: dict[str, Any] = json.loads((folder / GATE).read_text(encoding="utf-8"))
        data["results"] = [
            RuleResult(**{**result, "examples": [Example(**example) for example in result["examples"]]})
            for result in data["results"]
        ]
        return cls(**data)


@dataclass(frozen=True)
class RuleCounts:
    """How many of a feed's rules held in a night, and how many did not."""

    passed: int = 0
    failed: int = 0


def rule_counts(home: Home, extract_date: date) -> dict[tuple[str, str], RuleCounts]:
    """Of each feed of a night, by agency and feed."""
    with open_database(spills=False) as connection:
        rows = connection.execute(
            f"""
            SELECT agency, feed, count(*) FILTER (WHERE passed), count(*) FILTER (WHERE NOT passed)
            FROM {records(home, "gate_result")}
            WHERE extract_date = ?
            GROUP BY ALL
            """,
            [extract_date],
        ).fetchall()
    return {(agency, feed): RuleCounts(passed, failed) for agency, feed, passed, failed in rows}


def fixed_seconds(contracts: Iterable[Contract], home: Home, extract_date: date, since: float) -> float:
    """What great-expectations took beyond the engine's statements, over the gates of a night that ran from `since` (POSIX) on."""
    gates = [gate_folder(contract, home, extract_date) for contract in contracts]
    written = [gate for gate in gates if (gate / GATE).exists() and (gate / GATE).stat().st_mtime >= since]
    return sum(Verdict.read(gate).fixed_seconds for gate in written)

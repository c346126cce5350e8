"""A night of one feed written for a test: landed, gated, accepted, in this process."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from expectations.gate import run_gate
from nights.accept import accept_night
from nights.folders import accepted_folder, gate_folder
from nights.integrity.vouched import take_over
from nights.pulling.one_feed import land_night
from nights.record.feed_night import FeedNight
from nights.record.verdict import RuleResult, Verdict
from sources.arrival.manifest import REJECTS, ROWS
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import NIGHT, Feed
from warehouse.home import Home


@dataclass
class Gated:
    """A verdict with its rejects as plain rows."""

    contract: Contract
    home: Home
    verdict: Verdict
    rejects: list[dict[str, Any]]

    def rule(self, name: str) -> RuleResult:
        return next(result for result in self.verdict.results if result.rule == name)

    def rows_of(self, rule: str) -> list[int]:
        """The landed rows (from 1) that a rule rejects."""
        return [reject["row"] for reject in self.rejects if any(fault["rule"] == rule for fault in reject["faults"])]

    def accept(self, night: date = NIGHT) -> tuple[FeedNight, list[dict[str, Any]]]:
        """The feed's night, and the rows that are read further."""
        decided = accept_night(self.contract, self.home, night)
        folder = accepted_folder(self.contract, self.home, night)
        rows = pq.read_table(folder / ROWS).to_pylist() if decided.is_taken else []
        if decided.is_taken:
            assert decided.rows_sent == (decided.rows_accepted or 0) + (decided.rows_rejected or 0)
            assert len(rows) == decided.rows_accepted
        return decided, rows


def gated(folder: Path, home: Home, content: str, feed: Feed, night: date = NIGHT) -> Gated:
    """Land `content` as the night's extract and gate it."""
    path = feed.write(folder)
    (path.parent / feed.path).write_text(content, encoding=feed.encoding)
    contract = load(path)
    take_over(home)
    manifest = land_night(contract, home, night)
    verdict = run_gate(contract, home, night)
    rejects = pq.read_table(gate_folder(contract, home, night) / REJECTS).to_pylist()
    assert manifest.rows_landed == verdict.rows_landed
    assert len(rejects) == verdict.rows_rejected
    return Gated(contract, home, verdict, rejects)

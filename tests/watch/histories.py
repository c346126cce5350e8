"""Histories of feeds for tests of the anomalies: many nights of counts and profiles, written as the record has them."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed, columns
from warehouse.home import Home
from warehouse.store.night_records import SCHEMAS
from watch.anomalies import Observation, observe

# A Monday.
FIRST = date(2026, 1, 5)
LEVELS = (np.arange(21) + 0.5) / 21


def contracts_of(folder: Path, count: int, **custom: str) -> list[Contract]:
    feeds = [Feed(columns(id="integer"), feed=f"feed{number}", custom=custom) for number in range(count)]
    return [load(feed.write(folder)) for feed in feeds]


@dataclass
class History:
    """Rows of the two records. Nights are numbers from FIRST on."""

    contracts: list[Contract]
    nights: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, contract: Contract, night: int, rows: int, columns: dict[str, Any] | None = None, **changed: Any
    ) -> None:
        """A night with so many rows, which came two hours after the promised time; `columns` by name."""
        on = FIRST + timedelta(days=night)
        at = datetime.combine(on, time(4), UTC)
        base = {"extract_date": on, "agency": contract.agency, "feed": contract.feed}
        told = {"status": "accepted", "rows_sent": rows, "rows_accepted": rows, "started_at": at, "finished_at": at}
        self.nights.append(base | told | changed)
        for name, profile in (columns or {}).items():
            self.profiles.append(base | {"column_name": name, "rows": rows} | profile)

    def observe(self, home: Home, first: int, last: int) -> list[Observation]:
        for table, rows in (("feed_night", self.nights), ("column_profile", self.profiles)):
            (home.quality / table).mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, SCHEMAS[table]), home.quality / table / "all.parquet")
        return observe(self.contracts, home, FIRST + timedelta(days=first), FIRST + timedelta(days=last))

    def anomalies(self, home: Home, first: int, last: int) -> list[Observation]:
        return [one for one in self.observe(home, first, last) if one.is_anomaly]


def numbers(values: np.ndarray, nulls: int = 0, kind: str = "number") -> dict[str, Any]:
    """The profile of a sample of numbers or days."""
    quantiles = np.quantile(values, LEVELS).tolist() if len(values) >= 20 else None
    return {"kind": kind, "nulls": nulls, "quantiles": quantiles, "value_hashes": [], "value_shares": []}


def texts(counts: dict[str, int], nulls: int = 0) -> dict[str, Any]:
    """The profile of texts of one length, by how often each comes."""
    total = max(sum(counts.values()), 1)
    kept = {value: n / total for value, n in counts.items() if n >= 10 and n / total >= 0.01}
    quantiles = [5.0] * 21 if total >= 20 else None
    shared = {"value_hashes": list(kept), "value_shares": list(kept.values())}
    return {"kind": "text", "nulls": nulls, "quantiles": quantiles, **shared}

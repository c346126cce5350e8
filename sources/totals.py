"""Totals that a sender states of its own extract (control file, header, trailer, a count in the same transaction), held against what arrived."""

from dataclasses import dataclass, field
from decimal import Decimal

from sources.connectors import ExtractError


@dataclass(frozen=True)
class Totals:
    """What the sender says it sent. `sums` are by column of the contract; `source` names where it says so."""

    source: str
    count: int | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)

    def check(self, agency_name: str, count: int, sums: dict[str, Decimal]) -> None:
        """Raises ExtractError where `count` records or the `sums` that arrived are others than the sender's."""
        wrong = []
        if self.count is not None and self.count != count:
            wrong.append(f"{self.count} records, but {count} arrived")
        wrong += [
            f"a sum of {column} of {stated:f}, but the records add up to {sums[column]:f}"
            for column, stated in self.sums.items()
            if sums[column] != stated
        ]
        if wrong:
            raise ExtractError(f"{self.source} states {'; '.join(wrong)}; ask {agency_name} to send the extract again")

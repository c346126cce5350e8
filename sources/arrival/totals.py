"""Totals that a sender states of its own extract (control file, header, trailer, a count in the same transaction), held against what arrived."""

from dataclasses import dataclass, field
from decimal import Decimal

from sources.contract.model import Contract
from sources.errors import ExtractError


@dataclass(frozen=True)
class Totals:
    """What the sender says it sent. `sums` are by column of the contract; `source` names where it says so."""

    source: str
    count: int | None = None
    sums: dict[str, Decimal] = field(default_factory=dict)

    def check(self, contract: Contract, count: int, sums: dict[str, Decimal]) -> None:
        """Raises ExtractError where `count` records or the `sums` that arrived are others than the sender's."""
        wrong = []
        if self.count is not None and self.count != count:
            wrong.append(f"{self.count} records, but {count} arrived")
        for column, stated in self.sums.items():
            # The sum of a single row is what a person has.
            is_shown = not contract.column(column).is_masked
            numbers = (
                f" of {stated:f}, but the records add up to {sums[column]:f}" if is_shown else " that is not theirs"
            )
            wrong += [f"a sum of {column}{numbers}"] if sums[column] != stated else []
        if wrong:
            raise ExtractError(
                f"{self.source} states {'; '.join(wrong)}; ask {contract.agency_name} to send the extract again"
            )

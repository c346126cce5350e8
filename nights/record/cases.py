"""The cases of the published night, as a person who decides them sees them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from linkage.settle.cases import ask_published
from warehouse.home import Home

_WANTED = "($type IS NULL OR match_type = $type) AND ($disposition = 'all' OR disposition = $disposition)"


@dataclass(frozen=True)
class Cases:
    """How many there are and the money at risk in them all; the first, those with most money at risk before the others."""

    total: int
    euro_at_risk: Decimal
    first: list[tuple[Any, ...]]


def published_cases(home: Home, match_type: str | None, disposition: str, limit: int) -> Cases:
    """Of one type or of any, with this disposition or `all`. Raises NotPublished and NoCases."""
    values = {"type": match_type, "disposition": disposition}
    listed = f"""
        SELECT match_case_id[:12], match_type, person_id, key_strength, money_at_risk_eur, detail, disposition
        FROM marts.match_case
        WHERE {_WANTED}
        ORDER BY money_at_risk_eur DESC NULLS LAST, match_case_id
        LIMIT {limit}
    """
    first = ask_published(home, listed, values)
    summed = f"SELECT count(*), sum(money_at_risk_eur) FROM marts.match_case WHERE {_WANTED}"
    ((total, euro_at_risk),) = ask_published(home, summed, values)
    return Cases(total, euro_at_risk or Decimal(0), first)

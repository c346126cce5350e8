"""Whether records may leave under limits, and which columns stand in the way."""

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import MicrodataRisk, microdata_risk
from sharing.disclosure.relation import Relation


@dataclass(frozen=True)
class Reason:
    """Why not: `rule` is the limit's name, `figure` what there is and `limit` what is allowed, `columns` what causes it."""

    rule: str
    columns: tuple[str, ...]
    figure: float
    limit: float
    text: str


@dataclass(frozen=True)
class Assessment:
    limits: Limits
    risk: MicrodataRisk
    reasons: tuple[Reason, ...]

    @property
    def passes(self) -> bool:
        return not self.reasons

    def as_json(self) -> dict[str, Any]:
        """Figures and names of columns; no value of a record."""
        return {
            "passes": self.passes,
            "limits": asdict(self.limits),
            "risk": self.risk.as_json(),
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def assess(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    limits: Limits,
    quasi_identifiers: tuple[str, ...],
    sensitive: tuple[str, ...] = (),
) -> Assessment:
    """Of what is released, as it is released. No rows pass: they tell of nobody. DisclosureError for columns that there are not."""
    risk = microdata_risk(connection, relation, quasi_identifiers, sensitive)
    return Assessment(limits, risk, tuple(broken(risk, limits)))


def broken(risk: MicrodataRisk, limits: Limits) -> list[Reason]:
    """The limits that figures do not keep."""
    return [*_of_classes(risk, limits), *_of_values(risk, limits)] if risk.rows else []


def _of_classes(risk: MicrodataRisk, limits: Limits) -> list[Reason]:
    known, found = risk.quasi_identifiers, []
    if limits.k is not None and risk.k < limits.k:
        text = f"k is {risk.k} where {limits.k} are agreed: so few records share {', '.join(known)}"
        found.append(Reason("k", known, risk.k, limits.k, text))
    if limits.unique_share is not None and risk.unique_share > limits.unique_share:
        text = f"{risk.unique_share:.4%} of records are the only ones with their {', '.join(known)}; {limits.unique_share:.4%} are agreed"
        found.append(Reason("unique_share", known, risk.unique_share, limits.unique_share, text))
    return found


def _of_values(risk: MicrodataRisk, limits: Limits) -> list[Reason]:
    found = []
    for one in risk.sensitive:
        columns = (one.column, *risk.quasi_identifiers)
        if limits.l is not None and one.l < limits.l:
            text = f"{one.column} has {one.l} values among records that look alike; {limits.l} are agreed"
            found.append(Reason("l", columns, one.l, limits.l, text))
        if limits.l_entropy is not None and one.l_entropy < limits.l_entropy:
            text = f"{one.column} is as certain among records that look alike as of {one.l_entropy:.2f} equally frequent values; {limits.l_entropy:g} are agreed"
            found.append(Reason("l_entropy", columns, one.l_entropy, limits.l_entropy, text))
        if limits.t is not None and one.t > limits.t:
            text = f"{one.column} among records that look alike is {one.t:.3f} from that of all; {limits.t:g} is agreed"
            found.append(Reason("t", columns, one.t, limits.t, text))
    return found

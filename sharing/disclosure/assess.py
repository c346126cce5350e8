"""Whether records may leave under limits, and which columns stand in the way."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import duckdb

from sharing.disclosure.causes import Causes, causes
from sharing.disclosure.found import Found, found
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import MicrodataRisk, microdata_risk
from sharing.disclosure.relation import Relation
from warehouse.numbers_for_people import percent

# Sets of columns that the text of a reason tells.
_TOLD = 3


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
    """`causes` only where k is not kept, `found` only where its share is limited."""

    limits: Limits
    risk: MicrodataRisk
    reasons: tuple[Reason, ...]
    causes: Causes | None = None
    found: tuple[Found, ...] = ()

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
            "causes": self.causes and self.causes.as_json(),
            "found": [one.as_json() for one in self.found],
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
    reasons = broken(risk, limits)
    why = None
    if limits.k is not None and any(reason.rule == "k" for reason in reasons):
        why = causes(connection, relation, quasi_identifiers, limits.k)
        reasons = [_explained(reason, why) if reason.rule == "k" else reason for reason in reasons]
    singling = (
        () if limits.found_share is None else tuple(found(connection, relation, limits.found_share, quasi_identifiers))
    )
    reasons += [_of_found(one, limits.found_share or 0.0) for one in singling]
    return Assessment(limits, risk, tuple(reasons), why, singling)


def _explained(reason: Reason, why: Causes) -> Reason:
    """By the columns that do it by themselves, where fewer than all do, and by what it were without the one that matters most."""
    best = max(why.k_without, key=lambda name: why.k_without[name], default=None)
    columns = why.columns or reason.columns
    told = [
        f"{' with '.join(one.columns)}: {one.rows:,} records in classes that are too small" for one in why.sets[:_TOLD]
    ]
    without = (
        [f"without {best} k were {why.k_without[best]}"]
        if best is not None and why.k_without[best] > reason.figure
        else []
    )
    return replace(reason, columns=columns, text="; ".join([reason.text, *told, *without]))


def _of_found(one: Found, limit: float) -> Reason:
    names = " with ".join(one.columns)
    text = f"{names} ({one.kind}) single out {percent(one.share)} of records though nobody declared them; {percent(limit)} are agreed"
    return Reason("found_share", one.columns, one.share, limit, text)


def broken(risk: MicrodataRisk, limits: Limits) -> list[Reason]:
    """The limits that figures do not keep."""
    return [*_of_classes(risk, limits), *_of_values(risk, limits)] if risk.rows else []


def _of_classes(risk: MicrodataRisk, limits: Limits) -> list[Reason]:
    known, found = risk.quasi_identifiers, []
    if limits.k is not None and risk.k < limits.k:
        text = f"k is {risk.k} where {limits.k} are agreed: so few records share {', '.join(known)}"
        found.append(Reason("k", known, risk.k, limits.k, text))
    if limits.unique_share is not None and risk.unique_share > limits.unique_share:
        text = f"{percent(risk.unique_share)} of records are the only ones with their {', '.join(known)}; {percent(limits.unique_share)} are agreed"
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

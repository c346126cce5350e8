"""What may be released by an agreement: a relation's columns, each with its treatment, of which rows, to whom, in which form, at which risk."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PERSON = "person_id"


class Kind(StrEnum):
    """What is done to a column."""

    KEEP = "keep"
    DROP = "drop"
    REDACT = "redact"
    LAST_FOUR = "last_four"
    GENERALISE = "generalise"
    ROUND = "round"
    NOISE = "noise"
    PSEUDONYM = "pseudonym"


SPANS = ("month", "quarter", "year", "decade")
DISTRICT, PARENT = "district", "parent"
_NEEDS_TO = (Kind.GENERALISE, Kind.ROUND, Kind.NOISE)


@dataclass(frozen=True)
class Treatment:
    """`to` says how far: a span of time, `district`, `parent`, or a number (a band's width, letters kept, a step, a noise's scale).

    `parents` is the relation (columns `code`, `parent`) for `to: parent`; `because` why a protected column is kept as it is.
    """

    kind: Kind
    to: str | float | None = None
    parents: str | None = None
    because: str | None = None

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Treatment":
        return cls(Kind(said["treatment"]), _number(said.get("to")), said.get("parents"), said.get("because"))

    @property
    def words(self) -> str:
        """As people read it."""
        parts = [
            self.kind.value.replace("_", " "),
            f"to {self.to:g}" if isinstance(self.to, float) else self.to and f"to {self.to}",
        ]
        return " ".join(filter(None, parts))

    @property
    def as_json(self) -> dict[str, Any]:
        to = f"{self.to:g}" if isinstance(self.to, float) else self.to
        said = {"treatment": self.kind.value, "to": to, "parents": self.parents, "because": self.because}
        return {name: value for name, value in said.items() if value is not None}

    def problem(self) -> str | None:
        """What does not go together, and what to write."""
        if self.kind in _NEEDS_TO and self.to is None:
            return f"{self.kind} says not how far; write `to`"
        if self.kind not in _NEEDS_TO and self.to is not None:
            return f"{self.kind} takes no `to`; leave it out"
        if self.kind in (Kind.ROUND, Kind.NOISE) and not _is_positive(self.to):
            return f"{self.kind} to {self.to!r} is no number above 0; write one"
        if self.kind == Kind.GENERALISE and not (self.to in (*SPANS, DISTRICT, PARENT) or _is_positive(self.to)):
            return (
                f"generalise to {self.to!r} is none of {', '.join((*SPANS, DISTRICT, PARENT))}, and no number above 0"
            )
        if (self.to == PARENT) != (self.parents is not None):
            return "`to: parent` and `parents` (a relation with code and parent) go together; write both or neither"
        if self.because is not None and self.kind != Kind.KEEP:
            return f"`because` says why a column is kept as it is, and this one is not ({self.kind}); leave it out"
        return None


def _number(to: Any) -> str | float | None:
    if isinstance(to, bool) or to is None:
        return None if to is None else str(to)
    try:
        return float(to)
    except ValueError:
        return str(to)


def _is_positive(to: str | float | None) -> bool:
    return isinstance(to, float) and math.isfinite(to) and to > 0


@dataclass(frozen=True)
class TableSpec:
    """A product that is a table of counts (and of sums of `measure`) by these columns, and how small cells are protected."""

    by: tuple[str, ...]
    measure: str | None
    protect: str


@dataclass(frozen=True)
class RiskLimits:
    """What a product must keep to before it leaves; None where the agreement sets none. Shares and gains from 0 to 1."""

    quasi_identifiers: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    k_anonymity: int | None = None
    l_diversity: int | None = None
    t_closeness: float | None = None
    unique_share: float | None = None
    threshold: int | None = None
    attack_gain: float | None = None

    @classmethod
    def of(cls, said: dict[str, Any]) -> "RiskLimits":
        named: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
        }
        return cls(**named)


@dataclass(frozen=True)
class Destination:
    """How a release reaches its recipients: `by`, `to` which place, and where a login is kept (`env:NAME`, `file:PATH`)."""

    by: str
    to: str | None
    login: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Product:
    """What may be released. `rows` is a condition on the relation's columns; `needs_approval` that a person signs each one."""

    id: str
    relation: str
    columns: dict[str, Treatment]
    recipients: tuple[str, ...]
    rows: str | None
    risk: RiskLimits
    table: TableSpec | None
    period: str | None
    needs_approval: bool
    format: str
    destination: Destination

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Product":
        """`said` fits the schema."""
        table = said.get("table")
        return cls(
            id=said["id"], relation=said["relation"],
            columns={name: Treatment.of(treated) for name, treated in said["columns"].items()},
            recipients=tuple(said["recipients"]), rows=said.get("rows"), risk=RiskLimits.of(said.get("risk", {})),
            table=TableSpec(tuple(table["by"]), table.get("measure"), table["protect"]) if table else None,
            period=said.get("period"), needs_approval=said.get("approval") == "required", format=said["format"],
            destination=Destination(said["delivery"], said.get("to"), tuple(sorted(said.get("login", {}).items()))),
        )  # fmt: skip

    @property
    def given(self) -> dict[str, Treatment]:
        """The columns that a recipient gets, in the order of the agreement."""
        return {name: treatment for name, treatment in self.columns.items() if treatment.kind != Kind.DROP}

    def contradictions(self) -> Iterator[str]:
        for name, treatment in self.columns.items():
            if problem := treatment.problem():
                yield f"columns: {name}: {problem}"
        if not self.given:
            yield "columns: all are dropped; keep one"
        named = {"risk.quasi_identifiers": self.risk.quasi_identifiers, "risk.sensitive": self.risk.sensitive}
        if self.table:
            measure = (self.table.measure,) if self.table.measure else ()
            named |= {"table.by": self.table.by, "table.measure": measure}
        for place, columns in named.items():
            for stranger in (column for column in columns if column not in self.given):
                yield f"{place}: {stranger} is none of the columns that leave; name one of them"
        limits = self.risk
        if (limits.l_diversity or limits.t_closeness is not None) and not limits.sensitive:
            yield "risk: l_diversity and t_closeness are of sensitive columns; name them under `sensitive`"
        yield from self._ways()

    def _ways(self) -> Iterator[str]:
        by, to = self.destination.by, self.destination.to
        if (by == "delta-sharing") != (self.format == "delta-sharing"):
            yield "format and delivery: what is read by Delta Sharing is both; write delta-sharing twice"
        if by in ("sftp", "s3") and not (to or "").startswith(f"{by}://"):
            yield f"to: is no {by} address; write {by}://…, where the recipient takes it"
        if by == "delta-sharing" and to is not None:
            yield "to: a recipient of Delta Sharing comes and reads; leave it out"

"""Sharing agreements: one YAML each under `agreements/`, checked against a schema; nothing is done with a feed without one in force.

In force is an agreement that is signed, in date and not withdrawn. One that names a feed goes before one on all of an agency's
feeds (`agency/*`), also where it has ended: of two agreements the narrower wins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from sources.contract.model import Contract
from warehouse.home import PROJECT
from warehouse.settings import settings
from warehouse.yaml import FileError, Schema, load_file

_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}
_TEXT = {"type": "string", "minLength": 1}
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_FEED = {"type": "string", "pattern": r"^[a-z0-9_]+/([a-z0-9_]+|\*)$"}


def _mapping(required: dict[str, Any], optional: dict[str, Any]) -> dict[str, Any]:
    properties = required | optional
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


SCHEMA = Schema(
    _mapping(
        {
            "id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
            "title": _TEXT,
            "parties": _mapping({"provider": _TEXT, "recipient": _TEXT}, {}),
            "legal_basis": _TEXT,
            "purpose": _TEXT,
            "feeds": {"type": "array", "minItems": 1, "items": _FEED},
            "valid_from": _DATE,
            "valid_until": _DATE,
            "retention": {"type": "string", "pattern": r"^P\d+[DWMY]$"},
        },
        {
            # An empty list is a draft, which allows nothing.
            "signed_by": {"type": "array", "items": _TEXT},
            "withdrawn_on": _DATE,
            # Where the feeds may be pulled from: beginnings of what contracts say as their place.
            "sources": {"type": "array", "minItems": 1, "items": _TEXT},
        },
    )
)


class AgreementError(Exception):
    """An agreement that cannot be used: file, place and remedy."""


@dataclass(frozen=True)
class Agreement:
    """Who may share which feeds, why, and from when until when (both days included)."""

    id: str
    title: str
    provider: str
    recipient: str
    legal_basis: str
    purpose: str
    feeds: tuple[str, ...]
    valid_from: date
    valid_until: date
    retention: str
    signed_by: tuple[str, ...] | None = None
    withdrawn_on: date | None = None
    sources: tuple[str, ...] = ()

    def covers(self, agency: str, feed: str) -> bool:
        return self.names(agency, feed) or f"{agency}/*" in self.feeds

    def names(self, agency: str, feed: str) -> bool:
        return f"{agency}/{feed}" in self.feeds

    @property
    def is_draft(self) -> bool:
        return self.signed_by == ()

    def is_in_date(self, on: date) -> bool:
        return self.valid_from <= on <= self.valid_until and not (self.withdrawn_on and self.withdrawn_on <= on)

    def is_in_force(self, on: date) -> bool:
        return self.is_in_date(on) and not self.is_draft

    def allows_source(self, place: str) -> bool:
        """Whether a contract's place begins with one of the agreed ones; one that climbs out of its folder does not."""
        if not self.sources:
            return True
        is_within = any(place == source or place.startswith(f"{source.removesuffix('/')}/") for source in self.sources)
        return is_within and ".." not in PurePosixPath(place).parts

    @property
    def kept_for(self) -> timedelta:
        """The retention, with months of 30 and years of 365 days."""
        return timedelta(days=int(self.retention[1:-1]) * _DAYS[self.retention[-1]])

    @property
    def _state(self) -> str:
        if self.is_draft:
            return "a draft that nobody has signed"
        withdrawn = f", withdrawn on {self.withdrawn_on}" if self.withdrawn_on else ""
        return f"{self.valid_from} to {self.valid_until}{withdrawn}"


@dataclass(frozen=True)
class Broken:
    """An agreement that cannot be used: what is wrong with it, and the feeds that it names as far as that can be read."""

    why: str
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """All agreements of this platform. Every door asks it: pull, try, accept, build, restore, doctor.

    `refusal` for what would do something new with a feed; `refusal_to_read` for what was accepted of it before.
    """

    agreements: tuple[Agreement, ...] = ()
    broken: tuple[Broken, ...] = ()

    def refusal(self, contract: Contract, on: date | None = None) -> str | None:
        """Why nothing new may be done with the feed on that day (today where none is given), or None where it may.

        Beside its agreement its contract has a say: by one of an earlier wording nothing new may come.
        """
        return self.refusal_to_read(contract, on) or contract.unusable

    def refusal_to_read(self, contract: Contract, on: date | None = None) -> str | None:
        """Why not even what was accepted of the feed may be read on that day, or None where it may."""
        on = on or datetime.now(UTC).date()
        refused = self.refusal_of(contract.agency, contract.feed, on)
        if refused is not None:
            return refused
        place = contract.server.location
        binding = [item for item in _speaking(self.agreements, contract.agency, contract.feed) if item.is_in_force(on)]
        foreign = next((item for item in binding if not item.allows_source(place)), None)
        if foreign is not None:
            return (
                f"{contract.path.name} names another source than agreement {foreign.id} does ({', '.join(foreign.sources)}); "
                "mend the contract, or agree on the source"
            )
        return None

    def refusal_of(self, agency: str, feed: str, on: date) -> str | None:
        """The same for a feed by its name alone, wherever it comes from."""
        wrong = next((item for item in self.broken if _among(item.feeds, agency, feed)), None)
        if wrong is not None:
            return f"the agreement on {agency}/{feed} cannot be used: {wrong.why}"
        return refusal(self.agreements, agency, feed, on)

    def refusal_of_any(self, feeds: Iterable[str]) -> str | None:
        """Why rows of these feeds (`agency/feed`) may not be shown together today, or None."""
        today = datetime.now(UTC).date()
        parts = [name.partition("/") for name in sorted(feeds)]
        reasons = [self.refusal_of(agency, feed, today) for agency, _, feed in parts]
        return "; ".join(filter(None, reasons)) or None

    def allowed(self, contracts: Iterable[Contract], on: date | None = None) -> list[Contract]:
        """The contracts of which may be read what was accepted."""
        return [contract for contract in contracts if self.refusal_to_read(contract, on) is None]

    def kept_for(self, agency: str, feed: str) -> timedelta | None:
        """How long the feed's rows are kept: the shortest that its agreements say, ended ones too. None where there is none."""
        return min((item.kept_for for item in _speaking(self.agreements, agency, feed)), default=None)


def agreements_folder() -> Path:
    return PROJECT / "agreements"


def further_folders() -> list[Path]:
    """The folders of INTERAGENCY_AGREEMENTS : an organisation keeps its own outside this repository."""
    return list(settings().agreements)


def agreement_folders() -> list[Path]:
    """The project's own, then the further ones."""
    return [agreements_folder(), *further_folders()]


def load_agreements(folder: Path | None = None) -> list[Agreement]:
    """Every agreement in `folder`, or of the project and the further folders.

    Raises AgreementError naming file and place for the first that is not valid.
    """
    return [_load(path) for path in _files(folder)]


def read_register(folder: Path | None = None) -> Register:
    """The same, where one that is not valid costs its own feeds only."""
    agreements, broken = [], []
    for path in _files(folder):
        try:
            agreements.append(_load(path))
        except AgreementError as error:
            broken.append(Broken(str(error), _feeds_named(path)))
    return Register(tuple(agreements), tuple(broken))


def _files(folder: Path | None) -> list[Path]:
    folders = [folder] if folder else agreement_folders()
    return [path for place in folders for path in sorted(place.glob("*.yaml"))]


def _feeds_named(path: Path) -> tuple[str, ...]:
    try:
        data = load_file(path, days_are_text=True)
    except FileError:
        return ()
    feeds = data.get("feeds") if isinstance(data, dict) else None
    return tuple(item for item in feeds if isinstance(item, str)) if isinstance(feeds, list) else ()


def refusal(agreements: Iterable[Agreement], agency: str, feed: str, on: date) -> str | None:
    """Why nothing may be done with the feed on that day, or None where an agreement allows it."""
    speaking = _speaking(agreements, agency, feed)
    if any(agreement.is_in_force(on) for agreement in speaking):
        return None
    if not speaking:
        return f"no agreement covers {agency}/{feed}; sign one and add it under agreements/"
    states = ", ".join(f"{item.id} ({item._state})" for item in speaking)
    remedy = "sign it: write who did under signed_by" if any(item.is_draft for item in speaking) else "renew it"
    return f"no agreement on {agency}/{feed} is in date on {on}: {states}; {remedy}"


def _speaking(agreements: Iterable[Agreement], agency: str, feed: str) -> list[Agreement]:
    """Those that name the feed; else those on all feeds of its agency. A draft says nothing where a signed one does."""
    covering = [item for item in agreements if item.covers(agency, feed)]
    signed = [item for item in covering if not item.is_draft] or covering
    return [item for item in signed if item.names(agency, feed)] or signed


def _among(feeds: tuple[str, ...], agency: str, feed: str) -> bool:
    return f"{agency}/{feed}" in feeds or f"{agency}/*" in feeds


def _load(path: Path) -> Agreement:
    try:
        data = load_file(path, SCHEMA, days_are_text=True)
    except FileError as error:
        raise AgreementError(f"{error}; see docs/engineer.md, Agreements") from None
    if data["id"] != path.stem:
        raise AgreementError(f"{path}: id: is {data['id']!r}; write the file's name, {path.stem!r}")
    valid_from, valid_until, withdrawn_on = _days(path, data)
    if valid_until < valid_from:
        raise AgreementError(f"{path}: valid_until: is before valid_from; write a later day")
    return Agreement(
        id=data["id"], title=data["title"], provider=data["parties"]["provider"], recipient=data["parties"]["recipient"],
        legal_basis=data["legal_basis"], purpose=" ".join(data["purpose"].split()), feeds=tuple(data["feeds"]),
        valid_from=valid_from, valid_until=valid_until, retention=data["retention"],
        signed_by=tuple(data["signed_by"]) if "signed_by" in data else None, withdrawn_on=withdrawn_on,
        sources=tuple(data.get("sources", ())),
    )  # fmt: skip


def _days(path: Path, data: dict[str, Any]) -> tuple[date, date, date | None]:
    try:
        withdrawn_on = date.fromisoformat(data["withdrawn_on"]) if "withdrawn_on" in data else None
        return date.fromisoformat(data["valid_from"]), date.fromisoformat(data["valid_until"]), withdrawn_on
    except ValueError as error:
        raise AgreementError(f"{path}: valid_from, valid_until: {error}; write days of the calendar") from None

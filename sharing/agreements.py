"""Sharing agreements: one YAML each under `agreements/`, checked against a schema; a feed is pulled only under one in date."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from warehouse.home import PROJECT

_TEXT = {"type": "string", "minLength": 1}
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "title", "parties", "legal_basis", "purpose", "feeds", "valid_from", "valid_until", "retention"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "title": _TEXT,
        "parties": {
            "type": "object",
            "additionalProperties": False,
            "required": ["provider", "recipient"],
            "properties": {"provider": _TEXT, "recipient": _TEXT},
        },
        "legal_basis": _TEXT,
        "purpose": _TEXT,
        "feeds": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": r"^[a-z0-9_]+/([a-z0-9_]+|\*)$"},
        },
        "valid_from": _DATE,
        "valid_until": _DATE,
        "retention": {"type": "string", "pattern": r"^P\d+[DWMY]$"},
        "signed_by": {"type": "array", "items": _TEXT},
    },
}


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

    def covers(self, agency: str, feed: str) -> bool:
        return f"{agency}/{feed}" in self.feeds or f"{agency}/*" in self.feeds

    def is_in_date(self, on: date) -> bool:
        return self.valid_from <= on <= self.valid_until


def agreements_folder() -> Path:
    return PROJECT / "agreements"


def further_folders() -> list[Path]:
    """The folders of INTERAGENCY_AGREEMENTS (separated as in PATH): an organisation keeps its own outside this repository."""
    return [Path(name) for name in os.environ.get("INTERAGENCY_AGREEMENTS", "").split(os.pathsep) if name]


def agreement_folders() -> list[Path]:
    """The project's own, then the further ones."""
    return [agreements_folder(), *further_folders()]


def load_agreements(folder: Path | None = None) -> list[Agreement]:
    """Every agreement in `folder`, or of the project and the further folders.

    Raises AgreementError naming file and place for the first that is not valid.
    """
    folders = [folder] if folder else agreement_folders()
    return [_load(path) for place in folders for path in sorted(place.glob("*.yaml"))]


def refusal(agreements: list[Agreement], agency: str, feed: str, pulled_on: date) -> str | None:
    """Why the feed may not be pulled on that day, or None where an agreement allows it."""
    covering = [agreement for agreement in agreements if agreement.covers(agency, feed)]
    if any(agreement.is_in_date(pulled_on) for agreement in covering):
        return None
    if not covering:
        return f"no agreement covers {agency}/{feed}; sign one and add it under agreements/"
    spans = ", ".join(f"{item.id} ({item.valid_from} to {item.valid_until})" for item in covering)
    return f"no agreement on {agency}/{feed} is in date on {pulled_on}: {spans}; renew it"


def _load(path: Path) -> Agreement:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_TextDates)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AgreementError(f"{path}: is not valid YAML in UTF-8: {str(error).splitlines()[0]}") from None
    for wrong in Draft202012Validator(SCHEMA).iter_errors(data):
        place = ".".join(map(str, wrong.absolute_path)) or "file"
        raise AgreementError(f"{path}: {place}: {wrong.message}; see docs/engineer.md, Agreements")
    if data["id"] != path.stem:
        raise AgreementError(f"{path}: id: is {data['id']!r}; write the file's name, {path.stem!r}")
    try:
        valid_from, valid_until = date.fromisoformat(data["valid_from"]), date.fromisoformat(data["valid_until"])
    except ValueError as error:
        raise AgreementError(f"{path}: valid_from, valid_until: {error}; write days of the calendar") from None
    if valid_until < valid_from:
        raise AgreementError(f"{path}: valid_until: is before valid_from; write a later day")
    return Agreement(
        id=data["id"], title=data["title"], provider=data["parties"]["provider"], recipient=data["parties"]["recipient"],
        legal_basis=data["legal_basis"], purpose=" ".join(data["purpose"].split()), feeds=tuple(data["feeds"]),
        valid_from=valid_from, valid_until=valid_until, retention=data["retention"],
    )  # fmt: skip


class _TextDates(yaml.SafeLoader):
    """Days stay text, so that the schema can check how they are written."""


_TextDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

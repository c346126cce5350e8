"""A small town of real nights: three agencies send records of the same people, one of whom asks for their rights."""

import os
import shutil
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyrage
import pytest
from stdnum.ee import ik

from sharing.agreements.drafts import set_age
from sharing.policy.access import Grant, give
from tests.agreements import PLATFORM, PROVIDER, add_parties, agree, key_of, put
from tests.conftest import INTERAGENCY, Done, Feed, csv_text, ended
from warehouse.home import Home
from warehouse.journal import actor

NIGHTS = [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 21)]
OFFICE = "tests-office"
PURPOSE = "dpv:ProvideOfficialStatistics"
# Who asks: whatever stands of them anywhere holds one of these words.
GIVEN, SURNAME, STREET, SYMPTOM, FORMER_STREET = "Zwentibold", "Querfurth", "Rabenstieg", "Nachtblindheit", "Eulengasse"
CORRECT_STREET = "Falkenweg"
PERSONAL = "classification: personal"
_GIVEN = ["Mari", "Juri", "Liis", "Toomas", "Kadri", "Peeter", "Anu", "Rein", "Tiiu", "Urmas", "Helve"]
_SURNAME = ["Tamm", "Saar", "Sepp", "Kask", "Kukk", "Rebane", "Ilves", "Karu", "Hunt", "Oja", "Luik"]


def number(person: int) -> str:
    """A valid national number (ee.ik), of one born in 1950 or later."""
    start = f"3{50 + person:02d}0{1 + person % 9}1{person % 9}{100 + person:03d}"
    return start + ik.calc_check_digit(start + "0")


ASKING = 11
NUMBER = number(ASKING)
WORDS = (NUMBER, GIVEN, SURNAME, STREET, SYMPTOM, FORMER_STREET, CORRECT_STREET)


@dataclass
class Town:
    """Its folder holds contracts, extracts, agreements, models, the key and the platform's home."""

    root: Path
    identity: pyrage.x25519.Identity = field(default_factory=pyrage.x25519.Identity.generate)

    @property
    def home(self) -> Home:
        return Home(self.root / "platform")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "INTERAGENCY_HOME": str(self.home.root), "INTERAGENCY_SOURCES": str(self.root / "contracts"), "INTERAGENCY_OWN_FEEDS": "no",
            "INTERAGENCY_AGREEMENTS": str(self.root / "agreements"), "INTERAGENCY_MODELS": str(self.root / "models"),
            "INTERAGENCY_GRANTS": str(self.root / "grants.yaml"), "INTERAGENCY_KEY_FILE": str(self.root / "platform.key"),
            "INTERAGENCY_KEY": "",
        }  # fmt: skip

    def command(self, *words: object, is_good: bool = True, given: str | None = None) -> Done:
        return ended(INTERAGENCY, *words, is_good=is_good, given=given, **self.environment)

    def copy(self, root: Path) -> "Town":
        """All of it elsewhere; keys are named beside what they open, so that a home may move."""
        shutil.copytree(self.root, root, symlinks=True)
        grants = root / "grants.yaml"
        grants.write_text(grants.read_text().replace(str(self.root), str(root)))
        return Town(root, self.identity)

    def grant(self) -> None:
        """Let whoever runs the tests hold names and content at once, on somebody else's word."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            give(self.home, Grant(actor(), date(2099, 1, 1), "answers people", "somebody else"))

    def build(self) -> "Town":
        """Everything that stands before the first night."""
        (self.root / "grants.yaml").write_text(f"'*': {{variables: ['*'], folders: ['{self.root}'], hosts: ['*']}}\n")
        os.environ.pop("INTERAGENCY_KEY", None)
        ended(INTERAGENCY, "keys", "create", self.root / "platform.key", INTERAGENCY_HOME=str(self.home.root))
        for name, (columns, custom, model, said) in FEEDS.items():
            agency, _, feed = name.partition("/")
            found = Feed(columns, agency=agency, feed=feed, path=f"{feed}-{{extract_date}}.csv", custom=custom).write(
                self.root / "contracts"
            )
            agree(
                self.root / "agreements", agency.replace("_", "-"), found, purpose={"term": PURPOSE, "text": "A test"}
            )
            staged = self.root / "models" / "staging" / agency
            staged.mkdir(parents=True)
            (staged / f"stg_{agency}__{feed}.sql").write_text(model)
            (staged / f"stg_{agency}__{feed}.yml").write_text(said)
        self._agree_on_product()
        return self

    def _agree_on_product(self) -> None:
        folder = self.root / "agreements"
        add_parties(folder, [OFFICE])
        set_age(folder, OFFICE, str(self.identity.to_public()), key_of(OFFICE))
        columns = {
            "person_id": {"treatment": "pseudonym"},
            "birth_year": {"treatment": "keep"},
            "records": {"treatment": "keep"},
        }
        product = {
            "id": "people", "relation": "marts.person", "columns": columns, "recipients": [OFFICE], "format": "parquet", "delivery": "folder",
        }  # fmt: skip
        put(
            folder,
            {
                "id": "people-statistics", "version": 1, "title": "People", "parties": {"provider": PROVIDER, "recipient": PLATFORM},
                "controllers": [PROVIDER], "legal_basis": {"law": "Statistics Act", "article": "section 5"},
                "purpose": {"term": PURPOSE, "text": "A test"}, "onward_use": [], "consent": "none", "valid_from": "2020-01-01",
                "valid_until": "2099-12-31", "review_on": "2050-01-01", "retention": "P1Y", "products": [product],
            },
        )  # fmt: skip

    def send(self, night: int, without: frozenset[int] = frozenset()) -> None:
        """Put the extracts of a night (0, 1, 2) where the contracts read them."""
        people = [person for person in range(12) if person not in without]
        rows = {
            "registry/person": [["number", "given", "surname", "born", "street"], *(_registered(one, night) for one in people)],
            "benefits/payment": [["payment", "number", "given", "surname", "amount", "paid_on"], *_paid(people, night)],
            "clinic/patient": [["chart", "number", "given", "surname", "symptom", "weight"], *(_treated(one) for one in people), *_refused(people)],
        }  # fmt: skip
        for name, listed in rows.items():
            agency, _, feed = name.partition("/")
            (self.root / "contracts" / agency / f"{feed}-{NIGHTS[night]}.csv").write_text(csv_text(listed))

    def live(self) -> "Town":
        """Three nights, built as of the second and of the third; and a release after each build."""
        for night in range(3):
            self.send(night)
        self.command("backfill", "--from", NIGHTS[0], "--to", NIGHTS[1])
        self.command("release", "people-statistics")
        self.command("backfill", "--from", NIGHTS[2], "--to", NIGHTS[2])
        self.command("release", "people-statistics")
        return self


def _name(person: int) -> tuple[str, str]:
    return (GIVEN, SURNAME) if person == ASKING else (_GIVEN[person], _SURNAME[person])


def _registered(person: int, night: int) -> list[object]:
    street = f"Street {person}"
    if person == ASKING:
        street = [FORMER_STREET, STREET, STREET, CORRECT_STREET][night]
    return [number(person), *_name(person), f"19{50 + person:02d}-0{1 + person % 9}-1{person % 9}", street]


def _paid(people: list[int], night: int) -> list[list[object]]:
    """Incremental: each night sends its own payments."""
    return [
        [
            f"P{night}{person:02d}",
            number(person),
            *_name(person),
            100 + person,
            f"2026-11-{18 + night}T0{person % 9}:00:00Z",
        ]
        for person in people
    ]


def _treated(person: int) -> list[object]:
    return [f"C{person:02d}", number(person), *_name(person), SYMPTOM if person == ASKING else "Cough", 70]


def _refused(people: list[int]) -> list[list[object]]:
    """A second chart of the one who asks, which the gate rejects."""
    return [["C99", NUMBER, GIVEN, SURNAME, SYMPTOM, -1]] if ASKING in people else []


_MODEL = """
select
    {columns},
    _agency as agency,
    _feed as feed,
    _extract_date as extract_date,
    _source_key as source_key
from {{{{ source('{agency}', '{feed}') }}}}
"""
_SAID = """
models:
  - name: stg_{agency}__{feed}
    config:
      meta:
        gives:
          {gives}
    columns: [{columns}]
"""


def _feed(name: str, columns: list[str], custom: dict[str, str], model: dict[str, str], gives: str):
    agency, _, feed = name.partition("/")
    listed = ",\n    ".join(f"{sql} as {column}" if sql != column else column for column, sql in model.items())
    return (
        columns, custom, _MODEL.format(columns=listed, agency=agency, feed=feed),
        _SAID.format(agency=agency, feed=feed, gives=gives, columns=", ".join(f"{{name: {column}}}" for column in model)),
    )  # fmt: skip


_NUMBER = "customProperties: [{property: identifierKind, value: ee.ik}]"
FEEDS = {
    "registry/person": _feed(
        "registry/person",
        [
            f"{{name: number, logicalType: string, primaryKey: true, {PERSONAL}, {_NUMBER}}}",
            f"{{name: given, logicalType: string, {PERSONAL}}}",
            f"{{name: surname, logicalType: string, {PERSONAL}}}",
            f"{{name: born, logicalType: date, {PERSONAL}}}",
            f"{{name: street, logicalType: string, {PERSONAL}}}",
        ],
        {},
        {
            "national_number": "{{ identifier('registry', 'person', 'number') }}", "given_name": "{{ person_name('given') }}",
            "surname": "{{ person_name('surname') }}", "birth_date": "born", "street": "street",
        },
        "person_record: {rank: 1}",
    ),
    "benefits/payment": _feed(
        "benefits/payment",
        [
            "{name: payment, logicalType: string, primaryKey: true, classification: internal}",
            f"{{name: number, logicalType: string, {PERSONAL}, {_NUMBER}}}",
            f"{{name: given, logicalType: string, {PERSONAL}}}",
            f"{{name: surname, logicalType: string, {PERSONAL}}}",
            "{name: amount, logicalType: integer, classification: internal}",
            "{name: paid_on, logicalType: timestamp, classification: internal}",
        ],
        {"extractMode": "incremental", "watermark": "paid_on"},
        {
            "national_number": "{{ identifier('benefits', 'payment', 'number') }}", "given_name": "{{ person_name('given') }}",
            "surname": "{{ person_name('surname') }}", "benefit_kind": "'housing'",
            "period_month": "paid_on::date", "paid_on": "paid_on::date", "amount_eur": "amount",
        },
        "person_record: {rank: 5}\n          benefit_payment: {}",
    ),
    "clinic/patient": _feed(
        "clinic/patient",
        [
            "{name: chart, logicalType: string, primaryKey: true, classification: internal}",
            f"{{name: number, logicalType: string, {PERSONAL}, {_NUMBER}}}",
            f"{{name: given, logicalType: string, {PERSONAL}}}",
            f"{{name: surname, logicalType: string, {PERSONAL}}}",
            f"{{name: symptom, logicalType: string, {PERSONAL}}}",
            f"{{name: weight, logicalType: integer, {PERSONAL}, logicalTypeOptions: {{minimum: 0}}}}",
        ],
        {},
        {
            "national_number": "{{ identifier('clinic', 'patient', 'number') }}", "given_name": "{{ person_name('given') }}",
            "surname": "{{ person_name('surname') }}",
        },
        "person_record: {rank: 8}",
    ),
}  # fmt: skip

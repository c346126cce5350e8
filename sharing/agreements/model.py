"""One version of an agreement as data classes, and what makes a text contradict itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from sharing.agreements.canonical import digest
from sharing.agreements.product import Product
from sharing.agreements.purposes import broader, narrower
from warehouse.home import PROJECT
from warehouse.yaml import Schema

SCHEMA_FILE = PROJECT / "agreements" / "agreement.schema.json"
_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}


@cache
def schema() -> Schema:
    """What the text of an agreement must hold, as it is published beside the agreements."""
    return Schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Pull:
    """What may be taken of one feed (`agency/feed`): these columns of its contract, from places that begin so (any where empty)."""

    feed: str
    columns: frozenset[str]
    sources: tuple[str, ...] = ()

    def allows_source(self, place: str) -> bool:
        """Whether a contract's place begins with one of the agreed ones; one that climbs out of its folder does not."""
        if not self.sources:
            return True
        is_within = any(place == source or place.startswith(f"{source.removesuffix('/')}/") for source in self.sources)
        return is_within and ".." not in PurePosixPath(place).parts


@dataclass(frozen=True)
class Agreement:
    """Who may share which columns of which feeds, why, and from when until when (both days included)."""

    id: str
    version: int
    previous: str | None
    title: str
    provider: str
    recipient: str
    others: tuple[str, ...]
    controllers: tuple[str, ...]
    law: str
    article: str
    purpose: str
    purpose_text: str
    onward_use: tuple[str, ...]
    pulls: tuple[Pull, ...]
    products: tuple[Product, ...]
    needs_consent: bool
    consent_manager: str | None
    consent_purposes: frozenset[str]
    valid_from: date
    valid_until: date
    review_on: date
    retention: str
    digest: str

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Agreement":
        """`data` fits the schema. Raises ValueError where a day is none of the calendar."""
        parties, purpose, basis = data["parties"], data["purpose"], data["legal_basis"]
        first, last, review = (date.fromisoformat(data[name]) for name in ("valid_from", "valid_until", "review_on"))
        return cls(
            id=data["id"], version=data["version"], previous=data.get("previous"), title=data["title"],
            provider=parties["provider"], recipient=parties["recipient"], others=tuple(parties.get("others", ())),
            controllers=tuple(data["controllers"]), law=basis["law"], article=basis["article"],
            purpose=purpose["term"], purpose_text=" ".join(purpose["text"].split()), onward_use=tuple(data.get("onward_use", ())),
            pulls=tuple(Pull(one["feed"], frozenset(one["columns"]), tuple(one.get("sources", ()))) for one in data.get("pull", ())),
            products=tuple(map(Product.of, data.get("products", ()))),
            needs_consent=data["consent"] == "required", consent_manager=data.get("consent_manager"),
            consent_purposes=frozenset(data.get("consent_purposes", ())), valid_from=first, valid_until=last, review_on=review,
            retention=data["retention"], digest=digest(data),
        )  # fmt: skip

    @property
    def parties(self) -> tuple[str, ...]:
        """Those who sign."""
        return (self.provider, self.recipient, *self.others)

    @property
    def feeds(self) -> tuple[str, ...]:
        return tuple(pull.feed for pull in self.pulls)

    def pull_of(self, feed: str) -> Pull | None:
        return next((pull for pull in self.pulls if pull.feed == feed), None)

    @property
    def purposes(self) -> frozenset[str]:
        """Every term that the data may serve: the purpose, what it may be used for besides, and what is narrower."""
        return narrower((self.purpose, *self.onward_use))

    @property
    def kept_for(self) -> timedelta:
        """The retention, with months of 30 and years of 365 days."""
        return timedelta(days=int(self.retention[1:-1]) * _DAYS[self.retention[-1]])

    def product_of(self, id_: str) -> Product | None:
        return next((product for product in self.products if product.id == id_), None)

    def is_in_date(self, on: date) -> bool:
        return self.valid_from <= on <= self.valid_until

    def contradictions(self) -> Iterator[str]:
        """Places of the text that do not go together, each with what to write."""
        if self.valid_until < self.valid_from:
            yield "valid_until: is before valid_from; write a later day"
        if not self.valid_from <= self.review_on <= self.valid_until:
            yield "review_on: is not between valid_from and valid_until; write a day between them"
        if len(set(self.parties)) < len(self.parties):
            yield "parties: one stands twice; an agreement is between parties that differ"
        for stranger in sorted(set(self.controllers) - set(self.parties)):
            yield f"controllers: {stranger} is none of the parties; name it there as well"
        if (self.version > 1) != (self.previous is not None):
            yield "previous: version 1 has none, every further one names the hash of the version before"
        for term in (self.purpose, *self.onward_use):
            if term not in broader():
                yield f"purpose: {term} is no purpose of the Data Privacy Vocabulary; such as dpv:ProvideOfficialStatistics"
        yield from self._of_products()
        yield from self._doubled()

    def _of_products(self) -> Iterator[str]:
        if self.needs_consent and self.products and self.consent_manager is None:
            yield "consent: is required, and nobody is named whose signature consents bear; write consent_manager"
        for product in self.products:
            yield from (f"products: {product.id}: {problem}" for problem in product.contradictions())

    def _doubled(self) -> Iterator[str]:
        for name, found in (("pull", self.feeds), ("products", tuple(product.id for product in self.products))):
            for item in sorted({item for item in found if found.count(item) > 1}):
                yield f"{name}: {item} stands twice; write it once, with all that is agreed"

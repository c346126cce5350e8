"""The register of agreements as pages that may be published: what is shared, with whom, why, by which law, and until when.

Nothing secret stands in it: no place that a contract names, no draft, no reason of a revocation, no path of this machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sharing.agreements.model import Agreement
from sharing.agreements.register import Register, Signed
from sharing.agreements.shown import signatures
from sharing.papers.facts import by_id
from sharing.papers.odrl import as_odrl
from sharing.papers.paper import write_json, write_page
from sharing.papers.words import link_of, purpose_iri, purpose_words, span_words, state_words


@dataclass(frozen=True)
class PartyShown:
    """`link` is None where the contact is none that a page may link to."""

    name: str
    role: str
    is_controller: bool
    contact: str
    link: str | None


@dataclass(frozen=True)
class Signature:
    """`key` is the thumbprint of the public key; `at` (UTC) and it are empty where the party has not signed."""

    party: str
    key: str
    at: str


@dataclass(frozen=True)
class ProductShown:
    name: str
    relation: str
    columns: tuple[str, ...]
    recipients: tuple[str, ...]
    rows: str


@dataclass(frozen=True)
class Entry:
    """An agreement as anybody may read it; `level` is how its state is coloured; purposes are words and the vocabulary's address."""

    agreement: Agreement
    state: str
    level: str
    parties: tuple[PartyShown, ...]
    purpose: tuple[str, str]
    onward_use: tuple[tuple[str, str], ...]
    retention: str
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    products: tuple[ProductShown, ...]
    signatures: tuple[Signature, ...]

    @property
    def count(self) -> int:
        return sum(len(names) for _, names in self.columns)


def write_register(folder: Path, register: Register, at: datetime) -> list[Path]:
    """A page for all, then one for each agreement with its policy in ODRL beside it. Returns their paths."""
    entries = [_entry(signed, register, at.date()) for signed in by_id(register)]
    said = {"at": at, "kind": "Register of agreements"}
    written = [write_page(folder / "index.html", "register", entries=entries, unreadable=len(register.broken), **said)]
    for entry in entries:
        name = entry.agreement.id
        written.append(write_page(folder / f"{name}.html", "agreement", entry=entry, **said))
        written.append(write_json(folder / f"{name}.odrl.jsonld", as_odrl(entry.agreement, register.parties)))
    return written


def _entry(signed: Signed, register: Register, today: date) -> Entry:
    one = signed.agreement
    names = {id_: party.name for id_, party in register.parties.items()}
    return Entry(
        one, state_words(signed, today), _level(signed, today), tuple(_parties(one, register)), _worded(one.purpose),
        tuple(map(_worded, one.onward_use)), span_words(one.retention), tuple((pull.feed, tuple(sorted(pull.columns))) for pull in one.pulls),
        tuple(
            ProductShown(
                product.id, product.relation, tuple(f"{name}: {said.words}" for name, said in product.columns.items()),
                tuple(names.get(id_, id_) for id_ in product.recipients), product.rows or "all",
            )
            for product in one.products
        ),
        tuple(Signature(names.get(party, party), key, at) for _, _, party, key, at in signatures(signed)),
    )  # fmt: skip


def _level(signed: Signed, today: date) -> str:
    if not signed.is_in_force(today):
        return "bad" if signed.unsigned or signed.revocation else "none"
    return "good" if signed.revocation is None else "warn"


def _parties(agreement: Agreement, register: Register) -> Iterator[PartyShown]:
    roles = [(agreement.provider, "provides"), (agreement.recipient, "receives")]
    for id_, role in [*roles, *((name, "signs besides") for name in agreement.others)]:
        known = register.parties.get(id_)
        contact = known.contact if known else ""
        name = known.name if known else id_
        yield PartyShown(name, role, id_ in agreement.controllers, contact.removeprefix("mailto:"), link_of(contact))


def _worded(term: str) -> tuple[str, str]:
    return purpose_words(term), purpose_iri(term)

"""Tables that several papers have: who is party, which columns, where they go, how many people, for how long."""

from collections.abc import Sequence

from sharing.agreements.model import Agreement
from sharing.papers.facts import Platform, Reached, held
from sharing.papers.paper import Table
from sharing.papers.words import purpose_iri, purpose_words, span_words
from sources.contract.model import CLASSIFICATIONS
from warehouse.numbers_for_people import NOTHING, counted, several


def parties(platform: Platform, agreement: Agreement) -> Table:
    roles = [("provides", agreement.provider), ("receives, runs the platform", agreement.recipient)]
    roles += [("signs besides", name) for name in agreement.others]
    rows = tuple(
        (platform.name_of(name), role, "yes" if name in agreement.controllers else "no", platform.contact_of(name).removeprefix("mailto:") or NOTHING)
        for role, name in roles
    )  # fmt: skip
    return Table("Parties", ("Party", "Role", "Controller", "Contact"), rows, long=("Contact",))


def purposes(agreement: Agreement) -> Table:
    rows = [("purpose", agreement.purpose)] + [("may also serve", term) for term in agreement.onward_use]
    return Table(
        "Purposes",
        ("Purpose", "Is", "Term of the Data Privacy Vocabulary"),
        tuple((purpose_words(term), kind, purpose_iri(term)) for kind, term in rows),
        long=("Term of the Data Privacy Vocabulary",),
    )


def personal_columns(platform: Platform, agreement: Agreement) -> Table:
    """Every column that a contract classifies as about people, also those that are not agreed on."""
    rows = tuple(
        (
            f"{one.feed}.{one.column.name}", one.column.classification, one.column.description or NOTHING,
            one.column.identifier_kind or NOTHING, "kept" if one.is_agreed else "not agreed on: nothing of it is kept",
        )
        for one in sorted(held(platform, agreement), key=lambda one: -CLASSIFICATIONS.index(one.column.classification))
        if one.column.is_masked
    )  # fmt: skip
    return Table("Personal data", ("Column", "Class", "What it says", "Identifier", "Here"), rows, long=("What it says",))  # fmt: skip


def other_columns(platform: Platform, agreement: Agreement) -> str:
    names = [
        f"{one.feed}.{one.column.name}"
        for one in held(platform, agreement)
        if one.is_agreed and not one.column.is_masked
    ]
    if not names:
        return "No other column is agreed on."
    return f"Besides, {several(len(names), 'column')} that contracts class as public or internal: {', '.join(names)}."


def feeds(platform: Platform, agreement: Agreement) -> Table:
    """How many records and people of the published night, where there is one with people in it."""
    rows = []
    for feed in agreement.feeds:
        contract, people = platform.contracts.get(feed), platform.people.get(feed)
        says = f"{contract.title}. {contract.description}".strip() if contract else "no contract of it is here"
        rows.append(
            (feed, says, counted(people.records if people else None), counted(people.persons if people else None))
        )
    return Table(
        "Feeds",
        ("Feed", "What its contract says", "Records about people", "People"),
        tuple(rows),
        ("Records about people", "People"),
        ("What its contract says",),
    )


def destinations(found: Sequence[Reached]) -> Table:
    rows = tuple(
        (one.relation, one.says or NOTHING, ", ".join(one.columns), ", ".join(one.joined_with) or "nobody else's", "all readers" if one.is_open else "restricted")
        for one in found
    )  # fmt: skip
    return Table(
        "Where it goes",
        ("Relation", "What it holds", "Columns made of it", "Together with", "Who may see it"),
        rows,
        long=("What it holds",),
    )


def products(platform: Platform, agreement: Agreement) -> Table:
    rows = tuple(
        (
            product.id, product.relation, ", ".join(f"{name} ({said.words})" for name, said in product.columns.items()),
            product.rows or "all rows", ", ".join(map(platform.name_of, product.recipients)),
        )
        for product in agreement.products
    )  # fmt: skip
    return Table(
        "Products that may be released",
        ("Product", "Of", "Columns, and what is done to them", "Rows", "Recipients"),
        rows,
        long=("Columns, and what is done to them",),
    )


def erasure(platform: Platform, agreement: Agreement) -> Table:
    rows = []
    for feed in agreement.feeds:
        contract = platform.contracts.get(feed)
        originals = several(contract.service_level.retention.days, "day") if contract else NOTHING
        rows.append((feed, originals, span_words(agreement.retention), str(agreement.valid_until)))
    return Table(
        "Time limits",
        ("Feed", "Originals are deleted after", "Once it has ended, the rest after", "The agreement ends on"),
        tuple(rows),
    )

"""What is wrong with agreements, or soon will be: texts, signatures, columns that contracts do not know, agreements that differ."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import sqlglot
from sqlglot import exp

from sharing.agreements.errors import AgreementError
from sharing.agreements.model import Agreement
from sharing.agreements.register import DRAFTS, Register, agreement_folders, read_text
from sources.contract.model import Contract

# A condition on rows is made of these alone: it reads the row's own columns, and does nothing.
_HARMLESS = (
    exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is,
    exp.Like, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Cast, exp.DataType, exp.Tuple,
)  # fmt: skip


def faults(register: Register, contracts: Sequence[Contract]) -> Iterator[str]:
    """What keeps an agreement from meaning what it says."""
    yield from (broken.why for broken in register.broken)
    for gone in register.missing:
        yield f"{gone} was in force here and is not there any more; put it back, or have a party revoke it"
    for path in drafts():
        try:
            read_text(path)
        except AgreementError as error:
            yield str(error)
    known = {contract.name: contract for contract in contracts}
    for signed in register.agreements:
        if signed.unsigned:
            yield f"{signed.path}: {signed.refusal(signed.agreement.valid_from)}"
        yield from (f"{signed.path}: {fault}" for fault in _against_contracts(signed.agreement, known))
        yield from (f"{signed.path}: {fault}" for fault in _conditions(signed.agreement))


def warnings(register: Register, contracts: Sequence[Contract], today: date) -> Iterator[str]:
    """What holds, and ought to be looked at: what is over or to be reviewed, columns left out, agreements on the same data."""
    for signed in register.agreements:
        one = signed.agreement
        if one.valid_until < today:
            yield f"{one.id} ended on {one.valid_until}"
        elif one.review_on < today:
            yield f"{one.id} was to be reviewed on {one.review_on}"
        if one.version > 1 and not (signed.path.parent / "before" / f"{one.id}.v{one.version - 1}.yaml").exists():
            yield f"{one.id} version {one.version} follows a text that is not kept in before/"
    yield from _conflicts(register, today)
    for contract in contracts:
        yield from _not_covered(register, contract, today)


def drafts() -> list[Path]:
    """Texts that are not signed by all yet."""
    return sorted(path for folder in agreement_folders() for path in (folder / DRAFTS).glob("*.yaml"))


def _against_contracts(agreement: Agreement, known: dict[str, Contract]) -> Iterator[str]:
    for pull in agreement.pulls:
        contract = known.get(pull.feed)
        if contract is None:
            continue
        columns = {column.name for column in contract.columns}
        for name in sorted(pull.columns - columns):
            yield f"pull: {pull.feed} has no column {name}; where it was renamed, agree on its new name by a further version"
        for name in sorted(set(contract.known_by) - pull.columns):
            yield f"pull: {pull.feed} is not pulled without {name}, by which its rows are known; agree on it by a further version"


def _conditions(agreement: Agreement) -> Iterator[str]:
    for product in agreement.products:
        if product.rows is not None and not is_harmless(product.rows):
            yield (
                f"products: {product.id}: rows: is not a condition on columns of {product.relation} alone; write comparisons, "
                "AND, OR, NOT, IN, LIKE and BETWEEN"
            )


def is_harmless(condition: str) -> bool:
    """Whether it is one condition on a row's own columns: no function, no query, nothing that does something."""
    try:
        found = sqlglot.parse(condition, dialect="duckdb")
    except sqlglot.errors.SqlglotError:
        return False
    return len(found) == 1 and found[0] is not None and all(isinstance(node, _HARMLESS) for node in found[0].walk())


def _conflicts(register: Register, today: date) -> Iterator[str]:
    feeds = sorted({feed for signed in register.agreements for feed in signed.agreement.feeds})
    for feed in feeds:
        speaking = sorted(register.in_force(feed, today), key=lambda one: one.id)
        for place, one in enumerate(speaking):
            for other in speaking[place + 1 :]:
                yield from _differences(feed, one, other)


def _differences(feed: str, one: Agreement, other: Agreement) -> Iterator[str]:
    pulls = one.pull_of(feed), other.pull_of(feed)
    both = sorted(pulls[0].columns & pulls[1].columns) if pulls[0] and pulls[1] else []
    if not both:
        return
    on = f"{one.id} and {other.id} both cover {', '.join(both)} of {feed}"
    if one.purposes != other.purposes:
        common = one.purposes & other.purposes
        yield f"{on}, for purposes that differ; only {_listed(common)} holds"
    if one.kept_for != other.kept_for:
        yield f"{on}, kept for {one.retention} and {other.retention}; the shorter holds"


def _listed(purposes: frozenset[str]) -> str:
    return ", ".join(sorted(purposes)) or "none"


def _not_covered(register: Register, contract: Contract, today: date) -> Iterator[str]:
    covered = {
        name
        for one in register.in_force(contract.name, today)
        for pull in one.pulls
        if pull.feed == contract.name
        for name in pull.columns
    }
    left = [column.name for column in contract.columns if column.name not in covered]
    if covered and left:
        yield f"{contract.name}: no agreement covers {', '.join(left)}; nothing of them is kept"

"""An agreement in words: its clauses, and who signed it with which key and when."""

from collections.abc import Iterator
from datetime import date

from sharing.agreements.register import Signed, read_signatures
from sharing.agreements.signature import signer


def lines(signed: Signed, today: date) -> Iterator[str]:
    one = signed.agreement
    yield f"{one.title} ({one.id}, version {one.version}): {signed.refusal(today) or 'in force'}"
    yield f"between {one.provider} (provides) and {', '.join((one.recipient, *one.others))} (receives)"
    yield f"controllers: {', '.join(one.controllers)}"
    yield f"legal basis: {one.law}, {one.article}"
    yield f"purpose: {one.purpose}: {one.purpose_text}"
    yield f"also for: {', '.join(one.onward_use) or 'nothing else'}"
    yield f"consent of each person: {'required' if one.needs_consent else 'not needed'}"
    yield f"from {one.valid_from} until {one.valid_until}, to be reviewed on {one.review_on}; rows are kept for {one.retention}"
    for pull in one.pulls:
        yield f"pull {pull.feed}: {', '.join(sorted(pull.columns))}"
    for product in one.products:
        yield f"product {product.id}: {product.relation} for {', '.join(product.recipients)}"
    for _, _, party, key, at in signatures(signed):
        yield f"signed by {party} with key {key} at {at}" if key else f"NOT signed by {party}"
    yield f"hash {one.digest}"


def signatures(signed: Signed) -> list[list[str]]:
    """A row for each party: agreement, version, party, key, when (UTC); the last two empty where it has not signed."""
    given, one = read_signatures(signed.path), signed.agreement
    rows = []
    for party in one.parties:
        by = signer(given[party]) if party in given else None
        rows.append([one.id, str(one.version), party, by.key if by else "", f"{by.at:%Y-%m-%d %H:%M}" if by else ""])
    return rows

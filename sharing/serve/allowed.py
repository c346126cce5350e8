"""Whether a release may be read by whoever asks, now. The one place that decides it; what else may forbid it is asked here too."""

from datetime import date

from sharing.agreements.product import Product
from sharing.release.kept import Release
from sharing.serve.door import Asker
from sharing.serve.today import Today
from sharing.serve.tokens import SERVED


def served_products(asker: Asker) -> list[Product]:
    """Those that the agreement gives this recipient by the server, in the order of the agreement."""
    return [
        product
        for product in asker.agreement.products
        if product.destination.by == SERVED and asker.recipient in product.recipients
    ]


def why_not(release: Release, product: Product, asker: Asker, today: Today) -> str | None:
    """In words for the operator's log; None where it may be read."""
    said = release.manifest
    if (said.agreement, said.product, said.recipient) != (asker.agreement.id, product.id, asker.recipient):
        return "it is not the recipient's"
    if said.agreement_digest != asker.agreement.digest:
        return "it was made under another version of the agreement"
    if release.is_withdrawn:
        return "it was withdrawn"
    if date.fromisoformat(said.expires) < asker.covered.on:
        return f"the recipient may use it until {said.expires}"
    if said.consents is not None and not today.consents_hold(said):
        return "a consent that it rests on was paused, revoked or is over; release it again"
    if not release.is_delivered or (product.needs_approval and not release.is_approved):
        return "it was not handed over"
    return today.refusal(asker.covered, asker.agreement, product)

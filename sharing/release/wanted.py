"""What is to be released: one product of an agreement for one of its recipients, of one night."""

from dataclasses import dataclass

from sharing.agreements.model import Agreement
from sharing.agreements.parties import Party
from sharing.agreements.product import Product
from warehouse.store.published_nights import Night


@dataclass(frozen=True)
class Wanted:
    """One release; `name` is the same however often it is made."""

    agreement: Agreement
    product: Product
    recipient: Party
    night: Night

    @property
    def name(self) -> str:
        return f"{self.agreement.id}/{self.product.id}/{self.recipient.id}/{self.night.extract_date}"

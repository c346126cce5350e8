"""The country's municipalities, streets and addresses. The country is invented; its streets have Finnish names."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.population.identifiers import text
from simulation.random_numbers import Integers, generator

# The first is the capital; the sizes fall as those of real towns do.
MUNICIPALITIES = (
    "Aldermere", "Brennholm", "Carrowby", "Dalsund", "Eskerfoss", "Fjordwick", "Grauholt", "Høyvik", "Isenmark", "Järvalinn",
    "Kõrgesaare", "Lindmoor", "Mõisaküla", "Nordhaven", "Ostermark", "Põlvere", "Quernby", "Rävala", "Süderland", "Tornevik",
    "Uusmaa", "Västerby", "Wendlau", "Ytterö",
)  # fmt: skip
# Of which countries people are citizens, as agencies write them: ISO 3166-1 in three letters, and a name. Most are of the first.
COUNTRIES = {
    "EST": "Estonia", "LVA": "Latvia", "FIN": "Finland", "RUS": "Russian Federation", "UKR": "Ukraine",
    "DEU": "Germany", "TUR": "Türkiye", "IND": "India", "CIV": "Côte d'Ivoire", "VNM": "Viet Nam",
    "GBR": "United Kingdom", "NAM": "Namibia",
}  # fmt: skip
_LOCALITIES = ("", "East", "West", "Harbour", "Hills")
_STREETS_EACH = 60
_TOWN_EXPONENT = 0.75


def municipality_codes() -> pa.Array:
    return text(np.arange(len(MUNICIPALITIES)) * 7 + 101, 4)


def towns() -> pa.Array:
    """Towns by number: those of a municipality stand one after the other."""
    return pa.array([f"{name} {part}".strip() for name in MUNICIPALITIES for part in _LOCALITIES])


def _street_names() -> pa.Array:
    lists = import_module("faker.providers.address.fi_FI").Provider
    return pa.array([prefix + suffix for prefix in lists.street_prefixes for suffix in lists.street_suffixes])


@dataclass(frozen=True)
class Addresses:
    """Every home and place of business, by number. `town` counts over all municipalities; `flat` is 0 for a house."""

    municipality: Integers
    town: Integers
    street: Integers
    house: Integers
    flat: Integers

    def __len__(self) -> int:
        return len(self.town)

    def columns(self, rows: Integers) -> dict[str, pa.Array]:
        """street, house_number (`12` or `12-4`), town, postcode, municipality_code of the addresses; null for a negative number."""
        known = rows >= 0
        at = np.where(known, rows, 0)
        flat = self.flat[at]
        house = text(self.house[at], 1)
        with_flat = pc.binary_join_element_wise(house, text(flat, 1), "-")
        number = pc.if_else(pa.array(flat > 0), with_flat, house)
        postcode = 10_000 + self.town[at] * 100 + self.street[at] % 20
        found = {
            "street": _street_names().take(pa.array(self.street[at])),
            "house_number": number,
            "town": towns().take(pa.array(self.town[at])),
            "postcode": text(postcode, 5),
            "municipality_code": municipality_codes().take(pa.array(self.municipality[at])),
        }
        return {name: pc.if_else(pa.array(known), values, None) for name, values in found.items()}


def make_addresses(count: int, seed: int) -> Addresses:
    chance = generator(seed, "addresses")
    weights = 1.0 / np.arange(1, len(MUNICIPALITIES) + 1) ** _TOWN_EXPONENT
    municipality = chance.choice(len(MUNICIPALITIES), count, p=weights / weights.sum())
    town = municipality * len(_LOCALITIES) + chance.integers(0, len(_LOCALITIES), count)
    # A town has its own streets out of the shared list of names; many names occur in several towns, as in life.
    street = (town * 37 + (chance.beta(1.0, 2.5, count) * _STREETS_EACH).astype(np.int64) * 11) % len(_street_names())
    house = 1 + (chance.beta(1.0, 3.0, count) * 120).astype(np.int64)
    flat = np.where(chance.random(count) < 0.55, 1 + (chance.beta(1.0, 2.0, count) * 60).astype(np.int64), 0)
    return Addresses(municipality, town, street, house, flat)

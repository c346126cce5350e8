"""Write country_spelling.csv: the codes of ISO 3166-1 (from the PyPI package pycountry) and the names of CLDR (from babel).

Run by hand when the standard moves on: python dbt_project/seeds/code_lists/make_country_spelling.py
"""

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pycountry
from babel import Locale

SEED = Path(__file__).with_name("country_spelling.csv")
# The languages of the European Union, and the most spoken others.
LANGUAGES = (
    "en", "bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "ga", "hr", "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro",
    "sk", "sl", "sv", "ar", "bn", "fa", "he", "hi", "id", "is", "ja", "ko", "nb", "ru", "sq", "sr", "sw", "th", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
# As the macro country_key: what agencies leave out of a name or write differently.
KEY = "trim(regexp_replace(upper(strip_accents(?)), '[^\\pL\\pN]+', ' ', 'g'))"


def names() -> Iterator[tuple[str, str]]:
    for each in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            if hasattr(each, kind):
                yield getattr(each, kind), each.alpha_2
        for language in LANGUAGES:
            yield Locale.parse(language).territories.get(each.alpha_2, each.name), each.alpha_2


def spellings() -> list[tuple[str, str]]:
    """Every code, and every name that is one country's alone."""
    codes = ("alpha_2", "alpha_3", "numeric")
    known = {getattr(each, kind): each.alpha_2 for each in pycountry.countries for kind in codes}
    meant: dict[str, set[str]] = defaultdict(set)
    with duckdb.connect() as connection:
        for name, code in names():
            key = connection.execute(f"SELECT {KEY}", [name]).fetchone()
            meant[str(key[0]) if key else ""].add(code)
    return sorted({**{key: one.pop() for key, one in meant.items() if len(one) == 1}, **known}.items())


if __name__ == "__main__":
    with SEED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("spelling", "country_code"))
        writer.writerows(spellings())

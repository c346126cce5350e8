"""What tells who somebody of the simulated country is: identifiers, accounts, names, addresses and days of birth, looked for in texts."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

# What stands between the parts of a name or an address in any file that holds both, with a field or two between them.
_NEAR = 60
_WORD = re.compile(r"[^\W_]+")
# As people group them.
_NUMBER = re.compile(r"(?:\b[A-Za-z]{2})?\d(?:[ ./-]?\d){7,}")
_DAY = re.compile(r"\b(1[89]\d\d|20[0-2]\d)-?([01]\d)-?([0-3]\d)\b")


@dataclass(frozen=True)
class Planted:
    """`numbers` are identifiers and accounts; pairs are of words that together name somebody or where somebody lives."""

    numbers: frozenset[str]
    names: frozenset[tuple[str, str]]
    addresses: frozenset[tuple[str, str]]
    days: frozenset[str]

    @classmethod
    def of(cls, truth: Path) -> "Planted":
        with duckdb.connect() as connection:

            def pairs(sql: str, shortest: tuple[int, int]) -> frozenset[tuple[str, str]]:
                found = connection.execute(sql.format(truth=truth)).fetchall()
                words = {(_first(one), _first(other)) for one, other in found if one and other}
                # Shorter ones stand in any noise, and in a list of words each word is beside itself.
                return frozenset(
                    (one, other)
                    for one, other in words
                    if len(one) >= shortest[0] and len(other) >= shortest[1] and one != other
                )

            numbers = connection.execute(f"""
                SELECT unnest([national_number, health_number, resident_number, tax_number, iban])
                FROM '{truth}/person.parquet'
            """).fetchall()  # fmt: skip
            days = connection.execute(f"SELECT DISTINCT birth_date FROM '{truth}/person.parquet'").fetchall()
            return cls(
                frozenset(str(number) for (number,) in numbers if number),
                pairs(
                    """
                    SELECT DISTINCT given_name, surname FROM '{truth}/person.parquet'
                    UNION SELECT latin_given_name, latin_surname FROM '{truth}/person.parquet'""",
                    (3, 3),
                ),
                pairs("SELECT DISTINCT street, house_number FROM '{truth}/address.parquet'", (6, 1)),
                frozenset(f"{day:%Y%m%d}" for (day,) in days if day),
            )

    def found(self, text: str) -> set[tuple[str, ...]]:
        """What of it stands in a text."""
        words = [(match[0].casefold(), match.start()) for match in _WORD.finditer(text)]
        numbers = self.numbers & ({word.upper() for word, _ in words} | _grouped(text))
        days = self.days & {"".join(match.groups()) for match in _DAY.finditer(text)}
        return {(item,) for item in numbers | days} | _near(words, self.names) | _near(words, self.addresses)

    def without(self, said: set[tuple[str, ...]]) -> "Planted":
        """What the project itself says somewhere, in an example of a model or in a list of countries, tells nothing of anybody."""
        single = {item[0] for item in said if len(item) == 1}
        return Planted(
            self.numbers - single,
            frozenset(pair for pair in self.names if pair not in said),
            frozenset(pair for pair in self.addresses if pair not in said),
            self.days - single,
        )


def _near(words: list[tuple[str, int]], pairs: frozenset[tuple[str, str]]) -> set[tuple[str, ...]]:
    """Those of the pairs whose words stand beside each other, in any order."""
    known = {word for pair in pairs for word in pair}
    told = [(word, at) for word, at in words if word in known]
    found: set[tuple[str, ...]] = set()
    for place, (one, at) in enumerate(told):
        for other, there in told[place + 1 : place + 8]:
            if there - at > _NEAR:
                break
            found |= {(one, other), (other, one)} & pairs
    return found


def _grouped(text: str) -> set[str]:
    return {re.sub("[^0-9A-Z]", "", found.upper()) for found in _NUMBER.findall(text)}


def _first(text: str) -> str:
    """The first word, or all of a number of a house."""
    return (_WORD.findall(text.casefold()) or [""])[0]

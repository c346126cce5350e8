"""What all attacks stand on: the release, the people in it and the others, and how the three are asked in SQL."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from sharing.disclosure.attack.gain import Tries
from sharing.disclosure.attack.settings import AttackSettings
from sharing.disclosure.relation import Column, DisclosureError, Relation, columns_of, fetched, from_clause
from warehouse.engines.duckdb.engine import quoted


@dataclass(frozen=True)
class Field:
    """`members` and `others` stand after FROM and have the columns of the original; `shown` are the columns of the release that the
    original has, too, by name.
    """

    connection: duckdb.DuckDBPyConnection
    released: Relation
    original: Relation
    settings: AttackSettings
    shown: dict[str, Column]

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, released: Relation, original: Relation, settings: AttackSettings
    ) -> "Field":
        there, before = columns_of(connection, released), columns_of(connection, original)
        if missing := [
            name for name in (*settings.known, *settings.protected, *settings.compared) if name not in there
        ]:
            raise DisclosureError(
                f"{released} has no column {', '.join(missing)}: an attack is on columns of the release."
            )
        if lacking := sorted({*before} - {*columns_of(connection, settings.control)}):
            raise DisclosureError(
                f"{settings.control} lacks {', '.join(lacking)} of {original}: it is its control group."
            )
        shown = {name: column for name, column in there.items() if name in before or name in settings.as_released}
        return cls(connection, released, original, settings, shown)

    @property
    def released_from(self) -> str:
        return from_clause(self.released)

    @property
    def members(self) -> str:
        return from_clause(self.original)

    @property
    def others(self) -> str:
        return from_clause(self.settings.control)

    def seen(self, people: str, names: Iterable[str], key: str | None = None) -> str:
        """People (what stands after FROM) as the release would show them: these columns, and a key as it is."""
        columns = [f"CAST({self._treated(name)} AS {self.shown[name].type}) AS {quoted(name)}" for name in names]
        return f"(SELECT {', '.join([*columns, *([f'{quoted(key)} AS person_key'] if key else [])])} FROM {people})"

    def _treated(self, name: str) -> str:
        return self.settings.as_released.get(name, quoted(name))

    def tries(self, statement: str) -> Tries:
        """Of a statement that gives attempts and successes."""
        ((attempts, successes),) = fetched(self.connection, statement, self.released)
        # Who found nothing to guess by has failed as often as he was to try.
        return Tries(int(attempts) or self.settings.attempts, int(successes or 0))

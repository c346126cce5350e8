"""What linkage leaves in a build for others to read: each table with its columns, their types, and what they say."""

from dataclasses import dataclass

import duckdb

from linkage.prepare import steps
from warehouse.engines.duckdb.engine import comment_on

_ENTITY = "VARCHAR", "person or body."
_SOURCE = "VARCHAR", "The feed that sent the record, agency/feed."
_SOURCE_KEY = "VARCHAR", "Which record of the feed it is, as in the marts."


@dataclass(frozen=True)
class Table:
    """`columns` are type and comment by name."""

    name: str
    says: str
    columns: dict[str, tuple[str, str]]

    def make(self, connection: duckdb.DuckDBPyConnection, schema: str) -> None:
        """Empty, in the schema, an SQL name."""
        place = f"{schema}.{self.name}"
        listed = ", ".join(f"{name} {kind}" for name, (kind, _) in self.columns.items())
        connection.execute(f"CREATE OR REPLACE TABLE {place} ({listed})")
        comment_on(connection, place, self.says, {name: says for name, (_, says) in self.columns.items()})


def link_table(entity: str, what: str) -> Table:
    return Table(
        f"{entity}_link",
        f"One row per record about a {what}: which {entity}_id it is of, how sure that is, and on what grounds.",
        {
            "source": _SOURCE,
            "source_key": _SOURCE_KEY,
            f"{entity}_id": ("VARCHAR", f"The {what}: made at random, the same from night to night."),
            "match_probability": ("DOUBLE", "How sure the link is, 0 to 1; 1 where a record stands alone or shares an identifier."),
            "match_basis": ("VARCHAR", "What the link rests on, such as an identifier, or names and day of birth."),
        },
    )  # fmt: skip


LINKS: tuple[Table, ...] = (link_table("person", "person"), link_table("body", "business or authority"))
OTHERS: tuple[Table, ...] = (
    Table(
        "entity_change",
        "What became of ids: new, merge, split, gone, with the night and the number of records that moved.",
        {
            "entity": _ENTITY,
            "night": ("DATE", "The night on which it happened."),
            "change": ("VARCHAR", "new, merge, split or gone."),
            "from_id": ("VARCHAR", "The id that records had before; null where none of them was known."),
            "to_id": ("VARCHAR", "The id that they have since; null where none of them came."),
            "records": ("BIGINT", "How many records went that way."),
        },
    ),
    Table(
        "large_block",
        "Values that so many records share that comparing them all would not end: how they were handled. No values.",
        {
            "entity": _ENTITY,
            "rule": ("VARCHAR", "The rule that would compare them, by the columns that have to be equal."),
            "value_count": ("BIGINT", "How many values so many records share."),
            "pairs": ("BIGINT", "How many pairs of records these would have made."),
            "handled": ("VARCHAR", "What was done instead."),
        },
    ),
    Table(
        "conflict",
        "Identifiers that one record has and others have with better reason. A lead, never a finding.",
        {
            "entity": _ENTITY,
            "source": _SOURCE,
            "source_key": _SOURCE_KEY,
            "identifier": ("VARCHAR", "The kind of the identifier; never its value."),
            "conflict": ("VARCHAR", "What does not fit."),
        },
    ),
)
_QUEUE_SAYS = {
    "entity": _ENTITY[1],
    "pair_id": "Short name of the pair, the same each night; `interagency linkage review` takes it.",
    "one_source": _SOURCE[1],
    "one_source_key": "The one record.",
    "other_source": _SOURCE[1],
    "other_source_key": "The other record.",
    "match_weight": "How much the two agree, in bits; 0 is as likely one person as two.",
    "reason": "Why nobody but a person can decide.",
    "fields": "Each field of both records side by side, and how much it speaks for or against.",
}
# In the restricted database: it shows the values of both records.
REVIEW_QUEUE = Table(
    "review_queue",
    "Pairs of records that a person has to decide.",
    {name: (kind, _QUEUE_SAYS[name]) for name, kind in steps.QUEUE.columns.items()},
)

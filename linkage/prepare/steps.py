"""The tables that linkage makes on its way, in the order in which they are made: what they hold, and what a row is.

Where the entity's declaration says which columns there are, a step is a function of it.
"""

from dataclasses import dataclass

from linkage.declare.entity import Entity, common

# A type that is as the entity's declaration has it.
ANY = "ANY"
# Two values of a pair beside each other, and what their agreement is worth in bits.
FIELD = "STRUCT(field VARCHAR, one VARCHAR, other VARCHAR, agreement VARCHAR, weight DOUBLE)"


@dataclass(frozen=True)
class Step:
    """A table of the scratch database: its columns, in their order and with their types, and what a `row` is."""

    name: str
    row: str
    columns: dict[str, str]


def _any(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, ANY)


_RECORD = {"source": "VARCHAR", "source_key": "VARCHAR"}
_RECORDS = dict.fromkeys(("one_source", "one_source_key", "other_source", "other_source_key"), "VARCHAR")
_PAIR = {"one": "INTEGER", "other": "INTEGER"}


# From records to profiles. A profile's number `n` counts from 0; `example` is the rowid of one of its records.


def record(entity: Entity) -> Step:
    return Step("record", "a record of an input", _RECORD | _any(*entity.columns))


KEYED = Step("keyed", "a record, with a hash of all it says", {"row": "BIGINT", **_RECORD, "said_key": "UBIGINT"})
SAID = Step("said", "what one or more records say", {"said_key": "UBIGINT", "example": "BIGINT"})


def derived(entity: Entity) -> Step:
    columns = {"example": "BIGINT"} | _any(*entity.columns, *entity.derived)
    return Step("derived", "an example, with all that is derived of it", columns)


def block_mark(number: int) -> str:
    return f"block_{number}"


def value_mark(name: str) -> str:
    return f"value_{name}"


def _marks(entity: Entity) -> dict[str, str]:
    blocks = [block_mark(number) for number in range(1, len(entity.blocking) + 1)]
    return dict.fromkeys([*blocks, *(value_mark(name) for name in entity.term_frequencies)], "UBIGINT")


def mark(entity: Entity) -> Step:
    """A mark is a hash: by blocking rule of its columns, by column whose frequencies count of its value."""
    columns = {"said_key": "UBIGINT", "is_telling": "BOOLEAN", **_marks(entity)}
    return Step("mark", "what is said, whether it tells enough to be one profile, and its marks", columns)


UNMARKED = Step("unmarked", "what is said and has no marks yet", SAID.columns)
KEYED_PROFILE = Step(
    "keyed_profile",
    "a record, with the hash of its profile",
    {**_RECORD, "said_key": "UBIGINT", "profile_key": "UBIGINT"},
)


def profile(entity: Entity) -> Step:
    own = {"n": "INTEGER", "profile_key": "UBIGINT", "records": "BIGINT", "example": "BIGINT"}
    columns = {**own, **_marks(entity), **_any(*entity.identifiers)}
    return Step("profile", "records that say the same, and how many they are", columns)


RECORD_PROFILE = Step("record_profile", "a record, and the number of its profile", {**_RECORD, "n": "INTEGER"})


def common_words(name: str) -> Step:
    return Step(common(name), "the one list of words that many profiles have in a column", _any("words"))


def _described(entity: Entity, name: str, row: str, of: Step) -> Step:
    """Personal, and only there as long as it is needed."""
    words = (common(column) for column in entity.common_words)
    more = [column for column in entity.columns if column not in entity.identifiers]
    return Step(name, row, of.columns | _any(*more, *entity.derived, *words))


# From profiles to kernels: profiles that valid identifiers prove to be one. A kernel is called by one of its profiles.

LARGE_BLOCK = Step(
    "large_block",
    "a key that too many profiles share, without its value, and how it was handled",
    {"rule": "VARCHAR", "value_count": "BIGINT", "pairs": "BIGINT", "handled": "VARCHAR"},
)
CONFLICT = Step(
    "conflict",
    "a profile's number that others have with better reason (disputed, cut) or too many have, without its value",
    {"n": "INTEGER", "identifier": "VARCHAR", "conflict": "VARCHAR"},
)
PLACEHOLDER = Step("placeholder", "a number that identifies nobody", _any("value") | {"profiles": "BIGINT"})
SHARED = Step("shared", "two profiles, and how many numbers they share", {**_PAIR, "numbers": "BIGINT"})


def sharing(entity: Entity) -> Step:
    return _described(entity, "sharing", "a profile that shares a number, described", profile(entity))


KERNEL_OF = Step(
    "kernel_of", "a profile, and the one that its kernel is called by", {"n": "INTEGER", "kernel": "INTEGER"}
)
CUT = Step("cut", "a profile that is held apart from others with its number", {"n": "INTEGER"})


def owner(name: str) -> Step:
    columns = {"kernel": "INTEGER"} | _any("value")
    return Step(f"owner_{name}", "a number, and the kernel that has it with the best reason", columns)


def kernel(entity: Entity) -> Step:
    columns = KERNEL_OF.columns | _any(*(f"id_{name}" for name in entity.authoritative))
    return Step("kernel", "a profile, its kernel, and the numbers of that which nobody disputes", columns)


# From kernels to pairs that may be one.


def node(entity: Entity) -> Step:
    own = {"node_key": "UBIGINT", "is_new": "BOOLEAN"}
    columns = profile(entity).columns | kernel(entity).columns | own
    return Step("node", "a profile with its kernel, and whether the night before did not know it so", columns)


LARGE_KEY = Step("large_key", "a key that too many nodes share", {"key": "UBIGINT", "n": "BIGINT"})


def crowded(entity: Entity) -> Step:
    return _described(entity, "crowded", "a node with a large key, described", node(entity))


NARROW_KEY = Step("narrow_key", "a node, and a key that fewer share", {"n": "INTEGER", "key": "UBIGINT"})
PAIR = Step("pair", "two profiles, and the bits for their being one", {**_PAIR, "match_weight": "DOUBLE"})


def compared(entity: Entity) -> Step:
    return _described(entity, "compared", "a node that is compared tonight, described", node(entity))


def sampled_node(entity: Entity) -> Step:
    return Step("sampled_node", "a node of those whose pairs are taken for random ones", compared(entity).columns)


def training_node(entity: Entity) -> Step:
    return Step("training_node", "a node that shares are learnt of, described", compared(entity).columns)


def term_frequency(name: str) -> Step:
    columns = _any(name) | {f"tf_{name}": "DOUBLE"}
    return Step(f"tf_{name}", "a value of a column, and how often it occurs among all nodes", columns)


# From pairs to entities: kernels that are one. An entity is called by one of its kernels.

KERNEL_PAIR = Step(
    "kernel_pair",
    "two kernels, and the best pair of their profiles",
    {**_PAIR, "match_weight": "DOUBLE", "best_one": "INTEGER", "best_other": "INTEGER"},
)


def head(entity: Entity) -> Step:
    return Step("head", "the node that a kernel is called by", node(entity).columns)


ENTITY_OF = Step("entity_of", "a kernel, and its entity", {"kernel": "INTEGER", "entity": "INTEGER"})
REFUSED = Step("refused", "two kernels that were likely enough and yet not made one", _PAIR)
REVIEW_PAIR = Step(
    "review_pair",
    "two profiles that a steward is asked about",
    {**_PAIR, "match_weight": "DOUBLE", "reason": "VARCHAR"},
)
RESOLVED = Step(
    "resolved",
    "a record, its entity, how sure that is, and on what grounds",
    {**_RECORD, "entity": "INTEGER", "match_probability": "DOUBLE", "match_basis": "VARCHAR"},
)

# From entities to ids that stay.

PAST_ID = Step(
    "past_id",
    "a record that was known before tonight, with its id",
    {**_RECORD, "entity_id": "VARCHAR", "last_seen": "DATE"},
)
OWN_ID = Step("own_id", "a record with the id that this night gave it when it was run first", PAST_ID.columns)
HELD = Step(
    "held", "a record of tonight, with both ids", {**_RECORD, "entity": "INTEGER", "past": "VARCHAR", "own": "VARCHAR"}
)
LOST = Step("lost", "a record that was known and did not come tonight", PAST_ID.columns)
SHARED_ID = Step("shared_id", "an id that several entities may claim", {"entity_id": "VARCHAR"})
UNSETTLED = Step("unsettled", "a record of an entity whose id has to be thought about", HELD.columns)
MOVED = Step(
    "moved",
    "an unsettled entity, and how many of its records had an id, with the least of them",
    {"entity": "INTEGER", "old_id": "VARCHAR", "records": "BIGINT", "least": "VARCHAR"},
)
KEPT = Step("kept", "an unsettled entity that keeps an id", {"entity": "INTEGER", "old_id": "VARCHAR"})
IDENTIFIED = Step("identified", "an entity, and its id", {"entity": "INTEGER", "entity_id": "VARCHAR"})
CHANGE = Step(
    "change",
    "what became of an id, and of how many records",
    {"change": "VARCHAR", "from_id": "VARCHAR", "to_id": "VARCHAR", "records": "BIGINT"},
)

# For people: the steward's queue, and one pair explained.


def doubtful(entity: Entity) -> Step:
    return _described(entity, "doubtful", "a node of a pair in doubt, described", node(entity))


QUEUE = Step(
    "queue",
    "a pair in doubt that no steward decided on, by one record of either side",
    {
        "entity": "VARCHAR",
        "pair_id": "VARCHAR",
        **_RECORDS,
        "match_weight": "DOUBLE",
        "reason": "VARCHAR",
        "fields": f"{FIELD}[]",
    },
)


def explained(entity: Entity) -> Step:
    return _described(entity, "explained", "any profile, described", profile(entity))

"""What is declared about an entity: `person.yaml`, `body.yaml`, or a file of one's own, read and checked."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.yaml import FileError, load_file

_HERE = Path(__file__).parent
SIDES = re.compile(r"\b([lr])\.(\w+)")
_KEYS = frozenset({
    "entity", "id_prefix", "columns", "derived", "common_words", "identifiers", "authoritative", "corroborated_by", "largest_identifier_group",
    "blocking", "largest_block", "comparisons", "training", "likely_match", "likely_match_recall", "sampled_pairs", "match_weight",
    "review_weight", "margin",
})  # fmt: skip


class LinkageConfigError(Exception):
    """A declaration that cannot be used; the message names the file and the place in it."""


@dataclass(frozen=True)
class Level:
    """One answer of a comparison: columns that are `equal`, columns that are `similar` at least to a share, SQL over `l.column`
    and `r.column`; all that is said must hold. `linkage.compare.conditions` makes SQL of it.

    `m` is the share of true pairs that give this answer, `u` the share of pairs of two different things. They are what is
    assumed until (or, where `is_learnt` is false, instead of what) pairs teach.
    """

    label: str
    equal: tuple[str, ...]
    similar: dict[str, float]
    sql: str | None
    m: float | None
    u: float | None
    term_frequency: str | None
    is_learnt: bool


@dataclass(frozen=True)
class Comparison:
    """A question asked of every pair: the first level that holds is the answer; where `absent` holds there is none.

    `absent` are columns of which either side lacks one, or SQL.
    """

    name: str
    absent: tuple[str, ...] | str
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class Block:
    """Pairs are looked at where all `columns` agree; a key that too many share must agree in `narrow_by` too."""

    columns: tuple[str, ...]
    narrow_by: tuple[str, ...]

    @property
    def name(self) -> str:
        return " + ".join(self.columns)


@dataclass(frozen=True)
class Entity:
    """How records of one kind of thing are compared. `columns` are names with their SQL types.

    `common_words`: for a derived list of words, the share of profiles from which on a word is common; `<name>_common` holds
    those of each profile.

    Weights are bits: the binary logarithm of the odds of a match.
    """

    entity: str
    id_prefix: str
    columns: dict[str, str]
    derived: dict[str, str]
    common_words: dict[str, float]
    identifiers: tuple[str, ...]
    authoritative: tuple[str, ...]
    corroborated_by: tuple[str, ...]
    largest_identifier_group: int
    blocking: tuple[Block, ...]
    largest_block: int
    comparisons: tuple[Comparison, ...]
    training: tuple[tuple[str, ...], ...]
    likely_match: tuple[tuple[str, ...], ...]
    likely_match_recall: float
    sampled_pairs: int
    match_weight: float
    review_weight: float
    margin: float

    @property
    def term_frequencies(self) -> list[str]:
        found = [level.term_frequency for item in self.comparisons for level in item.levels if level.term_frequency]
        return list(dict.fromkeys(found))


def load_entity(source: str | Path) -> Entity:
    """`person` and `body` are packaged; a path is a file of one's own.

    Raises LinkageConfigError where the file is missing, is no YAML, or says something that cannot be done.
    """
    path = Path(source) if str(source).endswith((".yaml", ".yml")) else _HERE / f"{source}.yaml"
    try:
        return _Reader(path).entity(load_file(path))
    except FileError as error:
        raise LinkageConfigError(str(error)) from None


class _Reader:
    """Reads one file; every complaint begins with its path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def stop(self, place: str, problem: str) -> LinkageConfigError:
        return LinkageConfigError(f"{self.path}: {place}: {problem}")

    def entity(self, data: Any) -> Entity:
        if not isinstance(data, dict):
            raise self.stop("file", "must be a mapping of settings")
        self._check_keys("file", data, _KEYS, required={"entity", "id_prefix", "columns", "blocking", "comparisons"})
        derived = {str(name): str(sql) for name, sql in data.get("derived", {}).items()}
        found = Entity(
            entity=str(data["entity"]), id_prefix=str(data["id_prefix"]), columns=dict(data["columns"]), derived=derived,
            common_words={str(name): float(share) for name, share in data.get("common_words", {}).items()},
            identifiers=tuple(data.get("identifiers", ())), authoritative=tuple(data.get("authoritative", ())),
            corroborated_by=tuple(data.get("corroborated_by", ())),
            largest_identifier_group=self._number(data, "largest_identifier_group", 200), blocking=self._blocks(data["blocking"]),
            largest_block=self._number(data, "largest_block", 500_000), comparisons=self._comparisons(data["comparisons"]),
            training=tuple(tuple(item) for item in data.get("training", ())),
            likely_match=tuple(tuple(item) for item in data.get("likely_match", ())),
            likely_match_recall=float(data.get("likely_match_recall", 0.7)), sampled_pairs=self._number(data, "sampled_pairs", 1_000_000), match_weight=float(data.get("match_weight", 7)),
            review_weight=float(data.get("review_weight", 0)), margin=float(data.get("margin", 3)),
        )  # fmt: skip
        self._check(found)
        return found

    def _number(self, data: dict[str, Any], name: str, default: int) -> int:
        value = data.get(name, default)
        if not isinstance(value, int) or value < 1:
            raise self.stop(name, "must be a whole number above 0")
        return value

    def _check_keys(self, place: str, data: dict[str, Any], known: frozenset[str], required: set[str]) -> None:
        unknown, missing = sorted(set(data) - known), sorted(required - set(data))
        if unknown:
            raise self.stop(place, f"does not know {', '.join(unknown)}; it may say {', '.join(sorted(known))}")
        if missing:
            raise self.stop(place, f"lacks {', '.join(missing)}")

    def _blocks(self, items: Any) -> tuple[Block, ...]:
        found = []
        for number, item in enumerate(items, 1):
            self._check_keys(f"blocking {number}", item, frozenset({"columns", "narrow_by"}), {"columns"})
            found.append(Block(tuple(item["columns"]), tuple(item.get("narrow_by", ()))))
        return tuple(found)

    def _comparisons(self, items: Any) -> tuple[Comparison, ...]:
        found = []
        for number, item in enumerate(items, 1):
            self._check_keys(
                f"comparison {number}", item, frozenset({"name", "absent", "levels"}), {"name", "absent", "levels"}
            )
            levels = tuple(
                self._level(f"comparison {item['name']}, level {at}", level)
                for at, level in enumerate(item["levels"], 1)
            )
            absent = item["absent"]
            found.append(
                Comparison(str(item["name"]), tuple(absent) if isinstance(absent, list) else str(absent), levels)
            )
        return tuple(found)

    def _level(self, place: str, item: dict[str, Any]) -> Level:
        known = frozenset({"label", "equal", "similar", "sql", "m", "u", "term_frequency", "is_learnt"})
        self._check_keys(place, item, known, {"label"})
        for name, least in item.get("similar", {}).items():
            if not 0 < least <= 1:
                raise self.stop(place, f"similar: {name} must be a similarity between 0 and 1")
        if not (item.get("equal") or item.get("similar") or "sql" in item):
            raise self.stop(place, "says no condition; give equal, similar or sql")
        return Level(
            str(item["label"]), tuple(item.get("equal", ())), dict(item.get("similar", {})), item.get("sql"), item.get("m"), item.get("u"),
            item.get("term_frequency"), item.get("is_learnt", True),
        )  # fmt: skip

    def _check(self, entity: Entity) -> None:
        own = {*entity.columns, *entity.derived}
        known = own | {common(name) for name in entity.common_words}
        named: dict[str, set[str]] = {
            "common_words": set(entity.common_words),
            "identifiers": set(entity.identifiers),
            "authoritative": set(entity.authoritative),
        }
        for block in entity.blocking:
            named[f"blocking {block.name}"] = {*block.columns, *block.narrow_by}
        for rule in (*entity.training, *entity.likely_match):
            named[f"rule {' + '.join(rule)}"] = set(rule)
        for condition in entity.corroborated_by:
            named["corroborated_by"] = named.get("corroborated_by", set()) | columns_of(condition)
        for item in entity.comparisons:
            named[f"comparison {item.name}"] = {name for level in item.levels for name in _compared(level)} | (
                columns_of(item.absent) if isinstance(item.absent, str) else set(item.absent)
            )
        for place, names in named.items():
            # What a profile is found by must depend on nothing else than the profile, and common words depend on all.
            unknown = sorted(names - (own if place.startswith(("blocking", "rule")) else known))
            if unknown:
                raise self.stop(place, f"{', '.join(unknown)} is neither a column nor derived")
        if not set(entity.authoritative) <= set(entity.identifiers):
            raise self.stop("authoritative", "may only name identifiers")
        if entity.identifiers and not entity.corroborated_by:
            raise self.stop("corroborated_by", "is needed: identifiers are borrowed and mistyped")


def _compared(level: Level) -> set[str]:
    frequency = {level.term_frequency} if level.term_frequency else set()
    return {*level.equal, *level.similar} | columns_of(level.sql or "") | frequency


def common(name: str) -> str:
    return f"{name}_common"


def columns_of(condition: str) -> set[str]:
    return {name for _, name in SIDES.findall(condition)}

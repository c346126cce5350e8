"""The conditions of comparisons as SQL over two profiles `l` and `r`: when a level holds, and when there is nothing to compare."""

from dataclasses import dataclass

from linkage.declare import entity as declared


@dataclass(frozen=True)
class Level:
    """A declared level with its condition."""

    label: str
    sql: str
    m: float | None
    u: float | None
    term_frequency: str | None
    is_learnt: bool


@dataclass(frozen=True)
class Comparison:
    """A declared comparison with its conditions."""

    name: str
    absent: str
    levels: tuple[Level, ...]


def comparisons(entity: declared.Entity) -> tuple[Comparison, ...]:
    return tuple(Comparison(item.name, _absent(item), tuple(map(_level, item.levels))) for item in entity.comparisons)


def _absent(item: declared.Comparison) -> str:
    if isinstance(item.absent, str):
        return item.absent
    return " OR ".join(f"{side}.{name} IS NULL" for name in item.absent for side in ("l", "r"))


def _level(level: declared.Level) -> Level:
    parts = [f"l.{name} = r.{name}" for name in level.equal]
    parts += [f"jaro_winkler_similarity(l.{name}, r.{name}) >= {least}" for name, least in level.similar.items()]
    parts += [] if level.sql is None else [f"({level.sql})"]
    return Level(level.label, " AND ".join(parts), level.m, level.u, level.term_frequency, level.is_learnt)


def suffixed(condition: str) -> str:
    """`l.name` as `"name_l"`, which is how Splink writes the two sides of a pair."""
    return declared.SIDES.sub(r'"\2_\1"', condition)

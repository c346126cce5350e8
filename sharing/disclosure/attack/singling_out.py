"""Singling out: conditions that one record of the release meets, held against the people in it and against others.

Conditions on one column are values that the release has once. Conditions on several are made of a record by chance: equal in the column
with most values and in all that has no order, above or below the middle in the rest. A condition that more than one record of the
release meets is not guessed by.
"""

from dataclasses import dataclass
from random import Random

from sharing.disclosure.attack.field import Field
from sharing.disclosure.attack.gain import Gain, Tries
from sharing.disclosure.relation import fetched
from warehouse.engines.duckdb.engine import quoted

# Sets of columns that are tried, of so many columns at most.
_SETS, _WIDEST = 10, 4


@dataclass(frozen=True)
class Predicates:
    """Conditions on these columns: equal in the `same` ones, to the one side in the `sided` ones; made by `made`, a statement."""

    same: tuple[str, ...]
    sided: tuple[str, ...]
    made: str

    def met_by(self, people: str) -> str:
        """How many of the people meet each condition."""
        same = [f"r.{quoted(name)} IS NOT DISTINCT FROM g.{quoted(name)}" for name in self.same]
        sided = [
            f"CASE WHEN g.{quoted(f'above {name}')} THEN r.{quoted(name)} >= g.{quoted(name)} ELSE r.{quoted(name)} <= g.{quoted(name)} END"
            for name in self.sided
        ]
        return f"""
            SELECT g.id, count(*) AS met
            FROM guesses AS g JOIN {people} AS r ON {" AND ".join([*same, *sided])}
            GROUP BY g.id
        """


def by_one(field: Field) -> Gain:
    share = max(1, field.settings.attempts // max(1, len(field.shown)))
    made = [Predicates((name,), (), _once(field, name, share)) for name in field.shown]
    blind = [Predicates((name,), (), _by_chance(field, (name,), (), share)) for name in field.shown]
    return _gain(field, "singling_out_by_one", made, blind)


def by_several(field: Field) -> Gain:
    """Blind guesses put values of different records together."""
    share = max(1, field.settings.attempts // _SETS)
    sets = [_split(field, names) for names in _column_sets(field)]
    made = [Predicates(*one, _of_records(field, *one, share)) for one in sets]
    blind = [Predicates(*one, _by_chance(field, *one, share)) for one in sets]
    return _gain(field, "singling_out_by_several", made, blind)


def _gain(field: Field, attack: str, made: list[Predicates], blind: list[Predicates]) -> Gain:
    tried = [_tried(field, one, is_sure=True) for one in made]
    by_chance = [_tried(field, one, is_sure=False) for one in blind]
    members, control, chance = (
        _together(field, results, place) for results, place in ((tried, 1), (tried, 2), (by_chance, 1))
    )
    return Gain(attack, tuple(field.shown), members, control, chance, field.settings.confidence)


def _together(field: Field, results: list[tuple[int, ...]], place: int) -> Tries:
    """Where the release has no record that a condition singles out, all that were to be tried have failed."""
    attempts = sum(one[0] for one in results)
    return Tries(attempts or field.settings.attempts, sum(one[place] for one in results))


def _tried(field: Field, predicates: Predicates, is_sure: bool) -> tuple[int, ...]:
    """Conditions guessed by, those that one member meets, and those that one other meets. Sure ones meet one record of the release."""
    names = (*predicates.same, *predicates.sided)
    sure = f"SEMI JOIN (FROM ({predicates.met_by(field.released_from)}) WHERE met = 1) AS sure USING (id)"
    ((attempts, members, others),) = fetched(
        field.connection,
        f"""
        WITH guesses AS MATERIALIZED (SELECT row_number() OVER () AS id, * FROM ({predicates.made})),
        members AS ({predicates.met_by(field.seen(field.members, names))}),
        others AS ({predicates.met_by(field.seen(field.others, names))})
        SELECT count(*), count(*) FILTER (members.met = 1), count(*) FILTER (others.met = 1)
        FROM (FROM guesses {sure if is_sure else ""}) AS guesses
            LEFT JOIN members USING (id)
            LEFT JOIN others USING (id)
        """,
        field.released,
    )
    return int(attempts), int(members), int(others)


def _once(field: Field, name: str, count: int) -> str:
    return f"""
        SELECT {quoted(name)}
        FROM {field.released_from}
        GROUP BY {quoted(name)}
        HAVING count(*) = 1
        ORDER BY hash({quoted(name)}, {field.settings.seed})
        LIMIT {count}
    """


def _of_records(field: Field, same: tuple[str, ...], sided: tuple[str, ...], count: int) -> str:
    columns = ", ".join([*map(quoted, (*same, *sided)), *(_side(field, name) for name in sided)])
    return f"""
        SELECT {columns}
        FROM {field.released_from} AS r
        ORDER BY hash(r, {field.settings.seed})
        LIMIT {count}
    """


def _by_chance(field: Field, same: tuple[str, ...], sided: tuple[str, ...], count: int) -> str:
    """Each column from another record."""
    parts = [
        f"""(
            SELECT {", ".join([quoted(name), *([_side(field, name)] if name in sided else [])])}
            FROM {field.released_from} AS r
            ORDER BY hash(r, {field.settings.seed + 1 + place})
            LIMIT {count}
        )"""
        for place, name in enumerate((*same, *sided))
    ]
    return f"SELECT * FROM {' POSITIONAL JOIN '.join(parts)}"


def _side(field: Field, name: str) -> str:
    middle = f"(SELECT quantile_disc({quoted(name)}, 0.5) FROM {field.released_from})"
    return f"{quoted(name)} > {middle} AS {quoted(f'above {name}')}"


def _column_sets(field: Field) -> list[tuple[str, ...]]:
    names, chance = list(field.shown), Random(field.settings.seed)
    widest = min(_WIDEST, len(names))
    return [tuple(chance.sample(names, chance.randint(min(2, widest), widest))) for _ in range(_SETS)]


def _split(field: Field, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that a condition is equal in, and those that it has a side in."""
    counts = ", ".join(f"approx_count_distinct({quoted(name)})" for name in names)
    (row,) = fetched(field.connection, f"SELECT {counts} FROM {field.released_from}", field.released)
    fullest = names[row.index(max(row))]
    sided = tuple(name for name in names if field.shown[name].is_ordered and name != fullest)
    return tuple(name for name in names if name not in sided), sided

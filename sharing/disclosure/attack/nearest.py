"""Linkage and inference: the record of the release that is nearest to what is known of a person.

Records that agree with all that is known come first. For a person without one, the nearest in numbers among records that agree in all
else (Gower's distance over the ranges of the release), looked for among 200,000 records at most.
"""

from dataclasses import dataclass

from sharing.disclosure.attack.field import Field
from sharing.disclosure.attack.gain import Gain
from sharing.disclosure.relation import from_clause
from warehouse.engines.duckdb.engine import quoted

_MOST_COMPARED = 200_000
# A guessed number is right within this share of the truth, as in the paper, and of its range (a year of birth is never 5 % off).
_TOLERANCE = 0.05


@dataclass(frozen=True)
class Guess:
    """`release` is what stands after FROM as the attacker sees it, `wanted` its columns that he guesses. Of several records that are as
    near he takes what most of them say where `by_majority`, otherwise one of them.
    """

    attack: str
    release: str
    wanted: tuple[str, ...]
    by_majority: bool = True

    def value(self, alias: str) -> str:
        """Of a record that goes by this name in SQL. Several columns are right together or not at all."""
        columns = [f"{alias}.{quoted(name)}" for name in self.wanted]
        return columns[0] if len(columns) == 1 else f"hash({', '.join(columns) or '0'})"


def linkage(field: Field) -> Gain:
    """Whether the record found by what is known is the person's own: it agrees with the original in all other columns."""
    settings = field.settings
    compared = settings.compared or tuple(name for name in field.shown if name not in settings.known)
    return _gain(field, Guess("linkage", field.released_from, compared, by_majority=False), field.members)


def inference(field: Field, protected: str) -> Gain:
    """Whether the protected value is guessed right from the nearest records."""
    return _gain(field, Guess("inference", field.released_from, (protected,)), field.members)


def differencing(field: Field, protected: str) -> Gain:
    """Inference from nothing but the records that the release before this one did not have, about people whose records they are."""
    earlier = field.settings.earlier
    assert earlier is not None
    columns = ", ".join(map(quoted, field.shown))
    new = f"(SELECT {columns} FROM {field.released_from} EXCEPT ALL SELECT {columns} FROM {from_clause(earlier)})"
    return _gain(field, Guess("differencing", new, (protected,)), field.members, is_of_new=True)


def _gain(field: Field, guess: Guess, members: str, is_of_new: bool = False) -> Gain:
    settings = field.settings
    within, others = (
        _targets(field, guess, people, is_new) for people, is_new in ((members, is_of_new), (field.others, False))
    )
    return Gain(
        guess.attack, tuple(dict.fromkeys((*settings.known, *guess.wanted))), field.tries(_guesses(field, guess, within)),
        field.tries(_guesses(field, guess, others)), field.tries(_blind(field, guess, within)), settings.confidence,
    )  # fmt: skip


def _targets(field: Field, guess: Guess, people: str, is_new: bool) -> str:
    """People by chance, the same for the same seed: what is known of them as `k0` and so on, and the `truth`."""
    settings = field.settings
    held, own = settings.auxiliary, tuple(dict.fromkeys((*settings.known, *guess.wanted)))
    # What is known stands in the file that the attacker holds, where he holds one.
    knows = (
        f"JOIN {field.seen(from_clause(held.relation), settings.known, held.key)} AS f USING (person_key)"
        if held
        else ""
    )
    known = [f"{'f' if held else 'r'}.{quoted(name)} AS k{number}" for number, name in enumerate(settings.known)]
    same = " AND ".join(f"r.{quoted(name)} IS NOT DISTINCT FROM d.{quoted(name)}" for name in own)
    chosen = f"SEMI JOIN {guess.release} AS d ON {same}" if is_new else ""
    return f"""
        SELECT row_number() OVER () AS id, *
        FROM (
            SELECT {", ".join([*known, f"{guess.value('r')} AS truth"])}
            FROM {field.seen(people, own, held.key if held else None)} AS r {knows} {chosen}
            ORDER BY hash(r, {settings.seed})
            LIMIT {settings.attempts}
        )
    """


def _guesses(field: Field, guess: Guess, targets: str) -> str:
    """Attempts and successes. Who has no record that agrees has no guess, which is not right."""
    known = field.settings.known
    numbers = [place for place, name in enumerate(known) if field.shown[name].is_number]
    record = ", ".join(
        [f"{quoted(name)} AS r{place}" for place, name in enumerate(known)] + [f"{guess.value('r')} AS guess"]
    )
    agree = [f"r{place} IS NOT DISTINCT FROM k{place}" for place in range(len(known))]
    near = [one for place, one in enumerate(agree) if place not in numbers]
    return f"""
        WITH targets AS MATERIALIZED ({targets}),
        release AS (SELECT {record}, hash(r, {field.settings.seed}) AS tie FROM {guess.release} AS r),
        exact AS MATERIALIZED (
            SELECT id, guess, count(*) AS n, min(tie) AS tie
            FROM targets JOIN release ON {" AND ".join(agree) or "true"}
            GROUP BY id, guess
        ),
        {_by_distance(numbers, " AND ".join(near) or "true") if numbers else "nearest AS (FROM exact WHERE false)"},
        chosen AS (
            SELECT id, {"arg_max(guess, (n, tie))" if guess.by_majority else "arg_min(guess, tie)"} AS guess
            FROM (FROM exact UNION ALL FROM nearest)
            GROUP BY id
        )
        SELECT count(*), count(*) FILTER (chosen.id IS NOT NULL AND {_is_right(field, guess)})
        FROM targets LEFT JOIN chosen USING (id)
    """


def _by_distance(numbers: list[int], agree: str) -> str:
    """For people whom no record agrees with: the nearest in numbers. A missing number is as far as can be from one that is there."""
    terms = " + ".join(
        f"coalesce(abs(r{place}::DOUBLE - k{place}::DOUBLE) / width{place}, ((r{place} IS NULL) <> (k{place} IS NULL))::DOUBLE)"
        for place in numbers
    )
    widths = ", ".join(
        f"greatest(max(r{place})::DOUBLE - min(r{place})::DOUBLE, 1e-9) AS width{place}" for place in numbers
    )
    return f"""
        widths AS (SELECT {widths}, greatest(count(*) // {_MOST_COMPARED}, 1) AS every FROM release),
        apart AS (
            SELECT id, guess, tie, {terms} AS distance
            FROM (SELECT * FROM targets ANTI JOIN exact USING (id)) AS lone
            CROSS JOIN widths
            JOIN release ON {agree} AND tie % every = 0
        ),
        closest AS (SELECT id, min(distance) AS distance FROM apart GROUP BY id),
        nearest AS (
            SELECT id, guess, count(*) AS n, min(tie) AS tie
            FROM apart JOIN closest USING (id, distance)
            GROUP BY id, guess
        )
    """


def _is_right(field: Field, guess: Guess) -> str:
    if not guess.by_majority or not field.shown[guess.wanted[0]].is_number:
        return "guess IS NOT DISTINCT FROM truth"
    spread = f"(SELECT max({quoted(guess.wanted[0])})::DOUBLE - min({quoted(guess.wanted[0])})::DOUBLE FROM {guess.release} AS r)"
    near = f"{_TOLERANCE} * least(abs(truth)::DOUBLE, {spread})"
    return f"coalesce(abs(guess::DOUBLE - truth::DOUBLE) <= {near}, guess IS NULL AND truth IS NULL)"


def _blind(field: Field, guess: Guess, targets: str) -> str:
    """A record by chance for each person, whatever is known of him."""
    return f"""
        WITH targets AS MATERIALIZED ({targets}),
        chosen AS (
            SELECT row_number() OVER () AS id, guess
            FROM (
                SELECT {guess.value("r")} AS guess
                FROM {guess.release} AS r
                ORDER BY hash(r, {field.settings.seed + 1})
                LIMIT {field.settings.attempts}
            )
        )
        SELECT count(*), count(*) FILTER (chosen.id IS NOT NULL AND {_is_right(field, guess)})
        FROM targets LEFT JOIN chosen USING (id)
    """

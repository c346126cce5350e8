"""The key of a sample: the narrowest set of columns that tells its rows apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

from sources.draft.sample import TABLE, Sample, tolerated
from sources.errors import ExtractError

_MAX_COLUMNS = 3
_MAX_TRIED = 12
# Most sets of columns meet a second time long before; only what holds for these rows is asked of all.
_FIRST_ROWS = 5_000
# The counts of distinct values are estimates.
_LEEWAY = 1.2
_MOST_NAMED = 3


@dataclass(frozen=True)
class Candidate:
    """A column that may be of the key; `value` is the SQL of what it lands as (two texts may be one moment), `texts` are
    about how many different ones it has.

    One that `has_gaps` has no value in some rows. Of one that `is_named_so` its name says that it is a key.
    """

    header: str
    name: str
    value: str
    texts: int
    has_gaps: bool
    is_named_so: bool
    is_number: bool


@dataclass(frozen=True)
class Key:
    """Its headers, and what is to be looked at where it does not tell all rows apart."""

    headers: list[str]
    doubt: str = ""


def key_of(sample: Sample, candidates: Sequence[Candidate]) -> Key:
    """Of the likely columns three at most, else of all that have a value in every row.

    A column whose name says that it is a key may have as many doubled rows as a draft takes for faults; one of another name, where
    no columns tell all rows apart. Raises ExtractError where there is none, with those that are nearest to it.
    """
    whole = [column for column in candidates if not column.has_gaps]
    likely = [column for column in sorted(whole, key=lambda column: not column.is_named_so) if not column.is_number]
    named = [column for column in candidates if column.is_named_so and not column.is_number]
    alone = next((column for column in likely if _tell_apart(sample, [column])), None)
    if (alone is None or not alone.is_named_so) and (nearly := _nearly_unique(sample, named)):
        return nearly
    found = [alone] if alone else _together(sample, likely) or _all_of(sample, (likely, whole))
    if found:
        return Key([column.header for column in found])
    return _nearly_unique(sample, likely) or _refused(sample, likely)


def named_key(sample: Sample, columns: Sequence[Candidate]) -> Key:
    """The key that somebody named, with the rows that it does not tell apart."""
    wrong = _is_doubled(columns)
    doubled = sample.ask(["count(*)"], f"(FROM {TABLE} WHERE {wrong})")[0]
    names = [column.header for column in columns]
    if doubled > tolerated(sample.rows):
        return Key(names, _is_none(sample, columns, int(doubled)))
    return Key(names, _doubt(sample, columns) if doubled else "")


def _together(sample: Sample, likely: Sequence[Candidate]) -> list[Candidate] | None:
    for size in range(2, _MAX_COLUMNS + 1):
        for chosen in combinations(likely[:_MAX_TRIED], size):
            if _tell_apart(sample, chosen):
                return list(chosen)
    return None


def _all_of(sample: Sample, sets: Sequence[Sequence[Candidate]]) -> list[Candidate] | None:
    return next((list(columns) for columns in sets if columns and _are_distinct(sample, columns)), None)


def _nearly_unique(sample: Sample, columns: Sequence[Candidate]) -> Key | None:
    """The column with the fewest rows that it does not tell apart, where those may be faults."""
    most = tolerated(sample.rows)
    close = [column for column in columns if _LEEWAY * column.texts >= sample.rows - most]
    counted = [(_doubled_rows(sample, column), column) for column in close]
    best = min(counted, key=lambda item: item[0], default=None)
    return Key([best[1].header], _doubt(sample, [best[1]])) if best and best[0] <= most else None


def _refused(sample: Sample, likely: Sequence[Candidate]) -> Key:
    nearest = sorted((_doubled_rows(sample, column), column.name) for column in likely)[:_MOST_NAMED]
    listed = ", ".join(f"{name} ({count:,} of {sample.rows:,} rows share theirs)" for count, name in nearest)
    nearest_are = f"; the nearest are {listed}" if listed else ""
    raise ExtractError(
        f"no columns that have a value in every row tell the rows apart, and a feed needs a key{nearest_are}. Name the "
        "columns that are it with --key COLUMN[,COLUMN], or ask the agency for a sample without repeated rows"
    )


def _is_none(sample: Sample, columns: Sequence[Candidate], doubled: int) -> str:
    """What is said of a key that somebody named and the sample contradicts."""
    listed = " and ".join(column.name for column in columns)
    return (
        f"{listed} {'are' if columns[1:] else 'is'} no key of this sample: {doubled:,} of {sample.rows:,} rows share it with another "
        "or have none, more than a fault explains; name a column more with --key, or ask the agency what tells its records apart."
    )


def _doubt(sample: Sample, columns: Sequence[Candidate]) -> str:
    names = " and ".join(column.name for column in columns)
    where = sample.lines(_is_doubled(columns))
    return f"{names} {'are' if columns[1:] else 'is'} unique but for {where}; rejected, so ask the agency whether that is the key."


def _is_doubled(columns: Sequence[Candidate]) -> str:
    """SQL: whether a row shares its values with another, or lacks one."""
    values = ", ".join(column.value for column in columns)
    gaps = " OR ".join(f"{column.value} IS NULL" for column in columns)
    query = f"SELECT {values} FROM {TABLE} GROUP BY ALL HAVING count(*) > 1"
    return f"({gaps} OR ({values}) IN ({query}))"


def _doubled_rows(sample: Sample, column: Candidate) -> int:
    return int(sample.ask([f"count_if({_is_doubled([column])})"])[0])


def _tell_apart(sample: Sample, columns: Sequence[Candidate]) -> bool:
    can = prod(_LEEWAY * column.texts for column in columns) >= sample.rows
    return can and _are_distinct(sample, columns)


def _are_distinct(sample: Sample, columns: Sequence[Candidate]) -> bool:
    listed = ", ".join(column.value for column in columns)
    first = min(sample.rows, _FIRST_ROWS)
    return all(
        sample.ask(["count(*)"], f"(SELECT DISTINCT {listed} FROM {source})")[0] == rows
        for source, rows in ((f"(FROM {TABLE} LIMIT {first})", first), (TABLE, sample.rows))
    )

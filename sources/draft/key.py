"""The key of a sample: the narrowest set of columns that tells its rows apart."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import prod

from sources.draft.sample import TABLE, Sample
from sources.errors import ExtractError

_MAX_COLUMNS = 3
_MAX_TRIED = 12
# Most sets of columns meet a second time long before; only what holds for these rows is asked of all.
_FIRST_ROWS = 5_000
# The counts of distinct values are estimates.
_LEEWAY = 1.2


def key_of(
    sample: Sample, likely: Sequence[str], whole: Sequence[str], distinct: Mapping[str, int], values: Mapping[str, str]
) -> list[str]:
    """Headers, of `likely` ones three at most, else of all that have a value in every row (`whole`).

    `distinct` are the numbers of texts, roughly, `values` the SQL of what they land as: two texts may be one moment. Raises ExtractError where two rows are equal in all of them.
    """
    for size in range(1, _MAX_COLUMNS + 1):
        tried = likely if size == 1 else likely[:_MAX_TRIED]
        for chosen in combinations(tried, size):
            can_tell = prod(_LEEWAY * distinct[header] for header in chosen) >= sample.rows
            if can_tell and _tells_apart(sample, [values[header] for header in chosen]):
                return list(chosen)
    for headers in (likely, whole):
        if headers and _tells_apart(sample, [values[header] for header in headers]):
            return list(headers)
    raise ExtractError(
        "no columns that have a value in every row tell the rows apart, and a feed needs a key; ask the agency which columns "
        "are it, and for a sample without repeated rows"
    )


def _tells_apart(sample: Sample, values: Sequence[str]) -> bool:
    listed = ", ".join(values)
    first = min(sample.rows, _FIRST_ROWS)
    return all(
        _distinct(sample, f"SELECT DISTINCT {listed} FROM {source}") == rows
        for source, rows in ((f"(FROM {TABLE} LIMIT {first})", first), (TABLE, sample.rows))
    )


def _distinct(sample: Sample, query: str) -> int:
    return int((sample.connection.execute(f"SELECT count(*) FROM ({query})").fetchone() or (0,))[0])

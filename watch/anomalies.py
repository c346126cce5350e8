"""Anomalies without configured thresholds: each feed's night against the band of the feed's own earlier nights.

An anomaly refuses nothing and removes nothing; it is a question that a steward asks the agency.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sources.contract.model import Contract
from warehouse.home import Home
from warehouse.numbers_for_people import percent
from warehouse.store.night_records import record
from watch.bands import HANDFUL, WINDOW, Bands, Numbers, Part, Scale
from watch.distances import Distances, noise_of
from watch.feed_series import FeedSeries, read_series

ROWS, ARRIVAL, NULL_SHARE, DISTRIBUTION, MISSING = "rows", "arrival", "null_share", "distribution", "missing"
# Nights before the first one asked for from which its bands are made: two windows, so that the first one knows its errors.
_LOOKED_BACK = 2 * WINDOW
# A feed is missed where it came on so many of the comparable nights before, and there were at least so many.
_USUALLY, _SOME = 0.75, 3
_WEEKS, _NIGHTS_A_WEEK = 4, 7
# Of fewer rows a share tells nothing.
_LEAST_ROWS = 20
# Noise of an arrival, in hours.
_ARRIVAL_NOISE = 0.25

# What is worth a steward's time, however certain: 2 % of the rows, an hour, one value in a hundred and five of them, a distance
# of 0.05 and of four times its counting noise (it is the largest of many differences).
_SCALES = {
    # Anscombe, Biometrika 35(3/4), 1948: 2 √(x + 3/8) of a Poisson count has the variance 1.
    ROWS: Scale(lambda y, n: np.maximum((np.maximum(y, 0) / 2) ** 2 - 3 / 8, 0), lambda x, n: np.maximum(0.02 * x, 1)),
    ARRIVAL: Scale(lambda y, n: y, lambda x, n: np.ones_like(x)),
    # The same paper: arcsin √((k + 3/8) / (n + 3/4)) of a count k among n has the variance 1 / 4n.
    NULL_SHARE: Scale(
        lambda y, n: np.clip((np.sin(np.clip(y, 0, np.pi / 2)) ** 2 * (n + 3 / 4) - 3 / 8) / np.maximum(n, 1), 0, 1),
        lambda x, n: np.maximum(0.01, 5 / np.maximum(n, 1)),
    ),
    # Distances in units of their counting noise.
    DISTRIBUTION: Scale(
        lambda y, n: np.clip(y * noise_of(n), 0, 1), lambda x, n: np.maximum(0.05, 4 * noise_of(n)), is_distance=True
    ),
}


@dataclass(slots=True)
class Observation:
    """One measure of a feed's night beside the band that its `nights` earlier nights let expect.

    Units: rows; share of 0 to 1; distance of 0 (as before) to 1; hours after the promised time; 1 for missing. `expected`, `low`
    and `high` are None, and nothing is an anomaly, where there are too few nights. `since` is the first night of the run.
    """

    extract_date: date
    agency: str
    feed: str
    measure: str
    column: str | None
    observed: float
    expected: float | None
    low: float | None
    high: float | None
    nights: int
    is_anomaly: bool
    since: date


@dataclass(frozen=True)
class _Judged:
    """The series of all feeds after their bands were made: `labels` are (feed, measure, column) of each."""

    series: FeedSeries
    bands: Bands
    labels: list[tuple[int, str, str | None]]


def observe(contracts: Sequence[Contract], home: Home, first: date, last: date) -> list[Observation]:
    """Every observation of the nights from `first` to `last`, from the record alone: what was measured by night, then what is missing."""
    if not contracts:
        return []
    judged = _judge(read_series(contracts, home, first - timedelta(days=_LOOKED_BACK), last))
    skipped = max((first - judged.series.first).days, 0)
    return [*_measured(judged, skipped), *_missing(judged.series, skipped)]


def write_anomalies(contracts: Sequence[Contract], home: Home, extract_date: date) -> None:
    """Record the anomalies of a night, after its verdicts. What goes wrong here costs no night."""
    try:
        found = [one for one in observe(contracts, home, extract_date, extract_date) if one.is_anomaly]
        record(home, "anomaly", extract_date, [_recorded(contracts, one) for one in found], {})
    except Exception:
        logging.getLogger(__name__).warning("the anomalies of %s could not be found", extract_date, exc_info=True)


def _judge(series: FeedSeries) -> _Judged:
    feeds, columns = len(series.contracts), len(series.columns)
    of_column = np.array([feed for feed, _ in series.columns], dtype=np.int64)
    counted = series.shapes.counted
    with np.errstate(invalid="ignore", divide="ignore"):
        null_share = np.where(series.rows >= _LEAST_ROWS, (series.nulls + 3 / 8) / (series.rows + 3 / 4), np.nan)
        null_noise = 1 / (2 * np.sqrt(np.maximum(series.rows, 1)))
    values = [
        2 * np.sqrt(series.sent + 3 / 8),
        series.arrival,
        np.arcsin(np.sqrt(null_share)),
        np.full(counted.shape, np.nan),
    ]
    noise = [np.ones_like(series.sent), np.full_like(series.arrival, _ARRIVAL_NOISE), null_noise, np.ones_like(counted)]
    counts = [series.sent, series.sent, series.rows, counted]
    owner = np.concatenate([np.arange(feeds), np.arange(feeds), of_column, of_column])
    looked_at = 2 + 2 * np.bincount(of_column, minlength=feeds)
    parts, labels = _parts(series, [feeds, feeds, columns, columns])
    bands = Bands(
        np.concatenate(values),
        np.concatenate(noise),
        np.concatenate(counts),
        parts,
        series.weekdays[owner],
        looked_at[owner],
    )
    distances, of_distances = Distances(series.shapes), parts[-1].rows
    for night in range(series.sent.shape[1]):
        distance = distances.of(night, bands.excluded[of_distances])
        bands.values[of_distances, night] = distance / noise_of(counted[:, night])
        bands.step(night)
    return _Judged(series, bands, labels)


def _parts(series: FeedSeries, sizes: list[int]) -> tuple[list[Part], list[tuple[int, str, str | None]]]:
    ends = np.cumsum([0, *sizes])
    parts = [Part(slice(ends[n], ends[n + 1]), scale) for n, scale in enumerate(_SCALES.values())]
    feeds = range(len(series.contracts))
    labels = [(feed, measure, None) for measure in (ROWS, ARRIVAL) for feed in feeds]
    return parts, [
        *labels,
        *((f, measure, name) for measure in (NULL_SHARE, DISTRIBUTION) for f, name in series.columns),
    ]


def _measured(judged: _Judged, skipped: int) -> Iterator[Observation]:
    bands, series = judged.bands, judged.series
    nights = [series.night(number) for number in range(bands.values.shape[1])]
    seen = _in_units(bands)
    numbers, rows = np.nonzero(np.isfinite(bands.values[:, skipped:].T))
    numbers += skipped
    at = (rows, numbers)
    told = zip(
        rows.tolist(), numbers.tolist(), seen[at].tolist(), bands.expected[at].tolist(), bands.low[at].tolist(), bands.high[at].tolist(),
        bands.nights[at].tolist(), bands.is_anomaly[at].tolist(), bands.since[at].tolist(), strict=True,
    )  # fmt: skip
    for row, number, observed, expected, low, high, count, is_anomaly, since in told:
        feed, measure, column = judged.labels[row]
        contract = series.contracts[feed]
        is_judged = expected == expected
        yield Observation(
            nights[number], contract.agency, contract.feed, measure, column, observed, expected if is_judged else None,
            low if is_judged else None, high if is_judged else None, count, is_anomaly, nights[since],
        )  # fmt: skip


def _in_units(bands: Bands) -> Numbers:
    return np.concatenate([part.scale.back(bands.values[part.rows], bands.counted[part.rows]) for part in bands.parts])


def _missing(series: FeedSeries, skipped: int) -> Iterator[Observation]:
    """A feed's nights that did not come, where it came on such nights before: of the same weekday, or on all of late."""
    came, missing = series.is_taken, series.is_missing
    for feed, number in zip(*np.nonzero(missing[:, skipped:]), strict=True):
        night = int(number) + skipped
        usual, nights = _usual(series, int(feed), night)
        run = night
        while run > 0 and not came[feed, run - 1] and missing[feed, run - 1]:
            run -= 1
        contract = series.contracts[feed]
        is_judged = nights >= (_SOME if nights <= _WEEKS else HANDFUL)
        is_usual = usual >= _USUALLY
        expected, low, high = (1 - usual, 0.0, 0.0 if is_usual else 1.0) if is_judged else (None, None, None)
        yield Observation(
            series.night(night), contract.agency, contract.feed, MISSING, None, 1.0, expected, low, high, nights,
            is_judged and is_usual, series.night(run),
        )  # fmt: skip


def _usual(series: FeedSeries, feed: int, night: int) -> tuple[float, int]:
    """The share of comparable nights on which the feed came, and how many these are; none before it first came.

    Those of the same weekday, up to four; all of the week before where there are fewer than three.
    """
    came = series.is_taken[feed, :night]
    known = np.flatnonzero(came | series.is_missing[feed, :night])
    known = known[np.maximum.accumulate(came)[known]]
    same = known[series.weekdays[feed, known] == series.weekdays[feed, night]][-_WEEKS:]
    compared = same if len(same) >= _SOME else known[-_NIGHTS_A_WEEK:]
    return (float(came[compared].mean()), len(compared)) if len(compared) else (0.0, 0)


def _recorded(contracts: Sequence[Contract], one: Observation) -> dict[str, object]:
    contract = next(c for c in contracts if (c.agency, c.feed) == (one.agency, one.feed))
    return {
        "agency": one.agency, "feed": one.feed, "measure": one.measure, "column_name": one.column, "observed": one.observed,
        "expected": one.expected, "low": one.low, "high": one.high, "nights": one.nights, "since": one.since,
        "description": describe(one, contract),
    }  # fmt: skip


def describe(one: Observation, contract: Contract) -> str:
    """What is said to the steward of an anomaly."""
    by = contract.service_level.available_by
    low, high, expected = one.low or 0.0, one.high or 0.0, one.expected or 0.0
    said = {
        ROWS: lambda: f"{one.observed:,.0f} rows came; {expected:,.0f} were expected ({low:,.0f} to {high:,.0f})",
        ARRIVAL: lambda: f"came {_hours(one.observed)} {by} UTC; {_hours(expected)} it was expected ({low:+.1f} to {high:+.1f} h)",
        NULL_SHARE: lambda: f"{one.column} has no value in {percent(one.observed)} of the rows; {percent(expected)} were expected ({percent(low)} to {percent(high)})",
        DISTRIBUTION: lambda: f"the values of {one.column} are spread otherwise than in the week before: distance {one.observed:.2f} of 1, at most {high:.2f} was expected",
        MISSING: lambda: f"no extract was taken; one came on {percent(1 - expected)} of such nights before",
    }  # fmt: skip
    since = "for the first time" if one.since == one.extract_date else f"since {one.since}"
    return f"{contract.agency_name}, {one.feed}: {said[one.measure]()}, by {one.nights} earlier nights; {since}."


def _hours(hours: float) -> str:
    return f"{abs(hours):.1f} h {'after' if hours >= 0 else 'before'}"

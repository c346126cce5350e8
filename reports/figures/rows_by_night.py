"""How many rows each feed sent night by night, beside what its earlier nights let expect."""

from collections import defaultdict
from datetime import date

from nights.record.feed_night import IS_TAKEN
from nights.record.past import Past
from pages.charts import Band
from watch.anomalies import ROWS, observe


def bands_of(past: Past) -> dict[str, list[Band]]:
    """By name of the feed, oldest first."""
    bands: dict[str, list[Band]] = defaultdict(list)
    for one in observe(past.contracts, past.home, past.first, past.night):
        if one.measure == ROWS:
            bands[f"{one.agency}/{one.feed}"].append(
                Band(one.extract_date, one.observed, one.low, one.high, one.is_anomaly)
            )
    for name, night, sent in _not_taken(past):
        if all(band.night != night for band in bands[name]):
            bands[name].append(Band(night, float(sent)))
    return defaultdict(list, {name: sorted(of_feed, key=lambda band: band.night) for name, of_feed in bands.items()})


def _not_taken(past: Past) -> list[tuple[str, date, int]]:
    """What came on nights whose extract was not taken: no measure for later nights, and what a steward looks for on this one."""
    not_taken = f"""
        SELECT agency || '/' || feed, extract_date, rows_sent
        FROM feed_night
        WHERE NOT {IS_TAKEN} AND rows_sent IS NOT NULL AND extract_date >= ?"""
    return past.rows(not_taken, past.first)

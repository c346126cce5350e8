"""How many rows each feed sent night by night, beside what its earlier nights let expect."""

from collections import defaultdict

from reports.anomalies import ROWS, observe
from reports.charts import Band
from reports.past import Past


def bands_of(past: Past) -> dict[str, list[Band]]:
    """By name of the feed, oldest first."""
    bands: dict[str, list[Band]] = defaultdict(list)
    for one in observe(past.contracts, past.home, past.first, past.night):
        if one.measure == ROWS:
            bands[f"{one.agency}/{one.feed}"].append(
                Band(one.extract_date, one.observed, one.low, one.high, one.is_anomaly)
            )
    return bands

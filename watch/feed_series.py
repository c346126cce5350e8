"""The records of feeds over nights as arrays: what the anomalies are found in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import holidays
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nights.record.feed_night import FAILED, IS_TAKEN, TAKEN
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.night_records import records
from watch.bands import Flags, Numbers
from watch.distances import Shapes

LEVELS = 21
_EPOCH = date(1970, 1, 1)
_SUNDAY = 6
# A pull that began later is of a night run again or filled in afterwards; it tells nothing of the agency.
_LATEST_HOURS = 48


@dataclass(frozen=True)
class FeedSeries:
    """Feeds (rows, in the order of `contracts`) by nights (columns, without a gap from `first` on); NaN where there is none.

    `arrival` is in hours after the promised time; `columns` are those of each feed that were ever profiled, as (row of
    the feed, name), and `rows`, `nulls` of them are by column and night.
    """

    contracts: Sequence[Contract]
    first: date
    sent: Numbers
    arrival: Numbers
    is_taken: Flags
    is_missing: Flags
    weekdays: NDArray[np.int8]
    columns: list[tuple[int, str]]
    rows: Numbers
    nulls: Numbers
    shapes: Shapes

    def night(self, number: int) -> date:
        return self.first + timedelta(days=number)


def read_series(contracts: Sequence[Contract], home: Home, first: date, last: date) -> FeedSeries:
    """What was recorded from `first` to `last`; it begins with the first night of which anything was."""
    with open_database(spills=False) as connection:
        connection.register("asked", pa.table({
            "agency": pa.array([contract.agency for contract in contracts], pa.string()),
            "feed": pa.array([contract.feed for contract in contracts], pa.string()),
            "number": pa.array(range(len(contracts)), pa.int64()),
            "available": pa.array([_minutes(contract) for contract in contracts], pa.int64()),
        }))  # fmt: skip
        within = _between(first, last)
        begun = connection.execute(
            f"SELECT min(extract_date) FROM {records(home, 'feed_night')} WHERE {within}"
        ).fetchone()
        first = (begun[0] if begun else None) or last
        within = _between(first, last)
        nights = (last - first).days + 1
        feeds = _feed_nights(connection, home, within, first, (len(contracts), nights))
        profile = _profiles(connection, home, within, first)
    columns, rows, nulls, shapes = _by_column(profile, first, nights)
    weekdays = np.array([_weekdays(contract, first, nights) for contract in contracts], dtype=np.int8)
    return FeedSeries(contracts, first, *feeds, weekdays.reshape(len(contracts), nights), columns, rows, nulls, shapes)


def _between(first: date, last: date) -> str:
    return f"extract_date BETWEEN DATE '{first}' AND DATE '{last}'"


def _minutes(contract: Contract) -> int:
    hours, minutes = contract.service_level.available_by.split(":")
    return int(hours) * 60 + int(minutes)


def _weekdays(contract: Contract, first: date, nights: int) -> list[int]:
    """Weekdays from Monday 0; a public holiday is as a Sunday. An extract promised before noon is about the day before."""
    lag = 1 if _minutes(contract) < 12 * 60 else 0
    days = [first + timedelta(days=number - lag) for number in range(nights)]
    try:
        free = holidays.country_holidays(contract.country) if contract.country else {}
    except NotImplementedError:
        # A country that the package does not know has Sundays only.
        free = {}
    return [_SUNDAY if day in free else day.weekday() for day in days]


def _feed_nights(
    connection: duckdb.DuckDBPyConnection, home: Home, within: str, first: date, shape: tuple[int, int]
) -> tuple[Numbers, Numbers, Flags, Flags]:
    """Rows sent, arrival, whether the night was taken, and whether it did not come, by feed and night.

    A feed that was asked has a record, whatever came: without one it is nobody's miss. When a steward decided says nothing of when an extract came.
    """
    found = connection.execute(f"""
        SELECT number, (extract_date - DATE '{first}')::BIGINT AS night, status, rows_sent::DOUBLE AS sent,
          epoch(CASE WHEN status = 'accepted_by_steward' THEN started_at ELSE finished_at END) / 3600
            - epoch(extract_date) / 3600 - available / 60 AS arrival
        FROM {records(home, "feed_night")} JOIN asked USING (agency, feed)
        WHERE {within}""").fetchnumpy()
    sent, arrival = np.full(shape, np.nan), np.full(shape, np.nan)
    taken, missing = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    at = (found["number"], found["night"])
    status = np.asarray(found["status"], dtype=str)
    sent[at], arrival[at] = np.ma.filled(found["sent"], np.nan), np.ma.filled(found["arrival"], np.nan)
    taken[at], missing[at] = np.isin(status, TAKEN), status == FAILED
    late = np.where(taken & (np.abs(arrival) <= _LATEST_HOURS), arrival, np.nan)
    return np.where(taken, sent, np.nan), late, taken, missing


def _profiles(connection: duckdb.DuckDBPyConnection, home: Home, within: str, first: date) -> pa.Table:
    """In the order of feeds and columns; `line` numbers the columns.

    A night that was taken and then run again in vain has no extract of its own any more.
    """
    profiles = connection.execute(f"""
        WITH taken AS (FROM {records(home, "feed_night")} WHERE {IS_TAKEN})
        SELECT number, column_name, kind, (extract_date - DATE '{first}')::BIGINT AS night, rows, nulls, quantiles,
          value_hashes, value_shares, dense_rank() OVER (ORDER BY number, column_name) - 1 AS line
        FROM {records(home, "column_profile")} JOIN asked USING (agency, feed)
        SEMI JOIN taken USING (extract_date, agency, feed)
        WHERE {within}
        ORDER BY number, column_name, night""")
    return profiles.to_arrow_table().combine_chunks()


def _by_column(profile: pa.Table, first: date, nights: int) -> tuple[list[tuple[int, str]], Numbers, Numbers, Shapes]:
    line, night = profile["line"].to_numpy(), profile["night"].to_numpy()
    count = int(line.max()) + 1 if len(line) else 0
    one_each = profile.take(pa.array(np.flatnonzero(np.diff(line, prepend=-1))))
    columns = list(zip(one_each["number"].to_pylist(), one_each["column_name"].to_pylist(), strict=True))
    rows, nulls = np.full((count, nights), np.nan), np.full((count, nights), np.nan)
    rows[line, night], nulls[line, night] = profile["rows"].to_numpy(), profile["nulls"].to_numpy()
    owner, shares = _shares(profile, line, night, nights)
    # The kind of a column may change with its contract; it is judged by the last one.
    is_date = np.zeros(count, dtype=bool)
    is_date[line] = np.asarray(profile["kind"].to_numpy(zero_copy_only=False) == "date")
    days = (first - _EPOCH).days + np.arange(nights, dtype=np.float64)
    counted = np.nan_to_num(rows - nulls)
    return (
        columns,
        rows,
        nulls,
        Shapes(_quantiles(profile, line, night, (count, nights)), counted, shares, owner, is_date, days),
    )


def _quantiles(profile: pa.Table, line: NDArray[np.int64], night: NDArray[np.int64], shape: tuple[int, int]) -> Numbers:
    lists = _chunk(profile, "quantiles")
    whole = np.flatnonzero(lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False) == LEVELS)
    values = np.full((*shape, LEVELS), np.nan)
    values[line[whole], night[whole]] = (
        lists.take(pa.array(whole)).flatten().to_numpy(zero_copy_only=False).reshape(-1, LEVELS)
    )
    return values


def _shares(
    profile: pa.Table, line: NDArray[np.int64], night: NDArray[np.int64], nights: int
) -> tuple[NDArray[np.int64], Numbers]:
    """The column of each pair of column and value, and the pairs' shares by night: 0 where a value is not frequent."""
    hashes, shares = _chunk(profile, "value_hashes"), _chunk(profile, "value_shares")
    parent = hashes.value_parent_indices().to_numpy()
    code = hashes.flatten().dictionary_encode()
    pairs, row = np.unique(line[parent] * (len(code.dictionary) + 1) + code.indices.to_numpy(), return_inverse=True)
    found = np.zeros((len(pairs), nights))
    found[row, night[parent]] = shares.flatten().to_numpy(zero_copy_only=False)
    return pairs // (len(code.dictionary) + 1), found


def _chunk(profile: pa.Table, name: str) -> pa.ListArray:
    """A column of lists in one piece."""
    chunks = profile[name].combine_chunks()
    return chunks if isinstance(chunks, pa.Array) else pa.concat_arrays(chunks.chunks)

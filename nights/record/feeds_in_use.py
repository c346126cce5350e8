"""The newest accepted night of each feed, as a build notes what its rows are of, and what was accepted after a build."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from nights.rows.accepted import Acceptance, last_accepted
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home
from warehouse.store.feeds_in_use import InUse, read_feeds_in_use


def feeds_in_use(contracts: Sequence[Contract], home: Home, until: date) -> Iterator[InUse]:
    """Of the nights up to `until`; of a feed without an accepted night nothing."""
    for contract in contracts:
        folder = last_accepted(contract, home, until)
        if folder is not None:
            taken = Acceptance.read(folder)
            yield InUse(
                contract.agency, contract.feed, taken.extract_date, taken.status, taken.rows_sent, taken.rows_accepted,
                taken.rows_rejected, taken.original_sha256,
            )  # fmt: skip


def accepted_again_since(contracts: Sequence[Contract], home: Home, database: Path) -> list[InUse]:
    """The feeds of which another extract of the very night was accepted than the one in the build `database`."""
    with open_database(database, read_only=True) as connection:
        built_of = {feed.name: feed for feed in read_feeds_in_use(connection)}
    return [
        feed
        for feed in feeds_in_use(contracts, home, date.max)
        if feed.name in built_of
        and built_of[feed.name].extract_date == feed.extract_date
        and built_of[feed.name].original_sha256 != feed.original_sha256
    ]

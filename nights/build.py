"""A build from its beginning to its publication. Its order, with what stands between and is done by others:

1. `make_ready`: nothing that is read was touched, nothing that was accepted is missing from the record. (What is unusual is recorded.)
2. `begin`: an empty build, and the accepted extracts as relations in it. (dbt: staging.)
3. `link`: which records are of the same person or body. (dbt: marts. The gate between agencies, which may end the build here.)
4. `publish`: the record and what was published before join the build, nothing protected lies open in it, and readers see it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from catalogue.dbt_manifest import read_manifests
from catalogue.keys import declare, primary_keys
from catalogue.protection import Protection, refuse_exposed
from catalogue.separation import Separation, refuse_mixed
from linkage.link_night import link_night
from linkage.settle.cases import load_dispositions
from nights.integrity.tampered import tampered
from nights.record.feeds_in_use import feeds_in_use
from nights.record.unrecorded import record_missed
from nights.refused import set_aside_missed
from nights.rows.accepted import SCHEMA, create_empty_relations, create_relations, last_accepted
from sources.contract.model import Contract
from warehouse.engines.duckdb.engine import open_database
from warehouse.files import make_private
from warehouse.home import Home
from warehouse.store import published_nights
from warehouse.store.feeds_in_use import RELATION, write_feeds_in_use
from warehouse.store.history import Versioned, add_history, in_build, keep_history
from warehouse.store.night_records import COMMENTS, copy_into
from warehouse.store.restricted import attach_protected, attach_restricted
from warehouse.store.seal import Tampered

# What the marts read of linkage.
LINKED = {
    "person_link": "The person of each record.",
    "body_link": "The business or other body of each record.",
    "case_disposition": "What was decided of cases.",
}
# What the platform itself puts into the open database beside dbt's models: records' pseudonyms and random ids, and its records.
_OWN = [
    *(f"linkage.{table}" for table in (*LINKED, "entity_change", "large_block", "conflict")),
    *(f"quality.{table}" for table in COMMENTS),
    RELATION,
]
# And into the restricted one: pairs of records, with what they say of who somebody is.
_OWN_RESTRICTED = ["linkage.review_queue"]


class NotBuilt(Exception):
    """A build that must not begin: why, in the platform's own words. Readers keep what they have."""


@dataclass(frozen=True)
class Build:
    """The build of one night by the run of that id."""

    home: Home
    night: date
    run: str

    @property
    def database(self) -> Path:
        return published_nights.build_database(self.home, self.night, self.run)


def make_ready(contracts: Sequence[Contract], home: Home, night: date) -> None:
    """Raises NotBuilt where the build would read what the platform did not write."""
    try:
        set_aside_missed(contracts, home)
    except Tampered as error:
        raise NotBuilt(str(error)) from None
    found = tampered(contracts, home, night)
    if found:
        more = f" ({len(found) - 1} more places are not as they were written)" if found[1:] else ""
        raise NotBuilt(f"{found[0]}{more}")
    record_missed(contracts, home)


def begin(build: Build, agreed: list[Contract], others: Iterable[Contract]) -> None:
    """`agreed` are the contracts whose accepted extracts are read; models of the `others` are empty.

    Raises NotBuilt where there is nothing to build of.
    """
    used = [contract for contract in agreed if last_accepted(contract, build.home, build.night)]
    if not used:
        raise NotBuilt(
            f"no feed with an agreement in force has an accepted extract up to {build.night}; nothing to publish"
        )
    published_nights.start_build(build.home, build.night, build.run)
    published_nights.note_feeds(
        build.database, {contract.name: [column.name for column in contract.columns] for contract in used}
    )
    with open_database(build.database) as connection:
        create_relations(connection, agreed, build.home, build.night)
        write_feeds_in_use(connection, feeds_in_use(agreed, build.home, build.night))
        create_empty_relations(connection, list(others))


def refuse_empty(build: Build) -> None:
    """Raises NotBuilt where no step before made anything: nothing is built of feeds that no model reads."""
    if not build.database.exists():
        raise NotBuilt(
            "no model reads a feed of this platform, so there is nothing to publish; `interagency new-feed` drafts a staging model with "
            "a contract, and INTERAGENCY_MODELS names the folder of an organisation's own"
        )


def link(build: Build) -> dict[str, int]:
    """The rows of each table of LINKED. Linkage reads identifying columns and no others: the vault is not open here, and what agencies
    sent of people, which the build sees through views, stays closed for want of its keys.
    """
    with open_database(build.database, opens_views=False) as connection:
        attach_restricted(connection, build.database)
        link_night(connection, build.home, build.night)
        load_dispositions(connection, build.home, build.night)
        counted = {table: connection.execute(f"SELECT count(*) FROM linkage.{table}").fetchone() for table in LINKED}
    return {table: row[0] if row else 0 for table, row in counted.items()}


def publish(build: Build, versioned: Iterable[Versioned], manifests: Iterable[Path], protection: Protection) -> bool:
    """Returns whether readers see it; where a later night is published already, they go on with that one.

    `versioned` are the marts whose history is kept, `manifests` those of dbt, with the SQL that ran, and
    `protection` what they say of columns. Raises Exposed and PublishError.
    """
    home, night, manifests = build.home, build.night, list(manifests)
    with open_database(build.database) as connection:
        attach_protected(connection, build.database)
        copy_into(connection, home, night)
        declare(connection, primary_keys(read_manifests(manifests)))
        kept = in_build(connection, versioned)
        add_history(connection, home, night, kept)
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    refuse_exposed(build.database, protection, _OWN)
    refuse_mixed(build.database, Separation(protection), frozenset(_OWN_RESTRICTED))
    if published_nights.is_newest(home, night):
        keep_history(home, night, kept)
    # dbt copies its cache of the project with the mode that it has there.
    make_private(home.dbt)
    return published_nights.publish(home, build.database)

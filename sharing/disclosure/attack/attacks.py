"""All attacks on a release, one after the other."""

import duckdb

from sharing.disclosure.attack.gain import Gain
from sharing.disclosure.attack.settings import AttackSettings
from sharing.disclosure.relation import Relation


def attacks(
    connection: duckdb.DuckDBPyConnection, released: Relation, original: Relation, settings: AttackSettings
) -> list[Gain]:
    """`original` are the records that `released` was made from, before any treatment. DisclosureError for columns that there are not."""
    return []

"""All attacks on a release, one after the other."""

import duckdb

from sharing.disclosure.attack.field import Field
from sharing.disclosure.attack.gain import Gain
from sharing.disclosure.attack.nearest import differencing, inference, linkage
from sharing.disclosure.attack.settings import AttackSettings
from sharing.disclosure.attack.singling_out import by_one, by_several
from sharing.disclosure.relation import Relation


def attacks(
    connection: duckdb.DuckDBPyConnection, released: Relation, original: Relation, settings: AttackSettings
) -> list[Gain]:
    """Singling out, linkage, and for each protected column inference and, where there is an earlier release, differencing.

    `original` are the records that `released` was made from, before any treatment. DisclosureError for columns that there are not.
    """
    field = Field.of(connection, released, original, settings)
    found = [by_one(field), by_several(field)] if field.shown else []
    if settings.known:
        found.append(linkage(field))
        found += [inference(field, name) for name in settings.protected]
    if settings.known and settings.earlier is not None:
        found += [differencing(field, name) for name in settings.protected]
    return found

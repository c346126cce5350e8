"""Every product of every agreement after a night was published: what left, what waits, and what did not leave and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sharing.agreements.errors import AgreementError
from sharing.agreements.signature import read_private_key
from sharing.ledger.errors import LedgerError
from sharing.ledger.platform import key_file, platform_signer
from sharing.release.deliver import Waits, deliver
from sharing.release.errors import NotReleased
from sharing.release.kept import Release
from sharing.release.make import Maker
from sharing.release.wanted import Wanted
from warehouse.engines.duckdb.engine import open_database
from warehouse.errors import KeyRefused
from warehouse.files import DISK_REMEDY, refused_by_disk
from warehouse.home import Home
from warehouse.store.night_records import records
from warehouse.store.published_nights import current_night
from warehouse.store.seal import Tampered

_EXPECTED = (NotReleased, AgreementError, KeyRefused, LedgerError, Tampered)
_EVERYBODY = "*"


@dataclass(frozen=True)
class Left:
    """What became of one product for one recipient (`*` where it did not come so far). `reason` is why it did not leave."""

    agreement: str
    product: str
    recipient: str
    state: str
    rows: int | None = None
    reason: str | None = None

    def recorded(self) -> dict[str, Any]:
        return vars(self)


def maker_of(home: Home, manifests: list[Path]) -> Maker:
    """Raises KeyRefused where the key that signs cannot be read, and Tampered."""
    platform_signer(home)
    return Maker.of(home, manifests, read_private_key(key_file(home)))


def release_products(home: Home, manifests: list[Path], night: date, keys: Sequence[tuple[str, str]]) -> list[Left]:
    """`keys` are agreements and products. Of a night that readers do not see nothing leaves. Raises nothing that is a refusal."""
    current = current_night(home)
    if current is None or current.extract_date != night:
        return [Left(*key, _EVERYBODY, "not released", reason="readers do not see this night") for key in keys]
    try:
        maker = maker_of(home, manifests)
    except _EXPECTED as error:
        return [Left(*key, _EVERYBODY, "not released", reason=str(error)) for key in keys]
    return [left for key in keys for left in _of_product(maker, key)]


def left_in(home: Home, night: date) -> list[Left]:
    """What became of each product after that night, by its record."""
    with open_database(spills=False) as connection:
        rows = connection.execute(
            f"""
            SELECT agreement, product, recipient, state, rows, reason
            FROM {records(home, "release", night)}
            WHERE extract_date = ?
            ORDER BY ALL
        """,
            [night],
        ).fetchall()
    return [Left(*row) for row in rows]


def _of_product(maker: Maker, key: tuple[str, str]) -> Iterator[Left]:
    try:
        wanted = maker.wanted(*key)
    except _EXPECTED as error:
        yield Left(*key, _EVERYBODY, "not released", reason=str(error))
        return
    for one in wanted:
        yield _left(maker, one)


def _left(maker: Maker, wanted: Wanted) -> Left:
    said = (wanted.agreement.id, wanted.product.id, wanted.recipient.id)
    made: Release | None = None
    try:
        made = maker.make(wanted)
        deliver(maker.home, made, wanted.product)
    except Waits:
        return Left(*said, "waits for approval", made.manifest.content.rows if made else None)
    except _EXPECTED as error:
        return Left(*said, "not released", reason=str(error))
    except OSError as error:
        return Left(*said, "not released", reason=f"{refused_by_disk(error) or type(error).__name__}; {DISK_REMEDY}")
    return Left(*said, "delivered", made.manifest.content.rows)

"""Random rounding to base 3 (RR3, Stats NZ): no count tells of one person, none is off by more than 2, and on average none is off.

A multiple of three stays; another count goes to the nearest multiple with probability 2/3 and to the other with 1/3. Margins are rounded
by themselves, so they do not add up. Chance comes from a secret and from what the cell is: asked again, it is rounded alike, and the
mean of many answers tells nothing more.
"""

import hmac
from dataclasses import replace
from hashlib import sha256

import rfc8785

from sharing.disclosure.tables.cells import Cell, TableSpec

_BASE = 3


def rounded(cells: list[Cell], spec: TableSpec, secret: bytes) -> list[Cell]:
    """`secret` is the platform's own: who has it undoes the rounding."""
    return [replace(cell, value=float(_rounded(int(cell.value), _chance(cell, spec, secret)))) for cell in cells]


def _rounded(count: int, chance: float) -> int:
    over = count % _BASE
    if not over:
        return count
    is_up = chance < over / _BASE
    return count - over + (_BASE if is_up else 0)


def _chance(cell: Cell, spec: TableSpec, secret: bytes) -> float:
    """0 to 1, evenly. The values by name, so that the same cell of another table is rounded alike."""
    told = sorted(
        [column, str(type(value).__name__), str(value)]
        for dimension, values in zip(spec.dimensions, cell.key, strict=True)
        for column, value in zip(dimension, values, strict=False)
    )
    digest = hmac.new(secret, rfc8785.dumps(told), sha256).digest()
    return int.from_bytes(digest[:8]) / 2**64

"""Limits of one extract: what may arrive and unpack, and how long it may take, by the contract or by safe defaults.

Whatever a contract allows, some of the disk stays free: one agency must not cost the others their night.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from sources.arrival.request import Pull
from sources.contract.model import Contract
from sources.errors import ExtractError
from warehouse.settings import settings

# So much may unpack whatever its expansion: a small table of zeros packs very well.
UNPACKED_ANYWAY_BYTES = 1 << 30
_RESERVE_SHARE = 20
_MOST_RESERVE_BYTES = 1 << 30
_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Limits:
    """Of one extract. `arrived_bytes` and `unpacked_bytes` count all its files together, archives in archives too.

    `expansion` is how many bytes one arrived byte may unpack to, where all unpack to more than a gigabyte; `members` how
    many entries its archives may have. `seconds` run from the first question until all rows are landed.
    """

    arrived_bytes: int = 50 << 30
    unpacked_bytes: int = 200 << 30
    expansion: int = 1000
    members: int = 1000
    seconds: float = 3600.0

    @classmethod
    def of(cls, contract: Contract) -> "Limits":
        """Those of the contract's server option `limits`; the seconds of a feed where it says none."""
        said: Mapping[str, Any] = contract.server.options.get("limits") or {}
        return cls(
            arrived_bytes=int(said.get("arrivedBytes", cls.arrived_bytes)),
            unpacked_bytes=int(said.get("unpackedBytes", cls.unpacked_bytes)),
            expansion=int(said.get("expansion", cls.expansion)),
            members=int(said.get("members", cls.members)),
            seconds=float(said.get("seconds", settings().feed_timeout_seconds)),
        )

    def unpacked_of(self, arrived: int) -> int:
        """How many bytes `arrived` bytes may unpack to."""
        return min(self.unpacked_bytes, max(UNPACKED_ANYWAY_BYTES, arrived * self.expansion))


class Meter:
    """What one extract has taken so far, held against its limits. Every check raises ExtractError where one is passed."""

    def __init__(self, contract: Contract, began: float) -> None:
        self.limits, self._contract = Limits.of(contract), contract
        self._deadline = began + self.limits.seconds

    @classmethod
    def of(cls, pull: Pull) -> "Meter":
        return cls(pull.contract, pull.began)

    @property
    def seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0.0)

    def check_time(self) -> None:
        if self.seconds_left <= 0:
            raise ExtractError(
                f"the extract took more than {self.limits.seconds:g} seconds, its limit; ask {self._contract.agency_name} what "
                f"is slow, or allow more seconds in limits of {self._contract.path.name}"
            )

    def check_arrived(self, total: int, folder: Path) -> None:
        """`total` bytes of the extract have arrived, or are about to, in `folder`."""
        if total > self.limits.arrived_bytes:
            raise ExtractError(
                f"the extract has more than {self.limits.arrived_bytes} bytes, its limit; ask {self._contract.agency_name} for "
                f"smaller ones, or allow more arrivedBytes in limits of {self._contract.path.name}"
            )
        self.check_time()
        check_disk(folder)


def check_disk(folder: Path, wanted: int = 0) -> None:
    """Raises ExtractError where `wanted` bytes more would leave less than the reserve: a twentieth of the disk, at most 1 GiB."""
    usage = shutil.disk_usage(folder)
    reserve = min(usage.total // _RESERVE_SHARE, _MOST_RESERVE_BYTES)
    if usage.free - wanted < reserve:
        raise ExtractError(
            f"the disk has {usage.free} bytes left, too few for {f'{wanted} more' if wanted else 'more of the extract'} and a "
            f"reserve of {reserve}; free some space, then run the night again"
        )


@contextmanager
def watched(connection: duckdb.DuckDBPyConnection, check: Callable[[], None]) -> Iterator[None]:
    """While the block runs, `check` is asked twice a second; where it raises ExtractError, the engine's statement ends with that."""
    is_over = threading.Event()
    found: list[ExtractError] = []

    def look() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            try:
                check()
            except ExtractError as error:
                found.append(error)
                # Again and again: between two statements there is nothing to interrupt.
                connection.interrupt()

    watcher = threading.Thread(target=look, name="limits", daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        is_over.set()
        if found:
            raise found[0] from None
        raise
    finally:
        is_over.set()
        watcher.join()

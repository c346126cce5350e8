"""Landing one small file under a contract written for the test, and reading back what landed."""

import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sources.arrival.manifest import MANIFEST, REJECTS, ROWS, Manifest
from sources.arrival.request import Arrived, Pull
from sources.contract.load import load
from sources.contract.model import Contract
from sources.landing import land_extract as landing
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed, columns
from warehouse.store.seal import SEAL

ID = "{name: id, logicalType: string, primaryKey: true}"


def text_columns(*names: str) -> list[str]:
    """Properties of text; the first is the key."""
    return columns(**dict.fromkeys(names, "string"))


@dataclass
class Landed:
    """A landed extract as plain rows."""

    folder: Path
    manifest: Manifest
    rows: list[dict[str, Any]] = field(repr=False)
    rejects: list[dict[str, Any]] = field(repr=False)

    @property
    def reject_lines(self) -> list[int]:
        return [reject["line"] for reject in self.rejects]


def read_back(folder: Path) -> Landed:
    manifest = Manifest.read(folder)
    landed = Landed(
        folder, manifest, pq.read_table(folder / ROWS).to_pylist(), pq.read_table(folder / REJECTS).to_pylist()
    )
    assert manifest.rows_sent == manifest.rows_landed + manifest.rows_rejected
    assert (manifest.rows_landed, manifest.rows_rejected) == (len(landed.rows), len(landed.rejects))
    # The seal stands where the extract landed in a home.
    left = {path.name for path in folder.iterdir()} - {SEAL}
    assert left == {"original", ROWS, REJECTS, MANIFEST}, "nothing else is left"
    return landed


def land_files(folder: Path, files: dict[str, bytes], feed: Feed) -> Landed:
    """Land several files as one extract, as a connector brings them."""

    def bring(pull: Pull) -> Arrived:
        for name, content in files.items():
            (pull.into / name).write_bytes(content)
        return Arrived(tuple(files))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "fetch", bring)
        land_extract(load(feed.write(folder)), folder / "landed")
    return read_back(folder / "landed")


def land_bytes(contract: Contract, folder: Path, content: bytes, extract_date: date = NIGHT) -> Landed:
    """Land `content` as this contract's extract, under a folder of its own below `folder`."""
    place = Path(tempfile.mkdtemp(dir=folder))
    extract = place / Path(contract.server.location).name
    extract.write_bytes(content)
    land_extract(contract, place / "landed", str(extract), extract_date)
    return read_back(place / "landed")


def land(folder: Path, content: str | bytes, feed: Feed, extract_date: date = NIGHT) -> Landed:
    """Write the contract, then land `content` under it."""
    contract = load(feed.write(folder))
    return land_bytes(contract, folder, content.encode() if isinstance(content, str) else content, extract_date)

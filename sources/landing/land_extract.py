"""Landing: the original bytes kept, typed rows, rejects, and a manifest in which every record is accounted for."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import duckdb
import tenacity

from sources.arrival.limits import Meter, check_disk, watched
from sources.arrival.manifest import REJECTS, ROWS, Manifest, Original
from sources.arrival.request import Arrived, Pull
from sources.arrival.totals import Totals
from sources.connectors import fetch
from sources.contract.model import Contract
from sources.contract.server.known_formats import form
from sources.contract.server.location import elsewhere
from sources.errors import ExtractError
from sources.formats import NotSure, read
from sources.formats.packing.unpack import Plain, unpacked
from sources.landing.control_file import read_control
from sources.landing.date_proof import check_column, check_name, check_stated
from sources.landing.typed_rows import Landed, TypedRows
from warehouse.engines.duckdb.encrypted_parquet import parquet
from warehouse.engines.duckdb.engine import open_database, write_parquet
from warehouse.engines.duckdb.exact import total
from warehouse.files import private_folder

_FETCH_ATTEMPTS = 3
ORIGINAL = "original"


def land_extract(
    contract: Contract, into: Path, location: str | None = None, extract_date: date | None = None
) -> Manifest:
    """Pull one extract into the folder `into`: `original/`, rows.parquet, rejects.parquet, manifest.json.

    `location`, a path or an address, takes the place of the contract's own; `extract_date` is today (UTC) where none is given.
    Raises ExtractError with what happened, where, and what to do.
    """
    if location is not None:
        contract = replace(
            contract, server=elsewhere(contract.server, location), grant=contract.grant.with_place(location)
        )
    private_folder(into)
    return land_pull(Pull(contract, extract_date or datetime.now(UTC).date(), into / ORIGINAL), fetch)


def land_pull(pull: Pull, bring: Callable[[Pull], Arrived]) -> Manifest:
    started_at = datetime.now(UTC)
    contract, extract_date, into = pull.contract, pull.extract_date, pull.into.parent
    arrived = _brought(pull, bring)
    for name in arrived.files:
        check_name(contract, extract_date, name)
    names = [f"{ORIGINAL}/{name}" for name in [*arrived.files, *filter(None, [arrived.control])]]
    with (
        ThreadPoolExecutor(1) as hashing,
        tempfile.TemporaryDirectory(dir=into, prefix=".scratch-") as scratch,
        open_database() as connection,
    ):
        # The digests are made meanwhile, outside Python's lock: most readers leave a core idle.
        originals = hashing.map(partial(Original.of, into), names)
        extract = _Extract(connection, pull, Path(scratch))
        with watched(connection, extract.check_limits):
            landed = extract.land(arrived)
            check_column(connection, contract, extract_date, into / ROWS)
    manifest = Manifest(
        agency=contract.agency, feed=contract.feed, extract_date=extract_date, source=contract.server.location.partition("?")[0],
        originals=list(originals),
        contract_version=contract.version, contract_sha256=contract.fingerprint, rows_sent=landed.sent, rows_landed=landed.landed,
        rows_rejected=landed.rejected, started_at=started_at, finished_at=datetime.now(UTC), extra_columns=landed.extra_columns,
        evidence=dict(arrived.evidence), control=arrived.control, pulled_since=pull.watermark,
        mended=[asdict(item) for item in landed.mended],
    )  # fmt: skip
    manifest.write(into)
    return manifest


def _brought(pull: Pull, bring: Callable[[Pull], Arrived]) -> Arrived:
    pull.into.mkdir()
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(OSError),
        stop=tenacity.stop_after_attempt(_FETCH_ATTEMPTS),
        wait=tenacity.wait_exponential_jitter(initial=1, max=30),
        reraise=True,
    )
    try:
        return retrying(bring, pull)
    except OSError as error:
        raise ExtractError(
            f"{error.strerror or error} after {_FETCH_ATTEMPTS} attempts; check the share or disk"
        ) from error


class _Extract:
    """The originals of one night on their way to rows.parquet and rejects.parquet in the night's folder."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, pull: Pull, scratch: Path) -> None:
        self.connection, self.contract, self.extract_date = connection, pull.contract, pull.extract_date
        self.into, self.scratch, self.meter = pull.into.parent, scratch, Meter.of(pull)

    def check_limits(self) -> None:
        """Raises ExtractError where the extract's time is over, or the disk is nearly full."""
        self.meter.check_time()
        check_disk(self.into)

    def land(self, arrived: Arrived) -> Landed:
        """All files as one where the format reads many; else file by file, and the parts put together in their order."""
        originals = [self.into / ORIGINAL / name for name in arrived.files]
        plain = unpacked(originals, self.scratch, self.contract, self.meter)
        groups: list[Sequence[Plain]] = [plain] if form(self.contract).reads_many else [[file] for file in plain]
        stated = [totals for totals in (arrived.totals, self._control(arrived.control)) if totals]
        summed = {name for totals in stated for name in totals.sums}
        if not plain:
            raise ExtractError(f"no file has arrived; ask {self.contract.agency_name} for the extract")
        several = len(plain) > 1
        parts = [self._part(number, files, several, summed) for number, files in enumerate(groups)]
        landed = _together(parts)
        for file in (ROWS, REJECTS):
            self._merge([self._part_file(number, file) for number in range(len(parts))], self.into / file)
        for totals in stated:
            self._check_totals(totals, landed)
        return landed

    def _control(self, name: str | None) -> Totals | None:
        """Read before the extract: a control file of another day tells sooner than all the rows do."""
        if name is None and "control" in self.contract.server.options:
            raise ExtractError(f"no control file has arrived; ask {self.contract.agency_name} for it")
        if name is None:
            return None
        control = read_control(self.contract, self.into / ORIGINAL / name)
        check_stated(self.contract, self.extract_date, control.stated_date, name)
        return control.totals

    def _part(self, number: int, files: Sequence[Plain], several: bool, summed: set[str]) -> Landed:
        try:
            return self._landed_part(number, files, several, summed)
        except ExtractError as error:
            if len(files) > 1 or files[0].file in str(error):
                raise
            raise ExtractError(f"{files[0].file}: {error}") from error

    def _landed_part(self, number: int, files: Sequence[Plain], several: bool, summed: set[str]) -> Landed:
        name = files[0].file if several and len(files) == 1 else ""
        scratch = self.scratch / f"part-{number}"
        scratch.mkdir()
        try:
            reading = read(self.connection, self.contract, [file.path for file in files], scratch)
        except OSError as error:
            raise ExtractError(f"the original cannot be read ({error}); ask for it again") from error
        check_stated(self.contract, self.extract_date, reading.stated_date(), files[0].file)
        totals = reading.totals()
        wanted = sorted(summed.union(totals.sums if totals else ()))
        targets = self._part_file(number, ROWS), self._part_file(number, REJECTS)
        try:
            landed = TypedRows(self.connection, self.contract, reading, scratch, name).land(*targets, wanted)
        except NotSure:
            again = reading.with_care()
            landed = TypedRows(self.connection, self.contract, again, scratch, name).land(*targets, wanted)
        self._check_totals(totals, landed)
        return landed

    def _part_file(self, number: int, file: str) -> Path:
        return self.scratch / f"part-{number}" / file

    def _check_totals(self, totals: Totals | None, landed: Landed) -> None:
        if totals is not None:
            totals.check(self.contract, landed.sent, landed.sums)

    def _merge(self, parts: list[Path], target: Path) -> None:
        if len(parts) == 1:
            parts[0].rename(target)
            return
        write_parquet(self.connection, f"FROM {parquet(parts, by_name=True)}", target)


def _together(parts: list[Landed]) -> Landed:
    return Landed(
        sent=sum(part.sent for part in parts),
        landed=sum(part.landed for part in parts),
        rejected=sum(part.rejected for part in parts),
        extra_columns=sorted({name for part in parts for name in part.extra_columns}),
        sums={
            name: total(part.sums[name] for part in parts)
            for name in parts[0].sums
            if all(name in part.sums for part in parts)
        },
        mended=[item for part in parts for item in part.mended],
    )

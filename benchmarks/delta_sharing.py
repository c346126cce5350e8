"""A product read by Delta Sharing in pandas, beside the same Parquet over plain HTTP.

    python -m benchmarks.delta_sharing [ROWS]

Both by the same client code, from a process of its own each: the peer reads the plain file from a server of static files, by the
very steps with which `delta-sharing` reads an address. The file that is served lies sealed, and each read stands in the ledger.
"""

import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Ratio, report, seconds

_ROWS, _TIMES = 1_000_000, 7
_TABLE = """
    CREATE SCHEMA IF NOT EXISTS marts;
    CREATE OR REPLACE TABLE marts.stay AS
    SELECT
        'id' || i AS person_id,
        md5(i::VARCHAR) AS number,
        DATE '1950-03-07' + (i % 20000)::INTEGER AS born,
        ['Tartu', 'Narva', 'Võru'][1 + i % 3] AS town,
        (hash(i) % 100000)::DECIMAL(9, 2) AS kind,
        'D' || (hash(i) % 700) AS diagnosis,
        hash(i) % 1000 AS tags
    FROM range({rows}) AS rows (i)
"""
_COLUMNS = {
    "number": "pseudonym",
    "born": "generalise to month",
    "town": "keep",
    "kind": "keep",
    "diagnosis": "redact",
    "tags": "keep",
}


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"INTERAGENCY_HOME": str(Path(folder) / "home"), "INTERAGENCY_KEY": "a key for the bench"}
        ratio = _read(Path(folder), rows)
    report("delta_sharing", [ratio])


def _read(folder: Path, rows: int) -> Ratio:
    import delta_sharing

    counter, plain = _released(folder, rows)
    static = _static(plain)
    with _serving(counter.app) as ours, _serving(static) as theirs:
        profile = counter.profile(f"{ours}/delta-sharing")
        table, address = f"{profile}#stay-statistics.products.stays", f"{theirs}/{plain.name}"
        found = delta_sharing.load_as_pandas(table)
        if len(found) != rows or not found.equals(_over_http(address)):
            raise SystemExit("the rows that were served are not those of the file")
        served, peer = [], []
        # In turns: what else the machine does meanwhile meets both.
        for _ in range(_TIMES):
            served.append(seconds(lambda: delta_sharing.load_as_pandas(table)))
            peer.append(seconds(lambda: _over_http(address)))
    name = f"{rows:,} rows ({plain.stat().st_size / 1e6:.0f} MB) in pandas; peer reads plain HTTP"
    return Ratio(name, median(served), median(peer), "at most", 1.3)


def _over_http(address: str) -> Any:
    """As the client reads the address of a file."""
    from delta_sharing.protocol import AddFile
    from delta_sharing.reader import DeltaSharingReader

    return DeltaSharingReader._to_pandas(AddFile(address, "x", {}, 0), {}, False, None, False)


def _released(folder: Path, rows: int) -> tuple[Any, Path]:
    """A counter with one release of so many rows, and its plain file."""
    from tests.sharing.office import Office
    from tests.sharing.serve.counter import Counter, served
    from warehouse.home import Home

    (folder / "agreements").mkdir()
    office = Office(Home(folder / "home"), folder / "agreements")
    counter = Counter(office)
    office.give(served(columns=_COLUMNS))
    release = counter.publish(_TABLE.format(rows=rows))[0]
    plain = folder / "plain" / "stays.parquet"
    plain.parent.mkdir()
    plain.write_bytes(counter.plain(release))
    return counter, plain


def _static(plain: Path) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    return Starlette(routes=[Mount("/", StaticFiles(directory=plain.parent))])


@contextmanager
def _serving(app: Any) -> Iterator[str]:
    """In a process of its own, so that client and server do not wait for each other's interpreter."""
    with socket.create_server(("127.0.0.1", 0)) as port:
        server = multiprocessing.get_context("fork").Process(target=_serve, args=(app, port), daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{port.getsockname()[1]}"
        finally:
            server.terminate()
            server.join()


def _serve(app: Any, port: socket.socket) -> None:
    import uvicorn

    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[port])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else _ROWS)

"""Nobody else reads what is at home, and nothing that is published, logged or reported holds what was planted."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from nights.rows.accepted import accepted_nights, state_of
from simulation.systems.all_systems import CONTRACTS
from sources.arrival.manifest import REJECTS
from sources.contract.load import load_all
from tests.attacks.scan import texts_of
from warehouse.engines.duckdb import sqlalchemy_dialect
from warehouse.engines.duckdb.encrypted_parquet import let_read
from warehouse.engines.duckdb.engine import forget_spilled, open_database, quoted
from warehouse.home import Home
from warehouse.store.published_nights import current_night

PLANTED = "PLANTED-IDENTIFIER-38001085718"
# Its marts say why a business's number is published (`open_because`).
OF_BUSINESSES = ("ee.registrikood", "ee.kmkr")
# Shorter runs of digits are found in any file.
_LONGEST = 9


def told(home: Home) -> Iterator[Path]:
    """What is published, logged or reported; and whatever others than the owner may read."""
    for file in home.root.rglob("*"):
        # What a gate refused lies as it landed, below `quality/gates`, until its retention is over.
        if not file.is_file() or file.name == REJECTS:
            continue
        is_of_all = file.stat().st_mode & 0o077
        inner = file.relative_to(home.root).parts[0]
        if (
            is_of_all
            or inner in ("dagster", "dbt", "quality", "releases", "ledger")
            or file.name in ("published.duckdb", "complete")
        ):
            yield file


def open_to_others(home: Home) -> list[Path]:
    return [
        path for path in (home.root, *home.root.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077
    ]


def test_only_the_owner_reads_what_a_night_leaves(published_home: Home) -> None:
    # The fixture's own note of what the command printed is not of the night.
    assert [
        path for path in open_to_others(published_home) if path.name != "closing.txt" and path != published_home.root
    ] == []
    assert {path.relative_to(published_home.root).parts[0] for path in published_home.root.iterdir()} >= {
        "accepted", "dagster", "dbt", "landing", "quality", "warehouse",
    }  # fmt: skip


@pytest.mark.slow
def test_only_the_owner_reads_what_a_country_leaves(country_home: Home) -> None:
    assert open_to_others(country_home) == []


@pytest.mark.slow
def test_no_identifier_of_a_country_is_published_logged_or_reported(country_home: Home, country_key: None) -> None:
    identifiers = planted(country_home)
    assert len(identifiers) > 5000
    leaks, files = [], 0
    for file in told(country_home):
        files += 1
        found = {word for text in texts_of(file) for word in words_of(text)} & identifiers
        if found:
            leaks.append((str(file.relative_to(country_home.root)), len(found)))
    assert files > 100
    assert leaks == []


def words_of(text: str) -> set[str]:
    """Runs of letters and digits that are long enough for an identifier."""
    cleaned = "".join(sign if sign.isalnum() else " " for sign in text)
    return {word for word in cleaned.split() if len(word) >= _LONGEST}


def planted(home: Home) -> set[str]:
    """The identifiers of people that agencies sent: those that a contract calls so, and which are of a person."""
    night = current_night(home)
    assert night is not None
    found: set[str] = set()
    with open_database() as connection:
        for contract in load_all([CONTRACTS]):
            for column in contract.columns:
                if column.identifier_kind and column.identifier_kind not in OF_BUSINESSES:
                    state = state_of(contract, accepted_nights(contract, home, night.extract_date))
                    let_read(connection, state)
                    rows = connection.execute(f"SELECT DISTINCT {quoted(column.name)} FROM ({state})").fetchall()
                    found |= {str(value) for (value,) in rows if value is not None and len(str(value)) >= _LONGEST}
    return found


def test_the_scan_finds_what_is_packed(tmp_path: Path) -> None:
    """Otherwise it would prove nothing."""
    import gzip
    import sqlite3
    import zipfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    word = PLANTED.rpartition("-")[2]
    pq.write_table(pa.table({"x": [word] * 100}), tmp_path / "a.parquet", compression="zstd")
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(f"<p>{word}</p>".encode()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.csv.gz", gzip.compress(word.encode()))
    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT '{word}' AS x FROM range(100000)")
    store = sqlite3.connect(tmp_path / "e.db")
    store.execute("CREATE TABLE t AS SELECT ? AS x", [word])
    store.commit()
    store.close()
    (tmp_path / "f.log").write_text(f"error: {word}\n")
    (tmp_path / "g.txt").write_text(word, encoding="utf-16")
    for file in sorted(tmp_path.iterdir()):
        assert any(word in words_of(text) for text in texts_of(file)), file.name


def spilled(home: Home, connection: duckdb.DuckDBPyConnection) -> tuple[int, bool]:
    """How many files a large query spilled below the home, and whether one had a value that anybody can read."""
    names: set[str] = set()
    seen = False
    done = threading.Event()

    def look() -> None:
        nonlocal seen
        while not done.wait(0.02):
            for file in home.spill.rglob("*"):
                try:
                    seen |= PLANTED.encode() in file.read_bytes()
                    names.add(file.name)
                except OSError:
                    continue

    watching = threading.Thread(target=look)
    watching.start()
    try:
        connection.execute("SET threads = 1; SET memory_limit = '60MB'")
        sql = f"SELECT '{PLANTED}-' || i AS x, repeat('y', 100) AS y FROM range(1000000) AS r (i) ORDER BY md5(i::VARCHAR)"
        connection.execute(f"SELECT count(x), max(y) FROM ({sql} LIMIT 900000)").fetchall()
    finally:
        done.set()
        watching.join()
    return len(names), seen


def test_what_spills_is_encrypted_and_stays_at_home(home: Home) -> None:
    home.root.mkdir(exist_ok=True)
    with open_database() as connection:
        files, is_readable = spilled(home, connection)
    assert files > 0
    assert not is_readable
    assert list(home.spill.iterdir()) == []


def test_every_engine_spills_at_home_and_encrypted(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlalchemy as sa
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    from warehouse.dbt_plugin import Plugin

    home.root.mkdir(exist_ok=True)
    asked = "SELECT current_setting('temp_directory'), current_setting('temp_file_encryption')"
    database = tmp_path / "published.duckdb"
    with duckdb.connect(str(database)) as made, made.cursor() as connection:
        Plugin(
            "plugin", {}, DuckDBCredentials(path=str(database), database="published", schema="main")
        ).configure_connection(connection)
        by_dbt = connection.execute(asked).fetchone()
    engine = sa.create_engine(sqlalchemy_dialect.url(database))
    try:
        with engine.connect() as connected:
            by_gates = connected.execute(sa.text(asked)).fetchone()
    finally:
        engine.dispose()
    with open_database(database) as connection:
        by_us = connection.execute(asked).fetchone()
    for found in (by_dbt, by_gates, by_us):
        assert found is not None
        assert Path(found[0]).parent == home.spill
        assert found[1] is True


def test_what_a_killed_process_spilled_goes_with_the_next_night(home: Home) -> None:
    for name in ("999999999-abc", f"{os.getpid()}-abc"):
        (home.spill / name).mkdir(parents=True)
    forget_spilled(home)
    assert [folder.name for folder in home.spill.iterdir()] == [f"{os.getpid()}-abc"]


def test_a_home_that_an_earlier_version_left_open_is_closed_once(home: Home) -> None:
    for name in (
        "landing/a/b/2026-01-01/rows.parquet",
        "quality/report/index.html",
        "dagster/storage/x.db",
        "releases/r.zip",
        "others/mine.txt",
    ):
        file = home.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        file.chmod(0o644)
    outside = home.root.parent / "outside.txt"
    outside.write_text("x")
    outside.chmod(0o644)
    (home.root / "landing" / "link").symlink_to(outside)
    home.root.chmod(0o755)
    home.close()
    ours = [path for path in open_to_others(home) if "others" not in path.parts]
    assert ours == []
    # What is not the platform's stays as it is, also behind a link.
    assert (home.root / "others" / "mine.txt").stat().st_mode & 0o777 == 0o644
    assert outside.stat().st_mode & 0o777 == 0o644

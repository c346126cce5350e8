"""Files appear whole or not at all."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from warehouse.engines.duckdb.engine import literal, open_database, quoted
from warehouse.files import (
    point_link,
    refused_by_disk,
    remove_temporary,
    remove_unfinished,
    replaced_whole,
    versioned_folder,
    write_text,
)


def attempts(link: Path) -> list[Path]:
    return sorted(link.parent.glob(".versions/*"))


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    link = tmp_path / "feed" / "2026-11-20"
    with versioned_folder(link) as folder:
        (folder / "a").write_text("1")
        assert not link.exists()
    assert (link / "a").read_text() == "1"
    with versioned_folder(link) as folder:
        (folder / "a").write_text("2")
        assert (link / "a").read_text() == "1", "the earlier one until the later one is whole"
    assert (link / "a").read_text() == "2"
    assert len(attempts(link)) == 2


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_nothing_half_behind(error: type[BaseException], tmp_path: Path) -> None:
    link = tmp_path / "feed" / "2026-11-20"
    with pytest.raises(error), versioned_folder(link) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a").write_text("half")
        raise error
    assert not link.is_symlink()
    assert attempts(link) == []
    with versioned_folder(link) as folder:
        (folder / "a").write_text("whole")
    with pytest.raises(error), versioned_folder(link):
        raise error
    assert (link / "a").read_text() == "whole"
    assert len(attempts(link)) == 1


def test_the_tree_may_be_moved(tmp_path: Path) -> None:
    with versioned_folder(tmp_path / "here" / "night") as folder:
        (folder / "a").write_text("1")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "night" / "a").read_text() == "1"


def test_what_a_crash_left_is_removed_and_the_rest_stays(tmp_path: Path) -> None:
    link = tmp_path / "2026-11-20"
    with versioned_folder(link) as folder:
        (folder / "marker").write_text("")
    half = tmp_path / ".versions" / "2026-11-21-half"
    half.mkdir()
    (half / "rows").write_text("…")
    (tmp_path / ".2026-11-21.abc.tmp").symlink_to(half)
    assert set(remove_unfinished(tmp_path, "marker")) == {half, tmp_path / ".2026-11-21.abc.tmp"}
    assert not half.exists()
    (link.resolve() / ".seal.json.abc.tmp").write_text("{")
    assert [path.name for path in remove_unfinished(tmp_path, "marker")] == [".seal.json.abc.tmp"]
    assert (link / "marker").exists()
    assert remove_unfinished(tmp_path, "marker") == []
    assert remove_unfinished(tmp_path / "nowhere", "marker") == []


def test_temporary_names_go_and_other_files_stay(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    names = [deep / ".x.parquet.123.tmp", deep / "x.parquet", deep / "x.tmp", tmp_path / ".link.123.tmp"]
    for path in names[:3]:
        path.write_text("")
    names[3].symlink_to("nowhere")
    assert set(remove_temporary(tmp_path, "**")) == {names[0], names[3]}
    assert [path for path in names if path.exists() or path.is_symlink()] == names[1:3]
    assert remove_temporary(tmp_path / "nowhere", "**") == []


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.txt"
    write_text(path, "first")
    with pytest.raises(ValueError, match="stop"), replaced_whole(path) as temporary:
        temporary.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "first"
    write_text(path, "zweite ü")
    assert path.read_text(encoding="utf-8") == "zweite ü"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_moves_in_one_step_and_leaves_no_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        point_link(tmp_path / "link", tmp_path / name)
        assert (tmp_path / "link").resolve() == tmp_path / name
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "link"}


@pytest.mark.parametrize("value", [None, True, False, 0, -5, 1.5, 1e300, "it's", 'a "b"', "", "\\n", "ü€", "x;--"])
def test_a_literal_is_read_back_as_the_same_value(value: object) -> None:
    with open_database() as connection:
        (found,) = connection.execute(f"SELECT {literal(value)} AS {quoted(str(value) + 'x')}").fetchone() or ()
    assert float(found) == value if isinstance(value, float) else found == value


def _python_writes(full: Path) -> None:
    (full / "a").write_text("a" * 10_000_000)


def _duckdb_writes(full: Path) -> None:
    duckdb.sql(f"COPY (SELECT range AS n FROM range(10_000_000)) TO {literal(str(full / 'a.parquet'))}")


def _arrow_writes(full: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"n": list(range(2_000_000))}), full / "a.parquet")


def _sqlite_writes(full: Path) -> None:
    with sqlite3.connect(full / "a.sqlite") as database:
        database.execute("CREATE TABLE a AS SELECT zeroblob(10000000) AS blob_of_zeros")


def on_a_small_disk(write: Callable[[Path], None], full: Path) -> None:
    """Mount 1 MB at `full`, in a mount space that ends with this process, and write out what is said of the write."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(full)], check=True)
    try:
        write(full)
    except Exception as error:
        sys.stdout.write(str(refused_by_disk(error)))


@pytest.mark.parametrize("write", [_python_writes, _duckdb_writes, _arrow_writes, _sqlite_writes])
def test_who_writes_a_full_disk_is_told_so_in_the_systems_words(write: Callable[[Path], None], tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from tests.warehouse import test_files as here
here.on_a_small_disk(here.{write.__name__}, Path({str(tmp_path)!r}))
"""
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    done = subprocess.run([*own_mounts, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mount of its own here: {done.stderr.strip()[-100:]}")
    assert done.stdout.strip() == os.strerror(errno.ENOSPC)

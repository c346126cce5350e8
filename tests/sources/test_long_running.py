"""Thousands of extracts in one process, good and bad: no memory, thread, handle or file stays; a bomb needs no memory either."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import PROJECT, Feed
from tests.sources.archives import zipped
from tests.sources.landed import text_columns

LANDINGS = """
import gc, json, os, shutil, sys, tempfile, threading
from pathlib import Path
from sources.errors import ExtractError
from sources.contract.load import load
from sources.landing.land_extract import land_extract

def state():
    gc.collect()
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return rss, len(os.listdir("/proc/self/fd")), threading.active_count(), len(os.listdir(tempfile.gettempdir()))

contract, into, found = load(Path(sys.argv[1])), Path(sys.argv[2]), []
for number in range(300):
    extract, wanted = json.loads(sys.argv[3])[number % 5]
    try:
        land_extract(contract, into, extract)
        outcome = "landed"
    except ExtractError as error:
        outcome = "refused"
    assert outcome == wanted, extract
    assert not list(into.glob(".scratch*"))
    shutil.rmtree(into)
    if number in (99, 299):
        found.append(state())
print(json.dumps(found))
"""


EXTRACTS = {
    "good.csv": (b"a,b\n1,2\n3,4\n", "landed"),
    "rejects.csv": (b"a,b\n1,2\n3\n", "landed"),
    "header.csv": (b"x,y\n1,2\n", "refused"),
    "damaged.zip": (b"PK\x03\x04" + bytes(100), "refused"),
    "several.zip": (zipped({"a.csv": b"a,b\n1,2\n", "b.csv": b"a,b\n3,4\n5\n"}), "landed"),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="handles are counted as Linux shows them")
def test_nothing_stays_of_hundreds_of_landings(tmp_path: Path) -> None:
    path = Feed(text_columns("a", "b")).write(tmp_path)
    extracts = []
    for name, (content, outcome) in EXTRACTS.items():
        (tmp_path / name).write_bytes(content)
        extracts.append((str(tmp_path / name), outcome))
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LANDINGS, str(path), str(tmp_path / "into"), json.dumps(extracts)],
        capture_output=True, text=True, check=True, cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path / "tmp"), "INTERAGENCY_THREADS": "2"},
    )  # fmt: skip
    (early, *others), (late, *later) = json.loads(done.stdout)
    assert later == others, "handles, threads, temporary files"
    assert late - early < 20 << 20


ONE = """
import re, sys
from pathlib import Path
from sources.errors import ExtractError
from sources.contract.load import load
from sources.landing.land_extract import land_extract
try:
    land_extract(load(Path(sys.argv[1])), Path(sys.argv[2]))
except ExtractError as error:
    print(error)
# Not ru_maxrss, which begins with that of the process that started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024)
"""
MOST_BYTES = 300 << 20


def bomb(name: str) -> bytes:
    """300 MiB of zeros in as little as its packing makes of it."""
    zeros = bytes(300 << 20)
    if name == "x.tgz":
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive:
            entry = tarfile.TarInfo("x")
            entry.size = len(zeros)
            archive.addfile(entry, io.BytesIO(zeros))
        return stream.getvalue()
    return gzip.compress(zeros, 1) if name == "x.gz" else zipped({"x": zeros}, zipfile.ZIP_BZIP2)


@pytest.mark.parametrize("name", ["x.gz", "x.tgz", "bzip2.zip"])
def test_a_bomb_needs_no_memory(name: str, tmp_path: Path) -> None:
    path = Feed(text_columns("a", "b"), path=name, options={"limits": "{unpackedBytes: 280000000}"}).write(tmp_path)
    (path.parent / name).write_bytes(bomb(name))
    done = subprocess.run(
        [sys.executable, "-c", ONE, str(path), str(tmp_path / "into")], capture_output=True, text=True, check=True,
        cwd=PROJECT, env={"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    message, most = done.stdout.splitlines()
    assert "unpacks to more than 280000000 bytes" in message
    assert int(most) < MOST_BYTES

"""Memory stays bounded: ten times the extract, landed in a process of its own, needs less than half as much again.

JSON Lines below a gigabyte and CSV with quotes below one and a half are excepted: there the engine holds more the longer the
file is, which its use of both cores costs.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Feed, ended
from tests.sources.formats.samples import NO_OPTIONS, prop

# So many that the engine's own buffers are full in the smaller file too.
ROWS = {"csv": 500_000, "fixed": 1_000_000, "jsonl": 2_000_000, "xml": 200_000}
MOST = 1.5
BATCH = 10_000
LAND = """import resource, sys
from pathlib import Path
from sources.contract.load import load
from sources.landing.land_extract import land_extract
manifest = land_extract(load(Path(sys.argv[1])), Path(sys.argv[2]))
print(manifest.rows_landed, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FEEDS = {
    "csv": Feed([prop("id", "string, primaryKey: true"), prop("n", "integer"), prop("note", "string")], path="x.csv"),
    "fixed": Feed(
        [
            prop("id", "string, primaryKey: true", start=1, length=10),
            prop("n", "integer", start=11, length=10),
            prop("note", "string", start=21, length=40),
        ],
        path="x.dat", format="fixed", options=NO_OPTIONS,
    ),
    "jsonl": Feed([prop("id", "string, primaryKey: true"), prop("n", "integer"), prop("note", "string")], path="x.jsonl", format="jsonl", options=NO_OPTIONS),
    "xml": Feed([prop("id", "string, primaryKey: true"), prop("n", "integer"), prop("note", "string")], path="x.xml", format="xml", options={"record": "r"}),
}  # fmt: skip
RECORDS: dict[str, Callable[[int], str]] = {
    "csv": lambda n: f"{n:010},{n},a note that is hardly ever the same {n}\n",
    "fixed": lambda n: f"{n:010}{n:010}{f'a note that is hardly ever the same {n}':<40.40}\n",
    "jsonl": lambda n: f'{{"id":"{n:010}","n":{n},"note":"a note that is hardly ever the same {n}"}}\n',
    "xml": lambda n: f"<r><id>{n:010}</id><n>{n}</n><note>a note that is hardly ever the same {n}</note></r>\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FEEDS))
def test_ten_times_the_extract_needs_no_more_memory(name: str, tmp_path: Path) -> None:
    small = peak(tmp_path / "small", name, ROWS[name])
    large = peak(tmp_path / "large", name, 10 * ROWS[name])
    assert large < MOST * small, f"{small} KiB, then {large} KiB"


BEFORE = {"csv": "id,n,note\n", "xml": "<list>\n"}


def peak(folder: Path, name: str, rows: int) -> int:
    """The largest resident memory in KiB of a process that lands so many rows."""
    contract = FEEDS[name].write(folder)
    with (contract.parent / FEEDS[name].path).open("w", encoding="utf-8") as out:
        out.writelines(content(name, rows))
    script = folder / "land.py"
    script.write_text(LAND)
    done = ended(sys.executable, script, contract, folder / "landed")
    landed, most = map(int, done.stdout.split())
    assert landed == rows
    return most


def content(name: str, rows: int) -> Iterator[str]:
    record = RECORDS[name]
    if name in BEFORE:
        yield BEFORE[name]
    for first in range(0, rows, BATCH):
        yield "".join(map(record, range(first, min(first + BATCH, rows))))
    if name == "xml":
        yield "</list>\n"

"""An extract without any record: an empty table where the file says so itself; no bytes at all are no snapshot."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sources.arrival.manifest import ROWS
from sources.errors import ExtractError
from tests.sources.formats.samples import SAMPLES, Register
from tests.sources.landed import Landed, land

COLUMNS = ["id", "amount", "name"]
SAYS_SO = {
    "excel": SAMPLES["excel"].write([]),
    "json": b'{"data": {"items": []}}',
    "rsf": Register().content(),
    "xml": SAMPLES["xml"].write([]),
}
SAYS_NOTHING = [("fixed", b""), ("jsonl", b""), ("jsonl", b"\n \n")]


def landed(folder: Path, name: str, mode: str, content: bytes) -> Landed:
    return land(folder, content, replace(SAMPLES[name].feed, custom={"extractMode": mode}))


def assert_empty(found: Landed) -> None:
    assert (found.rows, found.rejects, found.manifest.rows_sent) == ([], [], 0)
    assert pq.read_schema(found.folder / ROWS).names == COLUMNS
    assert found.manifest.extra_columns == []


@pytest.mark.parametrize("mode", ["snapshot", "append"])
@pytest.mark.parametrize("name", SAYS_SO)
def test_a_file_may_say_that_it_has_no_record(name: str, mode: str, tmp_path: Path) -> None:
    assert_empty(landed(tmp_path, name, mode, SAYS_SO[name]))


@pytest.mark.parametrize(("name", "content"), SAYS_NOTHING)
def test_no_bytes_are_no_events_but_no_snapshot(name: str, content: bytes, tmp_path: Path) -> None:
    assert_empty(landed(tmp_path, name, "append", content))
    with pytest.raises(ExtractError, match="no record in the file"):
        landed(tmp_path, name, "snapshot", content)


@pytest.mark.parametrize("content", [b"<html><body>down</body></html>", b'<rows xmlns="urn:other"/>'])
def test_xml_of_something_else_is_no_empty_list(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no <q:row> in the file"):
        landed(tmp_path, "xml", "append", content)

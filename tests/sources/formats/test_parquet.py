"""Parquet: nested columns as JSON text, and files that were cut off."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.connectors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS
from tests.sources.landed import land, text_columns

NESTED = {
    "address": ({"town": "Zoë", "numbers": [1, None]}, '{"town":"Zoë","numbers":[1,null]}'),
    "codes": (["a", 'b"'], '["a","b\\""]'),
    "rates": ([("x", 1.5)], '{"x":1.5}'),
}
TYPES = {
    "address": pa.struct([("town", pa.string()), ("numbers", pa.list_(pa.int32()))]),
    "codes": pa.list_(pa.string()),
    "rates": pa.map_(pa.string(), pa.float64()),
}


def parquet(columns: dict[str, pa.Array]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def feed(*names: str) -> Feed:
    return Feed(text_columns(*names), path="x.parquet", format="parquet", options=NO_OPTIONS)


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_column_lands_as_json_text(name: str, tmp_path: Path) -> None:
    value, text = NESTED[name]
    columns = {"id": pa.array(["a", "b"]), name: pa.array([value, None], TYPES[name])}
    landed = land(tmp_path, parquet(columns), feed("id", name))
    assert [row[name] for row in landed.rows] == [text, None]
    assert json.loads(landed.rows[0][name])


def test_a_new_nested_column_is_kept_as_text_and_reported(tmp_path: Path) -> None:
    landed = land(tmp_path, parquet({"id": pa.array(["a"]), "codes": pa.array([["x"]])}), feed("id"))
    assert landed.rows[0]["codes"] == '["x"]'
    assert landed.manifest.extra_columns == ["codes"]


@pytest.mark.parametrize("kept", [0, 10, 60, -1])
def test_a_cut_file_is_refused(kept: int, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no Parquet, or was cut off"):
        land(tmp_path, parquet({"id": pa.array(["a", "b"])})[:kept], feed("id"))

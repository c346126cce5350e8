"""Parquet: nested columns as JSON text, files that were cut off or damaged, types of every kind, drift between files."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS, parquet
from tests.sources.landed import ID, Landed, land, land_files, text_columns

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


def feed(*names: str) -> Feed:
    return Feed(text_columns(*names), path="x.parquet", format="parquet", options=NO_OPTIONS)


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_column_lands_as_json_text(name: str, tmp_path: Path) -> None:
    value, text = NESTED[name]
    columns = {"id": pa.array(["a", "b"]), name: pa.array([value, None], TYPES[name])}
    landed = land(tmp_path, parquet(columns), feed("id", name))
    assert [row[name] for row in landed.rows] == [text, None]
    assert json.loads(landed.rows[0][name])


def test_a_new_nested_column_is_left_out_and_reported(tmp_path: Path) -> None:
    landed = land(tmp_path, parquet({"id": pa.array(["a"]), "codes": pa.array([["x"]])}), feed("id"))
    assert landed.rows == [{"id": "a"}]
    assert landed.manifest.extra_columns == ["codes"]


@pytest.mark.parametrize("kept", [0, 10, 60, -1])
def test_a_cut_file_is_refused(kept: int, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no Parquet, or was cut off"):
        land(tmp_path, parquet({"id": pa.array(["a", "b"])})[:kept], feed("id"))


GOOD = parquet({"id": pa.array(["a", "b"]), "v": pa.array(["x", "y"])})
REFUSED = {
    "another beginning": (b"PAR2" + GOOD[4:], "no Parquet"),
    "another end": (GOOD[:-4] + b"PAR2", "no Parquet"),
    "encrypted": (b"PARE" + GOOD[4:-4] + b"PARE", "is encrypted"),
    "a length beyond the file": (GOOD[:-8] + b"\xff\xff\xff\x7fPAR1", "damaged"),
    "a footer of nothing": (b"PAR1\0\0\0\0PAR1", "damaged"),
    "columns called alike": (parquet({"id": pa.array(["a"]), "v": pa.array(["x"]), "V": pa.array(["y"])}), "more than one column"),
    "too many digits": (parquet({"id": pa.array(["a"]), "v": pa.array([Decimal(1)], pa.decimal256(50, 2))}), "more than 38 digits"),
    "bytes": (parquet({"id": pa.array(["a", "b"]), "v": pa.array([b"x", b"\xff"])}), "record 2: v holds bytes"),
    "no columns": (parquet({}), "no Parquet"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_exactly_is_refused(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, feed("id", "v"))


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_a_page_that_is_not_as_it_was_written_is_refused(compression: str, tmp_path: Path) -> None:
    """A checksum tells it even where the bytes still can be read."""
    columns = {"id": pa.array([f"{number:09}" for number in range(20_000)])}
    content = bytearray(parquet(columns, compression=compression, use_dictionary=False, write_page_checksum=True))
    content[len(content) // 2] ^= 1
    with pytest.raises(ExtractError, match="damaged"):
        land(tmp_path, bytes(content), feed("id"))
    whole = parquet(columns, compression=compression, write_page_checksum=True)
    assert len(land(tmp_path, whole, feed("id")).rows) == 20_000


def test_no_value_is_told_of_a_text_that_is_none(tmp_path: Path) -> None:
    content = parquet({"id": pa.array([b"Zoe", b"secret\xff"]).view(pa.string())})
    with pytest.raises(ExtractError, match="UTF8") as told:
        land(tmp_path, content, feed("id"))
    assert "secret" not in str(told.value)
    assert str(tmp_path) not in str(told.value)


def test_texts_without_their_annotation_are_texts(tmp_path: Path) -> None:
    columns = {"id": pa.array([b"Zo\xc3\xab"]), "photo": pa.array([b"\xff\xd8"])}
    landed = land(tmp_path, parquet(columns), feed("id"))
    assert landed.rows == [{"id": "Zoë"}]


def test_times_of_every_kind_and_dictionaries(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    columns = [ID, "{name: t, logicalType: timestamp}"]
    things = Feed(columns, path="x.parquet", format="parquet", options=NO_OPTIONS)
    keys = pa.array(["a", "b"]).dictionary_encode()
    for kind, options in (
        (pa.timestamp("ns"), {"use_deprecated_int96_timestamps": True}), (pa.timestamp("us", tz="Europe/Berlin"), {}),
        (pa.timestamp("ms"), {}), (pa.timestamp("ns"), {}),
    ):  # fmt: skip
        values = pa.array([moment.replace(tzinfo=None), None], pa.timestamp(kind.unit)).cast(kind)
        landed = land(tmp_path, parquet({"id": keys, "t": values}, **options), things)
        assert [row["t"] for row in landed.rows] == [moment, None]


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns"])
def test_what_data_frames_write_of_days_and_whole_numbers(kind: str, tmp_path: Path) -> None:
    """Days at midnight and floats without decimals are days and whole numbers; with more in them they are rejects."""
    days = [datetime(2026, 1, 2), datetime(2026, 1, 2, 5), None, datetime(2026, 1, 3), None]
    columns = {
        "id": pa.array(list("abcde")),
        "day": pa.array(days, pa.timestamp("us")).cast(pa.timestamp(kind)),
        "n": pa.array([5.0, 1.0, 5.7, 2.0**60, None]),
    }
    properties = [ID, "{name: day, logicalType: date}", "{name: n, logicalType: integer}"]
    landed = land(tmp_path, parquet(columns), Feed(properties, path="x.parquet", format="parquet", options=NO_OPTIONS))
    assert [tuple(row.values()) for row in landed.rows] == [("a", date(2026, 1, 2), 5), ("e", None, None)]
    assert [(reject["line"], reject["column"]) for reject in landed.rejects] == [(2, "day"), (3, "n"), (4, "n")]


def test_a_file_of_no_row_groups_has_no_records(tmp_path: Path) -> None:
    assert land(tmp_path, parquet({"id": pa.array([], pa.string())}), feed("id")).rows == []


FIRST = {"id": pa.array(["a"]), "n": pa.array([1])}
DRIFT = {
    "another order": ({"n": pa.array([2]), "id": pa.array(["b"])}, [("a", 1), ("b", 2)], []),
    "a changed type": ({"id": pa.array(["b", "c"]), "n": pa.array(["2", "x"])}, [("a", 1), ("b", 2)], ["x"]),
    "a new column": ({"id": pa.array(["b"]), "n": pa.array([2]), "m": pa.array([7])}, [("a", 1), ("b", 2)], []),
}


def together(folder: Path, *tables: dict[str, pa.Array]) -> Landed:
    things = Feed([ID, "{name: n, logicalType: integer}"], path="x.parquet", format="parquet", options=NO_OPTIONS)
    files = {f"{number}.parquet": parquet(table) for number, table in enumerate(tables, 1)}
    return land_files(folder, files, things)


@pytest.mark.parametrize("case", DRIFT)
def test_the_files_of_an_extract_may_differ(case: str, tmp_path: Path) -> None:
    second, rows, rejected = DRIFT[case]
    landed = together(tmp_path, FIRST, second)
    assert [(row["id"], row["n"]) for row in landed.rows] == rows
    assert [(item["file"], item["value"]) for item in landed.rejects] == [("2.parquet", value) for value in rejected]
    assert landed.manifest.extra_columns == (["m"] if "m" in second else [])


def test_a_new_column_of_two_types_is_no_fault(tmp_path: Path) -> None:
    landed = together(tmp_path, FIRST | {"m": pa.array([7])}, FIRST | {"m": pa.array(["seven"])})
    assert landed.manifest.extra_columns == ["m"]
    assert len(landed.rows) == 2


def test_a_column_that_one_file_misses_refuses_the_night(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=r"2\.parquet.*has no n"):
        together(tmp_path, FIRST, {"id": pa.array(["b"])})


FINE = 1_767_225_600_123_456_789  # 2026-01-01T00:00:00.123456789Z
MOMENT = "{name: at, logicalType: timestamp}"
NANOSECONDS = {
    "of a moment": (pa.timestamp("ns", "UTC"), False),
    "of another zone": (pa.timestamp("ns", "Europe/Oslo"), False),
    "without a zone": (pa.timestamp("ns"), False),
    "in 96 bits": (pa.timestamp("ns"), True),
}


def of_nanoseconds(kind: pa.DataType, values: list[int | None], in_96_bits: bool = False) -> bytes:
    columns = {"id": [f"k{number}" for number in range(len(values))], "at": pa.array(values, kind)}
    return parquet(columns, use_deprecated_int96_timestamps=in_96_bits)


@pytest.mark.parametrize("case", NANOSECONDS)
def test_digits_below_a_microsecond_are_never_cut(case: str, tmp_path: Path) -> None:
    content = of_nanoseconds(NANOSECONDS[case][0], [FINE, None, FINE - 789, FINE + 1], NANOSECONDS[case][1])
    known = Feed([ID, MOMENT], path="x.parquet", format="parquet", options=NO_OPTIONS)
    landed = land(tmp_path, content, known)
    whole = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert [(row["id"], row["at"]) for row in landed.rows] == [("k1", None), ("k2", whole)]
    assert landed.reject_lines == [1, 4]
    assert "2026-01-01 00:00:00.123456789" in landed.rejects[0]["value"]
    texts = [row["at"] for row in land(tmp_path, content, feed("id", "at")).rows]
    assert texts[0].startswith("2026-01-01 00:00:00.123456789")
    coarse = of_nanoseconds(NANOSECONDS[case][0], [FINE - 789, None], NANOSECONDS[case][1])
    assert [row["at"] for row in land(tmp_path, coarse, known).rows] == [whole, None]


def test_times_of_day_and_nested_times_are_not_cut_either(tmp_path: Path) -> None:
    clock = Feed([ID, "{name: at, logicalType: time}"], path="x.parquet", format="parquet", options=NO_OPTIONS)
    landed = land(tmp_path, of_nanoseconds(pa.time64("ns"), [1_234_567_891, 1_000_000_000]), clock)
    assert ([str(row["at"]) for row in landed.rows], landed.reject_lines) == (["00:00:01"], [1])
    for kind, value in (
        (pa.list_(pa.timestamp("ns", "UTC")), [[FINE], []]),
        (pa.struct([("t", pa.timestamp("ns"))]), [{"t": FINE}, None]),
        (pa.map_(pa.string(), pa.time64("ns")), [[("x", 1)], []]),
    ):
        content = parquet({"id": pa.array(["a", "b"]), "at": pa.array(value, kind)})
        with pytest.raises(ExtractError, match="at has times with digits below a microsecond"):
            land(tmp_path, content, feed("id", "at"))
    coarse = parquet({"id": pa.array(["a"]), "at": pa.array([[FINE - 789]], pa.list_(pa.timestamp("ns", "UTC")))})
    assert len(land(tmp_path, coarse, feed("id", "at")).rows) == 1


def test_days_beyond_the_calendar_are_rejects(tmp_path: Path) -> None:
    known = Feed([ID, "{name: day, logicalType: date}", MOMENT], path="x.parquet", format="parquet", options=NO_OPTIONS)
    content = parquet({
        "id": pa.array(["a", "b", "c"]),
        "day": pa.array([0, 2_932_897, None], pa.date32()),
        "at": pa.array([0, None, 253_402_300_800_000_000], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    landed = land(tmp_path, content, known)
    assert ([row["id"] for row in landed.rows], landed.reject_lines) == (["a"], [2, 3])

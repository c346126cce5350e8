"""A draft passes its own sample, whatever the sample is; or the sample is refused in words, and nothing is drafted."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from stdnum.gb import nhs

from expectations.draft_trial import held_against
from sources.draft.columns.sampled_columns import DraftColumn, draft_columns
from sources.draft.opening.open_sample import opened
from sources.draft.writing.contract_yaml import contract_text, highest_threshold, server_section
from sources.errors import ExtractError
from tests.sources.formats.workbooks import ods, ods_cell, ods_row, ods_table

CHANCES = settings(
    max_examples=20, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)  # fmt: skip
# What a value of a column looks like by the number of its row.
KINDS: dict[str, Any] = {
    "number": str, "code": lambda n: f"{n:05}", "word": lambda n: ("north", "south", "east")[n % 3], "NO": lambda n: "NO",
    "yes": lambda n: ("yes", "no")[n % 2], "TRUE": lambda n: ("TRUE", "False")[n % 2], "1": lambda n: str(n % 2),
    "date": lambda n: f"2026-03-{n % 28 + 1:02}", "german date": lambda n: f"{n % 28 + 1}.{n % 12 + 1}.2026",
    "moment": lambda n: f"2026-01-01T{10 + n % 3}:00:00{('Z', '+01:00', '+02:00')[n % 3]}",
    "clock": lambda n: f"{n % 24:02}:{n % 60:02}", "decimal": lambda n: f"{n}.{n % 10}0", "comma": lambda n: f"{n},{n % 10}",
    "thousands": lambda n: f"{n + 1},{n % 900 + 100}", "exponent": lambda n: f"{n}E5", "float": lambda n: f"{n / 7!r}",
    "long": lambda n: str(10**19 + n), "signed": lambda n: f"{'-' * (n % 2)}{n}", "plus": lambda n: f"+{372 + n}",
    "missing": lambda n: "" if n % 3 else str(n), "NA": lambda n: "NA" if n % 4 == 0 else str(n), "empty": lambda n: "",
    "blank": lambda n: " " * (n % 3), "text": lambda n: f'It "is" {n}, so; they | say', "lines": lambda n: f"a{n}\nb",
    "apostrophe": lambda n: f"'t is {n}", "padded": lambda n: f" x{n} ", "letters": lambda n: f"Jõe{n}", "bad date": lambda n:
    "2026-02-31" if n == 7 else f"2026-02-{n % 28 + 1:02}", "version": lambda n: f"3.{n}", "day": lambda n: f"2026{n % 12 + 1:02}15",
    "midnight": lambda n: f"2026-03-{n % 28 + 1:02} 00:00:00", "json": lambda n: json.dumps({"a": n}), "zero": lambda n: f"0.{n:03}",
}  # fmt: skip
HEADERS = [
    "id", " name", "name ", "Ort", "select", "2024", "a.b", "é", "x/y", "total €", "PART", "x" * 70, "id nr",
    "%",
]  # fmt: skip


def held(path: Path) -> tuple[list[DraftColumn], list[str], int]:
    """The drafted columns, all doubts, and how many rows of the sample its own draft rejects; the draft accepts the sample."""
    with opened(str(path)) as sample:
        columns, server, threshold = draft_columns(sample), sample.server, highest_threshold(sample.rows)
    section = server_section(server.location, server.type, server.options, server.encoding, server.format)
    trial = held_against(contract_text("a", "f", section, columns, sample.doubts, threshold), "a", "f")
    assert trial.refusal == ""
    return columns, [*sample.doubts, *(column.doubt for column in columns)], trial.rejected


def faults(kinds: Sequence[str], rows: int) -> int:
    """The one day that there is not, where the others are enough to tell that it is a fault."""
    return int("bad date" in kinds and rows >= 20)


def written(value: str, delimiter: str, quote: str) -> str:
    if quote == "always" or any(sign in value for sign in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value


@CHANCES
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5), rows=st.integers(1, 60),
    headers=st.permutations(HEADERS), delimiter=st.sampled_from([",", ";", "\t", "|", ", ", "; "]),
    quote=st.sampled_from(["always", "where needed"]), end=st.sampled_from(["\n", "\r\n"]), last=st.sampled_from(["", "delimiter"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
)  # fmt: skip
@example(
    kinds=["moment", "1"],
    rows=9,
    headers=HEADERS,
    delimiter=",",
    quote="where needed",
    end="\n",
    last="",
    encoding="utf-8",
)
@example(
    kinds=["number", "text"], rows=30, headers=HEADERS, delimiter=", ", quote="where needed", end="\n", last="delimiter", encoding="utf-8",
)  # fmt: skip
def test_delimited_text(
    kinds: list[str], rows: int, headers: list[str], delimiter: str, quote: str, end: str, last: str, encoding: str, tmp_path: Path
) -> None:  # fmt: skip
    # Of one record nobody can say whether the delimiter at its end is a column or belongs to a value.
    assume(rows > 1 or not last)
    header = ["key", *headers[: len(kinds)]]
    table = [header, *([f"k{number}", *(KINDS[kind](number) for kind in kinds)] for number in range(rows))]
    lines = [delimiter.join(written(value, delimiter, quote) for value in row) for row in table]
    if last:
        lines[1:] = [line + delimiter for line in lines[1:]]
    path = tmp_path / "s.csv"
    path.write_bytes(end.join([*lines, ""]).encode(encoding))
    try:
        columns, doubts, rejected = held(path)
    except ExtractError as refused:
        assert "line 1" in str(refused), "blanks and delimiters in values may hide what delimits"
        return
    assert rejected == faults(kinds, rows)
    assert len(columns) == len(header)
    for kind, column in zip(kinds, columns[1:], strict=True):
        assert not (kind == "NO" and column.logical_type == "boolean")
        assert kind != "bad date" or rows < 20 or any("has none of the dates" in doubt for doubt in doubts)


@CHANCES
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4), rows=st.integers(1, 40))
@pytest.mark.parametrize("form", ["jsonl", "json", "parquet", "xlsx", "ods"])
def test_other_formats(form: str, kinds: list[str], rows: int, tmp_path: Path) -> None:
    header = ["key", *(f"c{number}" for number in range(len(kinds)))]
    table = [[f"k{number}", *(KINDS[kind](number) for kind in kinds)] for number in range(rows)]
    _, _, rejected = held(_file(tmp_path / f"s.{form}", header, table))
    assert rejected == faults(kinds, rows)


def _file(path: Path, header: list[str], table: Sequence[Sequence[str]]) -> Path:
    objects = [dict(zip(header, row, strict=True)) for row in table]
    if path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, objects)))
    elif path.suffix == ".json":
        path.write_text(json.dumps(objects))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(objects), path)
    elif path.suffix == ".ods":
        path.write_bytes(ods(("s", ods_table([header, *table]))))
    else:
        with xlsxwriter.Workbook(path, {"strings_to_numbers": False, "strings_to_urls": False}) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate([header, *table]):
                for place, value in enumerate(row):
                    sheet.write_string(number, place, value) if value else None
    return path


BASE = b"id,name,town\n" + b"".join(b'%d,A%d,"X, y"\n' % (number, number) for number in range(40))


@settings(CHANCES, max_examples=40)
@given(
    damages=st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255) | st.sampled_from(b'",\n\r\0;|\xff\xfe')), max_size=12)
)  # fmt: skip
@example(damages=[(79, 34)])
def test_a_damaged_sample_is_drafted_or_refused_in_words(damages: list[tuple[int, int]], tmp_path: Path) -> None:
    content = bytearray(BASE)
    for place, byte in damages:
        content[place] = byte
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    try:
        with opened(str(path)) as sample:
            draft_columns(sample)
    except ExtractError as refused:
        assert "draft/" not in str(refused)
        assert str(refused).isprintable()


def test_the_time_of_a_day_in_a_workbook_is_one(tmp_path: Path) -> None:
    clock = '<table:table-cell office:value-type="time" office:time-value="PT{0:02}H12M12S"><text:p>{0:02}:12:12</text:p></table:table-cell>'
    rows = [ods_row(ods_cell("id"), ods_cell("at")), *(ods_row(ods_cell(n), clock.format(n)) for n in range(9))]
    path = tmp_path / "s.ods"
    path.write_bytes(ods(("s", "".join(rows))))
    columns, _, rejected = held(path)
    assert ([column.logical_type for column in columns], rejected) == (["integer", "time"], 0)


def test_one_moment_in_two_zones_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("at,place\n2026-01-01T10:00:00Z,A\n2026-01-01T11:00:00+01:00,B\n")
    columns, _, rejected = held(path)
    assert ([column.header for column in columns if column.is_key], rejected) == (["place"], 0)
    path.write_text("at,place\n2026-01-01T10:00:00Z,A\n2026-01-01T11:00:00+01:00,A\n")
    with pytest.raises(ExtractError, match="tell the rows apart"):
        held(path)


def test_a_refusal_names_no_file_that_nobody_has(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("a," + ",".join(map(str, range(2000))) + "\n")
    with pytest.raises(ExtractError) as caught:
        held(path)
    assert "draft" not in str(caught.value).replace("a draft", "")


def test_words_of_the_engine_that_are_no_utf8_are_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("a,b\n1,2\n")
    with (
        pytest.raises(ExtractError, match="no table that a draft can be made of \\(UnicodeDecodeError\\)"),
        opened(str(path)),
    ):
        b"\xff".decode()


def test_a_workbook_that_is_called_csv_is_told(tmp_path: Path) -> None:
    book = _file(tmp_path / "s.xlsx", ["a"], [["1"]])
    with pytest.raises(ExtractError, match="the file is a workbook"):
        held(book.rename(tmp_path / "s.csv"))


def test_a_number_that_some_fail_is_a_doubt(tmp_path: Path) -> None:
    """Three of a hundred wrong check digits would be more than a draft lets pass."""
    wrong = [item for item in map(str, range(4_999_999_990, 4_999_999_999)) if not nhs.is_valid(item)][:3]
    right = [f"{n}{nhs_digit(str(n))}" for n in range(400_000_000, 400_000_400, 3) if nhs_digit(str(n))]
    path = tmp_path / "s.csv"
    path.write_text("\n".join(["nhs_no,x", *(f"{value},y" for value in [*right[:97], *wrong]), ""]))
    columns, doubts, rejected = held(path)
    assert (columns[0].identifiers, rejected) == ([], 0)
    assert any("valid as gb.nhs" in doubt for doubt in doubts)


def nhs_digit(number: str) -> str:
    """'' where there is none."""
    digit = (11 - nhs.checksum(number + "0")) % 11
    return str(digit) if digit < 10 else ""

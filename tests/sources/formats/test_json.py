"""JSON documents and JSON Lines: exact numbers, nested values, strictness, pages, places of rejects."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.errors import ExtractError
from sources.formats.json import lines as json_lines
from sources.formats.json import pages as json_pages
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS, prop
from tests.sources.landed import ID, Landed, land, land_bytes, land_files

EXACT = '{name: amount, logicalType: number, physicalType: "DECIMAL(38,20)"}'
BIG = '{name: big, logicalType: number, physicalType: "DECIMAL(20,0)"}'
TOWN = prop("town", "string", "/address/town")
TEXT = "{name: note, logicalType: string}"
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines(columns: list[str], *records: str) -> tuple[str, Feed]:
    return "".join(f"{one}\n" for one in records), Feed(columns, path="x.jsonl", format="jsonl", options=NO_OPTIONS)


def document(columns: list[str], *records: str) -> tuple[str, Feed]:
    return f"[{','.join(records)}]", Feed(columns, path="x.json", format="json", options={"records": '""'})


Form = Callable[..., tuple[str, Feed]]
both = pytest.mark.parametrize("form", [lines, document])


@both
def test_numbers_arrive_as_they_are_written(form: Form, tmp_path: Path) -> None:
    records = [
        '{"id": "a", "amount": 0.12345678901234567891, "note": 1.10, "big": 12345678901234567890}',
        '{"id": "b", "amount": 1.10, "note": 1E5, "big": -0}',
    ]
    landed = land(tmp_path, *form([ID, EXACT, TEXT, BIG], *records))
    assert landed.rows == [
        {"id": "a", "amount": Decimal("0.12345678901234567891"), "note": "1.10", "big": 12345678901234567890},
        {"id": "b", "amount": Decimal("1.1"), "note": "1E5", "big": 0},
    ]


@relaxed
@given(amounts=st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1, max_size=6))
def test_usual_and_odd_lines_read_decimals_alike(tmp_path: Path, amounts: list[Decimal]) -> None:
    """Whatever the engine may take and whatever must be read strictly, the values are the ones that were written."""
    columns = [ID, '{name: amount, logicalType: number, physicalType: "DECIMAL(18,4)"}']
    records = [f'{{"id": "{number}", "amount": {amount:f}}}' for number, amount in enumerate(amounts)]
    landed = land(tmp_path, *lines(columns, *records))
    assert sorted((row["id"], row["amount"]) for row in landed.rows) == [(str(n), a) for n, a in enumerate(amounts)]


@both
def test_nested_values_and_missing_keys(form: Form, tmp_path: Path) -> None:
    records = [
        '{"id": "a", "address": {"town": "X", "street": "Y"}, "note": {"k": [1.10, null, true, "é"]}}',
        '{"id": "b"}', '{"id": "c", "address": null, "note": [], "new": 7}',
    ]  # fmt: skip
    landed = land(tmp_path, *form([ID, TOWN, TEXT], *records))
    assert [row["town"] for row in landed.rows] == ["X", None, None]
    assert [row["note"] for row in landed.rows] == ['{"k":[1.10,null,true,"é"]}', None, "[]"]
    assert landed.manifest.extra_columns == ["new"]


@both
def test_a_key_that_no_record_has_is_a_missing_column(form: Form, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no note"):
        land(tmp_path, *form([ID, TEXT], '{"id": "a"}', '{"id": "b", "other": 1}'))


STRICT = {
    '{"id": "x", "id": "y"}': "written twice",
    '{"id": "x", "note": {"k": 1, "k": 2}}': "written twice",
    '{"id": NaN}': "NaN",
    '{"id": "x", "note": -Infinity}': "Infinity",
    '{"id": "\\ud800"}': "surrogate",
    "[1]": "not a JSON object",
    "7": "not a JSON object",
}


@both
@pytest.mark.parametrize("bad", STRICT)
def test_what_is_not_json_is_rejected_alone(form: Form, bad: str, tmp_path: Path) -> None:
    good = '{"id": "a", "note": "n"}'
    landed = land(tmp_path, *form([ID, TEXT], good, bad, good.replace("a", "b")))
    assert sorted(row["id"] for row in landed.rows) == ["a", "b"]
    assert [(reject["line"], reject["record"]) for reject in landed.rejects] == [(2, bad)]
    assert STRICT[bad] in landed.rejects[0]["reason"]


BROKEN_LINES = ['{"id": "x"', '{"id": "x",}', '{"id": 01}', '{"id": "x"} {"id": "y"}', "{'id': 1}", '{"id": "\t"}', "x", '{"id": +1}', '{"id": .5}']  # fmt: skip


@pytest.mark.parametrize("bad", BROKEN_LINES)
@pytest.mark.parametrize("before", [0, 3])
def test_a_broken_line_is_rejected_in_its_place(bad: str, before: int, tmp_path: Path) -> None:
    good = [f'{{"id": "{number}"}}' for number in range(before)]
    landed = land(tmp_path, *lines([ID], *good, "", bad, '{"id": "z"}'))
    assert landed.reject_lines == [before + 2]
    assert landed.rejects[0]["record"] == bad
    assert {row["id"] for row in landed.rows} == {*map(str, range(before)), "z"}


def test_bytes_that_are_not_utf8_cost_one_line(tmp_path: Path) -> None:
    content, feed = lines([ID], '{"id": "a"}', '{"id": "b"}')
    landed = land(tmp_path, content.encode().replace(b'"b"', b'"\xff"') + b'{"id": "c"}\n', feed)
    assert [row["id"] for row in landed.rows] == ["a", "c"]
    assert "UTF-8" in landed.rejects[0]["reason"]


def test_places_of_values_that_are_wrong(tmp_path: Path) -> None:
    columns = [ID, "{name: n, logicalType: integer}"]
    records = ['{"id": "a", "n": 1}', '{"id": "b", "n": "x"}', "", '{"id": "c", "n": 2}', '{"n": 1.5, "id": "d"}']
    landed = land(tmp_path, *lines(columns, *records))
    assert [(reject["line"], reject["column"], reject["value"]) for reject in landed.rejects] == [
        (2, "n", "x"), (5, "n", "1.5"),
    ]  # fmt: skip


def test_a_line_that_was_cut_off_refuses_the_night(tmp_path: Path) -> None:
    content, feed = lines([ID], '{"id": "a"}', '{"id": "b"}')
    with pytest.raises(ExtractError, match="cut off"):
        land(tmp_path, content[:-4], feed)


def test_many_blocks_keep_their_line_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_BLOCK_BYTES", 100)
    records = [f'{{"id": "{number:04}", "n": {number}}}' for number in range(300)]
    records[50], records[217] = "{", '{"id": "odd", "n": "x"}'
    landed = land(tmp_path, *lines([ID, "{name: n, logicalType: integer}"], *records))
    assert landed.reject_lines == [51, 218]
    assert len(landed.rows) == 298


def pages(folder: Path, contents: list[str]) -> Landed:
    """Pages as a connector brings them."""
    contract = load(Feed([ID, TEXT], path="x.json", format="json", options={"records": "/items"}).write(folder))
    return land_bytes(contract, folder, contents[0].encode())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"error": "try later"}', "no 'items'"),
        ('{"items": {}}', "array of records .* declare `records`, a JSON pointer"),
        ('{"items": [{"id": "a", "note": null}', "expected"),
        ('{"items": [{"id": "a", "no', "cut off"),
        ('{"items": [], "items": []}', "written twice"),
        ('{"items": [{"id": "a"},]}', "comma"),
        ('{"items": []} x', "more text"),
        ("<html>", "a web page"),
        ("", "object"),
        ("{1: 2}", "key"),
    ],
)
def test_a_page_that_is_not_what_is_expected_refuses_the_night(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=said):
        pages(tmp_path, [content])


@pytest.mark.parametrize(
    ("content", "said"),
    {
        "an array": ('[{"id": "a",\n"note": "x"}]\n', "line 1: .*declare format: json"),
        "indented": ('{\n "id": "a",\n "note": "x"\n}\n', "line 1: .*declare format: json"),
        "a key without a name": ('{"id": "a", "note": "x", "": 1}\n', "line 1: a key of the record is empty; ask"),
        "later": (
            '{"id": "a", "note": "x"}\n{"id": "b", "note": "x", "": 1}\n',
            "line 2: a key of the record is empty",
        ),
    }.values(),
)
def test_lines_of_which_none_is_a_record_are_told(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, Feed([ID, TEXT], path="x.jsonl", format="jsonl", options=NO_OPTIONS))


def test_pages_are_one_extract_whose_rejects_name_their_page(tmp_path: Path) -> None:
    contents = {
        "page-1.json": '{"items": [{"id": "a", "note": 1}, 7]}',
        "page-2.json": '{"items": []}',
        "page-3.json": '{"items": [{"id": "b", "n": "x"}, {"id": "c", "n": 3}, {"id": "c", "id": "d"}]}',
    }

    columns = [ID, TEXT, "{name: n, logicalType: integer}"]
    feed = Feed(columns, path="x.json", format="json", options={"records": "/items"})
    landed = land_files(tmp_path, {name: content.encode() for name, content in contents.items()}, feed)
    assert [row["id"] for row in landed.rows] == ["a", "c"]
    assert [(r["file"], r["line"], r["value"]) for r in landed.rejects] == [
        ("page-1.json", 2, None), ("page-3.json", 1, "x"), ("page-3.json", 3, None),
    ]  # fmt: skip
    assert landed.manifest.rows_sent == 5
    assert [item.path for item in landed.manifest.originals] == [f"original/{name}" for name in contents]


def test_an_empty_page_is_no_fault(tmp_path: Path) -> None:
    assert pages(tmp_path, ['{"items": [], "next": null}']).rows == []


@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_a_document_is_read_alike_in_any_chunks(chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_pages, "_CHUNK_CHARACTERS", chunk)
    items = [{"id": f"é{number}", "note": {"n": number * 10**number}} for number in range(12)]
    landed = pages(tmp_path, [json.dumps({"before": [1, {"items": 2}], "items": items, "after": 12345}, indent=1)])
    assert [row["id"] for row in landed.rows] == [item["id"] for item in items]
    assert [json.loads(row["note"]) for row in landed.rows] == [item["note"] for item in items]


EXPONENTS = {
    "1E-7": "0.0000001", "1.5e3": "1500", "-2.50E+1": "-25", "123456789012345678e-20": "0.00123456789012345678", "0e0": "0",
    "1e17": "100000000000000000",
}  # fmt: skip


@both
def test_exponents_of_exact_numbers(form: Form, tmp_path: Path) -> None:
    records = [f'{{"id": "k{row}", "amount": {text}, "note": {text}}}' for row, text in enumerate(EXPONENTS)]
    landed = land(tmp_path, *form([ID, EXACT, TEXT], *records))
    assert [row["amount"] for row in landed.rows] == [Decimal(text) for text in EXPONENTS.values()]
    assert [row["note"] for row in landed.rows] == list(EXPONENTS), "a text keeps the number as it is written"


@both
def test_exponents_that_are_no_exact_number_of_the_column(form: Form, tmp_path: Path) -> None:
    numbers = ["1e-21", "1e30", "1e400", "1e999999999999999999999", "1e-999999999999999999999"]
    records = [f'{{"id": "k{row}", "amount": {text}}}' for row, text in enumerate(numbers)]
    records.append('{"id": "text", "amount": "1e2"}')
    landed = land(tmp_path, *form([ID, EXACT], *records))
    assert landed.rows == []
    assert len(landed.rejects) == len(records)


@both
def test_exponents_of_whole_numbers(form: Form, tmp_path: Path) -> None:
    count = "{name: count, logicalType: integer}"
    records = [f'{{"id": "k{row}", "count": {text}}}' for row, text in enumerate(["1e3", "1.50e1", "15e-1", "1e19"])]
    landed = land(tmp_path, *form([ID, count], *records))
    assert ([row["count"] for row in landed.rows], len(landed.rejects)) == ([1000, 15], 2)

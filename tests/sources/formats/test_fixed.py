"""Fixed width: mainframe numbers, record types with totals and a date, lines, damage, exact places."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.connectors import ExtractError
from sources.contract_file import load
from sources.formats import fixed_records
from sources.odcs import ContractError
from tests.conftest import NIGHT, Feed
from tests.sources.formats.samples import NO_OPTIONS, packed, prop, zoned
from tests.sources.formats.test_excel_kinds import damaged
from tests.sources.landed import land, land_bytes

LENGTH = 32
COLUMNS = [
    prop("id", "string, primaryKey: true", start=3, length=4),
    prop("amount", 'number, physicalType: "DECIMAL(9,2)"', start=7, length=5, encodedAs="packed", decimals=2),
    prop("days", "integer", start=12, length=3, encodedAs="zoned"),
    prop("count", "integer", start=15, length=2, encodedAs="binary"),
    prop("name", "string", start=17, length=6),
    prop("large", 'number, physicalType: "DECIMAL(38,2)"', start=23, length=10, encodedAs="packed", decimals=2),
]
TYPES = '{start: 1, length: 2, header: "00", detail: "10", trailer: "99"}'
TOTALS = (
    "[{in: trailer, start: 3, length: 6, of: count}, "
    "{in: trailer, start: 9, length: 6, encodedAs: packed, decimals: 2, of: sum, column: amount}]"
)
DATED = "{in: header, start: 3, length: 8, format: yyyyMMdd}"
MAINFRAME = Feed(
    COLUMNS, path="x.dat", format="fixed", encoding="cp500",
    options={"recordLength": str(LENGTH), "recordTypes": TYPES, "totals": TOTALS, "statedDate": DATED},
)  # fmt: skip


def text(value: str, length: int) -> bytes:
    return value.ljust(length).encode("cp500")


def detail(key: str, amount: int = 100, days: int = 1, count: int = 1, name: str = "n", large: int = 5) -> bytes:
    numbers = packed(amount, 5) + zoned(days, 3) + count.to_bytes(2, "big", signed=True)
    return text("10" + key, 6) + numbers + text(name, 6) + packed(large, 10)


def extract(details: list[bytes], amount: int, count: int | None = None, day: str = NIGHT.strftime("%Y%m%d")) -> bytes:
    stated = text(f"99{len(details) if count is None else count:06}", 8) + packed(amount, 6)
    return text("00" + day, LENGTH) + b"".join(details) + stated.ljust(LENGTH, b"\x40")


def test_numbers_of_a_mainframe_are_exact(tmp_path: Path) -> None:
    large = 9_876_543_210_987_654_321
    details = [detail("a", 12345, -12, -3, "Zoë", large), detail("b", -1, 0, 32767, "", -large)]
    landed = land(tmp_path, extract(details, 12344), MAINFRAME)
    exact = Decimal("98765432109876543.21")
    assert [tuple(row.values()) for row in landed.rows] == [
        ("a", Decimal("123.45"), -12, -3, "Zoë", exact), ("b", Decimal("-0.01"), 0, 32767, None, -exact),
    ]  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(-999_999_999, 999_999_999), max_size=5),
    days=st.integers(-999, 999), count=st.integers(-32768, 32767),
)  # fmt: skip
def test_any_number_comes_back(tmp_path: Path, amounts: list[int], days: int, count: int) -> None:
    details = [detail(str(number), amount, days, count) for number, amount in enumerate(amounts)]
    landed = land(tmp_path, extract(details, sum(amounts)), MAINFRAME)
    assert [row["amount"] for row in landed.rows] == [Decimal(amount).scaleb(-2) for amount in amounts]
    assert {(row["days"], row["count"]) for row in landed.rows} <= {(days, count)}


@pytest.mark.parametrize(
    "raw", ["12fa00000c", "123456789f".replace("9f", "91"), "a00000000c", "0000000000", "4040404040"]
)
def test_a_bad_nibble_is_a_reject_with_its_bytes(raw: str, tmp_path: Path) -> None:
    bad = detail("b").replace(packed(100, 5), bytes.fromhex(raw), 1)
    landed = land(tmp_path, extract([detail("a"), bad, detail("c")], 200), MAINFRAME)
    assert [row["id"] for row in landed.rows] == ["a", "c"]
    assert [(r["line"], r["column"], r["value"]) for r in landed.rejects] == [(3, "amount", f"X'{raw.upper()}'")]


@pytest.mark.parametrize("raw", [b"\x81\xf0\xf1", b"\xc1\xf0\xf1", b"\xf0\x40\xf1"])
def test_a_zoned_number_has_digits_and_one_sign_at_its_end(raw: bytes, tmp_path: Path) -> None:
    bad = detail("b").replace(zoned(1, 3), raw, 1)
    landed = land(tmp_path, extract([bad], 100), MAINFRAME)
    assert [(r["column"], r["value"]) for r in landed.rejects] == [("days", f"X'{raw.hex().upper()}'")]


def test_zoned_blanks_are_no_value(tmp_path: Path) -> None:
    landed = land(tmp_path, extract([detail("b").replace(zoned(1, 3), b"\x40" * 3, 1)], 100), MAINFRAME)
    assert landed.rows[0]["days"] is None


GOOD = [detail("a"), detail("b")]
REFUSED = {
    "count": (extract(GOOD, 200, 3), "states 3 records, but 2 arrived"),
    "sum": (extract(GOOD, 201), "a sum of amount of 2.01"),
    "yesterday": (extract(GOOD, 200, day="20261119"), "2026-11-19"),
    "no date": (extract(GOOD, 200, day="2026XX19"), "states no date"),
    "cut in a record": (extract(GOOD, 200)[:-5], "cut off"),
    "cut at a record": (extract(GOOD, 200)[:-LENGTH], "no trailer"),
    "no header": (extract(GOOD, 200)[LENGTH:], "no header"),
    "two files in one": (extract(GOOD, 200) * 2, "more than one header"),
    "trailer in the middle": (extract(GOOD, 200) + detail("c"), "middle"),
    "empty": (b"", "no header"),
    "bad total": (extract(GOOD, 200).replace(packed(200, 6), b"\xff" * 6), "no number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_add_up_refuses_the_night(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, MAINFRAME)


def test_an_unknown_record_type_is_a_reject_and_counted(tmp_path: Path) -> None:
    odd = text("77", LENGTH)
    landed = land(tmp_path, extract([*GOOD, odd], 200), MAINFRAME)
    assert [(r["line"], r["record"]) for r in landed.rejects] == [(4, odd.hex())]


def test_batches_keep_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_records, "_BATCH_BYTES", 5 * LENGTH)
    details = [detail(str(number)) for number in range(100)]
    details[40] = detail("bad").replace(packed(100, 5), b"\xff" * 5, 1)
    details[77] = text("88", LENGTH)
    landed = land(tmp_path, extract(details, 9800), MAINFRAME)
    assert landed.reject_lines == [42, 79]
    assert [row["id"] for row in landed.rows] == [str(n) for n in range(100) if n not in (40, 77)]


LINES = [
    prop("id", "string, primaryKey: true", start=1, length=4),
    prop("n", "integer", start=5, length=4),
    prop("amount", 'number, physicalType: "DECIMAL(9,2)"', start=9, length=5, decimals=2),
]


def lines(encoding: str) -> Feed:
    return Feed(LINES, path="x.txt", format="fixed", encoding=encoding, options=NO_OPTIONS)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8"])
def test_lines_in_any_encoding(end: str, encoding: str, tmp_path: Path) -> None:
    # Places are bytes: in UTF-8, é is two of them.
    first = "é a " if encoding != "utf-8" else "é a"
    text = end.join([first + "0012 1250", "b      7-1250         ", "", "    " + " " * 9, "d     xx  1.5", "e"]) + end
    landed = land(tmp_path, text.encode(encoding), lines(encoding))
    assert [tuple(row.values()) for row in landed.rows] == [
        ("é a", 12, Decimal("12.50")), ("b", 7, Decimal("-12.50")), (None, None, None),
    ]  # fmt: skip
    assert [(r["line"], r["column"]) for r in landed.rejects] == [(5, "n"), (6, None)]


def test_bytes_that_mean_nothing_are_a_reject(tmp_path: Path) -> None:
    content = b"a      1    1\nb\x81     1    1\nc      1    1"
    landed = land(tmp_path, content, lines("cp1252"))
    assert landed.reject_lines == [2]
    landed = land(tmp_path, content.replace(b"\x81", b"\xc3"), lines("utf-8"))
    assert landed.reject_lines == [2]


def test_a_line_that_was_cut_off_refuses_the_night(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="cut off"):
        land(tmp_path, b"a      1    1\nb      1  ", lines("utf-8"))


CONTRACT_FAULTS = {
    "encoding": Feed(LINES, path="x", format="fixed", encoding="utf-16", options=NO_OPTIONS),
    "recordLength": Feed(LINES, path="x", format="fixed", options={"recordLength": "5"}),
    "totals": Feed(LINES, path="x", format="fixed", options={"totals": "[{in: trailer, start: 1, length: 2, of: sum, column: id}]"}),
    "statedDate": Feed(LINES, path="x", format="fixed", options={"statedDate": "{in: body, start: 1, length: 8}"}),
    "id": Feed([prop("id", "string, primaryKey: true", start=0, length=4)], path="x", format="fixed", options=NO_OPTIONS),
}  # fmt: skip


@pytest.mark.parametrize("what", CONTRACT_FAULTS)
def test_a_layout_that_cannot_be_names_what_to_mend(what: str, tmp_path: Path) -> None:
    told = {"statedDate": "statedDate.in is no known word", "id": "start is no whole number from 1"}
    with pytest.raises(ContractError, match=told.get(what, f"{what} of things.odcs.yaml .*; mend the contract")):
        land(tmp_path, b"x", CONTRACT_FAULTS[what])


def test_every_property_says_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="has no length; fixed needs it"):
        load(
            Feed([prop("id", "string, primaryKey: true", start=1)], format="fixed", options=NO_OPTIONS).write(tmp_path)
        )


def test_implied_decimals_of_short_numbers(tmp_path: Path) -> None:
    """Leading zeros may be left out: 5 with two decimals is 0.05; a written point is taken as it stands."""
    columns = [
        prop("id", "string, primaryKey: true", start=1, length=2),
        prop("amount", 'number, physicalType: "DECIMAL(9,2)"', start=3, length=6, decimals=2),
    ]
    lines = ["01   123", "02     5", "03    -5", "04   -12", "05  1.50", "06      "]
    landed = land(tmp_path, "\n".join(lines) + "\n", Feed(columns, path="x.dat", format="fixed", options=NO_OPTIONS))
    assert [str(row["amount"]) for row in landed.rows] == ["1.23", "0.05", "-0.05", "-0.12", "1.50", "None"]


def wide_lines(*records: str, end: str = "\n") -> str:
    return "".join(record + end for record in records)


PLAIN = Feed([prop("id", "string, primaryKey: true", start=1, length=2), prop("name", "string", start=3, length=4)],
             path="x.txt", format="fixed", options=NO_OPTIONS)  # fmt: skip


@pytest.mark.parametrize(
    ("content", "ids", "rejects"),
    {
        "short": ("a anna\nb b\nc cora\n", "ac", {2: "b b"}),
        "long": ("a anna\nb bertb2bob\nc cora\n", "ac", {2: "b bertb2bob"}),
        "filler": ("a anna  1\nb bert  2\nc cora\nd dora  34\n", "abc", {4: "d dora  34"}),
        "blanks behind": ("a anna\nb bert   \nc cora\n", "abc", {}),
        "line end within": ("a anna\nb b\r\nt\nc cora\n", "ac", {2: "b b", 3: "t"}),
        "no last line end": ("a anna\nb bert", "ab", {}),
        "mixed line ends": ("a anna\r\nb bert\rc cora\nd dora\r\r\ne emil\n\n", "abcde", {}),
        "carriage returns": ("a anna\rb bert\rc c\rd dora\r", "abd", {3: "c c"}),
        "mark": ("\ufeffa anna\nb bert\n", "ab", {}),
        "remarks of all lengths": ("a annaxx\nb bert\nc cora  x\nd dora remark\n", "abcd", {}),
        "first is long": ("a annaxx\nb bert\nc cora\n", "bc", {1: "a annaxx"}),
    }.values(),
)  # fmt: skip
def test_a_broken_record_costs_itself_alone(content: str, ids: str, rejects: dict[int, str], tmp_path: Path) -> None:
    landed = land(tmp_path, content, PLAIN)
    assert "".join(row["id"] for row in landed.rows) == ids
    assert {reject["line"]: reject["record"] for reject in landed.rejects} == rejects


def test_low_values_are_no_value(tmp_path: Path) -> None:
    landed = land(tmp_path, "a \0\0\0\0\nb be\0\0\nc cora\n", PLAIN)
    assert [row["name"] for row in landed.rows] == [None, "be", "cora"]


def test_bytes_beyond_the_code_page_cost_their_record(tmp_path: Path) -> None:
    content = b"a anna\nb \x81ert\nc cora\n"
    landed = land(tmp_path, content, replace(PLAIN, encoding="cp1252"))
    assert ([row["id"] for row in landed.rows], landed.reject_lines) == (["a", "c"], [2])


@pytest.mark.parametrize("length", [6, 7])
def test_records_of_another_length_than_declared(length: int, tmp_path: Path) -> None:
    """Lines of seven bytes are not taken for records of six; a line end in a record that is a filler is no fault."""
    content = wide_lines("a anna", "b bert", "c cora", "d dora", "e emil", "f fred")
    feed = replace(PLAIN, options={"recordLength": str(length)})
    if length == 6:
        landed = land(tmp_path, content, feed)
        assert "another length" in landed.rejects[0]["reason"]
        assert [row["id"] for row in landed.rows] == ["a"]
    else:
        assert [row["id"] for row in land(tmp_path, content, feed).rows] == list("abcdef")
    with pytest.raises(ExtractError, match=r"record [78]: .* no multiple .* mend recordLength"):
        land(tmp_path, content + "x", feed)


def test_carriage_returns_alone_are_found_in_any_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_records, "_BATCH_BYTES", 5)
    for end in ("\r", "\r\n", "\n"):
        content = wide_lines(*(f"{number:02}name" for number in range(20)), end=end)
        landed = land(tmp_path, content, PLAIN)
        assert [row["id"] for row in landed.rows] == [f"{number:02}" for number in range(20)]
        assert landed.rejects == []


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_lines_are_refused_or_accounted_for(tmp_path: Path, data: st.DataObject) -> None:
    content = damaged(wide_lines(*(f"{number:02}anna" for number in range(8))).encode(), data)
    try:
        land_bytes(load(PLAIN.write(tmp_path)), tmp_path, content)
    except ExtractError as error:
        assert str(error)

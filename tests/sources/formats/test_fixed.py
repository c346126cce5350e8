"""Fixed width: mainframe numbers, record types with totals and a date, lines, damage, exact places."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.formats.fixed import records as fixed_records
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


@pytest.mark.parametrize("raw", ["12fa00000c", "1234567891", "a00000000c", "0000000000", "4040404040"])
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
    "sum": (extract(GOOD, 201), "a sum of amount that is not theirs"),
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
    text = end.join(["é a 0012 1250", "b      7-1250         ", "", "    " + " " * 9, "d     xx  1.5", "e"]) + end
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
    "encoding": Feed(LINES, path="x", format="fixed", encoding="utf-16", options={"positions": "bytes"}),
    "positions": Feed([*LINES, prop("p", "integer", start=14, length=3, encodedAs="packed")], path="x", format="fixed",
                      options={"positions": "characters"}),
    "trailingBlanks": Feed(LINES, path="x", format="fixed", options={"trailingBlanks": "stripped", "recordLength": "13"}),
    "n": Feed([LINES[0], prop("n", "integer", start=5, length=4, encodedAs="zoned", sign="CR")], path="x", format="fixed", options=NO_OPTIONS),
    "name": Feed([LINES[0], prop("name", "string", start=5, length=4, sign="CR")], path="x", format="fixed", options=NO_OPTIONS),
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


def placed(*names: str, **more: str) -> list[str]:
    """A key of four places and columns of six, the one behind the other."""
    columns = [
        prop(name, kind, start=5 + 6 * number, length=6, **more)
        for number, (name, _, kind) in enumerate(name.partition(":") for name in names)
    ]
    return [prop("id", "string, primaryKey: true", start=1, length=4), *columns]


TOWNS = Feed(placed("city:string", "code:integer"), path="x.txt", format="fixed", encoding="utf-8", options=NO_OPTIONS)


def town(key: str, city: str, code: int) -> str:
    return f"{key:4}{city:6}{code:6}"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "utf-16-le", "shift_jis", "gb18030", "big5", "euc_jp", "utf-32"]
)
def test_positions_count_characters(encoding: str, tmp_path: Path) -> None:
    names = (
        ["Tokyo", "東京", "中山"] if encoding != "utf-8" else ["Bodø", "Ålesund"[:6], "東京", "𝔘nzerø", "e\u0301cole"]
    )
    text = "".join(town(f"k{n}", name, n) + "\r\n" for n, name in enumerate(names))
    landed = land(tmp_path, text.encode(encoding), replace(TOWNS, encoding=encoding))
    assert [(row["city"], row["code"]) for row in landed.rows] == [(name, n) for n, name in enumerate(names)]
    assert landed.rejects == []


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "euc_jp", "gb18030"])
def test_positions_count_bytes_where_that_is_declared(encoding: str, tmp_path: Path) -> None:
    names = [name.encode(encoding).ljust(6) for name in ("Tokyo", "東京", "山")]
    lines = [f"k{n}  ".encode() + name + f"{n:6}\n".encode() for n, name in enumerate(names)]
    # The last character of the place is cut in two.
    lines.append(b"k3  " + "a東京".encode(encoding)[:6].ljust(6, "東".encode(encoding)[:1]) + b"     3\n")
    feed = replace(TOWNS, encoding=encoding, options={"positions": "bytes"})
    landed = land(tmp_path, b"".join(lines), feed)
    assert [(row["city"], row["code"]) for row in landed.rows][:3] == [("Tokyo", 0), ("東京", 1), ("山", 2)]
    assert len(landed.rows) + len(landed.rejects) == len(lines)
    if encoding == "utf-8":
        assert landed.reject_lines == [4]
        assert "not valid utf-8" in landed.rejects[0]["reason"]


def test_records_of_one_length_in_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_records, "_BATCH_BYTES", 50)
    names = ["Bodø", "Oslo", "東京", "Gjøvik", "𝔘"] * 5
    text = "".join(town(f"{n:04}", name, n) for n, name in enumerate(names))
    feed = replace(TOWNS, options={"recordLength": "16", "positions": "characters"})
    for mark in ("", "\ufeff"):
        landed = land(tmp_path, mark + text, feed)
        assert [(row["city"], row["code"]) for row in landed.rows] == [(name, n) for n, name in enumerate(names)]
    with pytest.raises(ExtractError, match="record 26: the file has 401 characters"):
        land(tmp_path, text + "ø", feed)


def test_a_bad_byte_costs_its_record_and_shifts_no_other(tmp_path: Path) -> None:
    content = (town("a", "Bodø", 1) + "\n").encode() + b"b   Bod\xf8     2\n" + (town("c", "Ålesø", 3) + "\n").encode()
    landed = land(tmp_path, content, TOWNS)
    assert [(row["id"], row["city"], row["code"]) for row in landed.rows] == [("a", "Bodø", 1), ("c", "Ålesø", 3)]
    assert landed.reject_lines == [2]


def test_utf8_that_is_declared_as_something_else_is_refused(tmp_path: Path) -> None:
    content = "".join(town(f"k{n}", "Bodø", n) + "\n" for n in range(3))
    with pytest.raises(ExtractError, match="the file is in UTF-8, but the contract says latin-1"):
        land(tmp_path, content, replace(TOWNS, encoding="latin-1"))


STRIPPED = Feed(
    placed("code:integer", "city:string"), path="x.txt", format="fixed", encoding="utf-8",
    options={"trailingBlanks": "stripped"},
)  # fmt: skip


def test_trailing_blanks_that_were_cut_off(tmp_path: Path) -> None:
    records = [
        "a        1Bodø", "b        2", "", "c         Oslo", "d", "e        5Gjøvik beyond", "f        9Moss  ", "g        7 ",
    ]  # fmt: skip
    text = wide_lines(*records, end="\r\n")
    landed = land(tmp_path, text, STRIPPED)
    assert [tuple(row.values()) for row in landed.rows] == [
        ("a", 1, "Bodø"), ("b", 2, None), ("c", None, "Oslo"), ("d", None, None), ("f", 9, "Moss"), ("g", 7, None),
    ]  # fmt: skip
    assert landed.reject_lines == [6]
    kept = land(tmp_path, text, replace(STRIPPED, options={"trailingBlanks": "kept"}))
    assert [row["id"] for row in kept.rows] == ["f"]


def test_a_last_record_without_an_end_may_have_lost_more_than_blanks(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="cut off"):
        land(tmp_path, "a     1  Bodø\nb     2  Os", STRIPPED)


def test_blanks_are_not_put_into_numbers_of_bytes(tmp_path: Path) -> None:
    columns = [
        prop("id", "string, primaryKey: true", start=1, length=1),
        prop("n", "integer", start=2, length=2, encodedAs="packed"),
        prop("name", "string", start=4, length=5),
    ]
    feed = Feed(columns, path="x.dat", format="fixed", options={"trailingBlanks": "stripped"})
    landed = land(tmp_path, b"a" + packed(12, 2) + b"\nb" + packed(-7, 2) + b"bo\nc\x01\n", feed)
    assert [tuple(row.values()) for row in landed.rows] == [("a", 12, None), ("b", -7, "bo")]
    assert landed.reject_lines == [3]


SIGNED = {
    "trailing": ("   12-", "   12+", "   12 ", "    x-"),
    "leading": ("-   12", "+   12", "    12", "--  12"),
    "CR": ("  12CR", "  12DB", "    12", "  12CD"),
    "DB": (" 12 DB", " 12 CR", "    12", "  DB12"),
}


@pytest.mark.parametrize("sign", SIGNED)
def test_signs_that_stand_apart(sign: str, tmp_path: Path) -> None:
    content = "".join(f"{n:<4}{text}{text}\n" for n, text in enumerate(SIGNED[sign]))
    columns = [
        prop("id", "string, primaryKey: true", start=1, length=4),
        prop("n", "integer", start=5, length=6, sign=sign),
        prop("amount", 'number, physicalType: "DECIMAL(9,2)"', start=11, length=6, sign=sign, decimals=2),
    ]
    landed = land(tmp_path, content, Feed(columns, path="x.txt", format="fixed", options=NO_OPTIONS))
    assert [(row["n"], row["amount"]) for row in landed.rows] == [
        (-12, Decimal("-0.12")), (12, Decimal("0.12")), (12, Decimal("0.12")),
    ]  # fmt: skip
    assert landed.reject_lines == [4]


@pytest.mark.parametrize("encoding", ["cp500", "utf-8"])
def test_the_sign_of_a_zoned_number_may_stand_over_its_first_digit(encoding: str, tmp_path: Path) -> None:
    columns = [
        prop("id", "string, primaryKey: true", start=1, length=1),
        prop("n", "integer", start=2, length=3, encodedAs="zoned", sign="leading"),
    ]
    feed = Feed(columns, path="x.dat", format="fixed", encoding=encoding, options={"recordLength": "4"})
    landed = land(tmp_path, "aJ23b{45c678d12J".encode(encoding), feed)
    assert [row["n"] for row in landed.rows] == [-123, 45, 678]
    assert landed.reject_lines == [4]


def test_a_trailer_with_a_sign_and_more_digits_than_28(tmp_path: Path) -> None:
    """Thirty digits, one of them beyond what Python's own arithmetic keeps."""
    columns = [
        prop("id", "string, primaryKey: true", start=3, length=2),
        prop("amount", 'number, physicalType: "DECIMAL(38,2)"', start=5, length=31, sign="trailing", decimals=2),
    ]
    options = {
        "recordTypes": '{start: 1, length: 2, detail: "10", trailer: "99"}',
        "totals": "[{in: trailer, start: 5, length: 31, of: sum, column: amount, sign: trailing, decimals: 2}]",
    }
    feed = Feed(columns, path="x.txt", format="fixed", options=options)
    numbers = [123456789012345678901234567890, -1, -999999999999999999999999999999]

    def signed(number: int) -> str:
        return f"{abs(number):30}{'-' if number < 0 else ' '}"

    rows = "".join(f"10{n:<2}{signed(number)}\n" for n, number in enumerate(numbers))
    landed = land(tmp_path, f"{rows}99  {signed(sum(numbers))}\n", feed)
    assert [str(row["amount"]).replace(".", "") for row in landed.rows] == [str(numbers[0]), "-001", str(numbers[2])]
    with pytest.raises(ExtractError, match="a sum of amount"):
        land(tmp_path, f"{rows}99  {signed(sum(numbers) + 1)}\n", feed)


def test_packed_numbers_of_38_digits_are_exact(tmp_path: Path) -> None:
    columns = [
        prop("id", "string, primaryKey: true", start=1, length=1),
        prop("n", 'number, physicalType: "DECIMAL(38,3)"', start=2, length=19, encodedAs="packed", decimals=3),
    ]
    feed = Feed(columns, path="x.dat", format="fixed", options={"recordLength": "20"})
    number = 1234567890123456789012345678901234567
    landed = land(tmp_path, b"a" + packed(-number, 19), feed)
    assert [str(row["n"]) for row in landed.rows] == ["-1234567890123456789012345678901234.567"]

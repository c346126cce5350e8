"""Delimited text as agencies write it: dialects, headers, quotes and line ends; what is broken costs itself alone."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.formats.delimited import line_ends
from sources.formats.delimited.alternatives import EMPTY_COLUMN, STRAY_QUOTE
from sources.formats.delimited.headings import ABOVE_HEADING
from sources.formats.delimited.records import ABOVE, ACROSS, CUT_OFF, MISQUOTED, NO_LINE_END, TOO_FEW, TOO_MANY
from tests.conftest import Feed, columns
from tests.sources.landed import Landed, land, land_bytes, text_columns

ABC = text_columns("a", "b", "c")
TYPED = columns(a="integer", b="date, required: true", c="string")
ROWS = [("1", "x", "y"), ("2", "é, z", 'say "so"')]


def landed_with(
    folder: Path, content: str | bytes, properties: list[str] = ABC, encoding: str = "utf-8", **options: str
) -> Landed:
    """Land under a contract with these server options, written as YAML."""
    return land(folder, content, Feed(properties, encoding=encoding, options={"nullValues": "[]", **options}))


def values(landed: Landed) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in landed.rows]


def notes(landed: Landed) -> list[tuple[str, list[int]]]:
    return [(item["reason"], item["lines"]) for item in landed.manifest.mended]


TEXT = 'a,b,c\n1,x,y\n2,"é, z","say ""so"""\n'
# name: content, what the contract says of it
DIALECTS: dict[str, tuple[str | bytes, dict[str, str]]] = {
    "comma": (TEXT, {}),
    "CRLF": (TEXT.replace("\n", "\r\n"), {}),
    "CR": (TEXT.replace("\n", "\r"), {}),
    "mixed line ends": ('a,b,c\r\n1,x,y\r2,"é, z","say ""so"""\n', {}),
    "no last line end": (TEXT.rstrip("\n"), {}),
    "several last line ends": (TEXT + "\n\n", {}),
    "blank lines above": ("\n\n" + TEXT, {}),
    "semicolon": ('a;b;c\n1;x;y\n2;"é, z";"say ""so"""\n', {"delimiter": '";"'}),
    "tab": ('a\tb\tc\n1\tx\ty\n2\té, z\t"say ""so"""\n', {"delimiter": r'"\t"'}),
    "space": ('a b c\n1 x y\n2 "é, z" "say ""so"""\n', {"delimiter": '" "'}),
    "comma and space": ('a, b, c\n1, x, y\n2, "é, z", "say ""so"""\n', {"delimiter": '", "'}),
    "two bars": ('a||b||c\n1||x||y\n2||é, z||"say ""so"""\n', {"delimiter": '"||"'}),
    "five signs": ('a<==>b<==>c\n1<==>x<==>y\n2<==>é, z<==>"say ""so"""\n', {"delimiter": "<==>"}),
    "unit separator": ('a\x1fb\x1fc\n1\x1fx\x1fy\n2\x1fé, z\x1f"say ""so"""\n', {"delimiter": r'"\x1f"'}),
    "paragraph sign": ('a§b§c\n1§x§y\n2§é, z§"say ""so"""\n', {"delimiter": "§"}),
    "apostrophes": ("a,b,c\n1,x,'y'\n2,'é, z','say \"so\"'\n", {"quote": '"\'"'}),
    "backslash": ('a,b,c\n1,x,y\n2,"é, z","say \\"so\\""\n', {"escape": r"'\'"}),
    "no quotes": ('a;b;c\n1;x;y\n2;é, z;say "so"\n', {"delimiter": '";"', "quote": "none"}),
    "quotes that are not escaped": ('a,b,c\n"1","x","y"\n"2","é, z","say "so""\n', {}),
    "blanks after quotes": ('a,b,c\n1,x,y\n2,"é, z" ,"say ""so""" \n', {}),
    "title above": ("The list, of all\n\n" + TEXT, {"headerRow": "3"}),
    "title above with a stray quote": ('"The list\n' + TEXT, {"headerRow": "2"}),
    "title above, to be detected": ("The list, of all\n" * 3 + TEXT, {"headerRow": "detect"}),
    "headings of two rows": ("a,,\n,b,c\n" + TEXT.partition("\n")[2], {"headerRows": "2"}),
    "no heading": (TEXT.partition("\n")[2], {"headerRows": "0"}),
    "a heading to be passed over": ("A,B,?\n" + TEXT.partition("\n")[2], {"headerRows": "0", "headerRow": "2"}),
    "footer": (TEXT + "Total,2,\nPrinted on Monday\n", {"footer": "^(Total|Printed)"}),
    "a delimiter at the end of every line": ("a,b,c,\n" + "1,x,y,\n" + '2,"é, z","say ""so""",\n', {}),
    "a delimiter at the end of every record": ("a,b,c\n" + "1,x,y,\n" + '2,"é, z","say ""so""",\n' * 2 + "\n", {}),
    "detected": ("Title\n" + 'a;b;c\n1;x;y\n2;"é, z";"say ""so"""\n', {"dialect": "detect"}),
    "detected tabs and apostrophes": ("a\tb\tc\n1\tx\ty\n2\t'é, z'\t'say \"so\"'\n", {"dialect": "detect"}),
    "detected backslash": ('"a"|"b"|"c"\n"1"|"x"|"y"\n"2"|"é, z"|"say \\"so\\""\n', {"dialect": "detect"}),
    "detected comma and space": ('a, b, c\n1, x, y\n2, "é, z", "say ""so"""\n', {"dialect": "detect"}),
    "detected bars between blanks": ('a | b | c\n1 | x | y\n2 | é, z | "say ""so"""\n', {"dialect": "detect"}),
    "detected by its types, without a heading": (
        '1;x;y\n2;"é, z";"say ""so"""\n',
        {"dialect": "detect", "headerRows": "0"},
    ),
    "end mark of DOS": (TEXT + "\x1a" * 3, {}),
    "end mark of DOS behind the last record": (TEXT.rstrip("\n") + "\x1a", {}),
    "byte order mark": ("\ufeff" + TEXT, {}),
    "UTF-16 by its mark": (TEXT.encode("utf-16"), {}),
    "detected double pipes": ('a||b||c\n1||x||y\n2||é, z||"say ""so"""\n', {"dialect": "detect"}),
    "detected below a header with a comma too many": (TEXT.replace("a,b", "a,,b"), {"dialect": "detect"}),
    "UTF-16 that is detected": (TEXT.encode("utf-16"), {"dialect": "detect"}),
    "code page": (TEXT.encode("cp1252"), {"encoding": "cp1252"}),
    "code page of DOS": (TEXT.encode("cp850"), {"encoding": "cp850"}),
    "UTF-8 with a mark that is called a code page": (TEXT.encode("utf-8-sig"), {"encoding": "cp1252"}),
    "the header in other signs": (TEXT.replace("a,b,c", 'a;"b";c'), {}),
    "a header with a delimiter too few": (TEXT.replace("a,b,c", "ab,c"), {}),
    "a header with a delimiter too many": (TEXT.replace("a,b,c", "a,,b,c"), {}),
    "a header with a stray quote": (TEXT.replace("a,b,c", 'a,"b,c'), {}),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_read(name: str, tmp_path: Path) -> None:
    content, options = DIALECTS[name]
    landed = landed_with(tmp_path, content, **options)
    assert set(values(landed)) == set(ROWS)
    assert landed.rejects == []


# name: content, lines and reasons of rejects, keys that land
BROKEN: dict[str, tuple[str, list[tuple[int, str]], list[str]]] = {
    "a value in quotes with more behind it": ('a,b,c\n1,x,y\n2,"x"y,z\n3,x,y\n', [(3, MISQUOTED)], ["1", "3"]),
    "a quote that the file ends in": ('a,b,c\n1,x,y\n2,x,"y\n', [(3, CUT_OFF)], ["1"]),
    "a record of several lines that is short": ('a,b,c\n1,"x\nx"\n2,x,y\n', [(2, TOO_FEW)], ["2"]),
    "too few after a stray quote": ('a,b,c\n1,"x\n2,x,y\n3,x,y\n4,"x",y\n', [(2, MISQUOTED)], ["2", "3", "4"]),
    "a delimiter in text": ("a,b,c\n1,x,y\n2,x,y,z\n3,x,y\n", [(3, TOO_MANY)], ["1", "3"]),
    "an empty column too many among texts": ("a,b,c\n1,x,\n2,x,,\n3,,x,\n4,x,y\n", [(3, TOO_MANY), (4, TOO_MANY)], ["1", "4"]),
    "a delimiter missing before a quote": ('a,b,c\n1,x,"y, z"\n2,x"y, z"\n3,x"y ""z"", z"\n4,"x, y"z\n', [(3, ACROSS), (4, ACROSS), (5, MISQUOTED)], ["1"]),
    "another table": ("a,b,c\n1,x,y\n\nd,e\n2,x\n", [(4, TOO_FEW), (5, TOO_FEW)], ["1"]),
    "the header again": ("a,b,c\n1,x,y\na,b,c\n2,x,y\n", [(3, "the header once more")], ["1", "2"]),
    "a row of spaces": ("a,b,c\n1,x,y\n   \n2,x,y\n", [(3, TOO_FEW)], ["1", "2"]),
    "quotes behind backslashes": ('a,b,c\n1,x,y\n2,x,"so \\"said\\" he"\n3,x,y\n', [(3, MISQUOTED)], ["1", "3"]),
    "NUL": ("a,b,c\n1,x\0,y\n\0\n2,x,y\n", [(3, TOO_FEW)], ["1", "2"]),
    "another delimiter in one line": ("a,b,c\n1,x,y\n2;x;y\n3,x,y\n", [(3, TOO_FEW)], ["1", "3"]),
}  # fmt: skip


ONE, TWO = text_columns("a"), ["{name: a, logicalType: integer, primaryKey: true}", "{name: b, logicalType: string}"]
# name: content, columns, headerRows, rows
GUESSED: dict[str, tuple[str, list[str], str, list[tuple[Any, ...]]]] = {
    "one column with blanks": ("a\nJohn Smith\nAnn\n", ONE, "1", [("John Smith",), ("Ann",)]),
    "one column with commas": ("a\nSmith, John\nDoe; Ann\n", ONE, "1", [("Smith, John",), ("Doe; Ann",)]),
    "one column of times": ("a\n10:15\n10:16\n", ONE, "1", [("10:15",), ("10:16",)]),
    "one column without a heading": ("x y\nc, d\n", ONE, "0", [("x y",), ("c, d",)]),
    "one column that is quoted": ('a\n"one, two"\nthree\n', ONE, "1", [("one, two",), ("three",)]),
    "only the types tell": ("1;x,y\n2;z,w\n", TWO, "0", [(1, "x,y"), (2, "z,w")]),
    "no quotes but double ones": ("a,b\n1,'x'\n2,'y'\n\"3\",\"z\"\n", TWO, "1", [(1, "'x'"), (2, "'y'"), (3, "z")]),
    "apostrophes that are letters": ("a,b\n1,'x'\n2,it's\n", TWO, "1", [(1, "'x'"), (2, "it's")]),
    "apostrophes around double ones": ("a,b\n1,'x'\n2,'\"y\" z'\n", TWO, "1", [(1, "x"), (2, '"y" z')]),
}


@pytest.mark.parametrize("name", GUESSED)
def test_what_a_file_leaves_open_is_told_by_the_contract(name: str, tmp_path: Path) -> None:
    content, properties, rows, expected = GUESSED[name]
    landed = landed_with(tmp_path, content, properties, dialect="detect", headerRows=rows)
    assert sorted(values(landed)) == sorted(expected)
    assert landed.rejects == []


def test_two_stray_quotes_do_not_swallow_the_records_between_them(tmp_path: Path) -> None:
    """Lines within quotes that are records of the contract's types are none of a text; such as are not, are its lines."""
    between = "".join(f"{number},2026-01-01,x\n" for number in range(3, 90))
    sent = f'a,b,c\n1,2026-01-01,x\n2,2026-01-01,"x\n{between}90,2026-01-01,x"\n91,2026-01-01,"one, of\na, b, c\nd, e, f\n"\n'
    landed = landed_with(tmp_path, sent, TYPED)
    assert {row["a"] for row in landed.rows} >= {1, *range(3, 90), 91}
    assert next(row["c"] for row in landed.rows if row["a"] == 91) == "one, of\na, b, c\nd, e, f\n"
    assert landed.manifest.rows_sent == 91


def test_an_escape_stands_before_a_line_end_too(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, 'a,b,c\n1,"x\\\ny",z\n2,x,y\n', escape=r"'\'")
    assert values(landed) == [("1", "x\\\ny", "z"), ("2", "x", "y")]
    assert landed.rejects == []


@pytest.mark.parametrize(
    ("sent", "read"), [(b"5 \x80", "5 €"), (b"\x93x\x94", "“x”"), (b"a\x85b", "a\x85b"), (b"a\x80\x81b", "a\x80\x81b")]
)
def test_latin_1_with_signs_of_windows_is_of_windows(sent: bytes, read: str, tmp_path: Path) -> None:
    landed = landed_with(tmp_path, b"a,b,c\n1," + sent + b",y\n", encoding="iso-8859-1")
    assert values(landed) == [("1", read, "y")]
    assert bool(notes(landed)) == (read[0] != "a")


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_broken_record_costs_itself_alone(name: str, end: str, tmp_path: Path) -> None:
    content, rejects, keys = BROKEN[name]
    landed = landed_with(tmp_path, content.replace("\n", end))
    assert [(reject["line"], reject["reason"]) for reject in landed.rejects] == rejects
    assert [row["a"] for row in landed.rows] == keys


def test_a_header_with_other_signs_decides_nothing_where_the_rows_agree(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, "a b c\n" + "".join(f"{n},x y,z\n" for n in range(9)), dialect="detect")
    assert [row["a"] for row in landed.rows] == [str(n) for n in range(9)]


def test_inches_are_no_quotes_of_values(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, 'a,b,c\n1,5" pipe,"6"" pipe, or 7"\n2,5" x 3",\n3,6",7"\n4,"9"" x",5" pipe\n')
    texts = [(row["b"], row["c"]) for row in landed.rows]
    assert texts == [('5" pipe', '6" pipe, or 7'), ('5" x 3"', None), ('6"', '7"'), ('9" x', '5" pipe')]


def test_rejects_keep_the_raw_record(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, b'a,b,c\n1,"x"y,\xff\n2,x\n3,\xfe,z\n')
    assert [reject["record"] for reject in landed.rejects] == ['1,"x"y,\\xff', "2,x", "3,\\xfe,z"]


def test_a_quote_that_can_only_be_a_letter_is_one(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, 'a,b,c\n1,"x,y\n2,"x, y",z\n3,""x, y",z\n4,"he "the" one",z\n"5,x,y\n6,x,y\n')
    assert values(landed) == [
        ("1", '"x', "y"), ("2", "x, y", "z"), ("3", '"x, y', "z"), ("4", 'he "the" one', "z"), ('"5', "x", "y"), ("6", "x", "y")
    ]  # fmt: skip
    assert notes(landed) == [(STRAY_QUOTE, [2, 4, 5, 6])]


def test_an_empty_column_too_many_is_left_out_where_the_types_say_which(tmp_path: Path) -> None:
    content = "a,b,c\n1,2026-01-01,x\n2,,2026-01-02,y\n3,2026-01-03,,z\n4,2026-01-04,z,\n"
    landed = landed_with(tmp_path, content, TYPED)
    assert [(row["a"], row["c"]) for row in landed.rows] == [(1, "x"), (2, "y"), (3, "z"), (4, "z")]
    assert notes(landed) == [(EMPTY_COLUMN, [3, 4, 5])]


def test_a_column_that_may_be_a_value_is_not_left_out(tmp_path: Path) -> None:
    """Smith, John without quotes, and then nothing: it is not the second of the two empty columns."""
    properties = [ABC[0], "{name: b, logicalType: string}", "{name: c, logicalType: string}", "{name: d, logicalType: integer}"]  # fmt: skip
    landed = landed_with(tmp_path, "a,b,c,d\n5,Smith, John,,7\n6,x,y,8\n", properties)
    assert landed.reject_lines == [2]


def test_what_was_mended_is_told(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, TEXT.replace("a,b,c", 'a,"b,c').encode("utf-16"))
    assert notes(landed) == [
        ("utf-8 that is utf-16 by its byte order mark", [1]), ("the header with other delimiters or quotes", [1])
    ]  # fmt: skip


# name: content, options, what is told
REFUSED: dict[str, tuple[str | bytes, dict[str, str], str]] = {
    "empty": ("", {}, "the file is empty"),
    "a header that is not where it should be": ("Title,x,y\n" + TEXT, {}, "line 1 is not the header, which stands on line 2"),
    "a header below the end": (TEXT, {"headerRow": "9"}, "should stand on line 9, but the file has fewer lines"),
    "a header that is nowhere": ("x,y,z\n1,2,3\n", {"headerRow": "detect"}, "none of the first 2 records is a header with a, b, c"),
    "no dialect": ("nothing\nof this\n", {"dialect": "detect"}, "give the columns a, b, c"),
    "another encoding": (TEXT.encode(), {"encoding": "utf-16"}, "the file is not utf-16"),
    "half a character": (TEXT.encode("utf-16-le")[:-1], {"encoding": "utf-16-le"}, "line 3: the file is not utf-16-le"),
    "a header in other bytes": ("ä,b,c\n1,2,3\n".encode("cp1252"), {}, "line 1 is not a header"),
    "a column without a name": ("a,,c\n1,2,3\n", {}, "column 2 of the header has no name"),
    "a value in a column without a name": ("a,b,c,\n1,2,3,\n1,2,3,4\n", {}, "column 4 of the header has no name"),
    "columns without end": ("a,b,c," + ",".join(map(str, range(100_000))) + "\n", {}, "more than 500 names"),
    "one heading of two rows": ("a,b,c\n", {"headerRows": "2"}, "there is no header"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_contradicts_its_contract_is_told_with_the_line(name: str, tmp_path: Path) -> None:
    content, options, told = REFUSED[name]
    with pytest.raises(ExtractError) as caught:
        landed_with(tmp_path, content, **options)
    assert told in str(caught.value)


SIGNS = st.lists(
    st.sampled_from(["a", "1", ",", ";", '"', "'", "\\", "\n", "\r\n", "\r", " ", "é", "\0", ""]), max_size=40
)
DECLARED = [
    {}, {"delimiter": '";"'}, {"delimiter": '", "'}, {"escape": r"'\'"}, {"quote": '"\'"'}, {"quote": "none"}, {"footer": "^a$"},
    {"headerRows": "0"}, {"headerRows": "2"}, {"headerRow": "2"}, {"headerRow": "detect"}, {"dialect": "detect"},
]  # fmt: skip


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> list[Contract]:
    folder = tmp_path_factory.mktemp("contracts")
    return [
        load(Feed(ABC, options={"nullValues": "[]", **options}).write(folder / str(number)))
        for number, options in enumerate(DECLARED)
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, len(DECLARED) - 1), body=SIGNS)
def test_whatever_the_signs_each_record_is_accounted_for(
    which: int, body: list[str], contracts: list[Contract], tmp_path: Path
) -> None:
    """`land_bytes` compares what was sent with what landed and was rejected."""
    try:
        land_bytes(contracts[which], tmp_path, ("a,b,c\n" + "".join(body)).encode())
    except ExtractError as refused:
        assert "maintainers" not in str(refused)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(["a", ",", "§", "\n", "\r\n", "\r"]), max_size=12), chunk=st.integers(1, 5))
def test_line_ends_are_counted_across_chunks(parts: list[str], chunk: int, tmp_path: Path) -> None:
    path, text = tmp_path / "x", "".join(parts)
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ends, "_CHUNK_BYTES", chunk)
        assert line_ends.count_lines(path) == len(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text))
        lines = text.encode().split(b"\n")
        filled = [number for number, line in enumerate(lines, start=1) if line.strip(b"\r")]
        assert line_ends.filled_lines(path).tolist() == filled
        for sign in ",§":
            assert line_ends.count_ends_behind(path, sign) == len(re.findall(rf"{sign}(?:\r?\n|\r?\Z)", text))


def test_a_file_that_is_nearly_all_broken_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.formats.MOST_BROKEN_RECORDS", 100)
    for content in ("a,b,c\n" + "1,2\n" * 101, "a,b,c\n" + '1,"x"y,z\n' * 101):
        with pytest.raises(ExtractError, match=r"extract.csv: 101 records up to line 10\d are broken"):
            landed_with(tmp_path, content)


def test_places_of_many_records_are_looked_up_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sources.landing.faulty_records._PLACES", 7)
    landed = landed_with(tmp_path, "a,b,c\n" + "".join(f"{n},01/02/2026,x\n" for n in range(50)), TYPED)
    assert landed.reject_lines == list(range(2, 52))


def test_bytes_that_look_like_no_text_have_an_encoding_all_the_same(tmp_path: Path) -> None:
    """Found by fuzzing: the guess of an encoding was none at all."""
    feed = Feed(text_columns("a", "b", "c"), encoding="detect", options={"dialect": "detect"})
    landed = land(tmp_path, b"a;b;c\r\x012;2020-01-01;\xe4\r\n", feed)
    assert landed.manifest.rows_sent == 1


@pytest.mark.parametrize("last", ['2,x,"y', "2,x", "2;x;y", '2,"x"y,z', "2,x,y,z", ""])
@pytest.mark.parametrize("options", [{}, {"dialect": "detect"}, {"escape": r"'\'"}])
def test_a_bad_last_record_without_a_line_end_is_one_like_any_other(
    last: str, options: dict[str, str], tmp_path: Path
) -> None:
    landed = landed_with(tmp_path, f"a,b,c\n1,x,y\n{last}", **options)
    assert [row["a"] for row in landed.rows] == ["1"]
    assert [reject["line"] for reject in landed.rejects] == [3] * bool(last)
    assert all(reject["reason"].endswith(NO_LINE_END) for reject in landed.rejects)


BROKEN_QUOTES = "".join(f'{number}\t"{word}" she said\n' for number, word in enumerate(["Yes", "No", "Well", "So"]))
# name: content, rows, lines of rejects; two columns of text
DETECTED: dict[str, tuple[str, list[tuple[str, str]], list[int]]] = {
    "one broken record makes no escape": (
        'a,b\n1,"it ""is"" \\ so"\n2x"p, q"\n', [("1", 'it "is" \\ so')], [3]
    ),
    "one escape among doubled quotes": (
        'a,b\n1,"it ""is"" so"\n2,"x \\"y\\" z"\n3,"C:\\\\d ""q"""\n', [("1", 'it "is" so'), ("3", 'C:\\\\d "q"')], [3]
    ),
    "folders that end in the escape": ('a,b\n1,"C:\\dir\\"\n2,"D:\\x, y\\"\n', [("1", "C:\\dir\\"), ("2", "D:\\x, y\\")], []),
    "an escape and nothing else": ('a,b\n1,"so \\"he\\", x"\n2,y\n', [("1", 'so "he", x'), ("2", "y")], []),
    "no quotes at all": (
        f'a\tb\n{BROKEN_QUOTES}9\t"Bye"\n', [*((str(n), f'"{w}" she said') for n, w in enumerate(["Yes", "No", "Well", "So"])), ("9", '"Bye"')], [],
    ),
    "one stray quote among others": ('a,b\n1,"x, y"\n2,"Bye" x\n3,z\n4,"q"\n', [("1", "x, y"), ("3", "z"), ("4", "q")], [3]),
    "a delimiter missing with an escape": ('a,b\n1,"x \\"y\\""\n2x"p, q"\n3,z\n', [("1", 'x "y"'), ("3", "z")], [3]),
}  # fmt: skip


@pytest.mark.parametrize("name", DETECTED)
def test_one_broken_record_does_not_change_the_dialect_of_the_others(name: str, tmp_path: Path) -> None:
    content, rows, rejects = DETECTED[name]
    landed = landed_with(tmp_path, content, text_columns("a", "b"), dialect="detect")
    assert values(landed) == rows
    assert landed.reject_lines == rejects


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text('a ,;"\\\'.', max_size=8), min_size=3, max_size=12), delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
)  # fmt: skip
def test_a_detected_dialect_reads_as_the_told_one_or_rejects(
    texts: list[str], delimiter: str, quote: str, tmp_path: Path
) -> None:
    """Every field in quotes, one record broken: what lands is what was written, whatever stands in the values."""

    def written(text: str) -> str:
        return quote + text.replace(quote, quote * 2) + quote

    lines = [delimiter.join(map(written, (f"k{number}", text, "z"))) for number, text in enumerate(texts)]
    broken = f"{quote}k{quote}x{delimiter}{quote}y{quote}{delimiter}z"
    content = "\n".join([delimiter.join(map(written, "abc")), *lines[:2], broken, *lines[2:], ""])
    landed = landed_with(tmp_path, content, dialect="detect")
    right = {(f"k{number}", text or None, "z") for number, text in enumerate(texts)}
    assert set(values(landed)) <= right
    assert landed.reject_lines
    assert landed.manifest.rows_sent == len(texts) + 1


TOWNS = "id,name,town\n1,A,X\n2,B,Y\n\nid,name,city\n3,C,Z\n"


@pytest.mark.parametrize("options", [{"dialect": "detect"}, {"headerRow": "detect"}])
def test_records_above_a_heading_that_was_looked_for_are_told(options: dict[str, str], tmp_path: Path) -> None:
    typed = ["{name: id, logicalType: integer, primaryKey: true}", *text_columns("id", "name", "city")[1:]]
    landed = landed_with(tmp_path, TOWNS, typed, **options)
    assert values(landed) == [(3, "C", "Z")]
    assert [(reject["line"], reject["reason"]) for reject in landed.rejects] == [(2, ABOVE), (3, ABOVE)]
    assert notes(landed) == [(ABOVE_HEADING, [1])]
    as_text = landed_with(tmp_path / "text", TOWNS, text_columns("id", "name", "city"), **options)
    assert as_text.reject_lines == [1, 2, 3]


def test_titles_above_a_heading_are_no_records(tmp_path: Path) -> None:
    landed = landed_with(tmp_path, "Report\nMade by,,\n,,\n" + TEXT, dialect="detect")
    assert set(values(landed)) == set(ROWS)
    assert landed.rejects == []
    assert notes(landed) == [(ABOVE_HEADING, [1, 2, 3])]


HABITS = "a,b,c,d\n" + "".join(f"{number},x{number},y,\n" for number in range(40))


@pytest.mark.parametrize("record", [",k,l,m,", "k,,l,m,", "k,l,,m,", "k,l,m,,"])
@pytest.mark.parametrize("options", [{}, {"dialect": "detect"}, {"escape": r"'\'"}])
def test_the_habits_of_a_file_say_which_empty_column_is_too_many(
    record: str, options: dict[str, str], tmp_path: Path
) -> None:
    """In forty rows the first three columns have a value, and the last has none."""
    landed = landed_with(tmp_path, f"{HABITS}{record}\n", text_columns("a", "b", "c", "d"), **options)
    assert values(landed)[-1] == ("k", "l", "m", None)
    assert notes(landed) == [(EMPTY_COLUMN, [42])]


def test_without_a_habit_an_empty_column_too_many_is_a_reject(tmp_path: Path) -> None:
    some = HABITS.replace("7,x7,y,", "7,,y,w")
    for content in (f"{some}k,,l,m,\n", HABITS[:100] + "\nk,,l,m,\n", f"{HABITS}k,l, m,n,\n"):
        landed = landed_with(tmp_path, content, text_columns("a", "b", "c", "d"))
        assert "k" not in [row["a"] for row in landed.rows], content
        assert landed.rejects


@pytest.mark.parametrize("heading", ["", "a,b,c,d,e\n"])
@pytest.mark.parametrize("rows", [8, 80])
@pytest.mark.parametrize("options", [{}, {"dialect": "detect"}, {"escape": r"'\'"}])
def test_a_second_wider_table_is_no_column_too_many(
    heading: str, rows: int, options: dict[str, str], tmp_path: Path
) -> None:
    second = "".join(f"k{number},x,y,,\n" for number in range(rows))
    landed = landed_with(tmp_path, HABITS + heading + second, text_columns("a", "b", "c", "d"), **options)
    is_told = not heading and rows < 10
    assert landed.manifest.rows_landed == 40 + (rows if is_told else 0)
    assert sum(item["records"] for item in landed.manifest.mended) == (rows if is_told else 0)

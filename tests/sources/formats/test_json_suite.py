"""Documents that JSON (RFC 8259) forbids are refused or rejected, those that it allows are read: as whole documents and as lines."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.samples import NO_OPTIONS
from tests.sources.formats.test_excel_kinds import damaged
from tests.sources.landed import ID, Landed, land_bytes

TEXT = "{name: v, logicalType: string}"
DEEP = 100_000
# Values that are no JSON; names follow the habit of suites of such cases: n for no.
NO_VALUES = {
    "n_number_nan": b"NaN", "n_number_infinity": b"Infinity", "n_number_minus_infinity": b"-Infinity", "n_number_plus": b"+1",
    "n_number_leading_zero": b"012", "n_number_minus_leading_zero": b"-01", "n_number_point_first": b".5",
    "n_number_point_last": b"1.", "n_number_minus_alone": b"-", "n_number_two_signs": b"--1", "n_number_empty_exponent": b"1e",
    "n_number_exponent_plus": b"1e+", "n_number_hex": b"0x1", "n_number_comma": b"1,5", "n_number_space": b"1 000",
    "n_number_real_without_fraction": b"2.e3", "n_number_full_width_digit": "１".encode(), "n_number_of_letter": b"1a",
    "n_string_single_quotes": b"'x'", "n_string_unquoted": b"x", "n_string_tab": b'"\t"', "n_string_line_feed": b'"a\nb"',
    "n_string_nul": b'"a\x00b"', "n_string_escape_x": b'"\\x00"', "n_string_short_escape": b'"\\u00A"',
    "n_string_escape_of_nul": b'"\\\x00"', "n_string_open": b'"x', "n_string_backslash_open": b'"\\"',
    "n_string_lone_high": b'"\\ud800"', "n_string_lone_low": b'"\\udc00"', "n_string_two_high": b'"\\ud800\\ud800"',
    "n_string_bad_utf8": b'"\xff"', "n_string_overlong": b'"\xc0\xaf"', "n_string_surrogate_bytes": b'"\xed\xa0\x80"',
    "n_string_cut_character": b'"\xe2\x82"', "n_array_extra_comma": b"[1,]", "n_array_comma_first": b"[,1]",
    "n_array_two_commas": b"[1,,2]", "n_array_open": b"[1", "n_array_without_comma": b"[1 2]", "n_array_colon": b'["a": 1]',
    "n_object_extra_comma": b'{"a":1,}', "n_object_no_colon": b'{"a" 1}', "n_object_unquoted_key": b"{a: 1}",
    "n_object_single_quotes": b"{'a': 1}", "n_object_number_key": b"{1: 1}", "n_object_two_colons": b'{"a"::1}',
    "n_object_open": b'{"a": 1', "n_object_key_twice": b'{"a":1,"a":1}', "n_object_deep_key_twice": b'{"a":{"b":1,"b":2}}',
    "n_comment_line": b"1 // one", "n_comment_block": b"/* one */ 1", "n_comment_hash": b"1 # one",
    "n_word_capital": b"True", "n_word_cut": b"tru", "n_word_undefined": b"undefined", "n_word_none": b"None",
    "n_nothing": b"", "n_bom_within": b"\xef\xbb\xbf1", "n_no_break_space": "\u00a01".encode(), "n_form_feed": b"\x0c1",
    "n_deep_open": b"[" * DEEP, "n_brackets_crossed": b"[1}", "n_bracket_too_many": b"1]",
}  # fmt: skip
YES_VALUES = {
    "y_number_exponent": (b"1E400", "1E400"), "y_number_minus_zero": (b"-0", "-0"), "y_number_small": (b"123e-10000000", "123e-10000000"),
    "y_number_long": (b"9" * 10_000, "9" * 10_000), "y_number_real": (b"-0.5e+01", "-0.5e+01"),
    "y_string_escapes": (b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'), "y_string_escaped_nul": (b'"a\\u0000b"', "a\x00b"),
    "y_string_pair": (b'"\\ud83d\\ude00"', "😀"), "y_string_unicode": ('"€𝄞"'.encode(), "€𝄞"), "y_string_del": (b'"\x7f"', "\x7f"),
    "y_string_line_separator": ('"\u2028"'.encode(), "\u2028"), "y_string_noncharacter": ('"\U0010ffff"'.encode(), "\U0010ffff"),
    "y_string_bom_within": ('"\ufeffx"'.encode(), "\ufeffx"), "y_null": (b"null", None), "y_true": (b"true", "true"),
    "y_array": (b"[1, [], {}]", '[1,[],{}]'), "y_object": (b'{"a":{"a":1}}', '{"a":{"a":1}}'),
    "y_blanks": (b" \t\r 1 \t", "1"), "y_empty_key": (b'{"":0}', '{"":0}'), "y_string_of_slash": (b'"\\u005C\\u0022"', '\\"'),
}  # fmt: skip
FORMS = ["json", "jsonl"]


def contract(folder: Path, form: str) -> Contract:
    return load(Feed([ID, TEXT], path=f"x.{form}", format=form, options=NO_OPTIONS).write(folder))


def written(form: str, value: bytes) -> bytes:
    records = [b'{"id": "a", "v": "x"}', b'{"id": "b", "v": ' + value + b"}", b'{"id": "c", "v": "y"}']
    return b"[" + b",\n".join(records) + b"]" if form == "json" else b"\n".join([*records, b""])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", NO_VALUES)
def test_what_is_no_json_is_refused_or_rejected(case: str, form: str, tmp_path: Path) -> None:
    try:
        landed = land_bytes(contract(tmp_path, form), tmp_path, written(form, NO_VALUES[case]))
    except ExtractError as error:
        # Lines are read one by one, and only a document is refused as a whole.
        assert form == "json"
        assert "line " in str(error)
        assert "; " in str(error)
        return
    assert [row["id"] for row in landed.rows] == ["a", "c"]
    assert landed.manifest.rows_sent == len(landed.rows) + len(landed.rejects)
    assert all(reject["reason"] for reject in landed.rejects)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", YES_VALUES)
def test_what_is_json_is_read(case: str, form: str, tmp_path: Path) -> None:
    raw, value = YES_VALUES[case]
    landed = land_bytes(contract(tmp_path, form), tmp_path, written(form, raw))
    assert {row["id"]: row["v"] for row in landed.rows} == {"a": "x", "b": value, "c": "y"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["[]", '{"a":}'])
def test_absurd_nesting_ends_soon(form: str, kind: str, tmp_path: Path) -> None:
    half = len(kind) - 1
    value = kind[:half].encode() * DEEP + b"1" + kind[half:].encode() * DEEP
    begun = time.monotonic()
    landed_or_refused(contract(tmp_path, form), tmp_path, written(form, value), "nested more than")
    assert time.monotonic() - begun < 10


def landed_or_refused(feed: Contract, folder: Path, content: bytes, said: str) -> Landed | None:
    try:
        landed = land_bytes(feed, folder, content)
    except ExtractError as error:
        assert said in str(error)
        return None
    assert [said in reject["reason"] for reject in landed.rejects] == [True]
    return landed


def test_nesting_between_what_is_read_and_what_can_be_read_costs_its_record(tmp_path: Path) -> None:
    for form in FORMS:
        landed = land_bytes(contract(tmp_path, form), tmp_path, written(form, b"[" * 400 + b"]" * 400))
        assert ([row["id"] for row in landed.rows], landed.reject_lines) == (["a", "c"], [2])


def test_nesting_of_hundreds_is_read(tmp_path: Path) -> None:
    value = b"[" * 250 + b"]" * 250
    for form in FORMS:
        landed = land_bytes(contract(tmp_path, form), tmp_path, written(form, value))
        assert [row["v"] for row in landed.rows if row["id"] == "b"] == [value.decode()]


DOCUMENTS = {
    "n_two_documents": b"[]\n[]", "n_lines_as_document": b'{"id": "a"}\n{"id": "b"}', "n_cut": b'[{"id": "a"}', "n_empty": b"",
    "n_only_mark": b"\xef\xbb\xbf", "n_two_marks": b"\xef\xbb\xbf\xef\xbb\xbf[]", "n_utf16_without_mark": "[]".encode("utf-16-le"),
    "n_scalar": b"1", "n_comma_after": b"[],", "n_nul_after": b"[]\x00", "n_bracket_too_many": b"[]]", "n_comment_before": b"//x\n[]",
    "n_word": b"nul", "n_cut_mark": b"\xef\xbb[]", "n_deep_open": b"[" * DEEP, "n_deep_objects": b'{"id":' * DEEP,
    "n_deep_mixed": b'[{"":' * DEEP, "n_bad_utf8_after": b"[]\xff",
}  # fmt: skip


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_document_that_is_no_json_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=r"line \d+"):
        land_bytes(contract(tmp_path, "json"), tmp_path, DOCUMENTS[case])


def test_the_place_of_a_fault_is_told_by_line_and_character(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="line 3, character 14"):
        land_bytes(contract(tmp_path, "json"), tmp_path, b'[\n {"id": "a"},\n {"id": "b", x}]')


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("form", FORMS)
def test_a_byte_order_mark_tells_the_encoding(form: str, encoding: str, tmp_path: Path) -> None:
    landed = land_bytes(contract(tmp_path, form), tmp_path, written(form, '"é"'.encode()).decode().encode(encoding))
    assert {row["id"]: row["v"] for row in landed.rows} == {"a": "x", "b": "é", "c": "y"}


def test_blank_lines_are_no_records_and_keep_the_count(tmp_path: Path) -> None:
    content = b'\n{"id": "a", "v": 1}\n \t\r\n{"id": "b", "v": }\n\n{"id": "c", "v": 2}\n\n'
    landed = land_bytes(contract(tmp_path, "jsonl"), tmp_path, content)
    assert (landed.reject_lines, landed.manifest.rows_sent) == ([4], 3)


def test_lines_that_end_in_a_carriage_return_alone_are_not_lost(tmp_path: Path) -> None:
    content = b'{"id": "a", "v": 1}\r{"id": "b", "v": 2}\r'
    landed = landed_or_refused(contract(tmp_path, "jsonl"), tmp_path, content, "")
    assert landed is None or landed.manifest.rows_sent == len(landed.rows) + len(landed.rejects) > 0
    assert landed is None or landed.rejects


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@pytest.mark.parametrize("form", FORMS)
def test_damage_is_refused_or_accounted_for(form: str, tmp_path: Path, data: st.DataObject) -> None:
    content = damaged(written(form, b'{"a": [1.5, "\\u00e9", null]}'), data)
    try:
        land_bytes(contract(tmp_path, form), tmp_path, content)
    except ExtractError as error:
        assert str(error)

"""An entry has one form, the canonical one, and no other line is one."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sharing.ledger.entry import MAX_BYTES, Entry, Kind, moment
from sharing.ledger.errors import NotLoggable

AT = datetime(2026, 11, 30, 21, 5, 7, 89, UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(names, values, max_size=4), texts.filter(bool), st.sampled_from(Kind))
def test_a_line_is_what_rfc_8785_writes_and_is_read_back(what: dict[str, object], actor: str, kind: Kind) -> None:
    entry = Entry(kind, AT, actor, what)
    try:
        line = entry.line()
    except NotLoggable as error:
        assert "deep" in str(error)
        return
    said = {"kind": kind.value, "at": "2026-11-30T21:05:07.000089Z", "actor": actor, "what": what}
    assert line == rfc8785.dumps(said)
    assert b"\n" not in line
    assert Entry.parse(line) == entry


@given(
    st.binary(max_size=80)
    | st.from_regex(r'\{"actor":"a","at":".{0,30}","kind":"pull","what":.{0,9}\}').map(str.encode)
)
def test_any_other_line_is_refused_and_nothing_else_happens(line: bytes) -> None:
    try:
        entry = Entry.parse(line)
    except NotLoggable:
        return
    assert entry.line() == line


GOOD = Entry(Kind.PULL, AT, "night", {"feed": "a/b", "rows": 3}).line()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"rows":3', b'"rows":3.0'),
        (b'"rows":3', b'"rows": 3'),
        (b'"rows":3', b'"rows":9007199254740993'),
        (b'"rows":3', b'"rows":NaN'),
        (b'"rows":3', b'"rows":3,"rows":4'),
        (b'"kind":"pull"', b'"kind":"pulled"'),
        (b'"kind":"pull"', b'"kind":null'),
        (b"21:05:07.000089Z", b"21:05:07Z"),
        (b"21:05:07.000089Z", b"21:05:07.000089+00:00"),
        (b"2026-11-30", b"2026-11-31"),
        (b'"night"', b'""'),
        (b'"night"', b"7"),
        (b"a/b", b"a\\/b"),
        (b"a/b", "é".encode("latin-1")),
        (b'{"actor', b'{"Actor'),
        (b"}}", b'},"z":1}'),
        (b"}}", b"}} "),
    ],
)
def test_what_is_nearly_an_entry_is_none(old: bytes, new: bytes) -> None:
    assert old in GOOD
    with pytest.raises(NotLoggable):
        Entry.parse(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"share": 0.5}, "float; write a fraction as text"),
        ({"night": AT}, "datetime; write it as text"),
        ({"n": 2**53}, "beyond 2"),
        ({"é": 1}, "plain ASCII"),
        ({1: 1}, "plain ASCII"),
        ({"a": "\ud800"}, "not Unicode"),
        ({"a": [[[[[]]]]]}, "nested"),
        ({"a": "x" * MAX_BYTES}, "hashes and counts"),
    ],
)
def test_what_has_no_one_form_is_refused_without_its_value(what: dict[str, object], told: str) -> None:
    with pytest.raises(NotLoggable, match=told):
        Entry(Kind.PULL, AT, "night", what).line()


def test_moments_are_utc_and_sort_as_texts() -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    assert moment(datetime(2026, 12, 1, 2, 35, 7, tzinfo=east)) == "2026-11-30T21:05:07.000000Z"


def test_an_entry_names_who_did_it() -> None:
    with pytest.raises(NotLoggable, match="names no actor"):
        Entry(Kind.PULL, AT, "", {}).line()

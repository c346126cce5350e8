"""Landing, over whatever an agency may send: what was written comes back, and nothing is ever lost in silence."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from tests.conftest import Feed, columns
from tests.sources.landed import land_bytes, text_columns

relaxed = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.text(st.sampled_from(",\"\n\r ;\t\\'a0é"), max_size=8)


def written(rows: list[list[str]], end: str = "\n", quote_all: bool = False) -> bytes:
    """RFC 4180: what holds a delimiter, a quote or either half of a line end stands in quotes."""

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quote_all or set(text) & set(',"\r\n') else text

    return "".join(",".join(map(quoted, row)) + end for row in rows).encode()


def line_starts(rows: list[list[str]], end: str) -> list[int]:
    """The line on which each row of a file begins; the header is on line 1."""
    starts, line = [], 1
    for row in rows:
        starts.append(line)
        line += len(re.findall(rb"\r\n|\r|\n", written([row], end)))
    return starts


@pytest.fixture
def texts(tmp_path: Path) -> Contract:
    return load(Feed(text_columns("a", "b", "c"), options={"nullValues": "[]"}).write(tmp_path))


@relaxed
@given(
    rows=st.lists(st.lists(ANY_TEXT, min_size=3, max_size=3), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
)
def test_texts_land_exactly_as_they_were_written(
    rows: list[list[str]], end: str, quote_all: bool, texts: Contract, tmp_path: Path
) -> None:
    landed = land_bytes(texts, tmp_path, written([["a", "b", "c"], *rows], end, quote_all))
    assert [list(row.values()) for row in landed.rows] == [[text or None for text in row] for row in rows]
    assert landed.rejects == []


@relaxed
@given(
    # Without an empty column, which may be the one too many.
    rows=st.lists(st.lists(ANY_TEXT, min_size=2, max_size=4).filter(lambda row: len(row) < 4 or all(row)), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_of_another_width_are_rejected_on_their_lines(
    rows: list[list[str]], end: str, texts: Contract, tmp_path: Path
) -> None:
    content = written([["a", "b", "c"], *rows], end)
    landed = land_bytes(texts, tmp_path, content)
    right = [row for row in rows if len(row) == 3]
    starts = line_starts([["a", "b", "c"], *rows], end)[1:]
    assert [list(row.values()) for row in landed.rows] == [[text or None for text in row] for row in right]
    assert landed.reject_lines == [line for line, row in zip(starts, rows, strict=True) if len(row) != 3]


BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"a", b",", b'"', b"\n", b"\r\n", b" ", b"\xff", b"\xc3\xa9", b"1", b"\x00", b'""', b"\r"]),
    max_size=30,
).map(b"".join)


@settings(relaxed, max_examples=100)
@given(tail=BYTES, with_header=st.booleans())
@example(tail=b'1,2,3\n"', with_header=True)
@example(tail=b"\x00", with_header=False)
@example(tail=b"\x1f\x8b\x00", with_header=False)
@example(tail=b"PK\x03\x04", with_header=False)
def test_any_bytes_are_refused_or_balanced(tail: bytes, with_header: bool, texts: Contract, tmp_path: Path) -> None:
    try:
        landed = land_bytes(texts, tmp_path, (b"a,b,c\n" if with_header else b"") + tail)
    except ExtractError as error:
        assert str(error)
        return
    assert landed.manifest.rows_sent == len(landed.rows) + len(landed.rejects)


def whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch("[+-]?[0-9]+", text) and -(2**63) <= int(text) < 2**63 else None


def exact_number(text: str) -> Decimal | None:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", text):
        return None
    number = Decimal(text)
    return number if number == round(number, 2) and abs(number) < 10**4 else None


def calendar_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


NUMERALS = st.integers(-(2**65), 2**65).map(str) | st.text(
    st.sampled_from("0123456789+-._e xX,"), min_size=1, max_size=8
)
DECIMAL_TEXTS = NUMERALS | st.decimals(-(10**5), 10**5, places=3).map(lambda number: f"{number:f}")
DAYS = st.dates().map(date.isoformat) | st.from_regex(r"\A[0-9]{4}-[0-3][0-9]-[0-3][0-9]\Z") | NUMERALS
PARSERS: list[tuple[str, Any]] = [("i", whole_number), ("d", exact_number), ("t", calendar_day)]


@relaxed
@given(rows=st.lists(st.tuples(NUMERALS, DECIMAL_TEXTS, DAYS), max_size=12))
def test_typed_rows_are_what_python_reads(rows: list[tuple[str, str, str]], tmp_path: Path) -> None:
    properties = columns(n="integer", i="integer", d="number, physicalType: 'DECIMAL(6,2)'", t="date")
    contract = load(Feed(properties, options={"nullValues": "[]"}).write(tmp_path))
    numbered = [[str(number), *row] for number, row in enumerate(rows)]
    landed = land_bytes(contract, tmp_path, written([["n", "i", "d", "t"], *numbered]))
    parsed = [
        {"n": number} | {name: parse(text) for (name, parse), text in zip(PARSERS, row, strict=True)}
        for number, row in enumerate(rows)
    ]
    assert landed.rows == [row for row in parsed if None not in row.values()]
    wrong = [[name for name, value in row.items() if value is None] for row in parsed if None in row.values()]
    assert [[fault["column"] for fault in reject["faults"]] for reject in landed.rejects] == wrong

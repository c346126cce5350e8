"""What holds for every format: plain or packed it lands the same; cut or damaged, it is refused or every record is accounted for."""

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.archives import zipped
from tests.sources.formats.samples import EXPECTED, RECORDS, SAMPLES
from tests.sources.formats.workbooks import biff_sheet, ods, ods_table, xls
from tests.sources.landed import land, land_bytes, text_columns

relaxed = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
FORMATS = sorted(SAMPLES)
# Formats whose file says itself where it ends: no shorter file is a whole one.
CLOSED = ["excel", "json", "parquet", "rsf", "xml"]


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def contract(name: str, tmp_path: Path) -> Contract:
    return load(SAMPLES[name].feed.write(tmp_path))


def in_a_zip(content: bytes) -> bytes:
    return zipped({"../member": content})


@pytest.mark.parametrize("pack", [bytes, gzip.compress, in_a_zip], ids=["plain", "gzip", "zip"])
def test_lands_plain_and_packed(contract: Contract, name: str, pack: Any, tmp_path: Path) -> None:
    landed = land_bytes(contract, tmp_path, pack(SAMPLES[name].content))
    assert landed.rows == EXPECTED
    assert landed.rejects == []


@relaxed
@given(
    rows=st.lists(
        st.tuples(
            st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True),
            st.decimals(-999_999, 999_999, places=2),
            st.none() | st.from_regex(r"[A-Za-zé]([A-Za-zé ]{0,4}[A-Za-zé])?", fullmatch=True),
        ),
        min_size=1, max_size=6, unique_by=lambda row: row[0],
    )
)  # fmt: skip
def test_what_was_written_comes_back(contract: Contract, name: str, tmp_path: Path, rows: list[Any]) -> None:
    # -0.00 is zero, and a record that has no value in a column in any record would be a missing column.
    rows = [("zz99", Decimal("0.01"), "x"), *((key, amount + 0, text) for key, amount, text in rows if key != "zz99")]
    landed = land_bytes(contract, tmp_path, SAMPLES[name].write(rows))
    assert [tuple(row.values()) for row in landed.rows] == rows
    assert landed.rejects == []


@relaxed
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_refused_or_balances(contract: Contract, name: str, tmp_path: Path, share: float) -> None:
    content = SAMPLES[name].content.rstrip() if name != "fixed" else SAMPLES[name].content
    cut = content[: int(len(content) * share)]
    try:
        landed = land_bytes(contract, tmp_path, cut)
    except ExtractError:
        return
    assert name not in CLOSED, "a cut file was taken for a whole one"
    assert landed.rows == EXPECTED[: len(landed.rows)]
    if landed.rejects:
        assert [reject["line"] for reject in landed.rejects] == [len(landed.rows) + 2], "the last record alone"
        return
    # Only whole records are left, so nothing tells that there were more.
    assert len(cut) == len(SAMPLES[name].write(RECORDS[: len(landed.rows)]).rstrip(b"\n")) or cut.endswith(
        (b"\n", b"@")
    )


@relaxed
@given(data=st.data())
def test_damage_ends_in_a_refusal_or_in_balanced_counts(
    contract: Contract, name: str, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(SAMPLES[name].content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'"{}[],:\n<>&'))
    try:
        landed = land_bytes(contract, tmp_path, bytes(content))
    except ExtractError as error:
        assert "Traceback" not in str(error)
        return
    assert landed.manifest.rows_sent == len(landed.rows) + len(landed.rejects)
    assert all(reject["line"] > 0 and reject["reason"] for reject in landed.rejects)


OTHERS = {
    "xlsx": (SAMPLES["excel"].content, "the file is a workbook"), "ods": (ods(("s", ods_table([["a"], ["1"]]))), "the file is a workbook"),
    "xls": (xls(("s", biff_sheet([["a"], ["1"]]))), "the file is a workbook (.xls)"), "pdf": (b"%PDF-1.7\n1,2\n", "the file is a PDF document"),
    "parquet": (b"PAR1\x15\x00", "the file is a Parquet file"), "page": (b"\n<!DOCTYPE html>\n<html>\n", "the file is a web page"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_a_file_of_another_kind_is_called_by_its_name(kind: str, form: str, tmp_path: Path) -> None:
    content, says = OTHERS[kind]
    feed = Feed(text_columns("a", "b"), path=f"e.{form}", format=form, options={"limits": "{members: 99}"})
    with pytest.raises(ExtractError) as caught:
        land(tmp_path, content, feed)
    assert says in str(caught.value)
    assert f"Agency of Tests for {form}" in str(caught.value)

"""Quotes that open in one value and close in another: the bytes of the whole file tell where the records' parser would."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sources.formats.delimited import quotes_across as bytes_of
from sources.formats.delimited.dialect import Dialect
from sources.formats.delimited.fields import FieldParser


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text('a,"', max_size=12), max_size=6), end=st.sampled_from(["\n", "\r\n"]))
@example(lines=['a"a,a"'], end="\n")
@example(lines=["", 'a,a"a,""a"', "a"], end="\r\n")
def test_what_a_record_has_the_file_has(
    lines: list[str], end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytes_of, "_CHUNK_BYTES", 4)
    path, parser = tmp_path / "e.csv", FieldParser(Dialect())
    path.write_bytes(end.join(lines).encode())
    has_across = any(parser.quotes_across(line) for line in lines)
    assert bytes_of.quotes_across(path, Dialect()) >= has_across


@pytest.mark.parametrize(
    "text", ["", 'a,"b, c",d\n"e ""f"" g",h\n', 'a,5" pipe\n"b, c"\n', 'a,6",7"\n', 'x"y\nz"\n', 'x"y\na,z"\n']
)
def test_other_quotes_are_left_to_the_engine(text: str, tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(text, newline="")
    assert not bytes_of.quotes_across(path, Dialect())

"""Names and values that are SQL, markup, patterns or commands: kept as they are or refused in words, and never carried out."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.contract_trial import try_contract
from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed, csv_text
from tests.sources.landed import read_back

HOSTILE = [
    'x"; DROP TABLE faulty; --', "x'; DROP TABLE faulty; --", "'); COPY (SELECT 1) TO 'stolen.csv'; --", "$$", "$1", "{}", "{0.__class__}",
    "%s", "%(id)s", "`id`", "$(touch stolen)", "<script>alert(1)</script>", "a\\", "a\\'b", "/*", "--", ";", "?", ":id", "a.b", "a[1]", "*",
    "COLUMNS(*)", "\u2019; DROP", "\uff02", "a\u0000b", "a\nb", "a\r\nb", "\u202eb", "\ufeffa", "NULL", "select", "id ", " id", "ID", "line",
    "file", "record", "_row", "faults", "é" * 500, "x" * 5000, "=1+1", "\U0001f600", "e\u0301", "\u0130d",
]  # fmt: skip


def column(name: str, header: str | None = None, **more: str) -> str:
    said = {"name": json.dumps(name), "logicalType": "string", **more}
    if header is not None:
        said["physicalName"] = json.dumps(header)
    return "{" + ", ".join(f"{key}: {value}" for key, value in said.items()) + "}"


ID = column("id", primaryKey="true")


def written(folder: Path, feed: Feed, header: list[str], values: list[str]) -> Path:
    path = feed.write(folder)
    (path.parent / feed.path).write_bytes(
        csv_text([header, ["1", *values[1:]], values]).encode("utf-8", "surrogatepass")
    )
    return path


def test_values_land_as_they_are(tmp_path: Path) -> None:
    path = Feed([ID, column("note", unique="true"), "{name: n, logicalType: integer}"]).write(tmp_path)
    texts = [text for text in HOSTILE if "\0" not in text]
    rows = [[text, text, "1"] for text in texts] + [[f"again {text}", text, text] for text in texts]
    (path.parent / "extract.csv").write_text(csv_text([["id", "note", "n"], *rows]), newline="")
    trial = try_contract(load(path), tmp_path / "out", None, NIGHT)
    assert (trial.manifest.rows_landed, trial.manifest.rows_rejected) == (len(texts), len(texts))
    rejects = [json.loads(reject["record"]) for reject in read_rejects(tmp_path / "out")]
    assert [(reject["note"], reject["n"]) for reject in rejects] == [(text, text) for text in texts]
    assert not list(tmp_path.rglob("stolen*"))


def read_rejects(folder: Path) -> list[dict]:
    import pyarrow.parquet as pq

    return pq.read_table(folder / "rejects.parquet").to_pylist()


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_new_column_is_kept_or_refused(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, Feed([ID]), ["id", name], ["2", "v"])
    try:
        land_extract(load(path), tmp_path / "out", extract_date=NIGHT)
    except ExtractError as error:
        assert str(error).isprintable()
        assert ";" in str(error)
    else:
        landed = read_back(tmp_path / "out")
        assert landed.manifest.extra_columns == [name]
        assert all(set(row) == {"id"} for row in landed.rows)
    assert not list(tmp_path.rglob("stolen*"))


@pytest.mark.parametrize("as_header", [True, False], ids=["physicalName", "name"])
def test_columns_of_the_contract_are_used_or_refused(as_header: bool, tmp_path: Path) -> None:
    """Every rule that makes SQL of a column, through landing and gate; each column has one of them, as a rule costs a while."""
    rule = [{"unique": "true"}, {"required": "true"}, {"enum": "[{value: v}, {value: w}]"}]
    fitting: dict[str, str] = {}
    for number, name in enumerate(HOSTILE):
        rules = rule[(number + as_header) % 3]
        said = column(f"c{len(fitting)}", name, **rules) if as_header else column(name, **rules)
        try:
            load(Feed([ID, *fitting.values(), said]).write(tmp_path))
        except ContractError as error:
            assert ";" in str(error)
        else:
            fitting[name] = said
    for name in list(fitting):
        path = written(tmp_path, Feed([ID, fitting[name]]), ["id", name], ["2", "w"])
        try:
            land_extract(load(path), tmp_path / f"landed {HOSTILE.index(name)}", extract_date=NIGHT)
        except ExtractError as error:
            assert ";" in str(error)
            del fitting[name]
    assert len(fitting) > 30
    path = written(tmp_path, Feed([ID, *fitting.values()]), ["id", *fitting], ["2", *["w"] * len(fitting)])
    trial = try_contract(load(path), tmp_path / "out", None, NIGHT)
    assert (trial.manifest.rows_sent, trial.manifest.rows_rejected) == (2, 0)
    assert not list(tmp_path.rglob("stolen*"))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.sampled_from("\"';$-{}%`\\/*.[]()\n\t\0 aA<>&=é\u202e\U0001f600"), min_size=1, max_size=12))
def test_any_new_column_is_kept_or_refused(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    test_a_new_column_is_kept_or_refused(name, tmp_path_factory.mktemp("x"))


@pytest.mark.parametrize("agency", ["x'; DROP", "a b", "$$", "a-b", "A", "a__b", "é"])
def test_an_agency_or_feed_cannot_be_sql_or_a_path(agency: str, tmp_path: Path) -> None:
    for names in ({"agency": agency}, {"feed": agency}):
        with pytest.raises(ContractError, match="cannot name an agency or feed"):
            load(Feed([ID], **names).write(tmp_path))

"""The bench of polluted files reads a folder of the published corpus, and measures as published."""

import json
from pathlib import Path

import pytest

from benchmarks.pollock import corpus_of
from benchmarks.polluted import Loaded, Refused, measures, score
from benchmarks.pollution import Dialect, Polluted, corpus

TOLD = {
    "encoding": "ascii", "delimiter": ";", "quotechar": '"', "escapechar": "", "row_delimiter": "\n", "header_lines": 2,
    "preamble_lines": 1, "footnote_lines": 0, "column_names": ["a a", "b b"], "n_columns": 2,
}  # fmt: skip
TRUTH = [["a a", "b b"], ["1", "x"], ["2", "y"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As published: a folder of the corpus, the weights beside it."""
    place = tmp_path / "polluted_files"
    files = {
        "csv/row_more_sep_row3_col7.csv": "title\na;b\na;b\n1;x\n2;y\n",
        "clean/row_more_sep_row3_col7.csv": '"a a","b b"\n"1","x"\n"2","y"\n',
        "parameters/row_more_sep_row3_col7.csv_parameters.json": json.dumps(TOLD),
        "csv/file_no_payload.csv": "", "clean/file_no_payload.csv": "",
        "parameters/file_no_payload.csv_parameters.json": json.dumps({**TOLD, "delimiter": "", "quotechar": "", "header_lines": 0}),
    }  # fmt: skip
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    (tmp_path / "pollock_weights.json").write_text('{"row_more_sep_row3_col7.csv": 0.25}')
    return place


def test_a_folder_of_the_corpus_is_read(folder: Path) -> None:
    empty, item = corpus_of(folder)
    assert (empty.family, empty.truth, empty.weight) == ("file no payload", [], 1.0)
    assert (item.family, item.truth, item.weight, item.is_of_one_row) == ("row more sep", TRUTH, 0.25, True)
    assert item.dialect == Dialect(";", '"', '"', "ascii", above=1, heading_rows=2)
    assert item.content == b"title\na;b\na;b\n1;x\n2;y\n"


def test_measures_are_those_that_were_published() -> None:
    """Cells count with the header's, records are joined, and what is loaded too often costs precision."""
    assert measures(TRUTH, TRUTH) == [1.0] * 10
    assert measures([], []) == [1.0] * 10
    half = measures(TRUTH[:2], TRUTH)
    assert half[1:4] == [1.0] * 3
    assert half[4:6] == [1.0, 0.5]
    assert half[7:9] == [1.0, 4 / 6]
    assert measures([*TRUTH, ["3", "z"]], TRUTH)[4:6] == [2 / 3, 1.0]


def test_a_wrong_record_that_nobody_is_told_of_is_silent() -> None:
    item = Polluted("row with something", b"", TRUTH)
    wrong = [*TRUTH[:2], ["2", "wrong"]]
    assert score(lambda path, item, told: Loaded(wrong), item, True).is_silent
    assert not score(lambda path, item, told: Loaded(wrong, is_told=True), item, True).is_silent
    assert not score(lambda path, item, told: Loaded(TRUTH[:2]), item, True).is_silent

    def refuse(path: Path, item: Polluted, told: bool) -> Loaded:
        raise Refused("no")

    assert score(refuse, item, True).value == 0


def test_every_way_of_pollution_has_its_truth() -> None:
    made = corpus()
    assert len(made) > 2_290
    assert all(len({len(row) for row in item.truth}) == 1 for item in made)

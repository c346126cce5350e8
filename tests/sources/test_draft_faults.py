"""Samples with faults: what a draft takes for one, where it says so, and what it leaves a text."""

from pathlib import Path

import pytest

from expectations.draft_trial import held_against
from sources.draft.columns.free_text import are_free_texts
from sources.draft.columns.sampled_columns import DraftColumn, draft_columns
from sources.draft.opening.open_sample import opened
from sources.draft.writing.contract_yaml import contract_text, fitting_threshold, highest_threshold, server_section
from sources.errors import ExtractError

ROWS = 400


def rows() -> list[list[str]]:
    """Distinct in their first column alone."""
    return [
        [
            f"A{n:04}",
            f"{n % 28 + 1:02}.03.2026",
            f"{n % 7 + 1}.{n % 900 + 100},50",
            f"{n % 28 + 1:02}.03.2026 10:{n % 60:02}",
            f"{n % 90}",
        ]
        for n in range(ROWS)
    ]


def sample_of(folder: Path, lines: list[list[str]], header: str = "nr;tag;betrag;zeit;anzahl") -> Path:
    path = folder / "s.csv"
    path.write_text("\n".join([header, *map(";".join, lines), ""]))
    return path


def drafted(path: Path, key: tuple[str, ...] = ()) -> tuple[dict[str, DraftColumn], tuple[str, ...], int]:
    """Columns, doubts on the file, and how many rows its own draft, which the sample passes, rejects."""
    with opened(str(path)) as sample:
        columns, server, doubts, count = draft_columns(sample, key), sample.server, sample.doubts, sample.rows
    section = server_section(server.location, server.type, server.options, server.encoding, server.format)
    held = held_against(contract_text("a", "f", section, columns, doubts, highest_threshold(count)), "a", "f")
    assert held.refusal == ""
    fitting = held_against(
        contract_text("a", "f", section, columns, doubts, fitting_threshold(held.rejected, held.sent)), "a", "f"
    )
    assert (fitting.refusal, fitting.rejected) == ("", held.rejected)
    return {column.name: column for column in columns}, doubts, held.rejected


@pytest.mark.parametrize(
    ("place", "fault", "logical"),
    [(1, "31.02.2026", "date"), (1, "geheim", "date"), (2, "k.A.", "number"), (3, "gestern", "timestamp"), (4, "?", "integer")],
)  # fmt: skip
def test_a_value_that_is_none_is_a_fault(place: int, fault: str, logical: str, tmp_path: Path) -> None:
    lines = rows()
    lines[9][place] = fault
    columns, _, rejected = drafted(sample_of(tmp_path, lines))
    column = list(columns.values())[place]
    assert (column.logical_type, column.required, rejected) == (logical, True, 1)
    assert column.doubt.startswith("line 11 of the sample has none of the ")
    assert fault not in column.doubt
    # Every time without a zone is in doubt.
    assert {name for name, other in columns.items() if other.doubt} == {column.name, "zeit"}
    assert columns["betrag"].physical_type == "DECIMAL(12,2)"


def test_more_than_a_few_are_no_faults(tmp_path: Path) -> None:
    lines = rows()
    for number in range(5):
        lines[number][1] = "offen"
    columns, _, rejected = drafted(sample_of(tmp_path, lines))
    assert (columns["tag"].logical_type, rejected) == ("string", 0)
    assert "395 of 400 values are dates (dd.MM.yyyy), the others are not" in columns["tag"].doubt


def test_a_house_with_a_letter_is_no_fault_in_a_number(tmp_path: Path) -> None:
    lines = rows()
    lines[3][4] = "12a"
    columns, _, rejected = drafted(sample_of(tmp_path, lines))
    assert (columns["anzahl"].logical_type, rejected) == ("string", 0)
    assert "399 of 400 values are whole numbers" in columns["anzahl"].doubt


def test_a_handful_of_rows_has_no_faults(tmp_path: Path) -> None:
    lines = rows()[:12]
    lines[3][1] = "offen"
    columns, _, rejected = drafted(sample_of(tmp_path, lines))
    assert (columns["tag"].logical_type, rejected) == ("string", 0)


def test_rows_of_another_width_are_faults(tmp_path: Path) -> None:
    lines = rows()
    lines[4], lines[6] = lines[4][:2], [*lines[6], "mehr"]
    _, doubts, rejected = drafted(sample_of(tmp_path, lines))
    assert rejected == 2
    assert {
        "line 6 is no whole row (too few columns), and rejected.",
        "line 8 is no whole row (too many columns), and rejected.",
    } <= set(doubts)


@pytest.mark.parametrize("header", ["nr;tag;betrag;zeit;anzahl", "Antragsnummer;tag;betrag;zeit;anzahl"])
def test_a_key_may_be_doubled_once(header: str, tmp_path: Path) -> None:
    """Though other columns with it tell the rows apart: its name says what it is."""
    lines = rows()
    lines[10][0] = lines[5][0]
    columns, _, rejected = drafted(sample_of(tmp_path, lines, header))
    name, key = next((name, column) for name, column in columns.items() if column.is_key)
    assert (name, rejected) == (header.partition(";")[0].lower(), 2)
    assert key.doubt.startswith(f"{name} is unique but for line 7 and 12; rejected")


def test_without_a_key_the_nearest_columns_are_named(tmp_path: Path) -> None:
    lines = [[f"A{min(n, 30)}", "x"] for n in range(40)]
    with pytest.raises(ExtractError, match=r"the nearest are nr .10 of 40 rows share theirs.*--key COLUMN"):
        drafted(sample_of(tmp_path, lines, "nr;art"))


def test_a_key_that_somebody_knows_is_taken(tmp_path: Path) -> None:
    lines = rows()
    columns, _, _ = drafted(sample_of(tmp_path, lines, "Nr;Tag;betrag;zeit;anzahl"), ("Nr", "tag"))
    assert [name for name, column in columns.items() if column.is_key] == ["nr", "tag"]
    lines = [[str(n), f"{n % 4}", "1,5", "x", "2"] for n in range(400)]
    with opened(str(sample_of(tmp_path, lines))) as sample:
        (column,) = [column for column in draft_columns(sample, ("tag",)) if column.is_key]
    assert "tag is no key of this sample: 400 of 400 rows share it with another" in column.doubt
    assert "unique but for" not in column.doubt
    with pytest.raises(ExtractError, match="no column nummer to be the key; it has nr, tag"):
        drafted(sample_of(tmp_path, lines), ("nummer",))


def test_letters_of_other_alphabets_are_written_out(tmp_path: Path) -> None:
    header = "Größe;Straße;Årsag;Ærø;Søknad;Ünite;имя;naïf"
    with opened(str(sample_of(tmp_path, [list("12345678"), list("23456789")], header))) as sample:
        names = [column.name for column in draft_columns(sample)]
    assert names == ["groesse", "strasse", "aarsag", "aeroe", "soeknad", "uenite", "imya", "naif"]


@pytest.mark.parametrize("words", [("NO",), ("F",), ("Y",), ("N",), ("T",), ("F", "M"), ("F", "T", "M")])
def test_a_word_without_its_counterpart_is_no_boolean(words: tuple[str, ...], tmp_path: Path) -> None:
    lines = [[str(n), words[n % len(words)]] for n in range(60)]
    columns, _, _ = drafted(sample_of(tmp_path, lines, "nr;art"))
    assert columns["art"].logical_type == "string"
    assert ("the same word" in columns["art"].doubt) is (len(words) == 1)


@pytest.mark.parametrize(
    ("values", "are"),
    [
        (["Hauptstraße 5", "Königsallee 12"], True), (["12 High Street", "3 Mill Lane"], True), (["corner; see plan", "x"], True),
        (["Er kam zu spät", "x"], True), (["Zone 1", "Zone 2"], False), (["granted", "refused"], False), (["New York", "Köln"], False),
    ],
)  # fmt: skip
def test_addresses_and_sentences_are_no_codes(values: list[str], are: bool) -> None:
    assert are_free_texts(values) is are


def test_few_addresses_are_a_doubt(tmp_path: Path) -> None:
    lines = [[str(n), ("Hauptstraße 5", "Königsallee 12")[n % 2]] for n in range(60)]
    columns, _, _ = drafted(sample_of(tmp_path, lines, "nr;wo"))
    assert (columns["wo"].codes, "no list of codes" in columns["wo"].doubt) == ([], True)

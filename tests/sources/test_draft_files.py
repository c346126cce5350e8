"""Samples in every guise: encodings, dialects, JSON documents, workbooks, archives; each lands by its own draft, value for value."""

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from expectations.draft_trial import held_against
from sources.contract.load import load
from sources.contract.model import Contract
from sources.draft.columns.sampled_columns import draft_columns
from sources.draft.opening.open_sample import opened
from sources.draft.writing.contract_yaml import contract_text, file_name, server_section
from sources.errors import ExtractError
from sources.formats.encoding.text_encoding import guessed_encoding
from sources.landing.land_extract import land_extract
from tests.sources.formats.workbooks import ods, ods_cell, ods_row, ods_table, xlsx
from warehouse.engines.duckdb.engine import literal, open_database

HEADERS = {
    "de": ("Name;Straße;Ort", "Müller;Hauptstraße 5;Köln", "Weiß;Königsallee;Düsseldorf", "Schröder;Gärtnerweg;Lübeck"),
    "fr": ("nom;prénom;ville", "Lefèvre;Hélène;Évry", "Gérard;François;Besançon", "Hébert;Noël;Alès"),
    "et": ("nimi;linn;märkus", "Jüri Mägi;Võru;õde", "Õnne Pärn;Pärnu;täna", "Šmidt;Jõgeva;žürii"),
    "pl": ("imię;miasto;ulica", "Łukasz Wójcik;Łódź;Świętokrzyska", "Żaneta;Gdańsk;Jagiełły", "Grażyna;Kraków;Śląska"),
    "cs": ("jméno;město;ulice", "Jiří Dvořák;Plzeň;Růžová", "Žaneta;Ústí nad Labem;Třešňová", "Šárka;Děčín;Křížová"),
    "ru": ("имя;город;улица", "Иванов Пётр;Москва;Ленина", "Кузнецова Мария;Тверь;Садовая", "Попова Ольга;Уфа;Лесная"),
    "el": ("όνομα;πόλη;οδός", "Γιώργος Παππάς;Αθήνα;Ερμού", "Ελένη;Θεσσαλονίκη;Τσιμισκή", "Κώστας;Ηράκλειο;Νίκης"),
    "tr": ("ad;şehir;sokak", "Gökçe Yılmaz;İstanbul;Çiçek", "Şükrü Öztürk;Eskişehir;Güneş", "Ayşe Çağlar;Muğla;Barış"),
    "ja": ("氏名;都市;住所", "山田太郎;東京;千代田区", "鈴木花子;大阪;中央区", "コバヤシ;横浜;ﾊﾝｶｸ"),
    "zh": ("姓名;城市;地址", "王伟;北京;朝阳区", "李娜;上海;浦东新区", "张敏;广州;天河区"),
}
PAGES = {
    "de": ["cp1252", "cp850", "cp437", "iso8859-15"], "fr": ["cp1252", "cp850", "iso8859-15"], "et": ["cp1252", "iso8859-15"],
    "pl": ["cp1250", "iso8859-2", "cp852"], "cs": ["cp1250", "iso8859-2"], "ru": ["cp1251", "koi8-r", "iso8859-5", "cp866"],
    "el": ["cp1253", "iso8859-7"], "tr": ["cp1254", "iso8859-9"], "ja": ["shift_jis", "euc_jp"], "zh": ["gbk", "gb18030"],
}  # fmt: skip
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
CASES = [(language, name) for language, names in PAGES.items() for name in names]
CASES += [(language, name) for language in ("de", "el", "zh") for name in UNICODE]


def wrote(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def drafted(path: Path, folder: Path) -> Contract:
    """The draft of a sample, which the sample passes."""
    with opened(str(path)) as sample:
        columns, server = draft_columns(sample), sample.server
    section = server_section(server.location, server.type, server.options, server.encoding, server.format)
    text = contract_text("a", "f", section, columns, sample.doubts)
    trial = held_against(text, "a", "f")
    assert (trial.rejected, trial.refusal) == (0, "")
    target = folder / "a" / file_name("f")
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return load(target)


def landed(contract: Contract, folder: Path) -> list[tuple[Any, ...]]:
    land_extract(contract, folder / "landed")
    listed = ", ".join(f"CAST({column.name} AS VARCHAR)" for column in contract.columns)
    with open_database() as connection:
        return connection.execute(
            f"SELECT {listed} FROM read_parquet({literal(str(folder / 'landed' / 'rows.parquet'))})"
        ).fetchall()


def types(contract: Contract) -> dict[str, str]:
    return {column.name: column.sql_type for column in contract.columns}


def refused(path: Path) -> str:
    with pytest.raises(ExtractError) as found, opened(str(path)) as sample:
        draft_columns(sample)
    return str(found.value)


@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_text_lands_as_it_was_written(language: str, encoding: str, tmp_path: Path) -> None:
    header, *rows = HEADERS[language]
    path = wrote(tmp_path / "s.csv", "\r\n".join([header, *rows, ""]).encode(encoding))
    contract = drafted(path, tmp_path)
    assert [column.header for column in contract.columns] == header.split(";")
    assert landed(contract, tmp_path) == [tuple(row.split(";")) for row in rows]


def test_a_code_page_is_a_guess_and_said_to_be_one(tmp_path: Path) -> None:
    path = wrote(tmp_path / "s.csv", "\n".join(HEADERS["de"]).encode("cp1252"))
    with opened(str(path)) as sample:
        assert "cp1252 is a guess from the letters" in sample.doubts[0]
    path.write_bytes("\n".join(HEADERS["de"]).encode())
    assert guessed_encoding(path).doubt == "", "UTF-8 to the end is no guess"


def test_the_only_letter_beyond_ascii_may_come_late(tmp_path: Path) -> None:
    path = wrote(tmp_path / "s.csv", b"id,name\n" + b"1,Smith\n" * 300_000 + "2,Müller\n".encode("cp1252"))
    assert guessed_encoding(path).name != "utf-8"
    path.write_bytes(b"id,name\n" + "1,Müller\n".encode() * 200 + b"2,M\xfcller\n")
    assert guessed_encoding(path).name == "utf-8", "one damaged record makes no code page"


@pytest.mark.parametrize(
    ("name", "content", "wanted"),
    [
        ("s.csv", "a;b\n1,50;01.03.2026\n2,75;31.03.2026\n", {"a": "DECIMAL(12,2)", "b": "DATE"}),
        ("s.csv", "a;b\n1.200,50;1\n2.300,75;2\n", {"a": "DECIMAL(12,2)", "b": "BIGINT"}),
        ("s.csv", "a;b\n1 200,50;1\n2 300,75;2\n", {"a": "DECIMAL(12,2)", "b": "BIGINT"}),
        ("s.tsv", "a\tb\n1\tx, y\n2\tz\n", {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.txt", "a|b\n1|x;y,z\n2|q;r,s\n", {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.csv", 'a,b\n1,"He said ""hi"",\nleft"\n2,"1,5"\n', {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.csv", "a,b\n1,'x, y'\n2,'z, q'\n", {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.csv", "a\n00001\n00002\n", {"a": "VARCHAR"}),
        ("s.csv", "a\n1,5\n2,5\n", {"a": "DECIMAL(12,1)"}),
        ("s.csv", "a,b\n1,2\n\n3,4\n", {"a": "BIGINT", "b": "BIGINT"}),
        ("s.csv", f"a,b\n1,{'x' * 300_000}\n", {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.csv", "a,b\n1,1.3.2026\n2,28.11.2026\n", {"a": "BIGINT", "b": "DATE"}),
        ("s.csv", "a,b\n1,10:20:30\n2,23:59:59\n", {"a": "BIGINT", "b": "TIME"}),
        ("s.csv", "a,b\n" + "".join(f"{n},197{n}010{n}\n" for n in range(1, 9)), {"a": "BIGINT", "b": "DATE"}),
        ("s.csv", "a,b\n1,ja\n2,nein\n", {"a": "BIGINT", "b": "VARCHAR"}),
        ("s.csv", "a,b\n1,yes\n2,no\n", {"a": "BIGINT", "b": "BOOLEAN"}),
        ("s.csv", 'a,b\n1,"1,234"\n2,"22,345"\n', {"a": "BIGINT", "b": "BIGINT"}),
    ],
)  # fmt: skip
def test_a_dialect_is_understood(name: str, content: str, wanted: dict[str, str], tmp_path: Path) -> None:
    assert types(drafted(wrote(tmp_path / name, content), tmp_path)) == wanted


def test_no_type_loses_a_value(tmp_path: Path) -> None:
    """Leading zeros, the sign of a telephone number, twenty digits, product codes, numbers of sections, late words."""
    rows = [(str(n), f"{n:05}", f"+3725{n:06}", str(10**19 + n), f"{n}E5", f"3.{n}", str(n)) for n in range(1, 5_900)]
    rows += [(str(n), "1", "+1", "1", "1E1", "3.1", "none") for n in range(5_900, 6_000)]
    path = wrote(tmp_path / "s.csv", "\n".join(["id,post,phone,long,product,section,mixed", *map(",".join, rows)]))
    contract = drafted(path, tmp_path)
    assert set(types(contract).values()) == {"BIGINT", "VARCHAR"}
    assert landed(contract, tmp_path) == rows


def test_a_date_of_either_reading_is_told(tmp_path: Path) -> None:
    path = wrote(tmp_path / "s.csv", "id,on\n1,01/02/2026\n2,03/04/2026\n")
    assert "alike: ask the agency" in drafted(path, tmp_path).column("column_on").description


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Report\nid;name;x\n1;a;2\n2;b;3\n", "line 1 is no header"),
        ("ID,id\n1,2\n", "ID and id differ in capital letters alone"),
        (",b\n1,2\n", "column 1 of the header has no name"),
        ("a,a\n1,2\n", "names a more than once"),
        ("a,b\n1,2\n1,2\n", "tell the rows apart"),
        ("a,b\n1,\n,2\n", "tell the rows apart"),
    ],
)
def test_a_file_that_no_draft_can_read_is_told(content: str, says: str, tmp_path: Path) -> None:
    assert says in refused(wrote(tmp_path / "s.csv", content))


def test_a_row_in_place_of_the_header_is_told(tmp_path: Path) -> None:
    path = wrote(tmp_path / "s.csv", "1,A,2026-01-01\n2,B,2026-01-02\n")
    with opened(str(path)) as sample:
        assert "column 1, 3" in sample.doubts[0]
        assert "2026" not in sample.doubts[0], "no value of the sample"


@pytest.mark.parametrize(
    ("name", "document", "records"),
    [
        ("s.json", json.dumps({"data": {"total": 2, "items": [{"id": 1}, {"id": 2}]}, "links": [{"rel": "x"}]}), "/data/items"),
        ("s.json", json.dumps([{"id": 1}, {"id": 2}]), None),
        ("s.json", '{"id": 1}\n{"id": 2}\n', None),
        ("s.jsonl", '\n{"id": 1}\n\n{"id": 2}\n\n', None),
    ],
)  # fmt: skip
def test_the_records_of_a_document_are_found(name: str, document: str, records: str | None, tmp_path: Path) -> None:
    path = wrote(tmp_path / name, document)
    contract = drafted(path, tmp_path)
    assert contract.server.options.get("records") == records
    assert landed(contract, tmp_path) == [("1",), ("2",)]


def test_what_stays_json_is_told(tmp_path: Path) -> None:
    path = wrote(
        tmp_path / "s.json", json.dumps([{"id": 1, "home": {"town": "Võru"}}, {"id": 2, "home": {"town": "Tartu"}}])
    )
    contract = drafted(path, tmp_path)
    assert "physicalName /home/PART" in contract.column("home").description
    assert landed(contract, tmp_path)[0] == ("1", '{"town":"Võru"}')


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("[]", "an empty array"),
        ("[1, 2, 3]", "values that are no objects"),
        ("5", "holds no array"),
        ('{"a": ', "is no JSON document"),
        ("", "is no JSON document"),
        ('[{"id": 1, "ID": 2}]', "differ in capital letters alone"),
    ],
)
def test_a_document_without_records_is_told(document: str, says: str, tmp_path: Path) -> None:
    assert says in refused(wrote(tmp_path / "s.json", document))


def test_a_table_below_titles_on_the_second_sheet_is_found(tmp_path: Path) -> None:
    schools = [
        [number, (serial, "yyyy-mm-dd"), code] for number, serial, code in ((1, 36526, "007"), (2, 36557, "008"))
    ]
    data = [["Report of 2026"], [], ["School id", "Opened", "Code"], *schools]
    path = wrote(tmp_path / "s.xlsx", xlsx(("About", [["Schools"]]), ("Data", data), merged={"Data": ["A1:C1"]}))
    contract = drafted(path, tmp_path)
    assert (contract.server.options["sheet"], contract.server.options["headerRow"]) == ("Data", 3)
    assert landed(contract, tmp_path) == [("1", "2000-01-01", "007"), ("2", "2000-02-01", "008")]


def test_archives_are_told_by_the_file_in_them(tmp_path: Path) -> None:
    content = b"id,name\n1,A\n2,B\n"
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("inside/things.csv", content)
    for name in ("s.csv.gz", "s.zip"):
        assert types(drafted(tmp_path / name, tmp_path)) == {"id": "BIGINT", "name": "VARCHAR"}


def test_names_are_unique_and_free(tmp_path: Path) -> None:
    """SQL words, numbers, the platform's own, and headers that are equal in their first three hundred letters."""
    headers = ["select", "2024", "left", "agency", "extract_date", "x" * 300, "x" * 300 + "y"]
    path = wrote(tmp_path / "s.csv", ",".join(headers) + "\n" + "\n".join(f"{n},2,3,4,5,6,7" for n in range(9)))
    names = [column.name for column in drafted(path, tmp_path).columns]
    assert names[:5] == ["column_select", "column_2024", "column_left", "column_agency", "column_extract_date"]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 63
    with open_database() as connection:
        connection.execute(f"SELECT {', '.join(names)} FROM (SELECT {', '.join(f'1 AS {name}' for name in names)})")


def test_a_row_of_data_is_never_taken_for_the_headings(tmp_path: Path) -> None:
    """A remark beside the table, or a column without a heading, makes rows wider than the headings are."""
    rows: list[list[Any]] = [["id", "name", "v"], *([number, f"Secret{number}", 1] for number in range(30))]
    rows[4].append("remark")
    told = refused(wrote(tmp_path / "sparse.xlsx", xlsx(("S", rows))))
    assert "column D, but no heading in row 1" in told
    assert "Secret" not in told
    numbers = wrote(tmp_path / "numbers.xlsx", xlsx(("S", [[1, 2.5], [2, 3.5], [3, 4.5]])))
    with opened(str(numbers)) as sample:
        assert "Row 1 was taken for the headings, and may be a record" in sample.doubts[0]


def test_a_person_s_name_is_no_list_of_codes(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    lines = [f"{n},{('Jones', 'Smith')[n % 2]},{('north', 'south')[n % 2]},{'MF'[n % 2]}" for n in range(60)]
    path.write_text("\n".join(["id,surname,region,sex", *lines, ""]))
    codes = {column.name: column.enum for column in drafted(path, tmp_path).columns}
    assert codes == {"id": (), "surname": (), "region": ("north", "south"), "sex": ("F", "M")}


def test_a_letter_in_two_halves_is_still_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    for shift in range(2):
        text = "番号,氏名\n" + "x" * shift + "".join(f"{n},山田太郎の長い名前\n" for n in range(60_000))
        path.write_bytes(text.encode("cp932"))
        assert guessed_encoding(path).name == "cp932"


def test_a_sample_without_a_whole_record_is_told_where(tmp_path: Path) -> None:
    path = wrote(tmp_path / "s.csv", 'a,b\n1,"x\n')
    assert "a quote" in refused(path)


def test_clocks_and_codes_of_a_workbook_are_what_they_show(tmp_path: Path) -> None:
    rows = [
        [f"k{row}", (row / 24, "hh:mm:ss"), (46024 + row, "dd.mm.yyyy"), (2360 + row, "00000")] for row in range(1, 8)
    ]
    path = wrote(tmp_path / "clocks.xlsx", xlsx(("S", [["id", "clock", "day", "zip"], *rows])))
    contract = drafted(path, tmp_path)
    assert types(contract) == {"id": "VARCHAR", "clock": "TIME", "day": "DATE", "zip": "VARCHAR"}
    assert landed(contract, tmp_path)[0] == ("k1", "01:00:00", "2026-01-03", "02361")


def test_clocks_of_an_open_document_are_times(tmp_path: Path) -> None:
    path = tmp_path / "clocks.ods"
    clocks = ["PT11H12M12S", "PT00H00M00S", "PT23H59M59.5S"]
    cell = '<table:table-cell office:value-type="time" office:time-value="{}"/>'
    rows = [ods_row(ods_cell(f"k{row}"), cell.format(clock)) for row, clock in enumerate(clocks)]
    path.write_bytes(ods(("S", ods_table([["id", "clock"]]) + "".join(rows))))
    contract = drafted(path, tmp_path)
    assert types(contract) == {"id": "VARCHAR", "clock": "TIME"}
    assert [row[1] for row in landed(contract, tmp_path)] == ["11:12:12", "00:00:00", "23:59:59.5"]

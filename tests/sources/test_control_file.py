"""Control files beside an extract, and numbers written with a comma: what the tax authority sends."""

from decimal import Decimal
from pathlib import Path

import pytest

from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.workbooks import zipped
from tests.sources.landed import ID, Landed, land_bytes

AMOUNT = '{name: amount, classification: public, logicalType: number, physicalType: "DECIMAL(9,2)"}'
CONTROL = (
    '{path: extract.ctl, separator: ";", count: RECORDS, sums: {amount: TOTAL}, date: "DAY", dateFormat: dd.MM.yyyy, '
    'decimalSeparator: ","}'
)
NUMBERS = {"delimiter": '";"', "decimalSeparator": '","', "thousandsSeparator": '"."'}
EXTRACT = "id;amount\né;1.234,50\nb;-0,50\nc;\n"
GOOD = "DAY;20.11.2026\nRECORDS;3\nTOTAL;1234,00\n"


def landed(folder: Path, control: str, extract: str = EXTRACT) -> Landed:
    feed = Feed([ID, AMOUNT], encoding="cp1252", options={**NUMBERS, "control": CONTROL})
    contract = load(feed.write(folder))
    (contract.path.parent / "extract.ctl").write_bytes(control.encode("cp1252"))
    return land_bytes(contract, folder, extract.encode("cp1252"))


def test_totals_and_date_that_agree(tmp_path: Path) -> None:
    found = landed(tmp_path, GOOD + "SENDER;Müller\r\n\n")
    assert [row["amount"] for row in found.rows] == [Decimal("1234.50"), Decimal("-0.50"), None]
    assert sorted(path.name for path in (found.folder / "original").iterdir()) == ["extract.csv", "extract.ctl"]


def test_rejected_records_are_counted_too(tmp_path: Path) -> None:
    found = landed(tmp_path, GOOD.replace("RECORDS;3", "RECORDS;5"), EXTRACT + "d;x\ne;1;2\n")
    assert len(found.rejects) == 2


@pytest.mark.parametrize("kind", ["logicalType: number", "logicalType: string"])
def test_only_exact_numbers_are_summed(kind: str, tmp_path: Path) -> None:
    feed = Feed([ID, f"{{name: amount, {kind}}}"], options={**NUMBERS, "control": CONTROL})
    with pytest.raises(ContractError, match="control sums amount, which is no column of exact numbers"):
        load(feed.write(tmp_path))


@pytest.mark.parametrize("control", ["extract.ctl", "{path: extract.ctl, sums: [amount]}"])
def test_a_control_that_is_no_mapping_is_a_contract_problem(control: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="control is no mapping"):
        load(Feed([ID, AMOUNT], options={"control": control}).write(tmp_path))


WRONG = {
    "count": (GOOD.replace("3\n", "4\n"), "states 4 records, but 3 arrived"),
    "sum": (GOOD.replace("1234,00", "1234,01"), "a sum of amount of 1234.01"),
    "yesterday": (GOOD.replace("20.11", "19.11"), "states the date 2026-11-19, not 2026-11-20"),
    "no count": (GOOD.replace("RECORDS", "ROWS"), "has no RECORDS"),
    "sum in Python's way": (GOOD.replace("1234,00", "1_234,00"), "TOTAL is no number"),
    "count that is none": (GOOD.replace("3\n", "three\n"), "RECORDS is no count"),
    "sum with a point": (GOOD.replace("1234,00", "1234.00"), "TOTAL is no number"),
    "sum that is none": (GOOD.replace("1234,00", "NaN"), "TOTAL is no number"),
    "date that is none": (GOOD.replace("20.11", "31.02"), "DAY is no date"),
    "stated twice": (GOOD + "RECORDS;3\n", "a second time"),
    "garbage": ("<html>", "has no"),
    "empty": ("", "has no"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_control_file_that_does_not_agree_refuses_the_night(case: str, tmp_path: Path) -> None:
    content, said = WRONG[case]
    with pytest.raises(ExtractError, match=f"control file.*{said}|extract.ctl {said}"):
        landed(tmp_path, content)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_nothing_is_left_of_the_transcoding(encoding: str, tmp_path: Path) -> None:
    contract = load(Feed([ID, AMOUNT], encoding=encoding, options=NUMBERS).write(tmp_path))
    found = land_bytes(contract, tmp_path, EXTRACT.encode(encoding))
    assert [path.name for path in (found.folder / "original").iterdir()] == ["extract.csv"]


NO_NUMBERS = ["1,234.50", "12.34,5", "1234.50", ",5", "1.0000", "1.23", "1e3", "1,", "--1", "1.234.5"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_separators_are_read_strictly(text: str, tmp_path: Path) -> None:
    contract = load(Feed([ID, AMOUNT, "{name: note, logicalType: string}"], options=NUMBERS).write(tmp_path))
    found = land_bytes(contract, tmp_path, f"id;amount;note\na;{text};1.5\nb;1.000;1,5\n".encode())
    assert [(r["line"], r["value"]) for r in found.rejects] == [(2, text)]
    assert f'"amount":"{text}"' in found.rejects[0]["record"]
    assert [(row["amount"], row["note"]) for row in found.rows] == [(Decimal(1000), "1,5")]


@pytest.mark.parametrize(
    "options", [{"decimalSeparator": '";"'}, {"decimalSeparator": '","', "thousandsSeparator": '","'}]
)
def test_separators_that_cannot_be_are_a_problem_of_the_contract(options: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        load(Feed([ID], options=options).write(tmp_path))


def test_unknown_options_of_a_column_are_a_problem_of_the_contract(tmp_path: Path) -> None:
    column = "{name: n, logicalType: string, customProperties: [{property: identifierKnd, value: ee.ik}]}"
    with pytest.raises(ContractError, match="did you mean identifierKind"):
        load(Feed([ID, column]).write(tmp_path))


WIDE = {
    "decimals": ("DECIMAL(38,18)", ["12345678901.123456789012345678", "0.000000000000000001"]),
    "more than 38 digits": ("DECIMAL(38,0)", ["9" * 38, "9" * 38, "-1"]),
    "whole numbers": ("DECIMAL(38,2)", ["-" + "9" * 36 + ".99", "0.02", "-0.01"]),
}


@pytest.mark.parametrize("kind", WIDE)
def test_sums_of_many_digits_are_exact(kind: str, tmp_path: Path) -> None:
    physical, numbers = WIDE[kind]
    scale = int(physical.removesuffix(")").rpartition(",")[2])
    whole = sum(
        int(f"{Decimal(number):f}".replace(".", "")) if "." in number else int(number) * 10**scale for number in numbers
    )
    stated = f"{Decimal(f'{whole}E-{scale}'):f}"
    extract = "id,amount\n" + "".join(f"k{row},{number}\n" for row, number in enumerate(numbers))
    column = f'{{name: amount, logicalType: number, physicalType: "{physical}"}}'
    contract = load(
        Feed([ID, column], options={"control": "{path: extract.ctl, sums: {amount: TOTAL}}"}).write(tmp_path)
    )
    control = contract.path.parent / "extract.ctl"
    control.write_text(f"TOTAL={stated}\n")
    assert len(land_bytes(contract, tmp_path, extract.encode()).rows) == len(numbers)
    last = int(stated[-1])
    control.write_text(f"TOTAL={stated[:-1]}{last - 1 if last else last + 1}\n")
    with pytest.raises(ExtractError, match="a sum of amount"):
        land_bytes(contract, tmp_path, extract.encode())


def test_sums_over_several_files_are_exact(tmp_path: Path) -> None:
    column = '{name: amount, logicalType: number, physicalType: "DECIMAL(38,18)"}'
    feed = Feed([ID, column], path="extract.zip", options={"control": "{path: extract.ctl, sums: {amount: TOTAL}}"})
    contract = load(feed.write(tmp_path))
    (contract.path.parent / "extract.ctl").write_text("TOTAL=12345678901.123456789012345679\n")
    parts = {"a.csv": "id,amount\na,12345678901.123456789012345678\n", "b.csv": "id,amount\nb,0.000000000000000001\n"}
    assert len(land_bytes(contract, tmp_path, zipped(dict(parts))).rows) == 2

"""Landing of each format beside the bare reader of its library, in one run: ratios, because machines differ and drift.

    python -m benchmarks.formats [SCALE]

Each bare reader reads the same file into the same typed columns and writes them to Parquet, without a look at what is wrong:
the engine's read_csv and substr (fixed width) and read_json (JSON Lines), lxml's iterparse and fastexcel into Arrow.
SCALE scales the rows: 1 is fixed width 5 M, JSON Lines 2 M, XML 1 M, Excel 100 k.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from xml.sax.saxutils import escape

import fastexcel
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from lxml import etree

from benchmarks.contract import contract_text
from benchmarks.report import Ratio, report, seconds
from sources.contract.load import load
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.engine import literal, open_database

RUNS = 3
GOAL = 1.5


@dataclass(frozen=True)
class Column:
    """A column of the payments: its type in the contract and the engine, its width in a fixed record, the SQL of its values."""

    name: str
    contract_type: str
    sql_type: str
    width: int
    value: str


COLUMNS = [
    Column("payment_id", "logicalType: integer, primaryKey: true", "BIGINT", 10, "i"),
    Column("person_number", "logicalType: string", "VARCHAR", 9, "lpad((i * 7919 % 1000000000)::VARCHAR, 9, '0')"),
    Column("paid_on", "logicalType: date", "DATE", 10, "(DATE '2020-01-01' + (i % 2000)::INT)::VARCHAR"),
    Column("amount", 'logicalType: number, physicalType: "DECIMAL(12,2)"', "DECIMAL(12,2)", 10, "CAST(i % 100000 / 100 AS DECIMAL(12,2))"),
    Column("kind", "logicalType: string", "VARCHAR", 8, "['pension', 'child', 'housing'][i % 3 + 1]"),
    Column("office", "logicalType: integer", "BIGINT", 4, "i % 500"),
    Column("note", "logicalType: string", "VARCHAR", 12, "'note ' || (i % 10007)"),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A format: how many rows at scale 1, how its file is written, and its bare reader."""

    format: str
    rows: int
    options: str
    write: Callable[[Path, int], None]
    bare: Callable[[Path, Path], None]


def main(scale: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report("formats", [_ratio(case, Path(folder) / case.format, max(1, int(case.rows * scale))) for case in CASES])


def _ratio(case: Case, place: Path, rows: int) -> Ratio:
    place.mkdir()
    source = place / f"payments.{case.format}"
    case.write(source, rows)
    server = f"type: local, path: payments.{case.format}, format: {case.format}, customProperties: [{case.options}]"
    (place / "payments.odcs.yaml").write_text(contract_text("payments", server, _properties(case.format)))
    contract = load(place / "payments.odcs.yaml")
    bare, landed = [], []
    for run in range(RUNS):
        bare.append(seconds(lambda: case.bare(source, place / "bare.parquet")))
        landed.append(seconds(lambda run=run: land_extract(contract, place / f"landed{run}")))
    name = f"{case.format}, {rows:,} rows: landing beside its bare reader"
    return Ratio(name, median(landed), median(bare), "at most", GOAL)


def _properties(form: str) -> list[str]:
    start, lines = 1, []
    for column in COLUMNS:
        place = ""
        if form == "fixed":
            place = f", customProperties: [{{property: start, value: {start}}}, {{property: length, value: {column.width}}}]"
        lines.append(f"name: {column.name}, {column.contract_type}{place}")
        start += column.width
    return lines


def _rows(rows: int) -> str:
    values = ", ".join(f"{column.value} AS {column.name}" for column in COLUMNS)
    return f"SELECT {values} FROM range({rows}) t(i)"


def _write_fixed(path: Path, rows: int) -> None:
    line = " || ".join(f"rpad(CAST({column.name} AS VARCHAR), {column.width}, ' ')" for column in COLUMNS)
    _run(f"COPY (SELECT {line} FROM ({_rows(rows)})) TO {literal(str(path))} (FORMAT csv, HEADER false, QUOTE '')")


def _bare_fixed(source: Path, target: Path) -> None:
    start, values = 1, []
    for column in COLUMNS:
        values.append(f"CAST(rtrim(substr(line, {start}, {column.width})) AS {column.sql_type}) AS {column.name}")
        start += column.width
    _run(f"""
        COPY (
            SELECT {", ".join(values)}
            FROM read_csv(
                {literal(str(source))},
                columns = {{'line': 'VARCHAR'}}, auto_detect = false, delim = '\\0', quote = '', header = false
            )
        ) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)
    """)


def _write_jsonl(path: Path, rows: int) -> None:
    _run(f"COPY ({_rows(rows)}) TO {literal(str(path))} (FORMAT json)")


def _bare_jsonl(source: Path, target: Path) -> None:
    columns = ", ".join(f"{column.name}: '{column.sql_type}'" for column in COLUMNS)
    lines = f"read_json({literal(str(source))}, format = 'newline_delimited', columns = {{{columns}}})"
    _run(f"COPY (FROM {lines}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def _write_xml(path: Path, rows: int) -> None:
    with open_database() as connection, path.open("w", encoding="utf-8") as out:
        found = connection.execute(_rows(rows))
        out.write("<payments>\n")
        while batch := found.fetchmany(10_000):
            for row in batch:
                fields = zip(COLUMNS, row, strict=True)
                values = "".join(f"<{column.name}>{escape(str(value))}</{column.name}>" for column, value in fields)
                out.write(f"<payment>{values}</payment>\n")
        out.write("</payments>\n")


def _bare_xml(source: Path, target: Path) -> None:
    schema = pa.schema([(column.name, pa.string()) for column in COLUMNS])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        rows = []
        for _, record in etree.iterparse(str(source), events=("end",), tag="payment"):
            rows.append([child.text for child in record])
            record.clear()
            while record.getprevious() is not None:
                del record.getparent()[0]
            if len(rows) == 20_000:
                writer.write_table(pa.table(list(zip(*rows, strict=True)), schema=schema))
                rows = []
        if rows:
            writer.write_table(pa.table(list(zip(*rows, strict=True)), schema=schema))


def _write_excel(path: Path, rows: int) -> None:
    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, [column.name for column in COLUMNS])
    with open_database() as connection:
        found = connection.execute(_rows(rows).replace("DECIMAL(12,2)", "DOUBLE")).fetchall()
    for number, row in enumerate(found, start=1):
        sheet.write_row(number, 0, row)
    book.close()


def _bare_excel(source: Path, target: Path) -> None:
    pq.write_table(
        pa.table(fastexcel.read_excel(source.read_bytes()).load_sheet(0).to_arrow()), target, compression="zstd"
    )


def _run(statement: str) -> None:
    with open_database() as connection:
        connection.execute(statement)


CASES = [
    Case("fixed", 5_000_000, "", _write_fixed, _bare_fixed),
    Case("jsonl", 2_000_000, "", _write_jsonl, _bare_jsonl),
    Case("xml", 1_000_000, "{property: record, value: payment}", _write_xml, _bare_xml),
    Case("excel", 100_000, "", _write_excel, _bare_excel),
]


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1)

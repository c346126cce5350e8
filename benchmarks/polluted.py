"""Delimited files polluted one way each, loaded by interagency and by peers, scored as Vitagliano et al., Pollock (VLDB 2023).

    python -m benchmarks.polluted [FOLDER]

takes about ten minutes. FOLDER is that of the published corpus, or another of the same layout: `csv/`, `clean/` and
`parameters/` with a file each; see `benchmarks.pollock`. Without it, one table of 83 products is written in some 2,300 ways;
see `benchmarks.pollution`.

A loader's score for a file is the sum of ten measures: whether it loads at all, and precision, recall and F1 of the header's
names, of whole records and of cells (as sets that count repeats) against what a person reads in the file. Where columns of one
row cannot be told, a person reads what was written before the pollution. Scores are means over the files, and means by the
weights of the published corpus where they are known. Every loader is run twice: told the dialect, and left to find it.
interagency's contract has text columns alone, so that no type helps it. A record that it rejects is one that it does not load.
`silent` are the files of one polluted row of which a wrong record is loaded and nobody is told.
"""

import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import typer

from benchmarks.contract import contract_text
from benchmarks.pollock import corpus_of
from benchmarks.pollution import Polluted, Rows, corpus
from sources.contract.load import load
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.engine import literal


class Refused(Exception):
    """The loader gave an error instead of a table."""


@dataclass(frozen=True)
class Loaded:
    """The header, where the file has one, and the records; `is_told` says whether the loader told of anything unusual."""

    rows: Rows
    is_told: bool = False


@dataclass(frozen=True)
class Score:
    """Of one file, 0 to 10; whether a wrong record was loaded, and nobody was told."""

    value: float
    is_silent: bool = field(default=False)


def option(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return f"{{property: {name}, value: {value}}}"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'{{property: {name}, value: "{escaped}"}}'


def by_interagency(path: Path, item: Polluted, is_told: bool) -> Loaded:
    if not item.truth:
        raise Refused("a contract has columns")
    names = [f"c{number}" for number in range(max(map(len, item.truth)))]
    contract = path.with_suffix(".odcs.yaml")
    contract.write_text(_contract(item, is_told, names), encoding="utf-8")
    try:
        manifest = land_extract(load(contract), path.parent / "landed", str(path))
    except ExtractError as error:
        raise Refused(str(error)) from error
    landed = pq.read_table(path.parent / "landed" / "rows.parquet", columns=names).to_pydict()
    heading = item.truth[:1] if item.dialect.heading_rows else []
    return Loaded([*heading, *_as_texts(zip(*landed.values(), strict=True))], bool(manifest.mended))


def _contract(item: Polluted, is_told: bool, names: list[str]) -> str:
    dialect = item.dialect
    told: dict[str, str | int] = {
        "delimiter": dialect.delimiter, "quote": dialect.quote or "none", "encoding": dialect.encoding,
        **({"escape": dialect.escape} if dialect.escape else {}),
        **({"headerRow": dialect.above + 1} if dialect.heading_rows else {}),
    }  # fmt: skip
    options = told if is_told else {"dialect": "detect", "encoding": "detect"}
    headings = item.truth[0] if dialect.heading_rows else names
    # The first column that tells the records apart; a contract has a key.
    rows = item.truth[1:] or [names]
    key = next(
        (name for name, cells in zip(names, zip(*rows, strict=True), strict=True) if len(set(cells)) == len(rows)),
        names[0],
    )
    said = ", ".join(option(*pair) for pair in [*options.items(), ("headerRows", dialect.heading_rows)])
    properties = (
        f"name: {name}, physicalName: {_yaml(heading)}, logicalType: string{', primaryKey: true' * (name == key)}"
        for name, heading in zip(names, headings, strict=True)
    )
    return contract_text("products", f"type: local, path: e.csv, format: csv, customProperties: [{said}]", properties)


def _yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def by_duckdb(path: Path, item: Polluted, is_told: bool) -> Loaded:
    dialect = item.dialect
    options = "all_varchar=true, null_padding=true, strict_mode=false, ignore_errors=true"
    if is_told:
        encoding = {"utf-8-sig": "utf-8", "cp1252": "latin-1", "ascii": "utf-8"}.get(dialect.encoding, dialect.encoding)
        options += (
            f", delim={literal(dialect.delimiter)}, quote={literal(dialect.quote)}, escape={literal(dialect.escape)}, "
            f"skip={dialect.above}, header={dialect.heading_rows > 0}, encoding={literal(encoding)}"
        )
    try:
        found = duckdb.connect().execute(f"FROM read_csv({literal(str(path))}, {options})")
        heading = [[column[0] for column in found.description]] if dialect.heading_rows else []
        return Loaded([*heading, *_as_texts(found.fetchall())])
    except duckdb.Error as error:
        raise Refused(str(error)) from error


def by_pandas(path: Path, item: Polluted, is_told: bool) -> Loaded:
    dialect = item.dialect
    told = {
        "sep": dialect.delimiter, "quotechar": dialect.quote or None, "encoding": dialect.encoding, "skiprows": dialect.above,
        "escapechar": None if dialect.escape in ("", dialect.quote) else dialect.escape,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE, "header": 0 if dialect.heading_rows else None,
    }  # fmt: skip
    options = told if is_told else {"sep": None}
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, on_bad_lines="skip", engine="python", **options)
    except (ValueError, OSError, csv.Error) as error:
        raise Refused(str(error)) from error
    heading = [[str(name) for name in frame.columns]] if dialect.heading_rows else []
    return Loaded([*heading, *_as_texts(frame.itertuples(index=False))])


def _as_texts(rows: Iterable[tuple[object, ...]]) -> Rows:
    return [["" if cell is None or cell != cell else str(cell) for cell in row] for row in rows]


def measures(found: Rows, truth: Rows) -> list[float]:
    """Success, and precision, recall and F1 of the first row, of the records below it and of all cells.

    As published, a record is its cells joined, in lower case, and a table without a row leaves nothing to measure. The
    published measures also take numbers, days and prices for the same that are written otherwise; no loader here writes any.
    """
    if not truth:
        return [1.0] * 10
    pairs = [
        (_lower(found[:1] and found[0]), _lower(truth[0])),
        (["".join(_lower(row)) for row in found[1:]], ["".join(_lower(row)) for row in truth[1:]]),
        ([cell for row in found for cell in row], [cell for row in truth for cell in row]),
    ]
    return [1.0, *(measure for pair in pairs for measure in _agreement(*pair))]


def _lower(row: Sequence[str]) -> list[str]:
    return [cell.lower() for cell in row]


def _agreement(found: list[str], truth: list[str]) -> tuple[float, float, float]:
    if not truth:
        return 1.0, 1.0, 1.0
    same = (Counter(found) & Counter(truth)).total()
    precision, recall = same / max(1, len(found)), same / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall) if same else 0.0


LOADERS: dict[str, Callable[[Path, Polluted, bool], Loaded]] = {
    "interagency": by_interagency,
    "duckdb": by_duckdb,
    "pandas": by_pandas,
}


def score(load_by: Callable[[Path, Polluted, bool], Loaded], item: Polluted, is_told: bool) -> Score:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench" / "products.csv"
        path.parent.mkdir()
        path.write_bytes(item.content)
        try:
            loaded = load_by(path, item, is_told)
        except Refused:
            return Score(0.0)
    wrong = Counter(map(tuple, loaded.rows)) - Counter(map(tuple, item.truth))
    return Score(sum(measures(loaded.rows, item.truth)), bool(wrong) and item.is_of_one_row and not loaded.is_told)


def main(folder: Path | None) -> None:
    files = corpus_of(folder) if folder else corpus()
    columns = [(name, is_told) for is_told in (True, False) for name in LOADERS]
    scores = {column: [score(LOADERS[column[0]], item, column[1]) for item in files] for column in columns}
    typer.echo(
        f"{'family':<34}{'files':>6}" + "".join(f"{name + (' told' if told else ''):>18}" for name, told in columns)
    )
    for family in [*dict.fromkeys(item.family for item in files), None]:
        chosen = [number for number, item in enumerate(files) if family in (None, item.family)]
        found = (_mean([(scores[column][number].value, 1.0) for number in chosen]) for column in columns)
        _line(family or "all", len(chosen), found)
    weights = [item.weight for item in files]
    if len(set(weights)) > 1:
        values = (
            [(found.value, weight) for found, weight in zip(scores[column], weights, strict=True)] for column in columns
        )
        _line("all, weighted", len(files), map(_mean, values))
    silent = (float(sum(found.is_silent for found in scores[column])) for column in columns)
    _line("silent", sum(item.is_of_one_row for item in files), silent)


def _line(name: str, files: int, values: Iterable[float]) -> None:
    typer.echo(f"{name:<34}{files:>6}" + "".join(f"{value:>18.3f}" for value in values))


def _mean(weighted: Sequence[tuple[float, float]]) -> float:
    return sum(value * weight for value, weight in weighted) / sum(weight for _, weight in weighted)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)

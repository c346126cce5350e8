"""`interagency query`: SQL on the published warehouse, read only, as a table, CSV, JSON, Excel or Parquet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.analyst.asked import Asked
from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop

if TYPE_CHECKING:
    import duckdb

_SHOWN = 100
_XLSX, _PARQUET = ".xlsx", ".parquet"


def query(  # noqa: PLR0913 — each is an option of the command
    sql: Annotated[str, typer.Argument(help="One SELECT; marts are in the schema `marts`.")],
    csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV for a spreadsheet to standard output: no cell of it is a formula.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write JSON to standard output, one object for each row.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the answer to this file: an Excel workbook (.xlsx) or Parquet (.parquet)."),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="Show at most so many rows of a table; the others are counted.", min=1)
    ] = _SHOWN,
    restricted: Annotated[
        bool,
        typer.Option(
            "--restricted",
            help="Also attach the night's protected databases, as `restricted` and `vault`; needs a grant.",
        ),
    ] = False,
    role: Annotated[
        str, typer.Option(help="See what a role sees: analyst, linker, or a party of agreements.")
    ] = "analyst",
    purpose: Annotated[
        str | None, typer.Option(help="What it is for; a mart that may not serve it is refused.")
    ] = None,
) -> None:
    """Ask the published warehouse. The query can change nothing, and reads no file and no network."""
    import duckdb

    from warehouse.engines.duckdb.engine import lock
    from warehouse.home import Home

    if sum((csv, json, out is not None)) > 1:
        stop("--csv, --json and --out are three ways to get one answer; choose one", WRONG_USE)
    if out is not None and out.suffix not in (_XLSX, _PARQUET):
        stop(f"{out} ends with neither {_XLSX} nor {_PARQUET}; name a file that does", WRONG_USE)
    home = Home.from_environment()
    published = home.published
    if not published.exists():
        stop(f"nothing is published in {published.parent}; run `interagency run` first", NOT_DONE)
    asked = Asked(sql, role, purpose, restricted)
    asked.check_access(home)
    with asked.opened(home) as connection:
        if asked.opens_restricted:
            _attach(connection, published.resolve(), everything=restricted)
        asked.check_relations(connection, home)
        asked.note(home)
        lock(connection)
        try:
            answer = connection.sql(sql)
            if answer is None:
                stop("the statement gives no rows; write a SELECT", WRONG_USE)
            if out is not None:
                _write_file(answer, out, sql)
            elif csv or json:
                _stream(answer, "csv" if csv else "json")
            else:
                _show(answer, limit)
        except duckdb.Error as error:
            stop(_where_it_lies(error) or _plain(error), WRONG_USE)


def _attach(connection: "duckdb.DuckDBPyConnection", published: Path, everything: bool) -> None:
    """A role that links is given the restricted database; the vault only whoever may see everything."""
    import duckdb

    from warehouse.keys.platform_key import KEY_VARIABLE
    from warehouse.store.restricted import attach_protected, attach_restricted, restricted_file

    if not restricted_file(published).exists():
        stop("the published night has no restricted database; run `interagency run` again", NOT_DONE)
    try:
        (attach_protected if everything else attach_restricted)(connection, published, read_only=True)
    except (duckdb.Error, OSError):
        remedy = f"set {KEY_VARIABLE} to its key, and ask its owner for the right to read it"
        stop(f"the restricted database cannot be opened; {remedy}", NOT_DONE)


def _write_file(answer: "duckdb.DuckDBPyRelation", file: Path, sql: str) -> None:
    from warehouse.files import replaced_whole

    with replaced_whole(file.expanduser().absolute()) as temporary:
        count = _write_workbook(answer, temporary, sql) if file.suffix == _XLSX else _write_parquet(answer, temporary)
    typer.echo(f"{count:,} rows written to {file}", err=True)


def _write_parquet(answer: "duckdb.DuckDBPyRelation", file: Path) -> int:
    import pyarrow.parquet

    count = 0
    with (
        answer.fetch_arrow_reader() as batches,
        pyarrow.parquet.ParquetWriter(file, batches.schema, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _write_workbook(answer: "duckdb.DuckDBPyRelation", file: Path, sql: str) -> int:
    from datetime import UTC, datetime

    from pages.workbook import MOST_ROWS, TooManyRows, write_workbook

    about = {"query": sql, "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "times": "UTC"}
    try:
        return write_workbook(file, answer.columns, lambda: answer.fetchmany(10_000), about)
    except TooManyRows:
        stop(
            f"a sheet takes {MOST_ROWS:,} rows, and the answer has more; ask for fewer, or write a {_PARQUET}", NOT_DONE
        )


def _stream(answer: "duckdb.DuckDBPyRelation", how: str) -> None:
    """Batch by batch: an answer may be larger than memory."""
    import csv
    import json
    import sys

    from reports.figures.no_formulas import defused_value

    writer = csv.writer(sys.stdout)
    if how == "csv":
        writer.writerow(map(defused_value, answer.columns))
    while rows := answer.fetchmany(10_000):
        if how == "csv":
            writer.writerows([defused_value(value) for value in row] for row in rows)
        else:
            sys.stdout.writelines(
                json.dumps(dict(zip(answer.columns, row, strict=True)), ensure_ascii=False, default=str) + "\n"
                for row in rows
            )


def _show(answer: "duckdb.DuckDBPyRelation", limit: int) -> None:
    rows = answer.fetchmany(limit + 1)
    shown = [["" if value is None else _text(value) for value in row] for row in rows[:limit]]
    kinds = ("BIG", "INT", "HUGE", "DEC", "DOU", "UBIG", "SMALL")
    numbers = frozenset(place for place, kind in enumerate(answer.types) if str(kind).startswith(kinds))
    show_table("", answer.columns, shown, numbers)
    if len(rows) > limit:
        typer.echo(f"the first {limit} rows; --limit shows more, --csv and --out give all", err=True)


def _text(value: object) -> str:
    is_long = isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10_000
    return f"{value:,}" if is_long else str(value)


def _where_it_lies(error: Exception) -> str | None:
    """Of a relation that is not in the open database, because it is protected, where it is, and how it is asked."""
    import re

    from catalogue.dbt_manifest import read_manifests
    from warehouse.home import Home
    from warehouse.store.restricted import PROTECTED

    missing = re.search(r"Table with name (\S+) does not exist", str(error))
    if missing is None:
        return None
    name = missing[1].strip('"').rpartition(".")[2].lower()
    for manifest in read_manifests(sorted(Home.from_environment().dbt.glob("*/manifest.json"))):
        for node in manifest["nodes"].values():
            if (
                node["name"] == name
                and node.get("database") in PROTECTED
                and node["resource_type"] in ("model", "seed")
            ):
                place = f"{node['database']}.{node['schema']}.{name}"
                return (
                    f"{node['schema']}.{name} is protected and lies in {node['database']}.duckdb: for those who may open it, "
                    f'interagency query --restricted "SELECT … FROM {place}"'
                )
    return None


def _plain(error: Exception) -> str:
    """What the engine says, with the names that it takes for near, without its picture of the statement."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith(("LINE", " "))]
    return "; ".join(lines)

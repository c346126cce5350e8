"""Disclosure risk beside the bare GROUP BY, and beside pycanon, acro and anonymeter, which look at the same records.

    python -m benchmarks.disclosure [ROWS]

ROWS (10,000,000) are grouped; the lattice is searched over a fifth of them, by six columns of up to four levels. The peers get fewer,
each in an environment of its own; one that cannot be installed is skipped, with the reason. Where figures differ the bench ends.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import duckdb
import typer

from benchmarks.own_environment import answered, environment
from benchmarks.report import Ratio, report, seconds
from sharing.disclosure.attack.attacks import attacks
from sharing.disclosure.attack.settings import AttackSettings
from sharing.disclosure.generalise import Generalisation, least_generalisation
from sharing.disclosure.limits import Limits
from sharing.disclosure.microdata import MicrodataRisk, microdata_risk
from sharing.disclosure.rolled_up import Ladder, Step
from sharing.disclosure.tables.cells import Cell, TableLimits, TableSpec, cells, unsafe
from sharing.disclosure.tables.suppression import Hidden, suppress

RUNS, PEER_ROWS, ATTEMPTS = 3, 5000, 400
PEERS = Path(__file__).with_name("disclosure_peers.py")
KNOWN = ("district", "born", "sex")
FOUR = ("district", "born_in", "sex", "status")
# A country's: districts and illnesses of very different size, as they are.
PEOPLE = """
    SELECT 'd' || floor(150 * pow(chance(i, 'd'), 2))::INT AS district, DATE '1930-01-01' + (32000 * chance(i, 'b'))::INT AS born,
        1930 + floor(90 * chance(i, 'y'))::INT AS born_in, if(chance(i, 's') < 0.5, 'f', 'm') AS sex,
        ['single', 'married', 'widowed', 'divorced', 'other'][1 + floor(5 * pow(chance(i, 'm'), 2))::INT] AS status,
        'chapter ' || floor(22 * pow(chance(i, 'i'), 2))::INT AS illness, 1000 + floor(500 * chance(i, 'p'))::INT * 10 AS pay,
        lpad(floor(2000 * chance(i, 'j'))::INT::VARCHAR, 4, '0') AS job
    FROM range({first}, {last}) AS t(i)
"""
LADDERS = (
    Ladder("district", (Step("keep", "district"), Step("two signs", "district[:3]"), Step("one sign", "district[:2]"), Step("redact", "NULL"))),
    Ladder("born", (Step("keep", "born"), Step("month", "date_trunc('month', born)"), Step("year", "year(born)"), Step("redact", "NULL"))),
    Ladder("sex", (Step("keep", "sex"), Step("redact", "NULL"))),
    Ladder("status", (Step("keep", "status"), Step("married or not", "status = 'married'"), Step("redact", "NULL"))),
    Ladder("pay", (Step("keep", "pay"), Step("hundreds", "pay // 100"), Step("thousands", "pay // 1000"), Step("redact", "NULL"))),
    Ladder("job", (Step("keep", "job"), Step("two digits", "job[:2]"), Step("one digit", "job[:1]"), Step("redact", "NULL"))),
)  # fmt: skip


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "people.duckdb")) as connection:
        connection.execute("CREATE MACRO chance(i, of) AS (hash(of || i) % 1000003) / 1000003")
        connection.execute(f"CREATE TABLE people AS {PEOPLE.format(first=0, last=rows)}")
        ratios = [*_classes(connection, rows), _lattice(connection, rows // 5)]
        for peer in (_pycanon, _acro, _anonymeter):
            ratios += peer(connection, Path(folder))
    report("disclosure", ratios)


def _classes(connection: duckdb.DuckDBPyConnection, rows: int) -> list[Ratio]:
    """Of each the fastest of three, in turns."""
    ratios = []
    for protected in ("illness", "pay"):
        bare, ours = [], []
        for _ in range(RUNS):
            bare.append(seconds(lambda: _grouped(connection, "people", FOUR)))
            ours.append(seconds(partial(microdata_risk, connection, "people", FOUR, (protected,))))
        kind = "a category" if protected == "illness" else "a number"
        ratios.append(
            Ratio(
                f"k, l, t of {kind} over {rows:,} rows by four; peer is the bare GROUP BY",
                min(ours),
                min(bare),
                "at most",
                3,
            )
        )
    return ratios


def _grouped(connection: duckdb.DuckDBPyConnection, relation: str, names: tuple[str, ...]) -> object:
    return connection.execute(
        f"SELECT min(n), count(*) FROM (SELECT {', '.join(names)}, count(*) AS n FROM {relation} GROUP BY ALL)"
    ).fetchall()


def _lattice(connection: duckdb.DuckDBPyConnection, rows: int) -> Ratio:
    connection.execute(f"CREATE OR REPLACE TABLE fewer AS FROM people LIMIT {rows}")
    columns = tuple(ladder.column for ladder in LADDERS)
    bare = min(seconds(lambda: _grouped(connection, "fewer", columns)) for _ in range(RUNS))
    found: list[Generalisation | None] = []
    ours = seconds(lambda: found.append(least_generalisation(connection, "fewer", LADDERS, Limits(k=5))))
    if not found[0] or found[0].risk.k < 5:
        raise SystemExit("no generalisation was found that keeps the limit")
    typer.echo(
        f"least generalisation, {found[0].asked} of 1,536 combinations asked: {found[0].steps}, k {found[0].risk.k}"
    )
    return Ratio(f"lattice of six columns over {rows:,} rows; peer is the bare GROUP BY", ours, bare, "at most", 30)


def _pycanon(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Ratio]:
    python = environment(folder / "pycanon", "pycanon", "pyarrow")
    if python is None:
        return []
    path = folder / "few.parquet"
    connection.execute(
        f"COPY (SELECT * REPLACE (district[:2] AS district, born_in // 30 AS born) FROM people LIMIT {10 * PEER_ROWS}) TO '{path}'"
    )
    told = answered(python, PEERS, "pycanon", path)
    found: list[MicrodataRisk] = []
    ours = seconds(lambda: found.append(microdata_risk(connection, path, KNOWN, ("illness",))))
    (one,) = found[0].sensitive
    if [found[0].k, one.l, round(one.t, 3)] != [*told["figures"][:2], round(told["figures"][2], 3)]:
        raise SystemExit(f"pycanon has other figures: {told['figures']} beside {found[0]}")
    return [
        Ratio(
            f"k, l, t of {10 * PEER_ROWS:,} records, the same figures; peer is pycanon",
            ours,
            told["seconds"],
            "at most",
            1,
        )
    ]


def _acro(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Ratio]:
    python = environment(folder / "acro", "acro", "pyarrow")
    if python is None:
        return []
    path, spec, limits = folder / "table.parquet", TableSpec((("district",), ("born",))), TableLimits()
    connection.execute(
        f"COPY (SELECT district[:2] AS district, born_in // 10 AS born FROM people LIMIT {PEER_ROWS // 2}) TO '{path}'"
    )
    told = answered(python, PEERS, "acro", path)
    counted: list[Cell] = []
    checking = seconds(lambda: counted.extend(cells(connection, path, spec)))
    bad = {cell.key: one for cell in counted if (one := unsafe(cell, limits))}
    hidden: list[Hidden] = []
    hiding = seconds(lambda: hidden.extend(suppress(counted, (1, 1), bad, is_count=True)))
    here, absent = sum(all(key) for key in bad), _empty(connection, path)
    if here + absent != told["hidden"]:
        raise SystemExit(f"acro hides {told['hidden']} cells, of which {absent} are empty; here {here} are unsafe")
    typer.echo(
        f"of {len(counted)} cells {here} are unsafe, as acro has them; {len(hidden) - len(bad)} more hide them, of which acro knows nothing"
    )
    return [
        Ratio("a table checked; peer is acro", checking, told["seconds"], "at most", 1),
        Ratio("its secondary suppression; peer is acro's check", hiding, told["seconds"], "at most", 5),
    ]


def _empty(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Cells that nobody stands in, which acro hides, too."""
    counted = "count(DISTINCT district) * count(DISTINCT born) - count(DISTINCT (district, born))"
    (found,) = connection.execute(f"SELECT {counted} FROM read_parquet('{path}')").fetchone() or (0,)
    return int(found)


def _anonymeter(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[Ratio]:
    """A release of plain records, which must be told as risky by both."""
    python = environment(folder / "anonymeter", "anonymeter", "pyarrow")
    if python is None:
        return []
    original, control = folder / "original.parquet", folder / "control.parquet"
    for path, first in ((original, 0), (control, 10**9)):
        columns = "district, born_in AS born, sex, illness, pay"
        connection.execute(
            f"COPY (SELECT {columns} FROM ({PEOPLE.format(first=first, last=first + PEER_ROWS)})) TO '{path}'"
        )
    told = answered(python, PEERS, "anonymeter", original, original, control, ATTEMPTS)
    gains = []
    settings = AttackSettings(control, KNOWN, ("illness",), attempts=ATTEMPTS)
    ours = seconds(lambda: gains.extend(attacks(connection, original, original, settings)))
    for one in gains:
        low, high = told["gains"].get(one.attack, [0, 0, 1])[1:]
        typer.echo(
            f"{one.attack:<24} gain {one.value:.3f} ({one.low:.3f} to {one.high:.3f}); anonymeter {low:.3f} to {high:.3f}"
        )
        if one.high < low:
            raise SystemExit(f"{one.attack}: the quick form sees less than anonymeter does")
    return [
        Ratio(
            f"attacks on {PEER_ROWS:,} records; peer is anonymeter (three of them)", ours, told["seconds"], "at most", 1
        )
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)

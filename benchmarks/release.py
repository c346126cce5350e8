"""A release beside the hand-written statement with the same treatments, and beside the bare COPY.

    python -m benchmarks.release [ROWS]

Peers, over the same table of the same database: one statement that a person would write with the same treatments and order, its pseudonyms
made value by value; and `COPY` of the columns as they are. What the platform does besides (lineage, ledger, sealing) is told apart.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import Ratio, report, seconds
from sharing.agreements.product import Product
from sharing.masking.pseudonym import RecipientKey
from sharing.release.content import write_content
from sharing.release.query import Secrets, Statement, find_relation, prepare_pseudonyms
from warehouse.engines.duckdb.engine import literal, open_database

_KEY = RecipientKey("bench", 1, b"k" * 32)
_SEED = "a secret of the bench"
_TREATED: dict[str, dict[str, Any]] = {
    "person_id": {"treatment": "pseudonym"}, "birth_year": {"treatment": "generalise", "to": "decade"},
    "paid_on": {"treatment": "generalise", "to": "quarter"}, "amount_eur": {"treatment": "round", "to": 100},
    "postcode": {"treatment": "generalise", "to": 2}, "kind": {"treatment": "keep"}, "municipality": {"treatment": "keep"},
}  # fmt: skip
_TABLE = """
    CREATE SCHEMA marts;
    CREATE TABLE marts.payment AS
    SELECT
        md5((i % ({rows} // 10 + 1))::VARCHAR) AS person_id,
        (1940 + i % 70)::INTEGER AS birth_year,
        DATE '2000-01-01' + (i % 9000)::INTEGER AS paid_on,
        (hash(i) % 1000000 / 100.0)::DECIMAL(14, 2) AS amount_eur,
        lpad((hash(i + 1) % 99999)::VARCHAR, 5, '0') AS postcode,
        'kind ' || (i % 50) AS kind,
        (hash(i + 2) % 1000)::INTEGER AS municipality
    FROM range({rows}) AS rows (i)
"""
_BY_HAND = """
    SELECT
        {pseudonym}
        birth_year - birth_year % 10 AS birth_year,
        date_trunc('quarter', paid_on)::DATE AS paid_on,
        (round(amount_eur / 100) * 100)::DECIMAL(14, 2) AS amount_eur,
        left(postcode, 2) AS postcode,
        kind,
        municipality
    FROM marts.payment
    ORDER BY md5_number(concat({seed}, ' order ', rowid))
"""


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["INTERAGENCY_HOME"] = str(place / "home")
        (place / "home").mkdir()
        with open_database(place / "published.duckdb") as connection:
            connection.execute(_TABLE.format(rows=rows))
        report("release", _ratios(place, rows))


def _ratios(place: Path, rows: int) -> list[Ratio]:
    without = {name: said for name, said in _TREATED.items() if name != "person_id"} | {
        "person_id": {"treatment": "drop"}
    }
    kept = {name: {"treatment": "keep"} for name in _TREATED}
    ours, plain, whole = (seconds(lambda said=said: _released(place, said)) for said in (_TREATED, without, kept))
    by_hand = seconds(
        lambda: _copied(place, _BY_HAND.format(pseudonym=f"{_KEY.sql('person_id')} AS person_id,", seed=literal(_SEED)))
    )
    copied = seconds(lambda: _copied(place, "SELECT * FROM marts.payment"))
    ordered = seconds(lambda: _copied(place, _BY_HAND.format(pseudonym="", seed=literal(_SEED))))
    return [
        Ratio(f"release of {rows:,} rows, seven treatments; peer is the statement by hand", ours, by_hand, "at most", 1.2),
        Ratio(f"release of {rows:,} rows without a pseudonym; peer is the statement by hand", plain, ordered, "at most", 1.2),
        Ratio(f"release of {rows:,} rows without a pseudonym; peer is the bare COPY", plain, copied, "at most", 1.5),
        Ratio(f"release of {rows:,} rows as they are; peer is the bare COPY", whole, copied, "at most", 1.5),
    ]  # fmt: skip


def _released(place: Path, columns: dict[str, dict[str, Any]]) -> None:
    said = {
        "id": "p",
        "relation": "marts.payment",
        "columns": columns,
        "recipients": ["r"],
        "format": "parquet",
        "delivery": "folder",
    }
    product = Product.of(said)
    with open_database(place / "published.duckdb", read_only=True) as connection:
        relation = find_relation(connection, product)
        pseudonyms = prepare_pseudonyms(connection, product, relation, _KEY)
        statement = Statement(product, relation, Secrets(_SEED, _KEY), pseudonyms)
        write_content(connection, statement.sql(), product.format, place / "ours.parquet")


def _copied(place: Path, query: str) -> None:
    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    with open_database(place / "published.duckdb", read_only=True) as connection:
        connection.execute(f"COPY ({query}) TO {literal(str(place / 'peer.parquet'))} ({options})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)

"""A sample landed and held against its own draft, away from the platform's data."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from expectations.gate import write_rejects
from nights.record.rejects import rejects_relation
from sources.arrival.manifest import REJECTS
from sources.contract.load import load
from sources.contract.model import Contract
from sources.draft.writing.contract_yaml import file_name
from sources.landing.land_extract import land_extract
from warehouse.engines.duckdb.engine import open_database
from warehouse.numbers_for_people import percent


@dataclass(frozen=True)
class Held:
    """How many rows were sent and rejected, at landing and by the rules; `refusal` is '' where the night would be accepted."""

    sent: int
    rejected: int
    refusal: str


def held_against(text: str, agency: str, feed: str) -> Held:
    """Raises ContractError where the contract `text` is not valid, ExtractError where the sample cannot be read by it.

    A draft has row rules and a key alone, and they are asked by the gate's own SQL: the whole gate would measure each of them
    for the steward as well, which takes most of a minute where there are hundreds.
    """
    with TemporaryDirectory() as folder:
        draft = Path(folder) / agency / file_name(feed)
        draft.parent.mkdir()
        draft.write_text(text, encoding="utf-8")
        contract, landed, gate = load(draft), Path(folder) / "landed", Path(folder) / "gate"
        # The sample was named by whoever runs the platform.
        contract = replace(contract, grant=contract.grant.with_place(contract.server.location))
        gate.mkdir()
        manifest = land_extract(contract, landed)
        with open_database() as connection:
            rejected = manifest.rows_rejected + write_rejects(connection, contract, landed, gate / REJECTS)
            if rejected <= contract.reject_threshold * manifest.rows_sent:
                return Held(manifest.rows_sent, rejected, "")
            refusal = _refusal(connection, contract, landed, gate)
    return Held(
        manifest.rows_sent,
        rejected,
        f"{percent(rejected / manifest.rows_sent)} of its rows are rejected: {refusal}",
    )


def _refusal(connection: duckdb.DuckDBPyConnection, contract: Contract, landing: Path, gate: Path) -> str:
    """The commonest faults with the first place of each; no value of a sample is shown."""
    found = connection.execute(f"""
        SELECT coalesce("column", 'the record'), reason, count(*), coalesce('line ' || min(line), 'row ' || min(row))
        FROM {rejects_relation(landing, gate)}
        GROUP BY ALL
        ORDER BY 3 DESC
        LIMIT 3""").fetchall()
    faults = "; ".join(f"{column}: {reason} ({count} times, such as {place})" for column, reason, count, place in found)
    return f"{faults}. Mend the sample, or ask {contract.agency_name} for another"

"""The sample landed and held against its own draft, away from the platform's data."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from sources.contract import Contract, as_percent
from sources.contract_file import load
from sources.draft.contract import file_name
from sources.landing import land_extract
from sources.manifest import ROWS
from sources.rules import row_rules
from warehouse.engine import literal, open_database, quoted


@dataclass(frozen=True)
class Trial:
    """How many rows were sent and rejected, at landing and by the rules; `refusal` is '' where the night would be accepted."""

    sent: int
    rejected: int
    refusal: str


def tried(text: str, agency: str, feed: str) -> Trial:
    """Raises ContractError where the contract `text` is not valid, ExtractError where the sample cannot be read by it.

    A draft has row rules and a key alone, and they are asked by the SQL that the gate's own expectations are made of: the
    gate itself would measure each of them for the steward as well, which takes most of a minute where there are hundreds.
    """
    with TemporaryDirectory() as folder:
        draft = Path(folder) / agency / file_name(feed)
        draft.parent.mkdir()
        draft.write_text(text, encoding="utf-8")
        contract = load(draft)
        manifest = land_extract(contract, Path(folder) / "landed")
        wrong, repeated = _counts(contract, Path(folder) / "landed" / ROWS)
    rejected = manifest.rows_rejected + wrong + repeated
    share = Decimal(rejected) / max(manifest.rows_sent, 1)
    refusal = f"{as_percent(share)} of its rows are rejected" if share > contract.reject_threshold else ""
    return Trial(manifest.rows_sent, rejected, refusal)


def _counts(contract: Contract, rows: Path) -> tuple[int, int]:
    """Landed rows that break a row rule, and those that repeat a key."""
    wrong = " OR ".join(f"NOT ({rule.is_right})" for rule in row_rules(contract)) or "false"
    key = ", ".join(map(quoted, contract.key))
    with open_database() as connection:
        found = connection.execute(
            f"SELECT count(*) FILTER ({wrong}), count(*) - count(DISTINCT ({key})) FROM read_parquet({literal(str(rows))})"
        ).fetchone() or (0, 0)
    return int(found[0]), int(found[1])

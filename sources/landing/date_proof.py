"""Proof that an extract is of the night it was pulled for, where its contract says what proves it."""

import re
from datetime import date
from pathlib import Path

import duckdb

from sources.contract.model import Contract
from sources.errors import ExtractError
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import quoted, scratch


def check_name(contract: Contract, extract_date: date, file_name: str) -> None:
    """Raises ExtractError where the file's name states another date, or none."""
    proof = contract.date_proof
    if proof is None or proof.kind != "name":
        return
    # By the engine, whose expressions end in linear time: this one is a stranger's, and so is the name.
    stated = """
        SELECT regexp_extract(name, pattern, 1)
        FROM (SELECT ? AS name, ? AS pattern)
        WHERE regexp_matches(name, pattern)
    """
    found = scratch().cursor().execute(stated, [file_name, proof.expression]).fetchone()
    if not found:
        raise ExtractError(
            f"the name {file_name} states no date ({proof.expression}); ask {contract.agency_name} for the file of {extract_date}"
        )
    if re.sub(r"[^0-9]", "", found[0]) != extract_date.strftime("%Y%m%d"):
        raise ExtractError(
            f"the file {file_name} is of {found[0]}, not of {extract_date}; ask {contract.agency_name} for the file of {extract_date}"
        )


def check_stated(contract: Contract, extract_date: date, stated: date | None, source: str) -> None:
    """Raises ExtractError where `source`, a control file or the file itself, states another date; None states none."""
    if stated is not None and stated != extract_date:
        raise ExtractError(
            f"{source} states the date {stated}, not {extract_date}; ask {contract.agency_name} for the extract of {extract_date}"
        )


def check_column(connection: duckdb.DuckDBPyConnection, contract: Contract, extract_date: date, rows: Path) -> None:
    """Raises ExtractError where a row states another date; the message tells how many, and one of the dates where it is open."""
    proof = contract.date_proof
    if proof is None or proof.kind != "column":
        return
    stated = f"CAST({quoted(proof.expression)} AS DATE)"
    others = f"""
        SELECT count(*), min({stated})
        FROM {readable(connection, rows)}
        WHERE {stated} IS DISTINCT FROM ?
    """
    found = connection.execute(others, [extract_date]).fetchone()
    if found and found[0]:
        # The day that a person was born proves nothing, and would be published with the refusal.
        shown = found[1] is not None and not contract.column(proof.expression).is_masked
        earliest = f" (the earliest {found[1]})" if shown else ""
        raise ExtractError(
            f"{found[0]} rows have another {proof.expression} than {extract_date}{earliest}; "
            f"ask {contract.agency_name} for the file of {extract_date}"
        )

"""Consents as they were taken in, below `state/consents/`, encrypted; each file's hash stands in the ledger, so none comes or goes unseen."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from sharing.consent.artefact import Consent, Status
from sharing.consent.errors import NoConsent
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.night import entries_of
from warehouse.engines.duckdb.encrypted_parquet import readable
from warehouse.engines.duckdb.engine import open_database, write_parquet
from warehouse.files import private_folder, replaced_whole
from warehouse.home import Home
from warehouse.keys.data_key import is_protected
from warehouse.keys.keyed_folder import protect
from warehouse.store.seal import Tampered

_TAKEN, _STATUS = "taken", "status"
_SAID = {_TAKEN: "consents taken in", _STATUS: "status of consents"}
_FINAL = (Status.REVOKED, Status.EXPIRED)
_TAKEN_SCHEMA = pa.schema([
    ("consent_id", pa.string()), ("manager", pa.string()), ("starts", pa.timestamp("us", "UTC")), ("expires", pa.timestamp("us", "UTC")),
    ("mode", pa.string()), ("is_once", pa.bool_()), ("consumer", pa.string()), ("purpose", pa.string()),
    ("range_from", pa.timestamp("us", "UTC")), ("range_to", pa.timestamp("us", "UTC")), ("life_days", pa.float64()), ("uses", pa.int64()),
    ("each_days", pa.float64()), ("has_filter", pa.bool_()),
    ("identifiers", pa.list_(pa.struct([("kind", pa.string()), ("value", pa.string())]))),
])  # fmt: skip
_STATUS_SCHEMA = pa.schema(
    [("consent_id", pa.string()), ("status", pa.string()), ("noted_at", pa.timestamp("us", "UTC"))]
)


@dataclass(frozen=True)
class Summary:
    """How many consents there are of each status; `managers` are those that signed them."""

    consent_id: str
    consumer: str
    purpose: str
    status: str
    expires: datetime


def take_in(home: Home, consents: Sequence[Consent], by: str) -> None:
    """Keep consents that were verified. One that is known keeps its first wording, and takes the status where it allows less.

    Raises NoConsent where the platform has no key, or a known one comes with other content.
    """
    if not is_protected(home):
        raise NoConsent(
            "consents tell who somebody is, and the platform has no key to keep them under; `interagency keys create`"
        )
    with open_database() as connection:
        read_consents(connection, home)
        known = {row[0]: row[1] for row in connection.execute("SELECT consent_id, status FROM consent").fetchall()}
    new = [consent for consent in consents if consent.id not in known]
    if new:
        _write(home, _TAKEN, [_row(consent) for consent in new], _TAKEN_SCHEMA, by)
    less = [one for one in consents if one.status != Status.ACTIVE and known.get(one.id) != one.status]
    if less:
        set_status(home, {one.id: one.status for one in less}, by)


def set_status(home: Home, statuses: dict[str, Status], by: str) -> None:
    """Raises NoConsent where one is not known, or was ended for good."""
    with open_database() as connection:
        read_consents(connection, home)
        known = {
            row[0]: Status(row[1]) for row in connection.execute("SELECT consent_id, status FROM consent").fetchall()
        }
    for id_, status in statuses.items():
        if id_ not in known:
            raise NoConsent(f"there is no consent {id_!r}; `interagency consent list`")
        if known[id_] in _FINAL and status not in _FINAL:
            raise NoConsent(f"consent {id_} is {known[id_].lower()} for good; the person gives another one")
    now = datetime.now(UTC)
    _write(
        home,
        _STATUS,
        [{"consent_id": id_, "status": str(status), "noted_at": now} for id_, status in statuses.items()],
        _STATUS_SCHEMA,
        by,
    )


def read_consents(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make the temporary view `consent`: every consent with its status. Raises Tampered where a file is not as the ledger has it."""
    for kind, schema in ((_TAKEN, _TAKEN_SCHEMA), (_STATUS, _STATUS_SCHEMA)):
        files = _checked(home, kind)
        if files:
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE consents_{kind} AS SELECT * FROM {readable(connection, files)}"
            )
        else:
            connection.register("none", schema.empty_table())
            connection.execute(f"CREATE OR REPLACE TEMP TABLE consents_{kind} AS SELECT * FROM none")
            connection.unregister("none")
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE consent AS
        SELECT
            taken.*,
            CASE
                WHEN said.is_revoked THEN 'REVOKED'
                WHEN said.is_expired THEN 'EXPIRED'
                ELSE coalesce(said.last, 'ACTIVE')
            END AS status
        FROM consents_taken AS taken
        LEFT JOIN (
            SELECT
                consent_id,
                bool_or(status = 'REVOKED') AS is_revoked,
                bool_or(status = 'EXPIRED') AS is_expired,
                arg_max(status, noted_at) AS last
            FROM consents_status
            GROUP BY consent_id
        ) AS said USING (consent_id)
    """)


def summaries(home: Home) -> list[Summary]:
    """Every consent, the one that ends first at the top."""
    with open_database() as connection:
        read_consents(connection, home)
        rows = connection.execute("""
            SELECT consent_id, consumer, purpose, status, expires
            FROM consent
            ORDER BY expires, consent_id
        """).fetchall()
    return [Summary(*row) for row in rows]


def note_rewritten(home: Home, by: str) -> None:
    """Say in the ledger what the files of consents are now: some of them were written anew without a person who was erased."""
    for kind in (_TAKEN, _STATUS):
        for path in sorted((folder_of(home) / kind).glob("*.parquet")):
            said = {
                "decision": _SAID[kind],
                "file": f"{kind}/{path.name}",
                "rewritten": True,
                "file_sha256": _sha256(path),
            }
            Ledger(home).append(Kind.DECISION, said, by)


def folder_of(home: Home) -> Path:
    return home.state / "consents"


def _row(consent: Consent) -> dict[str, object]:
    said = asdict(consent)
    said["consent_id"] = said.pop("id")
    for name in ("life", "each"):
        span = said.pop(name)
        said[f"{name}_days"] = span.total_seconds() / 86_400 if span is not None else None
    return {name: said[name] for name in _TAKEN_SCHEMA.names}


def _write(home: Home, kind: str, rows: Iterable[dict[str, object]], schema: pa.Schema, by: str) -> None:
    folder = private_folder(folder_of(home) / kind)
    protect(home, folder_of(home), "consents")
    number = sum(1 for _ in folder.glob("*.parquet")) + 1
    target = folder / f"{number:06d}.parquet"
    listed = pa.Table.from_pylist(list(rows), schema=schema)
    with open_database() as connection:
        connection.register("listed", listed)
        with replaced_whole(target) as temporary:
            write_parquet(connection, "SELECT * FROM listed", temporary)
    said = {
        "decision": _SAID[kind],
        "file": f"{kind}/{target.name}",
        "consents": listed.num_rows,
        "file_sha256": _sha256(target),
    }
    Ledger(home).append(Kind.DECISION, said, by)


def _checked(home: Home, kind: str) -> list[Path]:
    noted = {
        str(entry.what["file"]): str(entry.what["file_sha256"])
        for entry in entries_of(Ledger(home), f'"decision":"{_SAID[kind]}"')
    }
    files = sorted((folder_of(home) / kind).glob("*.parquet"))
    there = {f"{kind}/{path.name}": path for path in files}
    for name in sorted(set(noted) | set(there)):
        if name not in there or noted.get(name) != _sha256(there[name]):
            raise Tampered(
                f"state/consents/{name}", "is not as the ledger has it; put state/consents back from a backup"
            )
    return files


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

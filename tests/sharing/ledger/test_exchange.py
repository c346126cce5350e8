"""The evidence of an exchange over X-Road becomes entries of the ledger."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.ledger.xroad.exchange import exchanges
from simulation.systems.web import serving
from sources.arrival.manifest import Manifest, Original
from tests.sources.connectors.pulling import contract_of, pulled
from tests.sources.connectors.test_xroad import Vehicles, options, server

NOW = datetime(2026, 11, 30, 21, tzinfo=UTC)
EMPTY = Manifest(
    "roads", "vehicles", date(2026, 11, 30), "xroad", [], "1.0.0", "c" * 64, 5, 5, 0, NOW, NOW,
)  # fmt: skip


def test_every_page_is_bound_to_its_request(tmp_path: Path) -> None:
    into = tmp_path / "into"
    with serving(server(Vehicles()).app()) as base:
        arrived = pulled(contract_of(tmp_path, "xroad", base, **options()), into)
    originals = [Original.of(into, name) for name in arrived.files]
    manifest = replace(EMPTY, originals=originals, evidence=arrived.evidence)
    found = exchanges(manifest)
    assert [one["file"] for one in found] == ["page-00001.json", "page-00002.json", "page-00003.json"]
    for one in found:
        assert one["response_sha256"] == hashlib.sha256((into / one["file"]).read_bytes()).hexdigest()
        assert f"X-Road-Request-Hash: {one['request_hash']}" in arrived.evidence[one["file"]]
        assert (one["feed"], one["night"], one["contract_sha256"]) == ("roads/vehicles", "2026-11-30", "c" * 64)
    entries = Ledger(tmp_path / "ledger").append_all([(Kind.EXCHANGE, one) for one in found], "night")
    assert list(Ledger(tmp_path / "ledger").entries()) == entries


def test_one_answer_is_bound_by_its_headers(tmp_path: Path) -> None:
    evidence = {
        "X-Road-Request-Hash": "A" * 86 + "==",
        "X-Road-Request-Id": "no uuid but a name",
        "xroad-listMethods.json": "ab" * 32,
    }
    manifest = replace(EMPTY, originals=[Original("original/extract.csv", 1, "d" * 64)], evidence=evidence)
    (found,) = exchanges(manifest)
    assert found["request_hash"] == "A" * 86 + "=="
    assert "request_id" not in found


def test_a_strangers_text_is_not_repeated_and_other_systems_have_no_exchange() -> None:
    original = Original("original/extract.csv", 1, "d" * 64)
    (found,) = exchanges(replace(EMPTY, originals=[original], evidence={"X-Road-Request-Hash": "Maria Maier"}))
    assert "Maria" not in str(found)
    assert found["request_hash_unread"] == hashlib.sha256(b"Maria Maier").hexdigest()
    assert exchanges(replace(EMPTY, originals=[original], evidence={"ETag": "x", "extract.csv": "ETag: x"})) == []
    assert exchanges(EMPTY) == []

"""A night in which most systems do not answer: each is told in its own words, no secret is said, the others go on."""

import socket
from pathlib import Path

import pytest

from sources.contract.load import load
from tests.agreements import agree
from tests.conftest import NIGHT, Feed
from tests.orchestration.conftest import recorded, run_ingest
from tests.postgres import on_table
from warehouse.home import Home

ID = "{name: id, logicalType: integer, primaryKey: true, classification: internal}"
SECRET = "hunter2-do-not-tell"


@pytest.fixture
def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def on_server(path: Path, server: str) -> Path:
    text = path.read_text()
    path.write_text(text.replace("type: local\n    path: extract.csv\n    format: csv\n    encoding: utf-8", server))
    return path


def test_systems_that_are_down_cost_only_their_own_feeds(
    tmp_path: Path, home: Home, agreements: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    monkeypatch.setattr("sources.connectors.retry.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("sources.connectors.retry.LONGEST_WAIT_SECONDS", 0.01)
    (tmp_path / "hosts").write_text("")
    place, login = f"127.0.0.1:{closed_port}", {"password": "env:TEST_SECRET"}
    api = {"format": "json", "username": "reader", **login, "query": "{token: '${TEST_SECRET}'}"}
    base = f"type: postgres\n    host: 127.0.0.1\n    port: {closed_port}\n    database: base\n    schema: public"
    sftp = f"type: sftp\n    location: sftp://{place}/a.csv\n    format: csv"
    paths = [
        on_table(Feed([ID], feed="base", options=login).write(tmp_path), "things", base),
        on_server(Feed([ID], feed="web", options=api).write(tmp_path), f"type: api\n    location: http://{place}/things"),
        on_server(Feed([ID], feed="drop", options={"username": "reader", "knownHosts": str(tmp_path / "hosts"), **login}).write(tmp_path), sftp),
        Feed([ID], feed="share").write(tmp_path),
    ]  # fmt: skip
    (tmp_path / "tests" / "extract.csv").write_text("id\n1\n2\n")
    agree(agreements, "tests", *paths)
    run_ingest([load(path) for path in paths], NIGHT)
    nights = recorded(home, NIGHT)
    assert {name: night.status for name, night in nights.items()} == {
        "tests/base": "failed", "tests/web": "failed", "tests/drop": "failed", "tests/share": "accepted",
    }  # fmt: skip
    for name in ("base", "web", "drop"):
        reason = nights[f"tests/{name}"].reason or ""
        assert "refused" in reason.lower(), reason
        assert "tell the platform's maintainers" not in reason
    said = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert SECRET.encode() not in said

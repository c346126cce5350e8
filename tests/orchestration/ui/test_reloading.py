"""The page shows a feed whose contract came while it was open."""

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.attacks.test_ui import Page, started
from tests.conftest import Feed
from tests.sources.landed import text_columns

pytestmark = pytest.mark.slow
NODES = "{ assetNodes { assetKey { path } groupName owners { ... on TeamAssetOwner { team } } } }"


def nodes(page: Page) -> dict[str, tuple[str, list[str]]]:
    """Group and teams of each asset, by its key."""
    headers = {"Cookie": page.cookie, "Origin": page.url, "Content-Type": "application/json"}
    answer = httpx.post(f"{page.url}/graphql", headers=headers, content=json.dumps({"query": NODES}), timeout=60)
    return {
        "/".join(node["assetKey"]["path"]): (node["groupName"], [owner["team"] for owner in node["owners"]])
        for node in answer.json()["data"]["assetNodes"]
    }


def test_a_new_feed_is_there_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    monkeypatch.setenv("INTERAGENCY_SOURCES", str(contracts))
    with started(tmp_path / "home") as page:
        before = nodes(page)
        assert before["landing/noaa/weather"][0] == "landing_noaa"
        assert before["staging/stg_noaa__weather"] == ("staging_noaa", before["landing/noaa/weather"][1])
        assert "landing/tests/things" not in before
        Feed(text_columns("a", "b")).write(contracts)
        until = time.monotonic() + 90
        while "landing/tests/things" not in (now := nodes(page)) and time.monotonic() < until:
            time.sleep(2)
        assert now["landing/tests/things"][0] == "landing_tests"

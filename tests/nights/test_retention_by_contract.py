"""Retention: originals go when their time is over, the last good night stays."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nights.folders import accepted_folder, gate_folder, landed_folder
from nights.pulling.one_feed import land_night
from nights.retention_by_contract import forget_originals, forget_superseded
from nights.rows.accepted import Acceptance
from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.sources.landed import text_columns
from warehouse.files import versioned_folder
from warehouse.home import Home


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    """Of a feed whose extract has one row."""
    path = Feed(text_columns("a", "b")).write(tmp_path)
    (path.parent / "extract.csv").write_text("a,b\n1,x\n")
    return load(path)


@pytest.fixture
def gate(contract: Contract, home: Home) -> Path:
    """The gate's rejects of its landed night."""
    land_night(contract, home, NIGHT)
    gate = gate_folder(contract, home, NIGHT)
    with versioned_folder(gate) as folder:
        (folder / "rejects.parquet").write_text("a record in clear")
    return gate


def today() -> date:
    """Asked when it is needed: a run of all tests may pass midnight."""
    return datetime.now(UTC).date()


def test_originals_go_after_their_time_and_the_last_good_night_stays(contract: Contract, home: Home) -> None:
    for content in ("a,b\n1,x\n", "a,b\n1,y\n"):
        (contract.path.parent / "extract.csv").write_text(content)
        land_night(contract, home, NIGHT)
    land_night(contract, home, NEXT_NIGHT)
    night, later = landed_folder(contract, home, NIGHT), landed_folder(contract, home, NEXT_NIGHT)
    accepted = accepted_folder(contract, home, NEXT_NIGHT)
    accepted.mkdir(parents=True)
    Acceptance("tests", "things", NEXT_NIGHT.isoformat(), "accepted", "", 1, 1, 0, "").write(accepted)

    last_day = max(today(), NEXT_NIGHT) + timedelta(days=30)
    assert forget_originals([contract], home, today() + timedelta(days=30)) == []
    assert (night / "original" / "extract.csv").exists()

    removed = forget_originals([contract], home, last_day + timedelta(days=1))
    assert len(removed) == 2, "both attempts of the earlier night"
    assert not night.is_symlink()
    assert (later / "original" / "extract.csv").exists(), "the last good night stays"
    assert (accepted / "accepted.json").exists()


def test_what_a_later_run_took_the_place_of_goes_and_landing_stays(contract: Contract, home: Home) -> None:
    for _ in range(2):
        land_night(contract, home, NIGHT)
        with versioned_folder(accepted_folder(contract, home, NIGHT)) as folder:
            (folder / "rows").write_text("")
        with versioned_folder(gate_folder(contract, home, NIGHT)) as folder:
            (folder / "gate").write_text("")
    removed = forget_superseded(home)
    assert len(removed) == 2
    assert not any(folder.exists() for folder in removed)
    assert (accepted_folder(contract, home, NIGHT) / "rows").exists()
    assert len(list(landed_folder(contract, home, NIGHT).parent.glob(".versions/*"))) == 2
    assert forget_superseded(home) == []


def test_nothing_to_forget_is_no_error(contract: Contract, home: Home) -> None:
    assert forget_originals([contract], home) == []


def test_the_gates_rejects_go_with_their_original(contract: Contract, gate: Path, home: Home) -> None:
    forget_originals([contract], home, today() + timedelta(days=31))
    assert not gate.is_symlink()
    assert not list(gate.parent.rglob("rejects.parquet"))


def test_a_crash_on_the_way_leaves_no_gates_rejects_that_nobody_would_forget(
    contract: Contract, gate: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.unlink

    def crash(path: Path, missing_ok: bool = False) -> None:
        real(path, missing_ok)
        raise InterruptedError("the power goes")

    monkeypatch.setattr(Path, "unlink", crash)
    for _ in range(2):
        with pytest.raises(InterruptedError):
            forget_originals([contract], home, today() + timedelta(days=31))
    monkeypatch.undo()
    forget_originals([contract], home, today() + timedelta(days=31))
    assert not list(gate.parent.rglob("rejects.parquet"))
    assert not list((home.landing / "tests").rglob("manifest.json"))

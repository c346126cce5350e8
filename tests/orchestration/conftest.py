"""Fixtures of orchestration: nights that stop after acceptance, agreements of one's own, faults of extracts."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nights.record.feed_night import FeedNight, feed_nights
from sources.contract.load import load_all
from sources.contract.model import Contract
from warehouse.home import PROJECT, Home

Ingest = Callable[[date], dict[str, FeedNight]]


def command(*arguments: str) -> Result:
    """`interagency`, in this process; what it says is in `stdout` and `stderr`, and it has left no traceback."""
    from orchestration.command.main import app

    done = CliRunner().invoke(app, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def agreements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of agreements of one's own, with those of the project in it."""
    import sharing.agreements.register

    folder = tmp_path / "agreements"
    folder.mkdir()
    for path in (PROJECT / "agreements").glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(sharing.agreements.register, "agreements_folder", lambda: folder)
    return folder


@pytest.fixture
def ingest(home: Home) -> Ingest:
    """Run the job `ingest` of all contracts in this process; returns what was recorded of each feed."""

    def run(night: date) -> dict[str, FeedNight]:
        run_ingest(load_all(), night)
        return recorded(home, night)

    return run


def run_ingest(contracts: list[Contract], night: date, kept_in: Any = None) -> bool:
    """The run may end failed: True where every step and check went well. `kept_in` is the instance that keeps its events."""
    from contextlib import nullcontext

    import dagster as dg

    from orchestration.assets.ingest import accepted_asset, gate_check, landing_assets
    from orchestration.resources import Platform
    from orchestration.schedule import INGEST, night_jobs

    defs = dg.Definitions(
        assets=[landing_assets(contracts), *[accepted_asset(contract) for contract in contracts]],
        asset_checks=[gate_check(contract) for contract in contracts],
        jobs=night_jobs(contracts)[:1],
        resources={"platform": Platform()},
        executor=dg.in_process_executor,
    )
    with nullcontext(kept_in) if kept_in else dg.DagsterInstance.ephemeral() as instance:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        done = defs.resolve_job_def(INGEST).execute_in_process(
            instance=instance, partition_key=night.isoformat(), raise_on_error=False, run_config=quiet
        )
    return done.success


def recorded(home: Home, night: date) -> dict[str, FeedNight]:
    return {f"{agency}/{feed}": found for (agency, feed), found in feed_nights(home, night).items()}

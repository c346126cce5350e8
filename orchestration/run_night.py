"""Whole nights from the command: the two Dagster runs one after the other, in this process, with what became of each."""

import json
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from nights.folders import page_of
from nights.integrity.vouched import refuse_new_key, take_over
from nights.record.verdict import fixed_seconds
from orchestration.night_end import why_failed
from sources.contract.model import Contract
from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.keys.data_key import is_protected
from warehouse.lock import night_lock
from warehouse.store.published_nights import build_database, current_night

_DAGSTER_YAML = """# Made by interagency. Usage reporting stays off: nothing may phone home.
telemetry:
  enabled: false
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: 1
"""
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class StepEnded:
    """A step of a run that came to its end; `step` is the tag of the room's own word for it, such as extract."""

    step: str
    seconds: float
    is_failed: bool


@dataclass
class Outcome:
    """What a night came to. Seconds are wall time: of the steps, and of what costs the same however small the data."""

    extract_date: date
    published: bool
    reason: str | None
    report: Path
    # Built whole, and kept beside a newer night that readers go on to see.
    is_stored: bool = False
    steps: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, float] = field(default_factory=dict)
    total_seconds: float = 0.0
    # What was sealed as it stood, in the first night of a home that an earlier version made.
    taken_over: str | None = None


def prepare_home(home: Home) -> None:
    """Dagster's own folder, with its reporting off."""
    home.close()
    private_folder(home.dagster)
    settings = home.dagster / "dagster.yaml"
    if not settings.exists():
        write_text(settings, _DAGSTER_YAML)


def run_nights(
    contracts: list[Contract],
    home: Home,
    nights: Sequence[date],
    tell: Callable[[StepEnded], None],
    wait_seconds: float = 0,
) -> Outcome:
    """Pull, gate and accept every night of `contracts` in its order; harmonise what is accepted of all feeds, publish and report the
    last one, which builds on them all; without contracts nothing is pulled. Waits `wait_seconds` for a night that is running.

    Raises KeyRefused where the home is encrypted under another key than the one that is set, NightRunning where another night holds the lock, ContractError where a folder of contracts is none, and Tampered where
    it cannot be told any more what the platform wrote.
    """
    with night_lock(home, wait_seconds):
        began, began_at = time.perf_counter(), time.time()
        prepare_home(home)
        is_protected(home)
        refuse_new_key(home)
        said = take_over(home)
        warnings.filterwarnings("ignore", module="dagster")
        import dagster as dg
        import great_expectations  # noqa: F401 — its import belongs to the fixed cost, not to the first gate

        from orchestration.first_night import begin_no_later

        begin_no_later(home, min(nights))
        from orchestration import definitions
        from orchestration.assets.ingest import accepted_key, landing_key

        imported = time.perf_counter()
        keys = [key for contract in contracts for key in (landing_key(contract), accepted_key(contract))]
        extract_date = nights[-1]
        with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
            runner = _Runner(definitions.defs, instance, home, tell)
            for night in nights if keys else ():
                runner.run("ingest", night, keys)
            failure = runner.run("harmonise", extract_date, None)
        outcome = _outcome(home, extract_date, failure, runner.run_id)
        outcome.taken_over = said
        outcome.steps = runner.seconds
        outcome.fixed = {
            "imports": imported - began,
            "Dagster": runner.dagster_seconds,
            "great-expectations": sum(fixed_seconds(contracts, home, night, began_at) for night in nights),
            "dbt": max(runner.seconds.get("harmonise", 0) - _dbt_seconds(home, began_at), 0),
        }
        outcome.total_seconds = time.perf_counter() - began
        return outcome


def _dbt_seconds(home: Home, since: float) -> float:
    """What dbt's models and tests took, without dbt's own start; of what was written from `since` (POSIX time) on."""
    results = (home.root / "dbt").glob("*/run_results.json")
    texts = [path.read_text(encoding="utf-8") for path in results if path.stat().st_mtime >= since]
    return sum(float(json.loads(text)["elapsed_time"]) for text in texts)


class _Runner:
    """Runs the jobs of nights and adds up where the time went."""

    def __init__(self, defs: Any, instance: Any, home: Home, tell: Callable[[StepEnded], None]) -> None:
        self.defs, self.instance, self.home, self.tell = defs, instance, home, tell
        self.seconds: dict[str, float] = {}
        self.dagster_seconds = 0.0
        self.run_id = ""

    def run(self, name: str, night: date, keys: list[Any] | None) -> str | None:
        """Run one job of one night; returns why it failed, or None."""
        from orchestration.assets.ingest import STEP
        from orchestration.schedule import BY_COMMAND

        job = self.defs.resolve_job_def(name)
        steps = {node.name: node.tags.get(STEP, name) for node in job.all_node_defs}
        self.run_id = run_id = str(uuid4())
        self.instance.add_event_listener(run_id, lambda entry: self._heard(entry, steps))
        began = time.perf_counter()
        before = sum(self.seconds.values())
        # dbt's own lines go to a log: a person sees progress, a machine sees JSON.
        with (
            (self.home.dagster / "console.log").open("a", encoding="utf-8") as log,
            redirect_stdout(log),
            redirect_stderr(log),
        ):
            result = job.execute_in_process(
                instance=self.instance, partition_key=night.isoformat(), raise_on_error=False, run_config=_QUIET,
                asset_selection=keys, tags={BY_COMMAND: "true"}, run_id=run_id,
            )  # fmt: skip
        spent = sum(self.seconds.values()) - before
        self.dagster_seconds += max(time.perf_counter() - began - spent, 0)
        return None if result.success else _why(result)

    def _heard(self, entry: Any, steps: dict[str, str]) -> None:
        event = entry.dagster_event
        if event is None or event.event_type_value not in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            return
        step = steps.get(event.node_name or event.step_key, "")
        took = getattr(event.event_specific_data, "duration_ms", 0) or 0
        self.seconds[step] = self.seconds.get(step, 0) + took / 1000
        self.tell(StepEnded(step, took / 1000, event.event_type_value == "STEP_FAILURE"))


def _why(result: Any) -> str:
    """The first failure in the run, in one line."""
    for event in result.all_events:
        if event.event_type_value == "STEP_FAILURE":
            return why_failed(event)
    return "a run ended without saying why; see it in `make ui`"


def _outcome(home: Home, extract_date: date, failure: str | None, run_id: str) -> Outcome:
    """Published is what readers see: this run's own build, even where a later step of it failed."""
    current = current_night(home)
    published = current is not None and current.folder == build_database(home, extract_date, run_id).parent
    is_stored = failure is None and not published and current is not None
    if is_stored and current is not None:
        failure = f"the night of {current.extract_date} is published already; this one is stored"
    return Outcome(extract_date, published, failure, page_of(home, extract_date), is_stored)

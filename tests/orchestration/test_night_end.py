"""A night that is not published has its report, whoever started it."""

import json
from pathlib import Path

import dagster as dg
import pytest

from nights.folders import report_path
from orchestration.dbt import RESULTS, failed_models
from orchestration.night_end import report_hook
from orchestration.partitions import NIGHTS
from orchestration.resources import Platform
from reports.report import write_report
from sources.contract.load import load_all
from tests.conftest import NIGHT
from warehouse.home import Home
from warehouse.store.published_nights import publish, start_build

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_failing(error: Exception, report_step: str = "report") -> None:
    """A run of one step, which raises, under the hook of the job `harmonise`."""

    @dg.asset(partitions_def=NIGHTS)
    def build() -> None:
        raise error

    contracts = load_all()
    job = dg.define_asset_job("harmonise", selection=[build], hooks={report_hook(contracts, report_step)})
    defs = dg.Definitions(assets=[build], jobs=[job], resources={"platform": Platform()})
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_job_def("harmonise").execute_in_process(
            instance=instance, partition_key=NIGHT.isoformat(), raise_on_error=False, run_config=QUIET
        )
    assert not done.success


@pytest.mark.parametrize("error", [dg.Failure("a <rule> does not hold"), ValueError("a <rule> does not hold")])
def test_the_report_says_why_a_night_is_not_published_also_later(home: Home, error: Exception) -> None:
    run_failing(error)
    reason = "build: a &lt;rule&gt; does not hold"
    said = report_path(home).read_text(encoding="utf-8")
    assert "This night was not published" in said
    assert "a &lt;rule&gt; does not hold" in said
    assert (reason in said) == isinstance(error, dg.Failure)
    assert "dagster" not in said

    again = write_report(load_all(), home, NIGHT).read_text(encoding="utf-8")
    assert "a &lt;rule&gt; does not hold" in again


def test_a_report_that_fails_is_not_written_once_more(home: Home) -> None:
    publish(home, start_build(home, NIGHT, "run"))
    run_failing(ValueError("no space"), report_step="build")
    assert not report_path(home).exists()


CONTRACT = """Compilation Error in model dog_licence (models/marts/dog_licence.sql)
  This model has an enforced contract that failed.
  Please ensure the name, data_type, and number of columns in your contract match the columns in your model's definition.

  | column_name    | definition_type | contract_type | mismatch_reason       |
  | -------------- | --------------- | ------------- | --------------------- |
  | keeper_address |                 | VARCHAR       | missing in definition |
"""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (CONTRACT, "licence: its SQL is not what its YAML says: keeper_address (missing in definition)"),
        ('Runtime Error in model licence (models/licence.sql)\n  Conversion Error: Could not convert "Mari Mets"', "licence: Conversion Error"),
        ("Conversion Error: Could not convert string 'Mari Mets' to INT32", "licence: Conversion Error"),
        ("Binder Error: Referenced column \"pay\" not found", 'licence: Binder Error: Referenced column "pay" not found'),
        ("Got 2 results, configured to fail if != 0", "licence: Got 2 results, configured to fail if != 0"),
    ],
)  # fmt: skip
def test_dbt_says_which_model_failed_and_why_without_a_value(message: str, told: str, tmp_path: Path) -> None:
    results = [{"status": "error", "unique_id": "model.interagency.licence", "message": message}]
    results += [{"status": "success", "unique_id": "model.interagency.other", "message": "OK"}]
    (tmp_path / RESULTS).write_text(json.dumps({"results": results}))
    assert "Mari" not in failed_models(tmp_path)
    assert failed_models(tmp_path) == told
    assert failed_models(tmp_path / "nothing") == ""

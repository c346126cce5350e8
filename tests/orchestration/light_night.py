"""Nights without dbt, in a process that is forked for each: a night costs a second or two, so hundreds can be broken.

Run as a program, it reads one order (JSON) a line, and answers each with the exit code of that night, when it has ended.
Ingest, publishing and report are the platform's own jobs; in the place of dbt's models stands a copy of the accepted rows.
"""

import ctypes
import json
import os
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import IO
from uuid import uuid4

PUBLISHED, NOT_PUBLISHED = 0, 1


@dataclass(frozen=True)
class Order:
    """One night to run; `at` is the number of the call to break, and 0 breaks none."""

    home: str
    sources: str
    agreements: str
    night: str
    log: str
    counter: str
    at: int = 0
    kind: int = 0
    error_number: int = 0


def ask(server_in: IO[str], server_out: IO[str], order: Order) -> int:
    """The exit code of the night; less than zero where it was killed."""
    server_in.write(json.dumps(asdict(order)) + "\n")
    server_in.flush()
    return int(server_out.readline())


def main() -> None:
    # Once, before the forks; the rest follows with the first night.
    for name in ("dagster", "great_expectations", "orchestration.assets.harmonise"):
        import_module(name)
    templates = import_module("reports.pages.night_site")._TEMPLATES
    for name in templates.list_templates():
        templates.get_template(name)
    for line in sys.stdin:
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            _child(order)
        _, status = os.waitpid(child, 0)
        _import_what_it_did(Path(order.log + ".modules"))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _import_what_it_did(names: Path) -> None:
    """What a night imported on its way is imported here once, and not by every later child anew."""
    if not names.exists():
        return
    for name in names.read_text().split():
        if name not in sys.modules:
            with suppress(ImportError, AttributeError):
                import_module(name)
    names.unlink()


def _child(order: Order) -> None:
    # A group of its own, which the fault kills as a whole.
    os.setsid()
    log = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["INTERAGENCY_HOME"] = order.home
    os.environ["INTERAGENCY_SOURCES"] = order.sources
    ctypes.CDLL(None).faults_arm(
        order.home.encode(), order.counter.encode(), ctypes.c_long(order.at), order.kind, order.error_number
    )
    code = NOT_PUBLISHED
    try:
        code = PUBLISHED if run(Path(order.agreements), Path(order.sources), date.fromisoformat(order.night)) else code
    except BaseException:
        traceback.print_exc()
    if order.at == 0:
        Path(order.log + ".modules").write_text("\n".join(name for name in sys.modules if name != "__main__"))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run(agreements: Path, sources: Path, night: date) -> bool:
    """Ingest, then the rest whatever its result, as the command does; whether all went well and readers see this very build."""
    import sharing.agreements.register
    from sources.contract.load import load_all
    from tests.orchestration.conftest import run_ingest
    from warehouse.home import Home
    from warehouse.store.published_nights import current_night

    sharing.agreements.register.agreements_folder = lambda: agreements
    contracts = [contract for contract in load_all() if sources in contract.path.parents]
    home = Home.from_environment()
    run_ingest(contracts, night)
    run_id, is_good = _harmonise(contracts, night)
    current = current_night(home)
    return is_good and current is not None and current.folder.name == f"{night}-{run_id[:8]}"


def _harmonise(contracts: list, night: date) -> tuple[str, bool]:
    import dagster as dg

    from nights import build as builds
    from orchestration.assets import harmonise
    from orchestration.night_end import told_plainly
    from orchestration.partitions import NIGHTS
    from orchestration.resources import Platform
    from warehouse.engines.duckdb.engine import open_database
    from warehouse.store.history import Versioned

    @dg.asset(key=harmonise.GATE_KEY, partitions_def=NIGHTS)
    @told_plainly("build")
    def built(context: dg.AssetExecutionContext, platform: Platform) -> None:
        build = builds.Build(platform.home, night, context.run.run_id)
        harmonise.begin_build(build, contracts, [])
        platform.home.dbt.mkdir(parents=True, exist_ok=True)
        with open_database(build.database) as connection:
            connection.execute("CREATE SCHEMA marts")
            for contract in contracts:
                name = contract.relation
                connection.execute(f'CREATE TABLE marts."{name}" AS FROM accepted."{name}"')

    # The two are made by the module's own makers: only dbt's part is another here, and with it what lineage says of its models.
    harmonise.ran, builds.refuse_exposed = (lambda _: []), (lambda *_: None)
    kept = [Versioned("published", contract.relation, tuple(contract.key)) for contract in contracts]
    assets = [built, harmonise._published_asset(contracts, kept), harmonise._report_asset(contracts)]
    defs = dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("light")], resources={"platform": Platform()},
        executor=dg.in_process_executor,
    )  # fmt: skip
    run_id = str(uuid4())
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_job_def("light").execute_in_process(
            instance=instance, partition_key=night.isoformat(), raise_on_error=False, run_id=run_id,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )  # fmt: skip
    sys.stderr.write(f"harmonise: {'good' if done.success else 'failed'}\n")
    return run_id, done.success


if __name__ == "__main__":
    main()

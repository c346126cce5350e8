"""The code location: everything that Dagster runs, found from the contracts and the dbt project."""

import dagster as dg

from nights.broken_contracts import load_known
from orchestration.assets.harmonise import harmonise_assets
from orchestration.assets.ingest import accepted_asset, gate_check, landing_assets
from orchestration.assets.release import products, release_assets, release_key
from orchestration.dbt import dbt_resource
from orchestration.resources import IN_THIS_PROCESS, NO_VALUES, Platform
from orchestration.schedule import follow_sensors, night_jobs, nightly_schedule
from warehouse.home import Home

known = load_known(Home.from_environment())
contracts = known.contracts
released = products(Home.from_environment())
ingest, harmonise = night_jobs(contracts)

defs = dg.Definitions(
    assets=[
        landing_assets(contracts, known.left_out),
        *[accepted_asset(contract) for contract in contracts],
        *harmonise_assets(contracts, [release_key(key) for key in released]),
        *release_assets(released),
    ],
    asset_checks=[gate_check(contract) for contract in contracts],
    jobs=[ingest, harmonise],
    schedules=[nightly_schedule(contracts, ingest)],
    sensors=list(follow_sensors(ingest, harmonise)),
    resources={"dbt": dbt_resource(), "platform": Platform(), "io_manager": NO_VALUES},
    executor=IN_THIS_PROCESS,
)

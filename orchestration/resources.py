"""What a run holds on to: the place of the data, under the lock that lets one night run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from nights.integrity.vouched import take_over
from nights.retention_by_contract import forget_unfinished
from warehouse.engines.duckdb.engine import forget_spilled
from warehouse.files import remove_temporary
from warehouse.home import Home
from warehouse.keys.data_key import is_protected
from warehouse.lock import WAIT_SECONDS, night_lock

# What a run uses takes no configuration: whoever may start a run must not choose its programs, its folders or what it unpickles.
# One process: every further one would import everything again, seconds a step.
IN_THIS_PROCESS = dg.in_process_executor.configured({}, name="in_this_process")
# Steps hand each other nothing but files and the build; Dagster's default would write and read pickles in a folder of the run's choice.
NO_VALUES = dg.IOManagerDefinition(lambda _: dg.InMemoryIOManager(), config_schema={})


class Platform(dg.ConfigurableResource):
    """Held by the whole run: a scheduled night waits for the one before it."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Platform"]:
        with night_lock(self.home, WAIT_SECONDS, context.run_id or ""):
            is_protected(self.home)
            said = take_over(self.home)
            if said and context.log:
                context.log.warning(said)
            for folder, pattern in (
                (self.home.quality, "**"),
                (self.home.sent_back, "*"),
                (self.home.accepted, "*/*/**"),
                (self.home.nights.parent, "."),
                (self.home.root, "."),
            ):
                remove_temporary(folder, pattern)
            forget_spilled(self.home)
            forget_unfinished(self.home)
            yield self

    @property
    def home(self) -> Home:
        return Home.from_environment()

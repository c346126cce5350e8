"""The door of dbt: whoever starts it, on a build of the platform it is asked what every other door is asked.

Named in dbt_project/profiles.yml, so that dbt by hand has it as well. Of a build the note beside it says which feeds and columns are in
it; where no agreement in force covers them any more nothing is made of them. A night that is published is not written to.
"""

import os
from pathlib import Path

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError

from sharing.policy.policy import Policy
from warehouse.home import Home
from warehouse.store.published_nights import BUILD_VARIABLE, feeds_noted, is_complete


class Plugin(BasePlugin):
    def initialize(self, config: dict[str, object]) -> None:
        if self.creds:
            # The database that will be opened: the plugin of the warehouse puts it in the place of the profile's.
            refusal = why_not(Path(os.environ.get(BUILD_VARIABLE, self.creds.path)).resolve())
            if refusal is not None:
                raise DbtRuntimeError(refusal)


def why_not(database: Path) -> str | None:
    """Why dbt may not build in a database now, or None."""
    if is_complete(database):
        return f"{database.parent.name} is a night that is complete; nobody writes to it. `interagency run` builds the night again"
    refused = Policy.read(Home.from_environment()).refusal_of_any(feeds_noted(database))
    return f"nothing is built of this night's rows: {refused}" if refused else None

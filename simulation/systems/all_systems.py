"""All systems of the country together: started, set to a night, stopped."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from simulation.simulate import EXTRACTS
from simulation.systems.databases import databases
from simulation.systems.downloads import downloads
from simulation.systems.health import health
from simulation.systems.sftp import sftp
from simulation.systems.share import share
from simulation.systems.store import store
from simulation.systems.system import System
from simulation.systems.vehicles import vehicles

CONTRACTS = Path(__file__).resolve().parent.parent / "agencies"
MODELS = CONTRACTS.parent / "models"
AGREEMENTS = CONTRACTS.parent / "agreements"
GRANTS = CONTRACTS / "grants.yaml"


@dataclass(frozen=True)
class Country:
    """The running systems. `environment` is all that a command needs to pull from them: variables, contracts, agreements."""

    systems: list[System]
    workplace: Path

    @property
    def environment(self) -> dict[str, str]:
        found = {
            "INTERAGENCY_SOURCES": str(CONTRACTS), "INTERAGENCY_MODELS": str(MODELS), "INTERAGENCY_AGREEMENTS": str(AGREEMENTS),
            "INTERAGENCY_GRANTS": str(GRANTS), "COUNTRY_WORKPLACE": str(self.workplace),
        }  # fmt: skip
        for system in self.systems:
            found |= system.environment
        return found

    def show(self, night: date) -> None:
        """Set every system to the state of a night. Raises FileNotFoundError where it was not simulated."""
        for system in self.systems:
            system.show(night)


@contextmanager
def systems(folder: Path) -> Iterator[Country]:
    """Start the systems of the country that was simulated into `folder`; all are stopped at the end, whatever happens."""
    extracts = folder / EXTRACTS
    with ExitStack() as running:
        # Beside the extracts, because files are linked, not copied; keys and folders of the servers go with them.
        workplace = Path(tempfile.mkdtemp(prefix="systems-", dir=folder))
        running.callback(shutil.rmtree, workplace, ignore_errors=True)
        start = running.enter_context
        yield Country([
            start(databases(extracts)),
            start(sftp("tax_authority", extracts, workplace / "tax_authority")),
            start(sftp("social_security", extracts, workplace / "social_security")),
            start(health(extracts)),
            start(vehicles(extracts, workplace / "vehicle_licensing")),
            start(share(extracts, workplace / "education")),
            start(downloads(extracts, workplace / "business_register")),
            start(store(extracts)),
        ], workplace)  # fmt: skip

"""Where the platform keeps its data: one root, moved by INTERAGENCY_HOME."""

import stat
from dataclasses import dataclass
from pathlib import Path

from warehouse.files import make_private, private_folder
from warehouse.settings import settings

PROJECT = Path(__file__).resolve().parent.parent
# The folders of contracts of this repository, one for each agency, and what they were granted.
AGENCIES = PROJECT / "sources" / "agencies"


@dataclass(frozen=True)
class Home:
    """The folders under one root. Each writer makes what it needs."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """INTERAGENCY_HOME, or `data/` in the project where the variable is not set."""
        return cls((settings().home or PROJECT / "data").expanduser().resolve())

    def close(self) -> None:
        """Let nobody but its owner into the home. One that an earlier version left open is gone through once."""
        private_folder(self.root)
        if stat.S_IMODE(self.root.stat().st_mode) & 0o067 == 0:
            return
        # What else lies there is not ours.
        for folder in (
            self.landing, self.accepted, self.nights.parent, self.state, self.quality, self.sent_back, self.dagster,
            self.dbt, self.spill, self.root / "releases", self.root / "ledger",
        ):  # fmt: skip
            if folder.exists():
                make_private(folder)
        # Last: a home that is closed has been gone through.
        self.root.chmod(0o700)

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def accepted(self) -> Path:
        return self.root / "accepted"

    @property
    def nights(self) -> Path:
        return self.root / "warehouse" / "nights"

    @property
    def building(self) -> Path:
        """A link to the folder of the running build: dbt reads its profile anew, seconds of it, when the path changes."""
        return self.root / "warehouse" / "building"

    @property
    def published(self) -> Path:
        """The link that every reader opens."""
        return self.root / "warehouse" / "published.duckdb"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def quality(self) -> Path:
        return self.root / "quality"

    @property
    def sent_back(self) -> Path:
        """Rejects for the agencies, in their own words: no part of a report that others may be shown."""
        return self.root / "sent_back"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def spill(self) -> Path:
        """What the engine has no memory for, encrypted, as long as it needs it."""
        return self.root / "spill"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def lock(self) -> Path:
        return self.root / "night.lock"

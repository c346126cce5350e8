"""Where the platform keeps its data: one root, moved by INTERAGENCY_HOME."""

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The folders under one root. Nothing is created here: each writer makes what it needs."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """INTERAGENCY_HOME, or `data/` in the project where the variable is not set."""
        return cls(Path(os.environ.get("INTERAGENCY_HOME") or PROJECT / "data").expanduser().resolve())

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
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        return self.root / "night.lock"

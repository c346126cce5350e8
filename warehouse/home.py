"""Where the platform keeps its data: one root, moved by INTERAGENCY_HOME."""

import stat
from dataclasses import dataclass
from pathlib import Path

from warehouse.files import make_private, private_folder
from warehouse.settings import settings

PROJECT = Path(__file__).resolve().parent.parent
# The folders of contracts of this repository, one for each agency, and what they were granted.
AGENCIES = PROJECT / "sources" / "agencies"


class _Below:
    """A path below the root of a home."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    def __get__(self, home: "Home", _: type) -> Path:
        return home.root.joinpath(*self._parts)


@dataclass(frozen=True)
class Home:
    """The folders under one root. Each writer makes what it needs."""

    root: Path
    landing = _Below("landing")
    accepted = _Below("accepted")
    nights = _Below("warehouse", "nights")
    # A link to the folder of the running build: dbt reads its profile anew, seconds of it, when the path changes.
    building = _Below("warehouse", "building")
    # The link that every reader opens.
    published = _Below("warehouse", "published.duckdb")
    state = _Below("state")
    # The keys that data are encrypted under, each wrapped by the platform's own. A backup without them tells nothing of anybody.
    keys = _Below("state", "keys")
    quality = _Below("quality")
    # Rejects for the agencies, in their own words: no part of a report that others may be shown.
    sent_back = _Below("sent_back")
    dagster = _Below("dagster")
    # What the engine has no memory for, encrypted, as long as it needs it.
    spill = _Below("spill")
    # What was done, in a log that is only ever added to.
    ledger = _Below("ledger")
    # What was made for recipients of products, sealed.
    releases = _Below("releases")
    dbt = _Below("dbt")
    lock = _Below("night.lock")

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
            self.dbt, self.spill, self.releases, self.ledger,
        ):  # fmt: skip
            if folder.exists():
                make_private(folder)
        # Last: a home that is closed has been gone through.
        self.root.chmod(0o700)

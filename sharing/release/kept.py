"""Where releases lie: `releases/<agreement>/<product>/<recipient>/<night>-<release>/`, whole or not at all."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from sharing.release.manifest import MANIFEST, Manifest
from warehouse.files import make_private, private_folder, sync_folder, sync_tree, write_text
from warehouse.home import Home
from warehouse.keys.keyed_folder import protect

APPROVAL, DELIVERY, WITHDRAWN = "approval.json", "delivery.json", "withdrawn.json"


@dataclass(frozen=True)
class Release:
    """One that was made: where it lies, what it says of itself."""

    folder: Path
    manifest: Manifest

    @property
    def is_delivered(self) -> bool:
        return (self.folder / DELIVERY).exists()

    @property
    def is_withdrawn(self) -> bool:
        return (self.folder / WITHDRAWN).exists()

    @property
    def is_approved(self) -> bool:
        return (self.folder / APPROVAL).exists()

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.is_withdrawn:
            return "withdrawn"
        return "delivered" if self.is_delivered else "approved" if self.is_approved else "not delivered"

    @property
    def is_whole(self) -> bool:
        """Whether the file with the rows is there still."""
        return any(path.name.startswith(self.manifest.content.name) for path in self.folder.iterdir())

    @property
    def sealed(self) -> Path:
        """The one file that holds the rows, sealed for its recipient or under the platform's key."""
        return next(path for path in sorted(self.folder.iterdir()) if path.name.startswith(self.manifest.content.name))


def folder_of(home: Home, manifest: Manifest) -> Path:
    parts = (manifest.agreement, manifest.product, manifest.recipient, f"{manifest.night}-{manifest.release[:12]}")
    return home.releases.joinpath(*parts)


@contextmanager
def one_at_a_time(home: Home) -> Iterator[None]:
    """The night and a person may ask for the same release at once."""
    with FileLock(private_folder(home.root) / "release.lock", is_singleton=True):
        yield


@contextmanager
def new_folder(home: Home, folder: Path) -> Iterator[Path]:
    """A folder to fill; it takes its place in one step when the block ends well, and nothing of it stays otherwise."""
    private_folder(folder.parent)
    protect(home, home.releases, "releases/files")
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(mode=0o700)
    try:
        yield temporary
        make_private(temporary)
        sync_tree(temporary)
        # What is not whole any more gives way.
        shutil.rmtree(folder, ignore_errors=True)
        temporary.replace(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def releases(home: Home, agreement: str = "*", product: str = "*", recipient: str = "*") -> list[Release]:
    """Those that were made, the newest night first."""
    found = home.releases.glob(f"{agreement}/{product}/{recipient}/*/{MANIFEST}")
    made = [Release(path.parent, Manifest.read(path.parent)) for path in found if not path.parent.name.startswith(".")]
    return sorted(made, key=lambda one: (one.manifest.night, one.manifest.release), reverse=True)


def note(folder: Path, name: str, by: str, **said: str) -> None:
    """Write down beside a release what was done with it, by whom and when."""
    write_text(
        folder / name, json.dumps({"by": by, "at": datetime.now(UTC).isoformat(), **said}, sort_keys=True) + "\n"
    )


def as_lines(manifest: Manifest) -> Iterator[str]:
    """A manifest in words."""
    said = asdict(manifest)
    content = said.pop("content")
    yield f"{manifest.product} of agreement {manifest.agreement} version {manifest.version} for {manifest.recipient}"
    yield f"night of {manifest.night} (run {manifest.run}), {content['rows']:,} rows, {content['bytes']:,} bytes of {content['format']}"
    yield f"for {manifest.purpose}, until {manifest.expires}"
    for name, treatment in manifest.columns.items():
        yield f"  {name}: {treatment['treatment']}{' to ' + str(treatment['to']) if 'to' in treatment else ''}"
    yield f"rows where {manifest.condition}" if manifest.condition else "all rows"
    yield f"SHA-256 {content['sha256']} of what is inside"

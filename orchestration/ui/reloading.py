"""The page shows what contracts and models say now: where one of them is new, gone or changed, the code location is loaded anew."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from sources.contract.load import contract_folders
from sources.contract.model import SUFFIX
from warehouse.errors import SettingError
from warehouse.home import PROJECT
from warehouse.settings import further_models

_EVERY_SECONDS = 3.0


def reload_on_change(reload: Callable[[], object], ended: Event) -> Thread:
    """Watch in a thread of its own until `ended` is set."""

    def watch() -> None:
        before = _state()
        while not ended.wait(_EVERY_SECONDS):
            if (now := _state()) != before:
                before = now
                reload()

    thread = Thread(target=watch, name="reloading", daemon=True)
    thread.start()
    return thread


def _state() -> dict[Path, int]:
    """When each file that makes assets was last written."""
    models = further_models()
    places = [(folder, f"*{SUFFIX}") for folder in contract_folders()]
    places += [(folder, "*.sql") for folder in (PROJECT / "dbt_project" / "models", models) if folder]
    found: dict[Path, int] = {}
    # A file may go between the listing and the look at it; a setting that cannot be used is told by the code location itself.
    with suppress(OSError, SettingError):
        for folder, pattern in places:
            found |= {path: path.stat().st_mtime_ns for path in folder.rglob(pattern)}
    return found

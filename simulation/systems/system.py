"""What every simulated system is to the country's runner: variables for its contracts, and a switch to another night."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class System:
    """A running system. `environment` are the variables that its contracts name; `show(night)` sets it to a night's state."""

    environment: dict[str, str]
    show: Callable[[date], None]


def extract_folder(extracts: Path, agency: str, night: date) -> Path:
    """Raises FileNotFoundError where the simulation has no such night."""
    folder = extracts / agency / night.isoformat()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there; simulate that night first")
    return folder


def documents(table: pa.Table) -> list[dict[str, object]]:
    """Rows as nested objects; columns are JSON pointers such as `/address/town`. Only a page of them at a time."""
    paths = [name.strip("/").split("/") for name in table.column_names]
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [_nested(paths, values) for values in rows]


def _nested(paths: list[list[str]], values: tuple[object, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for path, value in zip(paths, values, strict=True):
        inner: Any = found
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value
    return found

"""What a file says to whoever can open it: Parquet decoded, everything else byte by byte (SQLite and logs hold text as it is)."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq


def readable_texts(root: Path, besides: tuple[Path, ...] = ()) -> Iterator[tuple[Path, str]]:
    """Each file below `root`, not in the folders `besides`, with all that can be read in it."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in besides):
            yield path, _text(path)


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    return path.read_bytes().decode("utf-8", errors="replace")

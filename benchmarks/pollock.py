"""The published corpus of polluted files, as Pollock (Vitagliano et al., VLDB 2023) lays it out in a folder."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pollution import Dialect, Polluted, Rows

WEIGHTS = "pollock_weights.json"


def corpus_of(folder: Path) -> list[Polluted]:
    """The files of `csv/`, each with its clean version in `clean/` and its dialect in `parameters/`.

    Weights are those of `pollock_weights.json` in the folder or above it; without such a file, and for a file that it does not
    name, the weight is 1. Raises FileNotFoundError where a file has no clean version or no parameters.
    """
    weights = _weights(folder)
    return list(_files(folder, weights))


def _weights(folder: Path) -> dict[str, float]:
    places = (place / WEIGHTS for place in (folder, *folder.resolve().parents[:2]))
    found = next((place for place in places if place.is_file()), None)
    return json.loads(found.read_text()) if found else {}


def _files(folder: Path, weights: dict[str, float]) -> Iterator[Polluted]:
    csv.field_size_limit(1 << 30)
    for path in sorted((folder / "csv").glob("*.csv")):
        told = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text(encoding="utf-8"))
        truth = _rows(folder / "clean" / path.name)
        yield Polluted(
            _family(path.stem), path.read_bytes(), truth, _dialect(told), path.name, weights.get(path.name, 1.0)
        )


def _rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def _dialect(told: dict[str, str]) -> Dialect:
    """What a file without such signs leaves empty is the usual one."""
    quote = told["quotechar"] or '"'
    return Dialect(
        told["delimiter"] or ",", quote, told["escapechar"] or quote, told["encoding"], int(told["preamble_lines"]),
        int(told["header_lines"]),
    )  # fmt: skip


def _family(stem: str) -> str:
    """row_more_sep_row3_col7 is `row more sep`: where one row is polluted, rows and columns by turns."""
    return re.sub(r"\d+(_col\d+|_0x\d+)?$|_row\d+_col\d+$", "", stem).strip("_").replace("_", " ")

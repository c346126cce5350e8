"""The education authority's share folder: the workbook of the night lies there, those of earlier nights stay."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from simulation.systems.system import System, extract_folder


@contextmanager
def share(extracts: Path, workplace: Path) -> Iterator[System]:
    folder = workplace / "share"
    folder.mkdir(parents=True)

    def show(night: date) -> None:
        for file in extract_folder(extracts, "education", night).iterdir():
            (folder / file.name).unlink(missing_ok=True)
            os.link(file, folder / file.name)

    yield System({"COUNTRY_EDUCATION_SHARE": str(folder)}, show)

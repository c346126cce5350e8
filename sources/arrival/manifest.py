"""What is known of one landed extract: the file that is written last, so that a folder without it is not an extract."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from warehouse.files import write_text

MANIFEST = "manifest.json"
ROWS = "rows.parquet"
REJECTS = "rejects.parquet"


@dataclass(frozen=True)
class Original:
    """A file as it came: its path in the landed folder, its size and hash."""

    path: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: str) -> "Original":
        with (folder / path).open("rb") as file:
            return cls(path, (folder / path).stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


@dataclass(frozen=True)
class Manifest:
    """One landed extract. Times are UTC; rows_sent = rows_landed + rows_rejected.

    `mended` tells what was read otherwise than it is written: reason, records, the first of their lines, file. `left_out` are the
    columns that no agreement covers: nothing of them was kept, and no original either.
    """

    agency: str
    feed: str
    extract_date: date
    source: str
    originals: list[Original]
    contract_version: str
    contract_sha256: str
    rows_sent: int
    rows_landed: int
    rows_rejected: int
    started_at: datetime
    finished_at: datetime
    control: str | None = None
    pulled_since: str | None = None
    extra_columns: list[str] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    mended: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def original_sha256(self) -> str:
        """Of the one original; of the list of names and hashes where there are several."""
        if len(self.originals) == 1:
            return self.originals[0].sha256
        listed = "".join(f"{original.sha256}  {original.path}\n" for original in self.originals)
        return hashlib.sha256(listed.encode()).hexdigest()

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2, default=_text, ensure_ascii=False)
        write_text(folder / MANIFEST, text + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        data: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        data["originals"] = [Original(**original) for original in data["originals"]]
        data["extract_date"] = date.fromisoformat(data["extract_date"])
        for name in ("started_at", "finished_at"):
            data[name] = datetime.fromisoformat(data[name])
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


def _text(value: date | datetime) -> str:
    return value.isoformat()

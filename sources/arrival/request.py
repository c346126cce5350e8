"""What is asked of a connector, and what it brought."""

import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from sources.arrival.totals import Totals
from sources.contract.model import Contract


@dataclass(frozen=True)
class Pull:
    """What a connector is to bring: the extract of one night, its originals as files below `into`.

    `watermark` is where the last accepted night of an incremental feed ended, as text; None for a whole extract. `began` is
    the monotonic clock from which the extract's seconds are counted, over all attempts.
    """

    contract: Contract
    extract_date: date
    into: Path
    watermark: str | None = None
    began: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Arrived:
    """What a connector brought: names of the originals below `into`, in the order in which they are read.

    `control` is the control file among what came, read by `sources/landing/control_file.py`. `totals` are what the system itself says
    it sent. `evidence` goes into the manifest: hashes, versions and rights that prove what was asked and answered.
    """

    files: tuple[str, ...]
    control: str | None = None
    totals: Totals | None = None
    evidence: dict[str, str] = field(default_factory=dict)

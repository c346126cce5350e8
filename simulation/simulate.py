"""`simulate`: the truth and the extracts of all agencies, night by night, under one folder."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from simulation.errors.planted_errors import Damage, Sent
from simulation.extracts.night import Night
from simulation.truth import TruthWriter
from simulation.world import AGENCIES, Plan, make_world

TRUTH, EXTRACTS = "truth", "extracts"


@dataclass(frozen=True)
class Served:
    """How many records a feed holds on a night."""

    night: str
    agency: str
    feed: str
    records: int


def simulate(plan: Plan, folder: Path, tell: Callable[[Served], None] = lambda served: None) -> None:
    """Write `folder/truth` and `folder/extracts/<agency>/<night>`; what was there before is replaced.

    Raises ValueError where the plan has too few people or no night.
    """
    world = make_world(plan)
    for name in (TRUTH, EXTRACTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    truth = TruthWriter(folder / TRUTH)
    before: dict[str, Sent] = {}
    for index, on in enumerate(plan.dates):
        night = Night(world, on, index)
        for agency in AGENCIES:
            module = import_module(f"simulation.extracts.{agency}")
            made = module.extracts(night)
            sent = {extract.feed: Damage(extract, plan.profile, plan.seed, index).done() for extract in made}
            before = _kept(module, sent, before, night)
            place = folder / EXTRACTS / agency / on.isoformat()
            place.mkdir(parents=True)
            module.write(place, night, sent)
            for feed, one in sent.items():
                truth.add(one, night)
                tell(Served(on.isoformat(), agency, feed, one.table.num_rows))
    truth.close(world, night)


def _kept(module: Any, sent: dict[str, Sent], before: dict[str, Sent], night: Night) -> dict[str, Sent]:
    """Only the registry's table remembers the night before: its `updated_at` tells what changed since."""
    if not hasattr(module, "with_changes"):
        return before
    if before:
        sent["person"] = module.with_changes(before["person"], sent["person"], night)
    return sent

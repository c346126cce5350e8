"""A night of the simulated country under a key beside the same night without one: what protection at rest costs.

    python -m benchmarks.encryption [PEOPLE [ROUNDS]]

Both nights are whole ones, from the agencies' systems to the report, in turns and each in a home of its own; of each kind the
fastest counts. Without a key the platform does not pull what is personal: for this bench alone it is told to do so.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import typer

from benchmarks.report import Ratio, report
from simulation.country import FIRST_NIGHT
from simulation.profile import load_profile
from simulation.simulate import simulate
from simulation.systems.all_systems import systems
from simulation.world import Plan
from warehouse.home import PROJECT
from warehouse.keys.platform_key import KEY_VARIABLE, create_key_file

_GOAL = 1.15
_UNPROTECTED = """
import sys
import nights.pulling.all_feeds as pulling
from orchestration.command.main import app
if sys.argv.pop(1) == "without":
    pulling.refusal_without_key = lambda contract: None
app()
"""


@dataclass(frozen=True)
class Seconds:
    """Of one night: by the clock, and of processors with all its imports."""

    wall: float
    processor: float


def main(people: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        simulate(Plan(people, 1, 1, FIRST_NIGHT, load_profile()), place)
        key = {"with": {f"{KEY_VARIABLE}_FILE": str(create_key_file(place / "platform.key"))}, "without": {}}
        took: dict[str, list[Seconds]] = {"without": [], "with": []}
        with systems(place) as country:
            country.show(FIRST_NIGHT)
            for number in range(rounds):
                # Who is first finds a colder disk: by turns.
                for kind in ("without", "with") if number % 2 else ("with", "without"):
                    took[kind].append(_seconds(kind, place / f"{kind}-{number}", {**country.environment, **key[kind]}))
                    typer.echo(
                        f"night {kind} a key: {took[kind][-1].wall:.1f} s, {took[kind][-1].processor:.1f} s of processors"
                    )
    named = f"a night of {people:,} people under a key"
    wall, processor = (
        [min(getattr(one, name) for one in took[kind]) for kind in ("with", "without")]
        for name in ("wall", "processor")
    )
    report(
        "encryption",
        [Ratio(named, *wall, "at most", _GOAL), Ratio(f"{named}, of processors", *processor, "at most", _GOAL)],
    )


def _seconds(kind: str, home: Path, given: dict[str, str]) -> Seconds:
    own = {"INTERAGENCY_HOME": str(home), "INTERAGENCY_FIRST_NIGHT": str(FIRST_NIGHT), "INTERAGENCY_OWN_FEEDS": "no"}
    before = {name: value for name, value in os.environ.items() if not name.startswith(KEY_VARIABLE)}
    spent = _processor()
    done = subprocess.run(
        [sys.executable, "-c", _UNPROTECTED, kind, "run", "--json", "--extract-date", str(FIRST_NIGHT)],
        env={**before, **given, **own}, cwd=PROJECT, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the night was not published: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return Seconds(float(json.loads(done.stdout)["seconds"]["total"]), _processor() - spent)


def _processor() -> float:
    """Seconds of processors that the processes of this one have spent; other work on the machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    people, rounds = [*map(int, sys.argv[1:]), *(5000, 2)[len(sys.argv) - 1 :]]
    main(people, rounds)

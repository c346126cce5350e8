"""`make country`: simulate a country, start its agencies' systems, pull every night from them, and hold the counts against the truth."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer

from simulation.profile import load_profile
from simulation.simulate import EXTRACTS, TRUTH, simulate
from simulation.systems.all_systems import systems
from simulation.world import Plan
from warehouse.files import private_folder, write_text
from warehouse.home import Home
from warehouse.keys.platform_key import KEY_VARIABLE, create_key_file, platform_key
from warehouse.settings import SETTINGS_FILE

PROJECT = Path(__file__).resolve().parent.parent
FIRST_NIGHT = date(2026, 3, 2)
# How far before the watermark the registry is asked again: `lateness` of its contract.
_LATENESS = timedelta(days=2)
_TAKEN = ("accepted", "unchanged", "accepted_by_steward")


@dataclass(frozen=True)
class Line:
    """One feed in one night: how many records its system served, and what the platform says became of them."""

    night: str
    feed: str
    served: int
    status: str
    sent: int | None = None
    accepted: int = 0
    rejected: int = 0

    @property
    def is_right(self) -> bool:
        """What was served was sent, and every record of it was accepted or rejected."""
        return self.served == self.sent == self.accepted + self.rejected and self.status in _TAKEN


def main(
    people: Annotated[int, typer.Option(help="Living people on the first day.")] = 10_000,
    nights: Annotated[int, typer.Option(help="Nights to pull.")] = 3,
    seed: Annotated[int, typer.Option(help="Another seed is another country.")] = 1,
) -> None:
    """Run the country's nights into INTERAGENCY_HOME/country; what an earlier run left there is replaced.

    Ends with 0 where every night was published, every feed taken, and every count is that of the truth.
    """
    # Told to end, leave through the context managers, which stop the systems.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Home.from_environment().root / "country"
    shutil.rmtree(folder / "platform", ignore_errors=True)
    plan = Plan(people, seed, nights, FIRST_NIGHT, load_profile())
    typer.echo(f"Simulating {people:,} people over {nights} nights into {folder}")
    simulate(plan, folder)
    try:
        lines = _pulled(plan, folder)
    except KeyboardInterrupt:
        typer.echo("stopped; all systems have ended", err=True)
        raise typer.Exit(130) from None
    _show(lines)
    if len({line.night for line in lines}) < nights or not all(line.is_right for line in lines):
        raise typer.Exit(1)


def _pulled(plan: Plan, folder: Path) -> list[Line]:
    """The nights one after the other, up to the first that is not published."""
    found: list[Line] = []
    with systems(folder) as country:
        home = folder / "platform"
        needed = {**country.environment, **_demonstration_key(folder)}
        environment = {**os.environ, **needed, "INTERAGENCY_HOME": str(home)}
        _keep_settings(home, needed)
        for night in plan.dates:
            country.show(night)
            done = _command(environment, "run", "--extract-date", night.isoformat())
            if done.returncode != 0:
                typer.echo(f"the night of {night} was not published; its message is above", err=True)
                break
            status = json.loads(_command(environment, "status", "--json", stdout=subprocess.PIPE).stdout)
            found += _lines(night, served(folder, night, plan), status["feeds"])
    return found


def _demonstration_key(folder: Path) -> dict[str, str]:
    """A key made for this run, beside the platform's home and not in it; none where the environment names one."""
    if platform_key() is not None:
        return {}
    file = folder / "platform.key"
    file.unlink(missing_ok=True)
    typer.echo(f"What is personal is encrypted under a key for demonstration, {create_key_file(file)}")
    return {f"{KEY_VARIABLE}_FILE": str(file)}


def _keep_settings(home: Path, environment: dict[str, str]) -> None:
    """So that the home is understood by INTERAGENCY_HOME alone, also when the systems have ended."""
    said = {name: value for name, value in environment.items() if name.startswith("INTERAGENCY_")} | {
        "INTERAGENCY_OWN_FEEDS": "no"
    }
    write_text(private_folder(home) / SETTINGS_FILE, "".join(f"{name}={value}\n" for name, value in said.items()))


def _command(environment: dict[str, str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("interagency")), *arguments]
    return subprocess.run(command, env=environment, cwd=PROJECT, text=True, check=False, **options)


def served(folder: Path, night: date, plan: Plan) -> dict[str, int]:
    """Records by `agency/feed` that a pull of this night is served, when all nights before it were taken."""
    with duckdb.connect() as connection:
        of_night = f"""
            SELECT agency || '/' || feed, count(*)
            FROM '{folder / TRUTH / "record.parquet"}'
            WHERE night = ?
            GROUP BY ALL
        """
        counts = dict(connection.execute(of_night, [night]).fetchall())
        if night > plan.first_night:
            counts["civil_registry/person"] = _changed(connection, folder / EXTRACTS / "civil_registry", night)
    return counts


def _changed(connection: duckdb.DuckDBPyConnection, registry: Path, night: date) -> int:
    """The registry is asked for what changed since the night before, less the contract's lateness."""
    tables = [registry / on.isoformat() / "person.parquet" for on in (night - timedelta(days=1), night)]
    changed = f"""
        SELECT count(*)
        FROM '{tables[1]}'
        WHERE updated_at >= (SELECT max(updated_at) FROM '{tables[0]}') - ?
    """
    found = connection.execute(changed, [_LATENESS]).fetchone()
    return int(found[0]) if found else 0


def _lines(night: date, counts: dict[str, int], feeds: list[dict[str, Any]]) -> list[Line]:
    """A feed that had nothing to send this night is in no record of the truth: it is served 0."""
    agencies = {name.partition("/")[0] for name in counts}
    known = {f"{feed['agency']}/{feed['feed']}": feed for feed in feeds if feed["agency"] in agencies}
    return [_line(night, name, counts.get(name, 0), known.get(name, {})) for name in sorted({*known, *counts})]


def _line(night: date, name: str, count: int, feed: dict[str, Any]) -> Line:
    if feed.get("last night") != night.isoformat():
        return Line(night.isoformat(), name, count, "not pulled")
    counts = (feed["sent"], feed["accepted"] or 0, feed["rejected"] or 0)
    return Line(night.isoformat(), name, count, feed["status"], *counts)


def _show(lines: list[Line]) -> None:
    form = "{:<11} {:<36} {:>9} {:>9} {:>9} {:>9}  {:<10} {}"
    typer.echo("\nThe closing tables against the truth:")
    typer.echo(form.format("night", "feed", "served", "sent", "accepted", "rejected", "status", ""))
    for line in lines:
        sent = "–" if line.sent is None else f"{line.sent:,}"
        right = "right" if line.is_right else "WRONG"
        counts = (f"{line.served:,}", sent, f"{line.accepted:,}", f"{line.rejected:,}")
        typer.echo(form.format(line.night, line.feed, *counts, line.status, right))
    wrong = sum(not line.is_right for line in lines)
    typer.echo(f"{len(lines)} feed nights, of which {wrong} are not as the truth has them.")


if __name__ == "__main__":
    typer.run(main)

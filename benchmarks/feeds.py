"""What one more feed costs a night, however small its data: a night of N feeds of ten rows beside a night of one.

python -m benchmarks.feeds [FEEDS]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import typer

from benchmarks.contract import contract_text
from tests.agreements import agree

FEEDS = 400
FEEDS_OF_AN_AGENCY = 10
COLUMNS = (
    "name: id, logicalType: integer, primaryKey: true, classification: public",
    "name: town, logicalType: string, required: true, classification: public",
    'name: amount, logicalType: number, physicalType: "DECIMAL(12,2)", logicalTypeOptions: {minimum: 0}, classification: public',
)


def main(feeds: int) -> None:
    few, many = _night(1), _night(feeds)
    steps = {step: many["steps"][step] - few["steps"].get(step, 0) for step in ("extract", "gate", "accept", "report")}
    each = {step: 1000 * seconds / (feeds - 1) for step, seconds in steps.items()}
    total = 1000 * (many["total"] - few["total"]) / (feeds - 1)
    typer.echo(f"A night of {feeds} feeds: {many['total']:.0f} s; of one: {few['total']:.0f} s")
    typer.echo(
        f"One more feed costs {total:.0f} ms: " + ", ".join(f"{step} {spent:.0f}" for step, spent in each.items())
    )
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    result = {"feeds": feeds, "seconds": many["total"], "milliseconds_each": round(total, 1), "by_step": each}
    (folder / "feeds.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _night(feeds: int) -> dict[str, Any]:
    """The seconds of a night beside the three agencies of the project."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        written: dict[str, list[Path]] = {}
        for number in range(feeds):
            agency = f"agency{number // FEEDS_OF_AN_AGENCY:03}"
            written.setdefault(agency, []).append(_write_feed(root, agency, f"feed{number % FEEDS_OF_AN_AGENCY}"))
        for agency, contracts in written.items():
            agree(root / "agreements", agency, *contracts)
        places = {f"INTERAGENCY_{name.upper()}": str(root / name) for name in ("sources", "agreements", "home")}
        command = [str(Path(sys.executable).with_name("interagency")), "run", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **places})
        outcome = json.loads(done.stdout)
        if any(feed["status"] != "accepted" for feed in outcome["feeds"]):
            raise typer.Exit(1)
        seconds: dict[str, Any] = outcome["seconds"]
        return seconds


def _write_feed(root: Path, agency: str, feed: str) -> Path:
    folder = root / "sources" / agency
    folder.mkdir(parents=True, exist_ok=True)
    text = contract_text(feed, f"type: local, path: {feed}.csv, format: csv", COLUMNS)
    contract = folder / f"{feed}.odcs.yaml"
    contract.write_text(text)
    (folder / f"{feed}.csv").write_text("id,town,amount\n" + "".join(f"{row},Town,{row}.50\n" for row in range(10)))
    return contract


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else FEEDS)

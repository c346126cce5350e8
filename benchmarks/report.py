"""What every bench ends with: a table of ratios from one run, and the same as JSON below `benchmarks/results/`."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import typer


@dataclass(frozen=True)
class Ratio:
    """Seconds beside the seconds of a peer in the same run; `goal` is a bound on the ratio, `sense` at most or at least."""

    name: str
    seconds: float
    peer_seconds: float
    sense: str
    goal: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.peer_seconds

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.goal if self.sense == "at most" else self.ratio >= self.goal


def report(bench: str, ratios: list[Ratio]) -> None:
    """Print the table and write `<bench>.json`. A goal that is missed is said, not raised: machines differ."""
    for item in ratios:
        verdict = "met" if item.is_met else "MISSED"
        typer.echo(
            f"{item.name:<72} {item.seconds:7.2f} s  peer {item.peer_seconds:7.2f} s  ratio {item.ratio:5.2f}  "
            f"goal {item.sense} {item.goal:g}: {verdict}"
        )
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    rows = [{**asdict(item), "ratio": round(item.ratio, 3), "is_met": item.is_met} for item in ratios]
    (folder / f"{bench}.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

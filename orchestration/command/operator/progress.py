"""How far a night has come: bars on a terminal, lines elsewhere, nothing where the output is for machines."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from orchestration.run_night import StepEnded


@contextmanager
def progress(feeds: int, nights: int, quiet: bool) -> "Iterator[Callable[[StepEnded], None]]":
    """What to call with each step that ended. It writes to the standard error of now, wherever that leads later."""
    totals = {
        "extract": nights, "gate": feeds * nights, "accept": feeds * nights, "harmonise": 2,
        "cross-agency gate": 1, "publish": 1, "report": 1,
    }  # fmt: skip
    if quiet:
        yield lambda ended: None
    elif sys.stderr.isatty():
        with _bars(totals) as advance:
            yield advance
    else:
        yield _lines(totals)


def _lines(totals: dict[str, int]) -> "Callable[[StepEnded], None]":
    stream = sys.stderr
    done: Counter[str] = Counter()

    def say(ended: "StepEnded") -> None:
        done[ended.step] += 1
        failed = " FAILED" if ended.is_failed else ""
        typer.echo(
            f"{ended.step} {done[ended.step]}/{totals.get(ended.step, 1)} {ended.seconds:.1f} s{failed}", file=stream
        )

    return say


@contextmanager
def _bars(totals: dict[str, int]) -> "Iterator[Callable[[StepEnded], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), redirect_stdout=False, redirect_stderr=False) as bars:
        tasks = {step: bars.add_task(step, total=total, start=step == "extract") for step, total in totals.items()}

        def advance(ended: "StepEnded") -> None:
            task = tasks.get(ended.step)
            if task is not None:
                bars.start_task(task)
                bars.advance(task)

        yield advance

"""Peers that do not resolve beside the project's own packages: each in an environment of its own, made for a bench and gone with it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer


def environment(folder: Path, *packages: str) -> Path | None:
    """The Python of a new environment with these packages; None, with the reason told, where they cannot be installed."""
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            typer.echo(
                f"skipped: {', '.join(packages)} cannot be installed here: {done.stderr.strip().splitlines()[-1:]}"
            )
            return None
    return python


def answered(python: Path, script: Path, *words: object) -> dict[str, Any]:
    """What the script prints last, as JSON. It sees nothing of this project's own packages."""
    done = subprocess.run(
        [str(python), "-I", "-W", "ignore", str(script), *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script.name} {words[0]}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told

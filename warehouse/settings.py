"""Settings from the environment, each with a default; a value that cannot be used is named with what to write instead."""

import grp
import os
from datetime import date
from pathlib import Path


class SettingError(Exception):
    """An environment variable with a value that cannot be used."""


def first_night() -> date:
    """The first partition: INTERAGENCY_FIRST_NIGHT, 2013-01-01 by default."""
    text = os.environ.get("INTERAGENCY_FIRST_NIGHT", "2013-01-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingError(f"INTERAGENCY_FIRST_NIGHT is {text!r}; write a date as yyyy-mm-dd") from None


def feed_timeout_seconds() -> float:
    """After which a pull is given up: INTERAGENCY_FEED_TIMEOUT_SECONDS, an hour by default."""
    text = os.environ.get("INTERAGENCY_FEED_TIMEOUT_SECONDS", "3600")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise SettingError(f"INTERAGENCY_FEED_TIMEOUT_SECONDS is {text!r}; write a number of seconds above 0")
    return seconds


def further_models() -> Path | None:
    """An organisation's own staging models, `staging/<agency>/` below the folder named by INTERAGENCY_MODELS; none by default.

    They are programs that the platform runs, so they do not stand beside contracts, which agencies may write.
    """
    name = os.environ.get("INTERAGENCY_MODELS")
    if name and not Path(name).is_dir():
        raise SettingError(
            f"INTERAGENCY_MODELS is {name!r}, which is no folder; write one that holds staging/<agency>/"
        )
    return Path(name).resolve() if name else None


def threads() -> int:
    """Threads of the engine: INTERAGENCY_THREADS, 0 (as many as there are cores) by default."""
    text = os.environ.get("INTERAGENCY_THREADS", "0")
    if not text.isdecimal():
        raise SettingError(f"INTERAGENCY_THREADS is {text!r}; write a whole number, or nothing for all cores")
    return int(text)


def readers() -> int | None:
    """Who may read the published file besides its owner: the group named by INTERAGENCY_READERS, by its number; none by default."""
    name = os.environ.get("INTERAGENCY_READERS")
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise SettingError(
            f"INTERAGENCY_READERS is {name!r}, which is no group of this machine; have it made"
        ) from None

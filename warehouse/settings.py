"""Every setting: a variable INTERAGENCY_<NAME> of the environment, read whenever it is asked for; an empty one is not set."""

import grp
import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from dotenv import dotenv_values, set_key
from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from warehouse.errors import SettingError
from warehouse.files import make_private, private_folder

# Separated as in PATH. An organisation keeps its own beside this repository.
_Places = Annotated[
    tuple[Path, ...], NoDecode, BeforeValidator(lambda text: [Path(name) for name in text.split(os.pathsep) if name])
]
# In the home, a line `NAME=value` each, so that a home says by itself where its contracts are.
SETTINGS_FILE = "settings.env"
_SECRETS = {"INTERAGENCY_KEY", "INTERAGENCY_SMTP_PASSWORD"}
_KEY_FILE = "INTERAGENCY_KEY_FILE"
# In no message, whatever repeats the settings.
_HIDDEN = Field(repr=False)
_WRITE = {
    "first_night": "write a date as yyyy-mm-dd",
    "feed_timeout_seconds": "write a number of seconds above 0",
    "own_feeds": "write yes or no",
    "threads": "write a whole number, or nothing for all cores",
}


class Settings(BaseSettings):
    """`own_feeds` are those of this repository; `threads` 0 is as many as there are cores; `readers` a group of this machine.

    `key` is what wraps the keys that files are encrypted with, `key_file` a file that holds it, `key_vault` a place in HashiCorp
    Vault, `mount/path#field`; `ledger_key` a file with the private key that signs the ledger.
    """

    model_config = SettingsConfigDict(env_prefix="INTERAGENCY_", env_ignore_empty=True, validate_default=False)

    home: Path | None = None
    own_feeds: bool = True
    sources: _Places = ()
    agreements: _Places = ()
    grants: _Places = ()
    models: Path | None = None
    first_night: Annotated[date | None, BeforeValidator(date.fromisoformat)] = None
    feed_timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3600
    memory_limit: str = "4GB"
    threads: Annotated[int, Field(ge=0)] = 0
    readers: str | None = None
    key: Annotated[str | None, _HIDDEN] = None
    key_file: Path | None = None
    key_vault: str | None = None
    ledger_key: Path | None = None
    smtp: Annotated[str | None, _HIDDEN] = None
    smtp_password: Annotated[str, _HIDDEN] = ""
    mail_from: str | None = None
    report_url: str | None = None
    share_url: str | None = None


def settings() -> Settings:
    """As they are now: what the environment does not say, `settings.env` of the home that INTERAGENCY_HOME names may say.

    Raises SettingError naming the first that cannot be used.
    """
    said = tuple(item for item in os.environ.items() if item[0].startswith("INTERAGENCY_"))
    home = os.environ.get("INTERAGENCY_HOME")
    file = Path(home).expanduser() / SETTINGS_FILE if home else None
    return _read(said, file, file.stat().st_mtime_ns if file and file.exists() else 0)


@lru_cache(maxsize=4)
def _read(_said: tuple[tuple[str, str], ...], file: Path | None, _written: int) -> Settings:
    """Once for each state of both: the library takes a millisecond, and every connection asks."""
    if file and file.exists():
        _refuse_what_does_not_belong(file)
    try:
        # The library's own name for it, which its types do not know.
        return Settings(_env_file=file)  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0]).removeprefix("interagency_")
    # Outside of the handler: the library's words repeat all values.
    if name not in Settings.model_fields:
        raise SettingError(f"{file}: INTERAGENCY_{name.upper()} is no setting; docs/engineer.md lists them")
    raise SettingError(f"INTERAGENCY_{name.upper()} is {wrong['input']!r}; {_WRITE[name]}")


def _refuse_what_does_not_belong(file: Path) -> None:
    """A key beside what it encrypts protects nothing; a file that others may write says which programs are run."""
    if file.stat().st_mode & 0o022:
        raise SettingError(f"{file} may be written by others; `chmod 600` it, after reading what it says")
    for name in sorted(_SECRETS & set(dotenv_values(file))):
        raise SettingError(f"{file}: {name} does not belong beside what it protects; set it in the environment")
    if key_file := dotenv_values(file).get(_KEY_FILE):
        place = Path(key_file).expanduser().resolve()
        if place.is_relative_to(file.parent.resolve()):
            raise SettingError(f"{file}: {_KEY_FILE} names a file in the home that it protects; put the key elsewhere")


def noted_in_home(name: str, value: str) -> Path | None:
    """Write a setting into `settings.env` of the home that INTERAGENCY_HOME names; returns the file.

    None, and nothing is written, where no home is named, or the environment says the setting, which goes before the file.
    """
    home = settings().home
    if home is None or os.environ.get(name):
        return None
    file = private_folder(home.expanduser()) / SETTINGS_FILE
    set_key(file, name, value, quote_mode="auto")
    make_private(file)
    return file


def further_models() -> Path | None:
    """An organisation's own models, `staging/<agency>/` and `marts/<subject>/` below the folder named by INTERAGENCY_MODELS; none by default.

    They are programs that the platform runs, so they do not stand beside contracts, which agencies may write.
    """
    folder = settings().models
    if folder is not None and not folder.is_dir():
        raise SettingError(
            f"INTERAGENCY_MODELS is {str(folder)!r}, which is no folder; write one that holds staging/<agency>/"
        )
    return folder.resolve() if folder else None


def readers() -> int | None:
    """The number of the group that may read the published file besides its owner; None where none is named."""
    name = settings().readers
    if name is None:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise SettingError(
            f"INTERAGENCY_READERS is {name!r}, which is no group of this machine; have it made"
        ) from None

"""`interagency keys`: the platform's key made and exchanged, and what the home has encrypted under it."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

app = typer.Typer(help="The key that what is personal is encrypted under.", no_args_is_help=True)


@app.command()
def create(file: Annotated[Path, typer.Argument(help="A file that is not there yet, outside of the home.")]) -> None:
    """Make a new random key in a file for its owner alone.

    Keep it where no backup of the home is: without it nobody reads what is encrypted, and whoever has both reads everything.
    """
    from warehouse.keys.platform_key import KEY_VARIABLE, create_key_file

    made = create_key_file(_outside(file))
    tell(
        f"A new key is in {made}; set {KEY_VARIABLE}_FILE={made}, and keep a copy of it apart from the home and its backups"
    )


@app.command()
def rotate(file: Annotated[Path, typer.Argument(help="A file with the new key (`interagency keys create`).")]) -> None:
    """Wrap every key of the home by a new one in place of the one that is set. What is encrypted is not written anew."""
    from warehouse.home import Home
    from warehouse.keys.data_key import rotate as rewrap
    from warehouse.keys.platform_key import HOW_TO_SET, KEY_VARIABLE, PlatformKey, needed_key, read_key_file
    from warehouse.lock import NightRunning, night_lock

    home, place = Home.from_environment(), _outside(file)
    old, new = needed_key(f"what {home.root} holds of people"), PlatformKey.of(read_key_file(place))
    if old == new:
        stop(f"{place} holds the key that is set; make another: interagency keys create FILE", WRONG_USE)
    try:
        with night_lock(home, wait_seconds=0):
            count = rewrap(home, old, new)
    except NightRunning as error:
        stop(str(error), NOT_DONE)
    tell(
        f"{count} keys are wrapped by {new.fingerprint} in place of {old.fingerprint}. {HOW_TO_SET} to the new one: "
        f"{KEY_VARIABLE}_FILE={place}. Destroy the old one when no backup needs it any more"
    )


@app.command("list")
def list_keys() -> None:
    """Tell which key is set, which one the home is encrypted under, and what has keys; no key itself."""
    from warehouse.home import Home
    from warehouse.keys.data_key import all_keys, name_of, wrapped_by
    from warehouse.keys.platform_key import platform_key

    home = Home.from_environment()
    given, wrapping = platform_key(), wrapped_by(home)
    names = [name_of(file) for file in all_keys(home)]
    counted = Counter(name.rpartition("/")[0] or name for name in names)
    show_table("Keys", ("of", "keys"), [[name, str(count)] for name, count in counted.items()], frozenset({1}))
    tell(
        f"The home is encrypted under {' and '.join(wrapping) if wrapping else 'no key'}; the key that is set is {given.fingerprint if given else 'none'}"
    )


def _outside(file: Path) -> Path:
    """Ends with 2 where the file would lie beside what it protects."""
    from warehouse.home import Home

    place, home = file.expanduser().resolve(), Home.from_environment()
    if place.is_relative_to(home.root):
        stop(f"{place} lies in the home that the key protects; name a file elsewhere", WRONG_USE)
    return place

"""`interagency keys`: the platform's key made and exchanged, what the home has encrypted under it, and a night erased."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell
from orchestration.command.noted import note
from warehouse.numbers_for_people import several

if TYPE_CHECKING:
    from datetime import date

app = typer.Typer(help="The key that what is personal is encrypted under.", no_args_is_help=True)


@app.command()
def create(file: Annotated[Path, typer.Argument(help="A file that is not there yet, outside of the home.")]) -> None:
    """Make a new random key in a file for its owner alone.

    Keep it where no backup of the home is: without it nobody reads what is encrypted, and whoever has both reads everything.
    """
    from sharing.ledger.entry import Kind
    from warehouse.home import Home
    from warehouse.keys.platform_key import KEY_VARIABLE, PlatformKey, create_key_file, read_key_file

    made = create_key_file(_outside(file))
    home = Home.from_environment()
    if home.root.exists():
        note(home, Kind.KEY_USE, key=PlatformKey.of(read_key_file(made)).fingerprint, use="made")
    tell(
        f"A new key is in {made}; set {KEY_VARIABLE}_FILE={made}, and keep a copy of it apart from the home and its backups"
    )


@app.command()
def rotate(file: Annotated[Path, typer.Argument(help="A file with the new key (`interagency keys create`).")]) -> None:
    """Wrap every key of the home by a new one in place of the one that is set. What is encrypted is not written anew."""
    from sharing.ledger.entry import Kind
    from sharing.ledger.night import WRAPS
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
            note(home, Kind.KEY_USE, key=new.fingerprint, use=WRAPS, in_place_of=old.fingerprint, keys=count)
    except NightRunning as error:
        stop(str(error), NOT_DONE)
    tell(
        f"{count} keys are wrapped by {new.fingerprint} in place of {old.fingerprint}. {HOW_TO_SET} to the new one: "
        f"{KEY_VARIABLE}_FILE={place}. Destroy the old one when no backup needs it any more"
    )


@app.command()
def destroy(
    feed: Annotated[str, typer.Argument(help="The feed, as agency/feed.")],
    extract_date: Annotated[str, typer.Option(help="Its night, yyyy-mm-dd.")],
    reason: Annotated[str, typer.Option(help="Why; kept with your name.")],
) -> None:
    """Erase a feed's night for good: destroy its keys, and delete what is kept under them. Nothing brings it back.

    The build that readers see goes on with its rows until the next one, and versions of marts and what linkage remembers as well.
    """
    from sharing.erasure import NothingToErase, erase_feed_night
    from sharing.ledger.errors import LedgerError
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.lock import NightRunning, night_lock
    from warehouse.store.seal import Tampered

    home, night = Home.from_environment(), _day(extract_date)
    try:
        with night_lock(home, wait_seconds=0):
            erased = erase_feed_night(home, feed, night, reason, actor())
    except (NothingToErase, NightRunning, LedgerError, Tampered) as error:
        stop(str(error), NOT_DONE)
    tell(
        f"{feed} of {night} is erased: {several(erased.keys, 'key')} destroyed, {several(erased.folders, 'folder')} and "
        f"{several(erased.builds, 'build')} deleted"
    )
    if erased.is_still_read:
        tell("The build that readers see has rows of the feed; `interagency run` makes one without them")


def _day(text: str) -> "date":
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        stop(f"{text!r} is not a date; write it as yyyy-mm-dd", WRONG_USE)


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

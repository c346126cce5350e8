"""Contracts, each by itself: one that cannot be used costs its own feed the night, and nobody else's.

What was accepted of such a feed is read on, by the wording that its last accepted night was taken under.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nights.integrity.sealed_extracts import checked_wording
from nights.rows.accepted import ACCEPTANCE, WORDING
from sources.contract.load import (
    contract_folders,
    dangling,
    described_again,
    is_held,
    is_safe_name,
    load,
    missing_folders,
    place_of,
)
from sources.contract.model import SUFFIX, Contract, contract_files
from sources.contract.reading.odcs import ContractError, Problem
from sources.file_names import printable
from warehouse.home import Home
from warehouse.store.seal import Tampered

# Enough for what is wrong and what to write; a contract's own words may be a whole file.
_LONGEST_REASON = 500
# Agency and feed.
_Place = tuple[str, str]


@dataclass(frozen=True)
class Broken:
    """A feed whose present contract cannot be used: why, and whether there is no earlier wording of it either."""

    agency: str
    feed: str
    problems: tuple[Problem, ...]
    is_left_out: bool

    @property
    def name(self) -> str:
        """`agency/feed`, as people write it."""
        return f"{self.agency}/{self.feed}"

    @property
    def why(self) -> str:
        """The first problem, for one line of a record: file, line, place and what to write instead."""
        return _why(self.problems)


@dataclass(frozen=True)
class Known:
    """The contracts that feeds are known by, and what is broken; a feed that is left out is in no contract."""

    contracts: list[Contract]
    broken: tuple[Broken, ...] = ()

    @property
    def left_out(self) -> tuple[Broken, ...]:
        return tuple(item for item in self.broken if item.is_left_out)


def load_known(home: Home, folders: list[Path] | None = None) -> Known:
    """Every contract of `folders` (the platform's where none are given), by its last wording where it cannot be used now.

    Raises ContractError where one of the folders is none.
    """
    folders = folders or contract_folders()
    missing = missing_folders(folders)
    if missing:
        raise ContractError(missing)
    files = _by_feed([path for folder in folders for path in contract_files(folder)])
    sound, wrong = _tried(files)
    earlier: dict[str, Contract] = {}
    broken = []
    for (agency, feed), problems in wrong.items():
        found, more = _by_last_wording(home, (agency, feed), files[agency, feed][0], problems)
        if found is not None:
            earlier[found.name] = found
        broken.append(Broken(agency, feed, (*problems, *more), is_left_out=found is None))
    known = sound | earlier
    in_order = [known[name] for name in map("/".join, files) if name in known]
    # A key into a feed that is broken cannot be measured; that is no fault of the feed that it is a key of.
    return Known([_with_keys_that_hold(item, known) for item in in_order] if broken else in_order, tuple(broken))


def _by_feed(paths: list[Path]) -> dict[_Place, list[Path]]:
    """The files that describe each feed. A link to another feed's file describes its own: that other is not the worse for it."""
    files: dict[_Place, list[Path]] = {}
    there = {place for path in paths if (place := _written(path)) == place_of(path)}
    for path in paths:
        place = place_of(path)
        files.setdefault(_written(path) if place in there else place, []).append(path)
    return files


def _written(path: Path) -> _Place:
    """Agency and feed, as the path itself says."""
    return path.parent.name, path.name.removesuffix(SUFFIX)


def _tried(files: Mapping[_Place, list[Path]]) -> tuple[dict[str, Contract], dict[_Place, list[Problem]]]:
    """The contracts that can be used, by name, and of each other feed what is wrong."""
    sound: dict[str, Contract] = {}
    wrong: dict[_Place, list[Problem]] = {}
    for place, (first, *others) in files.items():
        contract = _loaded(first, place)
        problems = contract if isinstance(contract, list) else []
        # Nobody knows which of several describes the feed.
        problems += [described_again(path, "/".join(place), first) for path in others]
        if problems or isinstance(contract, list):
            wrong[place] = problems
        else:
            sound[contract.name] = contract
    unreadable = {"/".join(place) for place in wrong}
    for contract in list(sound.values()):
        ours = tuple(item for item in contract.references if item.to_name not in unreadable)
        problems = list(dangling(replace(contract, references=ours), sound))
        if problems:
            wrong[contract.agency, contract.feed] = problems
    return {name: item for name, item in sound.items() if (item.agency, item.feed) not in wrong}, wrong


def _loaded(path: Path, place: _Place) -> Contract | list[Problem]:
    if place_of(path) != place:
        return [Problem(path, 1, "file", "is a link to the contract of another feed; write one of its own")]
    try:
        return load(path)
    except ContractError as error:
        return error.problems
    except Exception as error:
        # Its kind alone: a defect's own words may quote what stands in the file.
        what = f"cannot be read ({type(error).__name__}, a fault of the platform); tell its maintainers"
        return [Problem(path, 1, "file", what)]


def _by_last_wording(
    home: Home, place: _Place, path: Path, problems: list[Problem]
) -> tuple[Contract | None, list[Problem]]:
    """The feed's contract by the wording of its last accepted night that keeps one, and what is wrong with that one."""
    agency, feed = place
    if place_of(path) != place or not (is_safe_name(agency) and is_safe_name(feed)):
        return None, []
    nights = (home.accepted / agency / feed).glob("[0-9]*")
    kept = [night for night in nights if (night / ACCEPTANCE).exists() and (night / WORDING).exists()]
    if not kept:
        return None, []
    try:
        return replace(load(path, checked_wording(home, max(kept))), unusable=_why(problems)), []
    except Tampered as error:
        return None, [Problem(path, 1, "file", str(error))]
    except Exception:
        # Also of a defect, and of files that cannot be read: the other feeds have their night.
        what = f"the wording of {max(kept).name}, the last that was accepted, cannot be used any more either"
        return None, [Problem(path, 1, "file", what)]


def _why(problems: list[Problem] | tuple[Problem, ...]) -> str:
    found = problems[0]
    said = printable(f"{found.file.name}:{found.line}: {found.where}: {found.message}", _LONGEST_REASON)
    return f"the contract cannot be used: {said}; `interagency contracts lint` shows all problems"


def _with_keys_that_hold(contract: Contract, known: Mapping[str, Contract]) -> Contract:
    held = tuple(reference for reference in contract.references if is_held(reference, known))
    return contract if held == contract.references else replace(contract, references=held)

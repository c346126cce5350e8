"""Contracts by their files: which there are, what each says, and what must hold between them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sources.contract.grants import grant_of
from sources.contract.model import SUFFIX, Contract, Reference, contract_files
from sources.contract.reading.contract import ContractReader
from sources.contract.reading.odcs import ContractError, Document, Problem, Step, read
from sources.contract.server.paging_option import unproven_end
from warehouse.files import real_path
from warehouse.home import AGENCIES
from warehouse.settings import settings

_WORD = re.compile(r"[a-z][a-z0-9]*")
_SAFE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def load(path: Path, wording: bytes | None = None) -> Contract:
    """The contract in `path`, named by its place: `<agency>/<feed>.odcs.yaml`; by an earlier `wording` where one is given.

    Raises ContractError with every problem found: file, line, path in the contract, what to write instead.
    """
    document, model = read(path, wording)
    agency, feed = place_of(path)
    for name in (agency, feed):
        if not is_safe_name(name):
            problem = f"{name!r} cannot name an agency or feed; rename the folder or file to lower_case words"
            raise ContractError([Problem(path, 1, "file", problem)])
    return ContractReader(document, model, agency, feed).contract()


def load_anywhere(path: Path) -> Contract:
    """The contract in `path`, wherever it lies: of its folder's and file's name is taken what can be a name. Raises ContractError.

    Outside the platform's folders a name is no proof: the contract has nothing that its agency was granted.
    """
    document, model = read(path)
    agency, feed = ("_".join(_WORD.findall(name.lower())) for name in place_of(path))
    contract = ContractReader(document, model, agency or "agency", feed or "feed").contract()
    return contract if is_of_platform(path) else replace(contract, grant=grant_of("", contract.path.parent))


def is_of_platform(path: Path) -> bool:
    """Whether the file is one of those that the platform pulls by."""
    return real_path(path) in {real_path(found) for folder in contract_folders() for found in contract_files(folder)}


def place_of(path: Path) -> tuple[str, str]:
    """Agency and feed, as the place of a contract file names them; of a link that of the file which it leads to, if any."""
    real = real_path(path)
    path = real if real.is_file() else path.absolute()
    return path.parent.name, path.name.removesuffix(SUFFIX)


def load_all(folders: list[Path] | None = None) -> list[Contract]:
    """Every contract of the project and of the folders named by INTERAGENCY_SOURCES. Raises ContractError for all at once."""
    contracts: list[Contract] = []
    problems = missing_folders(folders or contract_folders())
    for path in [path for folder in folders or contract_folders() for path in contract_files(folder)]:
        try:
            contracts.append(load(path))
        except ContractError as error:
            problems += error.problems
    seen: dict[str, Path] = {}
    for contract in contracts:
        if contract.name in seen:
            problems.append(described_again(contract.path, contract.name, seen[contract.name]))
        seen[contract.name] = contract.path
    problems += [problem for contract in contracts for problem in dangling(contract, {c.name: c for c in contracts})]
    if problems:
        raise ContractError(problems)
    return contracts


def missing_folders(folders: Iterable[Path]) -> list[Problem]:
    message = "is not a folder; name one that holds <agency>/<feed>.odcs.yaml"
    return [Problem(folder, 1, "INTERAGENCY_SOURCES", message) for folder in folders if not folder.is_dir()]


def described_again(path: Path, name: str, first: Path) -> Problem:
    return Problem(path, 1, "file", f"describes {name} again, after {first}; keep one")


def doubts(contract: Contract) -> list[Problem]:
    """What lint asks for beside the problems: a contract that leaves it open is read all the same."""
    found = unproven_end(contract)
    steps: list[Step] = ["servers", 0, "customProperties"]
    return [Document(contract.path).problem(steps, found)] if found else []


def is_safe_name(name: str) -> bool:
    """Whether an agency or feed may be called so: lower-case words, which become the names of relations and models."""
    return _SAFE_NAME.fullmatch(name) is not None


def contract_folders() -> list[Path]:
    """This repository's own, unless INTERAGENCY_OWN_FEEDS says no, then those of INTERAGENCY_SOURCES (separated as in PATH)."""
    return [*([AGENCIES] if settings().own_feeds else []), *settings().sources]


def is_held(reference: Reference, known: Mapping[str, Contract]) -> bool:
    """Whether the feed and the columns that a key points to are in the `known` contracts, by name."""
    target = known.get(reference.to_name)
    return target is not None and {column.name for column in target.columns}.issuperset(reference.to_columns)


def dangling(contract: Contract, known: Mapping[str, Contract]) -> Iterator[Problem]:
    """What is wrong with the contract's relationships, as far as the `known` contracts tell."""
    for reference in contract.references:
        if not is_held(reference, known):
            wanted = f"{reference.to_name}.{','.join(reference.to_columns)}"
            message = f"{wanted} is not in any contract; name an existing feed and column"
            yield Problem(contract.path, 1, "relationships", message)

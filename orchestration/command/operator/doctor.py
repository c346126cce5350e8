"""`interagency doctor`: whether a night could run here and now."""

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any

import typer

from orchestration.command.common import NOT_DONE, known_contracts, show_table, tell

_NEEDED_FREE_BYTES = 2 << 30
_EXTENSIONS = ("icu", "json", "parquet")
_VARIABLE = re.compile(r"\$\{(\w+)(:-[^}]*)?\}")


def doctor() -> None:
    """Check secrets, keys, connections, disk, engine and agreements; ends with 1 where something is missing."""
    from sharing.policy.policy import Action, Policy
    from warehouse.home import Home

    home = Home.from_environment()
    known, policy = known_contracts(), Policy.read(home)
    checks = [*_disk(home), *_extensions(), *_dbt(), *_agreements(known.contracts, policy)]
    checks += _keys(home, known.contracts)
    checks += [(f"contract of {broken.name}", broken.why) for broken in known.broken]
    # A connection is made with the agency's login: not without its agreement, nor by a contract of before.
    for contract in known.contracts:
        if policy.refusal(contract, Action.PROBE) is None:
            checks += _feed(contract)
    rows = [[name, "ok" if remedy is None else "MISSING", remedy or ""] for name, remedy in checks]
    show_table("Doctor", ("check", "result", "what to do"), rows)
    missing = sum(remedy is not None for _, remedy in checks)
    tell(f"{len(checks) - missing} of {len(checks)} checks are good")
    if missing:
        raise typer.Exit(NOT_DONE)


Check = tuple[str, str | None]


def _disk(home: Any) -> Iterator[Check]:
    place = next(folder for folder in [home.root, *home.root.parents] if folder.exists())
    free = shutil.disk_usage(place).free
    remedy = f"free at least {_NEEDED_FREE_BYTES >> 30} GiB"
    yield f"disk: {free >> 30} GiB free in {place}", None if free > _NEEDED_FREE_BYTES else remedy
    remedy, is_writable = "set INTERAGENCY_HOME to a folder of yours", place.is_dir() and os.access(place, os.W_OK)
    yield f"data folder {home.root} can be written", None if is_writable else remedy


def _extensions() -> Iterator[Check]:
    from warehouse.engines.duckdb.engine import loaded_extensions

    loaded = loaded_extensions()
    for name in _EXTENSIONS:
        yield f"engine extension {name}", None if name in loaded else "install duckdb as constraints.txt pins it"


def _keys(home: Any, contracts: Any) -> Iterator[Check]:
    """Only where there is anything to encrypt, or something is encrypted already."""
    from nights.integrity.vouched import refuse_new_key
    from nights.keyed_nights import refusal_without_key
    from warehouse.errors import KeyRefused
    from warehouse.keys.data_key import is_protected, wrapped_by

    protected = [contract for contract in contracts if contract.is_protected]
    if not protected and wrapped_by(home) is None:
        return
    try:
        is_protected(home)
        refuse_new_key(home)
        remedy = next(filter(None, map(refusal_without_key, protected)), None)
    except KeyRefused as error:
        remedy = str(error)
    yield "key that what is personal is encrypted under", remedy


def _dbt() -> Iterator[Check]:
    from orchestration.dbt import dbt_executable

    yield "dbt", None if shutil.which(dbt_executable()) else "run `make run` once; it installs dbt"


def _agreements(contracts: list[Any], policy: Any) -> Iterator[Check]:
    from sharing.policy.policy import Action

    for broken in policy.register.broken:
        yield "agreements", broken.why
    for gone in policy.register.missing:
        yield "agreements", f"{gone} was in force and is not there any more; put it back, or have a party revoke it"
    for contract in contracts:
        yield f"agreement on {contract.name}", policy.refusal(contract, Action.BUILD)


def _feed(contract: Any) -> list[Check]:
    """The checks of one feed; whatever goes wrong in them is that feed's line, and the others go on."""
    try:
        return [*_secrets(contract), *_connection(contract)]
    except Exception as error:
        # Its words may hold what is not ours to show.
        remedy = f"could not be tried ({type(error).__name__}), a fault of the platform; tell its maintainers"
        return [(f"connection of {contract.name}", remedy)]


def _secrets(contract: Any) -> Iterator[Check]:
    """Environment variables that the contract names and gives no default for."""
    for name, default in _VARIABLE.findall(contract.server.location):
        if not default:
            yield f"variable {name} of {contract.name}", None if os.environ.get(name) else "set it in the environment"


def _connection(contract: Any) -> Iterator[Check]:
    from datetime import UTC, datetime

    from sources.connectors import probe
    from sources.errors import ExtractError

    try:
        probe(contract, datetime.now(UTC).date())
    except ExtractError as error:
        yield f"connection of {contract.name}", str(error)
        return
    except OSError as error:
        yield f"connection of {contract.name}", f"{error}; ask for the right to read it, or check the share"
        return
    yield f"connection of {contract.name}", None

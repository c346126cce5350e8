"""Every option of every kind of system and every format, with values that it may not have: told, and never a traceback."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sources.connectors import probe
from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.contract.server.known_formats import FORMATS
from sources.contract.server.known_systems import KINDS
from sources.contract.server.options import SHAPES
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import ID

VALUES: list[Any] = [
    None, 5, "x", "", "²", [], [5], [None], {}, {"x": 5}, {"style": 5}, math.inf, math.nan, -1, 0, 10**30, True,
]  # fmt: skip
# Nothing listens on port 1 of this machine.
NOWHERE = "127.0.0.1:1"
# kind: the server as its contract says it, and the options that it cannot do without
SERVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "local": ("type: local\n    path: extract.csv\n    format: csv", {}),
    "api": (f"type: api\n    location: http://{NOWHERE}/x", {"format": "json"}),
    "xroad": (
        f"type: custom\n    location: http://{NOWHERE}\n    format: json",
        {"connector": "xroad", "client": "A/B/C/d", "service": "A/B/C/d/e"},
    ),
    "sftp": (
        f"type: sftp\n    location: sftp://{NOWHERE}/x.csv\n    format: csv",
        {"username": "me", "knownHosts": "known_hosts"},
    ),
    "s3": (f"type: s3\n    location: s3://towns/x.csv\n    endpointUrl: http://{NOWHERE}\n    format: csv", {}),
    "postgres": ("type: postgres\n    host: /nowhere\n    port: 5432\n    database: x\n    schema: public", {}),
    "sqlalchemy": ("type: custom", {"connector": "sqlalchemy", "url": "sqlite://"}),
}  # fmt: skip
FORMAT_OPTIONS: dict[str, dict[str, Any]] = {"fixed": {"recordLength": 2}, "xml": {"record": "a"}}
ALWAYS = ("format", "encoding", "connector")


def as_yaml(value: Any) -> str:
    """JSON is YAML, apart from the numbers that JSON does not have."""
    return json.dumps(value).replace("Infinity", ".inf").replace("NaN", ".nan")


def contract_path(folder: Path, server: str, options: dict[str, Any], prop: str = ID) -> Path:
    path = Feed([prop], options={name: as_yaml(value) for name, value in options.items()}).write(folder)
    text = path.read_text().replace("type: local\n    path: extract.csv\n    format: csv\n    encoding: utf-8", server)
    path.write_text(text if options else text.replace("    customProperties:\n\n", ""))
    return path


def told(path: Path, landing: Path | None = None) -> bool:
    """Whether the contract, or else the pull, is refused in words of ours."""
    try:
        contract = load(path)
        if landing is None:
            probe(contract, NIGHT)
        else:
            land_extract(contract, landing, extract_date=NIGHT)
    except (ContractError, ExtractError) as error:
        assert ";" in str(error) or "cannot be reached" in str(error)
        return True
    return False


@pytest.mark.parametrize("name", SERVERS)
def test_every_option_of_a_kind(name: str, tmp_path: Path) -> None:
    found = KINDS[name]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "known_hosts").write_text("")
    server, base = SERVERS[name]
    load(contract_path(tmp_path, server, base))
    for option in sorted(found.options | found.required | found.secrets | set(ALWAYS)):
        for value in VALUES:
            told(contract_path(tmp_path, server, {**base, option: value}))


@pytest.mark.parametrize("name", FORMATS)
def test_every_option_of_a_format(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "x").write_bytes(b"1\n")
    server, base = f"type: local\n    path: x\n    format: {name}", FORMAT_OPTIONS.get(name, {})
    prop = "{name: id, logicalType: string, primaryKey: true%s}"
    places = {"start": 1, "length": 1} if name == "fixed" else {}
    load(contract_path(tmp_path, server, base, with_places(prop, places)))
    for number, (option, value) in enumerate((o, v) for o in sorted(form.options | form.required) for v in VALUES):
        told(
            contract_path(tmp_path, server, {**base, option: value}, with_places(prop, places)), tmp_path / str(number)
        )
    for option in sorted(form.column_options | form.column_required):
        for number, value in enumerate(VALUES):
            path = contract_path(tmp_path, server, base, with_places(prop, {**places, option: value}))
            told(path, tmp_path / f"{option}-{number}")


def with_places(prop: str, places: dict[str, Any]) -> str:
    listed = ", ".join(f"{{property: {name}, value: {as_yaml(value)}}}" for name, value in places.items())
    return prop % (f", customProperties: [{listed}]" if listed else "")


def test_every_option_has_a_shape() -> None:
    """Beside secrets, which are references, and those that are looked at on their own."""
    options = {name for known in [*KINDS.values(), *FORMATS.values()] for name in known.options | known.required}
    own = {"paging"}
    assert options - own - set(SHAPES) == set()
    assert own.isdisjoint(SHAPES)

"""Signed agreements for tests, and for the examples of the project: parties, their keys, texts on contracts.

`python -m tests.agreements` signs the examples anew, after one of their contracts or texts has changed: with keys that are made for
it, of which only the public half is kept.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from joserfc.jwk import OKPKey

from sharing.agreements.canonical import digest
from sharing.agreements.drafts import as_yaml, blank, columns_of
from sharing.agreements.parties import FILE
from sharing.agreements.register import agreement_folders, read_text, signatures_file
from sharing.agreements.signature import CURVE, sign
from sources.contract.load import contract_folders, load
from sources.contract.model import contract_files
from sources.contract.reading.odcs import ContractError
from warehouse.home import AGENCIES, PROJECT

PLATFORM = "tests-platform"
PROVIDER = "tests-agency"
_SIMULATED = PROJECT / "simulation"


@cache
def key_of(party: str) -> OKPKey:
    """One for each party and process."""
    return OKPKey.generate_key(CURVE)


def public(key: OKPKey) -> dict[str, Any]:
    shown = key.as_dict(private=False)
    return {"kty": shown["kty"], "crv": shown["crv"], "x": shown["x"], "valid_from": "2020-01-01"}


def party(id_: str, name: str = "A party of tests") -> dict[str, Any]:
    return {"id": id_, "name": name, "contact": f"mailto:{id_}@example.org", "keys": [public(key_of(id_))]}


def text(name: str, contracts: Iterable[Path], **said: Any) -> dict[str, Any]:
    """The data of an agreement on all columns of these contracts; `said` takes the place of what it says."""
    found = [load(path) for path in contracts]
    data = blank(name, found[0].agency, columns_of(found))
    return data | {
        "parties": {"provider": PROVIDER, "recipient": PLATFORM}, "controllers": [PROVIDER], "title": "An agreement for a test",
        "legal_basis": {"law": "Tests Act", "article": "section 1"}, "valid_from": "2020-01-01", "valid_until": "2099-12-31",
        "review_on": "2050-01-01", "retention": "P1Y",
    } | said  # fmt: skip


def agree(folder: Path, name: str, *contracts: Path, **said: Any) -> Path:
    """Write an agreement on these contracts, signed by all of its parties, with the list of parties beside it."""
    return put(folder, text(name, contracts, **said))


@dataclass(frozen=True)
class _Standing:
    """An agreement that follows the contracts of an agency (`agency/*`) or feed as a test writes them."""

    folder: Path
    feeds: str
    name: str
    said: dict[str, Any]

    def keep_up(self, contracts: Iterable[Path]) -> None:
        wanted = [path for path in contracts if fnmatch(f"{path.parent.name}/{path.name.split('.')[0]}", self.feeds)]
        if not wanted or not self.folder.exists():
            return
        path = self.folder / f"{self.name}.yaml"
        known = read_text(path)[1] if path.exists() else None
        pulls = {pull["feed"]: pull for pull in known["pull"]} if known else {}
        data = text(self.name, wanted, **self.said)
        data["pull"] = list({**pulls, **{pull["feed"]: pull for pull in data["pull"]}}.values())
        if known is None:
            put(self.folder, data)
        elif data["pull"] != known["pull"]:
            put(self.folder, data | {"version": known["version"] + 1, "previous": digest(known)})


_STANDING: list[_Standing] = []


def follow(folder: Path, feeds: str, name: str = "tests", **said: Any) -> None:
    """Agree on every contract of `feeds` (`agency/*` or `agency/feed`) that stands in a folder of contracts, or is written by a test
    from now on.
    """
    standing = _Standing(folder, feeds, name, said)
    _STANDING.append(standing)
    standing.keep_up([path for place in contract_folders() for path in contract_files(place)])


def keep_up(contract: Path) -> None:
    """A contract was written: what follows it, in the folders of the test that runs, covers it."""
    folders = agreement_folders()
    for standing in _STANDING:
        if standing.folder in folders:
            with suppress(ContractError):
                standing.keep_up([contract])


def put(folder: Path, data: dict[str, Any], signers: Iterable[str] | None = None, at: datetime | None = None) -> Path:
    """Write a text with the signatures of its parties, or of some, of today or of another moment."""
    parties = data["parties"]
    names = [parties["provider"], parties["recipient"], *parties.get("others", [])]
    add_parties(folder, names)
    path = folder / f"{data['id']}.yaml"
    path.write_text(as_yaml(data), encoding="utf-8")
    at = at or datetime.now(UTC)
    signed = {name: sign(data, key_of(name), at) for name in (names if signers is None else signers)}
    signatures_file(path).write_text(json.dumps(signed), encoding="utf-8")
    return path


def add_parties(folder: Path, names: Iterable[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    known = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) if path.exists() else []
    there = {one["id"] for one in known}
    path.write_text(as_yaml(known + [party(name) for name in names if name not in there]), encoding="utf-8")


def sign_examples(folder: Path, contracts: Path) -> None:
    """Each text of an example's folder covers all columns of its feeds, and is signed by keys that nobody has afterwards."""
    parties = yaml.load((folder / FILE).read_text(encoding="utf-8"), yaml.BaseLoader)
    (folder / FILE).write_text(
        as_yaml([one | {"keys": [public(key_of(one["id"]))]} for one in parties]), encoding="utf-8"
    )
    for path in sorted(folder.glob("*.yaml")):
        if path.name == FILE:
            continue
        data = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
        data["version"] = int(data["version"])
        for pull in data["pull"]:
            known = load(contracts / f"{pull['feed']}.odcs.yaml")
            pull["columns"] = [column.name for column in known.columns]
        # Of their first day: they hold wherever they are tried, whatever its clock says.
        put(folder, data, at=datetime.fromisoformat(data["valid_from"]).replace(tzinfo=UTC))


if __name__ == "__main__":
    sign_examples(PROJECT / "agreements", AGENCIES)
    sign_examples(_SIMULATED / "agreements", _SIMULATED / "agencies")

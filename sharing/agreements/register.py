"""All agreements of a platform as they stand in its folders: signed, revoked, superseded, broken, and what is missing.

A folder of agreements holds `<id>.yaml`, one version each, with `<id>.signatures.json` and, where a party ended it, `<id>.revocation.json`
beside it; `drafts/` what is not signed by all yet, which allows nothing; `before/` earlier versions; `parties.yaml` who signs.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sharing.agreements.errors import AgreementError
from sharing.agreements.model import Agreement, schema
from sharing.agreements.parties import FILE, Party, read_parties
from sharing.agreements.seen import JOURNAL, Seen
from sharing.agreements.signature import NotSigned
from warehouse.home import PROJECT, Home
from warehouse.settings import settings
from warehouse.yaml import FileError, load_file

DRAFTS, BEFORE = "drafts", "before"
FileState = tuple[str, int, int, int]
_HELP = "see docs/sharing.md"


@dataclass(frozen=True)
class Revocation:
    """That a party ended an agreement from a day on, and why."""

    party: str
    starts: date
    reason: str


@dataclass(frozen=True)
class Signed:
    """A version of an agreement with what its signatures are worth. `unsigned` are the parties whose signature is not there, `keys`
    the thumbprint of the key that each of the others signed with.
    """

    agreement: Agreement
    path: Path
    unsigned: tuple[str, ...] = ()
    revocation: Revocation | None = None
    keys: dict[str, str] = field(default_factory=dict)

    def refusal(self, on: date) -> str | None:
        """Why it allows nothing on that day, or None where it is in force."""
        one = self.agreement
        if self.unsigned:
            return f"is not signed by {', '.join(self.unsigned)}; `interagency agreements sign {one.id}`"
        if self.revocation is not None and self.revocation.starts <= on:
            ended = self.revocation
            return f"was revoked by {ended.party} from {ended.starts} on ({ended.reason}); agree anew"
        if on < one.valid_from:
            return f"begins on {one.valid_from}; wait, or agree on an earlier day"
        if on > one.valid_until:
            return f"ended on {one.valid_until}; renew it by a further version"
        return None

    def is_in_force(self, on: date) -> bool:
        return self.refusal(on) is None


@dataclass(frozen=True)
class Broken:
    """An agreement that cannot be used: what is wrong with it, and the feeds that it names as far as that can be read."""

    why: str
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """All agreements, those that cannot be used, and those once seen that are not there any more (`id version n`)."""

    agreements: tuple[Signed, ...] = ()
    broken: tuple[Broken, ...] = ()
    parties: dict[str, Party] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def signed(self) -> list[Signed]:
        """Those that all parties signed."""
        return [one for one in self.agreements if not one.unsigned]

    def on_feed(self, feed: str) -> list[Signed]:
        return [signed for signed in self.agreements if signed.agreement.pull_of(feed)]

    def in_force(self, feed: str, on: date) -> list[Agreement]:
        return [signed.agreement for signed in self.on_feed(feed) if signed.is_in_force(on)]

    def by_id(self, id_: str) -> Signed:
        """Raises AgreementError."""
        found = next((signed for signed in self.agreements if signed.agreement.id == id_), None)
        if found is None:
            known = ", ".join(sorted(signed.agreement.id for signed in self.agreements)) or "none"
            raise AgreementError(f"there is no agreement {id_!r}; there are: {known}")
        return found


def agreements_folder() -> Path:
    return PROJECT / "agreements"


def further_folders() -> list[Path]:
    """The folders of INTERAGENCY_AGREEMENTS : an organisation keeps its own outside this repository."""
    return list(settings().agreements)


def agreement_folders() -> list[Path]:
    """The project's own, then the further ones."""
    return [agreements_folder(), *further_folders()]


def read_register(home: Home | None = None, now: datetime | None = None) -> Register:
    """What is broken costs its own feeds only. What this `home` has seen before is held against what stands there now.

    Raises Tampered where what was seen before was changed.
    """
    folders = tuple(agreement_folders())
    if now is not None:
        return _registered(folders, home, now)
    # Every gate of a night asks: read once for each state of the files and each day.
    return _cached(folders, home, datetime.now(UTC).date(), _state(folders, home))


@lru_cache(maxsize=4)
def _cached(folders: tuple[Path, ...], home: Home | None, _day: date, _files: frozenset[FileState]) -> Register:
    return _registered(folders, home, datetime.now(UTC))


def _state(folders: Iterable[Path], home: Home | None) -> frozenset[FileState]:
    """Of every file that a register is made of, when it was written last and how long it is."""
    files = [path for folder in folders for place in (folder, folder / BEFORE) for path in place.glob("*.*")]
    files += [home.state / JOURNAL] if home else []
    return frozenset(
        (str(path), found.st_mtime_ns, found.st_size, found.st_ino)
        for path in files
        if path.is_file() and (found := path.stat())
    )


def _registered(folders: Iterable[Path], home: Home | None, now: datetime) -> Register:
    seen = Seen.read(home) if home else Seen()
    found, broken, known = [], [], set[str]()
    try:
        parties = all_parties(folders)
    except AgreementError as error:
        return Register(
            broken=tuple(Broken(str(error), feeds_named(path)) for folder in folders for path in _texts(folder))
        )
    for path in (path for folder in folders for path in _texts(folder)):
        try:
            signed = _read(path, parties, seen, now)
            if signed.agreement.id in known:
                raise AgreementError(
                    f"{path}: an agreement {signed.agreement.id} stands in another folder too; keep one"
                )
            known.add(signed.agreement.id)
            found.append(signed)
        except AgreementError as error:
            broken.append(Broken(str(error), feeds_named(path)))
    named = known | {path.stem for folder in folders for path in _texts(folder)}
    missing = tuple(f"{id_} version {version}" for id_, (version, _) in sorted(seen.latest.items()) if id_ not in named)
    return Register(tuple(found), tuple(broken), parties, missing)


def all_parties(folders: Iterable[Path]) -> dict[str, Party]:
    """Raises AgreementError where a file cannot be used, or two of them differ on a party."""
    found: dict[str, Party] = {}
    for folder in folders:
        for party in read_parties(folder):
            if found.setdefault(party.id, party) != party:
                raise AgreementError(
                    f"{folder / FILE}: {party.id} is another party in another folder; name it otherwise"
                )
    return found


def _texts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.yaml") if path.name != FILE)


def read_text(path: Path) -> tuple[Agreement, dict[str, Any]]:
    """A version and the data that is signed. Raises AgreementError naming file and place."""
    try:
        data = load_file(path, schema(), days_are_text=True)
        agreement = Agreement.of(data)
    except FileError as error:
        raise AgreementError(f"{error}; {_HELP}") from None
    except ValueError as error:
        raise AgreementError(f"{path}: {error}; write days of the calendar and whole numbers below 2^53") from None
    if path.parent.name != BEFORE and agreement.id != path.stem:
        raise AgreementError(f"{path}: id: is {agreement.id!r}; write the file's name, {path.stem!r}")
    wrong = next(agreement.contradictions(), None)
    if wrong:
        raise AgreementError(f"{path}: {wrong}")
    return agreement, data


def _read(path: Path, parties: dict[str, Party], seen: Seen, now: datetime) -> Signed:
    agreement, data = read_text(path)
    _refuse_superseded(path, agreement, seen)
    signatures = read_signatures(path)
    stranger = next((name for name in signatures if name not in agreement.parties), None)
    if stranger:
        raise AgreementError(f"{path}: {stranger} signed it and is no party of it; take the signature out")
    unsigned, keys = [], {}
    for name in agreement.parties:
        party = parties.get(name)
        if party is None:
            raise AgreementError(f"{path}: parties: {name} is not in {FILE}; `interagency agreements party {name}`")
        if party.left_on is not None and party.left_on <= now.date():
            raise AgreementError(f"{path}: {name} left on {party.left_on}; agree anew without it")
        if name in signatures:
            keys[name] = _check(path, party, signatures[name], data, seen, now)
        else:
            unsigned.append(name)
    _check_chain(path, agreement)
    return Signed(agreement, path, tuple(unsigned), _revocation(path, agreement, parties, seen, now), keys)


def _check(path: Path, party: Party, signature: str, data: dict[str, Any], seen: Seen, now: datetime) -> str:
    """The key that signed. Raises AgreementError where the signature does not hold, or is by a key that nobody but the file vouches for."""
    try:
        by = party.verify(signature, data, now)
    except NotSigned as error:
        raise AgreementError(f"{path}: the signature of {party.id} does not hold: {error}") from None
    known = seen.keys.get(party.id, frozenset())
    key = next(key for key in party.keys if key.id == by.key)
    if known and key.id not in known and not party.is_vouched(key, known, now):
        raise AgreementError(
            f"{path}: {party.id} signed with a key that is new here, and no earlier key of it vouches for that; ask {party.contact}, "
            f"then `interagency agreements trust {party.id}`"
        )
    return key.id


def _refuse_superseded(path: Path, agreement: Agreement, seen: Seen) -> None:
    version, known = seen.latest.get(agreement.id, (0, ""))
    if agreement.version < version:
        raise AgreementError(
            f"{path}: version {agreement.version} is superseded by version {version}, which was in force here; put that one back"
        )
    if agreement.version == version and agreement.digest != known:
        raise AgreementError(
            f"{path}: version {version} had another text when it was in force here; put that one back, or write version {version + 1}"
        )


def _check_chain(path: Path, agreement: Agreement) -> None:
    """Raises AgreementError where the version before lies beside it and is another than the one that was signed on."""
    if agreement.previous is None:
        return
    before = path.parent / BEFORE / f"{agreement.id}.v{agreement.version - 1}.yaml"
    if before.exists() and read_text(before)[0].digest != agreement.previous:
        raise AgreementError(
            f"{path}: previous: is not the hash of {BEFORE}/{before.name}; put the text back that it follows"
        )


def text_before(path: Path, agreement: Agreement) -> Path:
    """The text that this one follows: of a draft the one in force. Raises AgreementError where it is not kept."""
    folder = path.parent.parent if path.parent.name == DRAFTS else path.parent
    kept = folder / BEFORE / f"{agreement.id}.v{agreement.version - 1}.yaml"
    found = folder / path.name if path.parent.name == DRAFTS and (folder / path.name).exists() else kept
    if not found.exists():
        raise AgreementError(
            f"{path} is version {agreement.version}, and no text of before is kept; name one with --old"
        )
    return found


def signatures_file(path: Path) -> Path:
    return path.with_suffix(".signatures.json")


def revocation_file(path: Path) -> Path:
    return path.with_suffix(".revocation.json")


def read_signatures(path: Path) -> dict[str, str]:
    """Of each party that signed this text, its signature. Raises AgreementError."""
    found = _json(signatures_file(path))
    if not all(isinstance(value, str) for value in found.values()):
        raise AgreementError(
            f"{signatures_file(path)}: holds no signatures, each under its party's name; take it away and sign anew"
        )
    return found


def _revocation(
    path: Path, agreement: Agreement, parties: dict[str, Party], seen: Seen, now: datetime
) -> Revocation | None:
    if agreement.digest in seen.revoked:
        return Revocation("a party", seen.revoked[agreement.digest], "as was seen here before")
    said = _json(revocation_file(path))
    if not said:
        return None
    wrong = f"{revocation_file(path)}: does not hold"
    try:
        statement, signature, name = said["statement"], said["signature"], said["party"]
        if statement["agreement"] != agreement.id or statement["digest"] != agreement.digest:
            raise AgreementError(f"{wrong}: it is of another version or agreement; have it signed anew")
        if name not in agreement.parties:
            raise AgreementError(f"{wrong}: {name} is no party of {agreement.id}")
        parties[name].verify(signature, statement, now)
        return Revocation(name, date.fromisoformat(statement["from"]), str(statement["reason"]))
    except NotSigned as error:
        raise AgreementError(f"{wrong}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AgreementError(f"{wrong}: it is not one that `interagency agreements revoke` wrote") from None


def revocation_text(agreement: Agreement, starts: date, reason: str) -> dict[str, str]:
    """What a party signs to end an agreement."""
    return {"agreement": agreement.id, "digest": agreement.digest, "from": starts.isoformat(), "reason": reason}


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise AgreementError(f"{path}: cannot be read ({type(error).__name__}); put it back") from None
    if not isinstance(data, dict):
        raise AgreementError(f"{path}: is no JSON object; put it back")
    return data


def feeds_named(path: Path) -> tuple[str, ...]:
    """The feeds that a text names, as far as it can be read."""
    return tuple(_feeds(path))


def _feeds(path: Path) -> Iterator[str]:
    try:
        data = load_file(path, days_are_text=True)
    except FileError:
        return
    pulls = data.get("pull") if isinstance(data, dict) else None
    for pull in pulls if isinstance(pulls, list) else []:
        feed = pull.get("feed") if isinstance(pull, dict) else None
        if isinstance(feed, str):
            yield feed

"""Agreements on their way: a blank one from contracts, signed party by party, in force once all have signed; and ended by one of them."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from joserfc.jwk import OKPKey

from sharing.agreements.errors import AgreementError
from sharing.agreements.model import Agreement
from sharing.agreements.parties import FILE, Party, age_text, consent_keys_text, read_parties, vouched_text
from sharing.agreements.register import (
    BEFORE,
    DRAFTS,
    agreements_folder,
    all_parties,
    read_signatures,
    read_text,
    revocation_file,
    revocation_text,
    signatures_file,
)
from sharing.agreements.signature import NotSigned, make_private_key, read_private_key, sign
from sources.contract.model import Contract
from warehouse.files import write_text

_TRIAL = timedelta(days=30)
PLATFORM = "platform"


def party_of(agency: str) -> str:
    """The id of an agency among the parties, where nobody named it otherwise."""
    return agency.replace("_", "-")


def blank(id_: str, agency: str, columns: dict[str, list[str]], recipient: str = PLATFORM) -> dict[str, Any]:
    """A first version on these columns of an agency's feeds (`agency/feed`), for a trial of 30 days: what only people know says
    that it is to be filled in.
    """
    today = datetime.now(UTC).date()
    provider = party_of(agency)
    return {
        "id": id_,
        "version": 1,
        "title": f"Trial of {', '.join(columns)}",
        "parties": {"provider": provider, "recipient": recipient},
        "controllers": [provider],
        "legal_basis": {"law": "None yet: name the law before the trial ends", "article": "and its article"},
        "purpose": {
            "term": "dpv:ProvideOfficialStatistics",
            "text": "To try the feed with a sample that the agency handed over. Say here what the data is for.",
        },
        "pull": [{"feed": feed, "columns": names} for feed, names in columns.items()],
        "consent": "none",
        "valid_from": today.isoformat(),
        "valid_until": (today + _TRIAL).isoformat(),
        "review_on": (today + _TRIAL).isoformat(),
        "retention": "P30D",
    }


def columns_of(contracts: Iterable[Contract]) -> dict[str, list[str]]:
    """What an agreement on all of these feeds names."""
    return {contract.name: [column.name for column in contract.columns] for contract in contracts}


def usual_recipient(folder: Path) -> str:
    """Who receives by the agreements of a folder, where that is one party; not by the project's own, whose keys nobody has."""
    if folder == agreements_folder():
        return PLATFORM
    found = {str(recipient) for path in folder.glob("*.yaml") if (recipient := _recipient(path))}
    return found.pop() if len(found) == 1 else PLATFORM


def _recipient(path: Path) -> str | None:
    try:
        return read_text(path)[0].recipient if path.name != FILE else None
    except AgreementError:
        return None


def further(agreement: Agreement, data: dict[str, Any]) -> dict[str, Any]:
    """The next version of a text, to be changed and signed."""
    head = {"id": agreement.id, "version": agreement.version + 1, "previous": agreement.digest}
    return head | {name: value for name, value in data.items() if name not in head}


def write_draft(folder: Path, data: dict[str, Any]) -> Path:
    """Raises AgreementError where there is a draft already."""
    path = folder / DRAFTS / f"{data['id']}.yaml"
    if path.exists():
        raise AgreementError(f"{path} is there already; sign it, or take it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, as_yaml(data))
    return path


class _PlainDays(yaml.SafeDumper):
    """Days are written as they are read: as text, without quotes."""


_PlainDays.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def as_yaml(data: Any) -> str:
    """Lists and mappings of single values on a line."""
    return str(
        yaml.dump(data, Dumper=_PlainDays, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    )


def add_party(folder: Path, id_: str, name: str, contact: str, key_file: Path) -> Party:
    """Write a party into the folder's list, with the public half of a key that is made in `key_file`; or a further key of one that
    is there, which `key_file`.previous vouches for. Raises AgreementError.
    """
    if any(party.id == id_ for party in read_parties(folder)):
        raise AgreementError(
            f"{folder / FILE}: {id_} is there already; `interagency agreements rotate {id_}` gives it a further key"
        )
    key = make_private_key(key_file)
    entry = {"id": id_, "name": name, "contact": contact, "keys": [_public(key)]}
    _write_parties(folder, [*_parties_data(folder), entry])
    return next(party for party in read_parties(folder) if party.id == id_)


def rotate_key(folder: Path, id_: str, old: OKPKey, new_file: Path) -> None:
    """Give a party a further key, which its present one vouches for. Raises AgreementError."""
    data = _parties_data(folder)
    entry = next((one for one in data if one["id"] == id_), None)
    if entry is None:
        raise AgreementError(f"{folder / FILE}: there is no party {id_}")
    today = datetime.now(UTC)
    old_x = old.as_dict(private=False)["x"]
    present = next((key for key in entry["keys"] if key["x"] == old_x), None)
    if present is None:
        raise AgreementError(f"the key is none that {folder / FILE} lists for {id_}; give the present one")
    new = make_private_key(new_file)
    public = _public(new)
    present["valid_until"] = today.date().isoformat()
    public["vouched_by"] = sign(vouched_text(id_, public["x"]), old, today)
    entry["keys"].append(public)
    _write_parties(folder, data)


def set_age(folder: Path, id_: str, age: str, key: OKPKey) -> None:
    """Write the key that a party's files are sealed for, signed by the party. Raises AgreementError."""
    _set_signed(folder, id_, key, {"age": age, "age_signed": sign(age_text(id_, age), key, datetime.now(UTC))})


def set_consent_keys(folder: Path, id_: str, keys: list[dict[str, Any]], key: OKPKey) -> None:
    """Write the keys (JWK) with which a party signs people's consents, signed by the party. Raises AgreementError."""
    signed = sign(consent_keys_text(id_, keys), key, datetime.now(UTC))
    _set_signed(folder, id_, key, {"consent_keys": keys, "consent_keys_signed": signed})


def _set_signed(folder: Path, id_: str, key: OKPKey, said: dict[str, Any]) -> None:
    data = _parties_data(folder)
    entry = next((one for one in data if one["id"] == id_), None)
    x = key.as_dict(private=False)["x"]
    if entry is None or not any(one["x"] == x for one in entry["keys"]):
        raise AgreementError(f"the key is none that {folder / FILE} lists for {id_}; give the present one")
    entry |= said
    _write_parties(folder, data)


def _public(key: OKPKey) -> dict[str, Any]:
    shown = key.as_dict(private=False)
    today = datetime.now(UTC).date().isoformat()
    return {"kty": shown["kty"], "crv": shown["crv"], "x": shown["x"], "valid_from": today}


def _parties_data(folder: Path) -> list[dict[str, Any]]:
    read_parties(folder)
    path = folder / FILE
    data = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader) if path.exists() else []
    return list(data or [])


def _write_parties(folder: Path, data: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / FILE, as_yaml(data))


def find_text(folders: Sequence[Path], id_: str) -> Path:
    """The draft of an agreement where there is one, else the text in force. Raises AgreementError."""
    places = [folder / DRAFTS / f"{id_}.yaml" for folder in folders] + [folder / f"{id_}.yaml" for folder in folders]
    found = next((path for path in places if path.exists()), None)
    if found is None:
        raise AgreementError(
            f"there is no agreement {id_!r} in {', '.join(map(str, folders))}; `interagency agreements list`"
        )
    return found


def sign_text(folders: Sequence[Path], id_: str, party: str, key: OKPKey) -> tuple[Path, list[str]]:
    """Sign an agreement as a party; with the last signature a draft comes into force. Returns where it stands, and who has yet to
    sign. Raises AgreementError.
    """
    path = find_text(folders, id_)
    agreement, data = read_text(path)
    parties = all_parties(folders)
    if party not in agreement.parties:
        raise AgreementError(f"{party} is no party of {id_}, which are {', '.join(agreement.parties)}")
    if party not in parties:
        raise AgreementError(f"{party} is not in {FILE}; `interagency agreements party {party}` adds it")
    now = datetime.now(UTC)
    signature = sign(data, key, now)
    try:
        parties[party].verify(signature, data, now)
    except NotSigned as error:
        raise AgreementError(f"that signature of {party} would not hold: {error}") from None
    signatures = {**read_signatures(path), party: signature}
    write_text(signatures_file(path), json.dumps(signatures, indent=1, sort_keys=True) + "\n")
    waiting = [name for name in agreement.parties if name not in signatures]
    if path.parent.name == DRAFTS and not waiting:
        path = _into_force(path, agreement)
    return path, waiting


def sign_trial(folders: Sequence[Path], id_: str, keys: Path) -> Path:
    """Sign a draft as each of its parties, by keys that are made in a folder where they are not there: to try a feed with a sample,
    where nobody else is asked. Returns where it stands. Raises AgreementError where it is for longer than a trial.
    """
    path = find_text(folders, id_)
    agreement, _ = read_text(path)
    if agreement.valid_until - agreement.valid_from > _TRIAL:
        raise AgreementError(f"{path} is for more than {_TRIAL.days} days; let each party sign with its own key")
    folder = path.parent.parent if path.parent.name == DRAFTS else path.parent
    for party in agreement.parties:
        if party not in all_parties(folders):
            add_party(folder, party, party, f"mailto:data@{party}.example", keys / f"{party}.pem")
        path, _ = sign_text(folders, id_, party, read_private_key(keys / f"{party}.pem"))
    return path


def _into_force(draft: Path, agreement: Agreement) -> Path:
    """The version before goes to `before/`, with its signatures."""
    target = draft.parent.parent / draft.name
    if target.exists():
        present, _ = read_text(target)
        if agreement.previous != present.digest:
            raise AgreementError(
                f"{draft}: previous: is not the hash of {target.name} in force, {present.digest}; write that one"
            )
        kept = target.parent / BEFORE / f"{agreement.id}.v{present.version}.yaml"
        kept.parent.mkdir(exist_ok=True)
        for old, new in ((signatures_file(target), signatures_file(kept)), (target, kept)):
            if old.exists():
                old.replace(new)
        revocation_file(target).unlink(missing_ok=True)
    signatures_file(draft).replace(signatures_file(target))
    draft.replace(target)
    return target


def revoke_text(folders: Sequence[Path], id_: str, party: str, key: OKPKey, starts: date, reason: str) -> Path:
    """End the agreement in force as a party, from a day on. Raises AgreementError."""
    path = next((folder / f"{id_}.yaml" for folder in folders if (folder / f"{id_}.yaml").exists()), None)
    if path is None:
        raise AgreementError(f"there is no agreement {id_!r} in force; `interagency agreements list`")
    agreement, _ = read_text(path)
    parties = all_parties(folders)
    if party not in agreement.parties or party not in parties:
        raise AgreementError(f"{party} is no party of {id_}, which are {', '.join(agreement.parties)}")
    statement, now = revocation_text(agreement, starts, reason), datetime.now(UTC)
    signature = sign(statement, key, now)
    try:
        parties[party].verify(signature, statement, now)
    except NotSigned as error:
        raise AgreementError(f"that signature of {party} would not hold: {error}") from None
    said = {"party": party, "statement": statement, "signature": signature}
    write_text(revocation_file(path), json.dumps(said, indent=1, sort_keys=True) + "\n")
    return path

"""Seal what leaves: with age for its recipient, or under the platform's key where the recipient reads it from the platform."""

from datetime import UTC, datetime
from pathlib import Path

import pyrage

from sharing.agreements.parties import Party
from sharing.agreements.signature import NotSigned
from sharing.release.errors import NotReleased
from warehouse.keys.keyed_folder import key_of
from warehouse.keys.sealed_file import seal_file

AGE = ".age"


def recipient_of(party: Party) -> pyrage.x25519.Recipient:
    """Raises NotReleased where the party has no key that files can be sealed for, or somebody else wrote it."""
    remedy = f"`interagency release recipient {party.id} --age KEY --key PEM`; its secret half is made by the recipient with `age-keygen`"
    try:
        age = party.sealed_for(datetime.now(UTC))
    except NotSigned as error:
        raise NotReleased(f"the age key of {party.id} in parties.yaml is not its own ({error}); {remedy}") from None
    if age is None:
        raise NotReleased(f"{party.id} has no key that files are sealed for; {remedy}")
    return age_recipient(age)


def age_recipient(age: str) -> pyrage.x25519.Recipient:
    """Raises NotReleased where it is no public key of age."""
    try:
        return pyrage.x25519.Recipient.from_str(age)
    except pyrage.RecipientError:
        raise NotReleased(
            f"{age[:12]}… is no public key of age; it begins with age1, as `age-keygen` shows it"
        ) from None


def seal_for(path: Path, recipient: pyrage.x25519.Recipient) -> Path:
    """Put `<name>.age` in the place of a file."""
    sealed = path.with_name(path.name + AGE)
    pyrage.encrypt_file(str(path), str(sealed), [recipient])
    path.unlink()
    return sealed


def seal_here(path: Path) -> Path:
    """Under the key of its folder; as it is where the platform has none."""
    key = key_of(path)
    return seal_file(path, key) if key else path

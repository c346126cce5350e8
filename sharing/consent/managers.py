"""With which keys consent managers sign: public ones of parties.yaml, each list signed by its party."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from sharing.agreements.parties import Party
from sharing.agreements.signature import NotSigned
from sharing.consent.artefact import Key
from sharing.consent.errors import NoConsent

_KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_PRIVATE = "d"
_SHORTEST_RSA_BITS = 2048


def manager_keys(parties: Mapping[str, Party]) -> dict[str, list[Key]]:
    """Of each party that manages consents and has not left. Raises NoConsent where somebody else wrote its keys."""
    now = datetime.now(UTC)
    found = {}
    for name, party in parties.items():
        if not party.consent_keys or (party.left_on is not None and party.left_on <= now.date()):
            continue
        try:
            found[name] = read_keys(party.signs_consents_with(now))
        except NotSigned as error:
            raise NoConsent(
                f"the consent_keys of {name} in parties.yaml are not its own ({error}); `interagency consent manager {name}`"
            ) from None
    return found


def read_keys(listed: Sequence[dict[str, Any]]) -> list[Key]:
    """Raises NoConsent where one is no public key of a kind that signs, or too short."""
    return [_key(said) for said in listed]


def _key(said: dict[str, Any]) -> Key:
    if not isinstance(said, dict) or said.get("kty") not in _KINDS or _PRIVATE in said:
        raise NoConsent(
            f"a manager's key is a public JWK of kind {', '.join(_KINDS)}; leave the private part (`d`) out"
        )
    try:
        key = _KINDS[said["kty"]].import_key(said)
        bits = key.public_key.key_size if isinstance(key, RSAKey) else _SHORTEST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise NoConsent("a manager's key cannot be read; give it as a JWK (RFC 7517)") from None
    if bits < _SHORTEST_RSA_BITS:
        raise NoConsent(f"an RSA key of {bits} bits is too short; {_SHORTEST_RSA_BITS} are needed")
    return key

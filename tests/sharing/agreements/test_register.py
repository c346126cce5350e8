"""The register: which agreements hold, and what is said of one that does not."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from sharing.agreements.canonical import canonical
from sharing.agreements.drafts import as_yaml
from sharing.agreements.parties import FILE
from sharing.agreements.register import read_register, revocation_file, signatures_file
from sharing.agreements.seen import remember, trust
from sharing.agreements.signature import sign
from sources.contract.load import load_all
from sources.contract.model import Contract
from tests.agreements import PLATFORM, PROVIDER, key_of, put, text
from warehouse.home import Home

FEED = "tests/things"
DAY = date(2026, 11, 20)
NOW = datetime.now(UTC)


def written(folder: Path, things: Contract, **said: Any) -> Path:
    return put(folder, text("things", [things.path], **said))


def why(now: datetime | None = None) -> str:
    """What is said of the only agreement."""
    register = read_register(now=now)
    assert register.in_force(FEED, DAY) == []
    return register.broken[0].why if register.broken else str(register.agreements[0].refusal(DAY))


def test_the_project_s_own_agreements_cover_every_column_of_its_feeds() -> None:
    register = read_register()
    assert register.broken == ()
    for contract in load_all():
        (agreement,) = register.in_force(contract.name, DAY)
        pull = agreement.pull_of(contract.name)
        assert pull and pull.columns == {column.name for column in contract.columns}


def test_both_days_of_its_time_are_included(folder: Path, things: Contract) -> None:
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    written(folder, things, valid_from=str(first), valid_until=str(last), review_on=str(last))
    (signed,) = read_register().agreements
    assert [signed.is_in_force(day) for day in (first, last)] == [True, True]
    assert "begins on 2026-01-01" in str(signed.refusal(first - timedelta(days=1)))
    assert "ended on 2026-12-31; renew it" in str(signed.refusal(last + timedelta(days=1)))


def test_it_is_not_in_force_before_every_party_has_signed(folder: Path, things: Contract) -> None:
    data = text("things", [things.path])
    put(folder, data, signers=[PROVIDER])
    assert why() == f"is not signed by {PLATFORM}; `interagency agreements sign things`"
    put(folder, data, signers=[])
    assert f"{PROVIDER}, {PLATFORM}" in why()
    put(folder, data)
    assert len(read_register().in_force(FEED, DAY)) == 1


def _none(data: dict[str, Any], key: OKPKey) -> str:
    header = {"alg": "none", "kid": key.thumbprint(), "iat": int(NOW.timestamp())}
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode() + ".."


def _hs256(data: dict[str, Any], key: OKPKey) -> str:
    """The public key as the secret of another algorithm."""
    secret = OctKey.import_key(base64.urlsafe_b64decode(key.as_dict(private=False)["x"] + "=="))
    header = {"alg": "HS256", "kid": key.thumbprint()}
    return jws.detach_content(jws.serialize_compact(header, canonical(data), secret, algorithms=["HS256"]))


FORGED: dict[str, Callable[[dict[str, Any], OKPKey], str]] = {
    "no algorithm": _none,
    "the public key as a secret": _hs256,
    "another text": lambda data, key: sign(data | {"retention": "P9Y"}, key, NOW),
    "of tomorrow": lambda data, key: sign(data, key, NOW + timedelta(days=1)),
    "of before the key": lambda data, key: sign(data, key, datetime(2019, 12, 31, tzinfo=UTC)),
    "by another": lambda data, key: sign(data, OKPKey.generate_key("Ed25519"), NOW),
    "no signature": lambda data, key: "x",
    "with its payload": lambda data, key: sign(data, key, NOW).replace("..", "." + "e30" + "."),
    "a bit changed": lambda data, key: sign(data, key, NOW)[:-4] + "AAAA",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_wrong_signature_refuses_the_agreement(kind: str, folder: Path, things: Contract) -> None:
    path = written(folder, things)
    signatures = json.loads(signatures_file(path).read_text())
    data = text("things", [things.path])
    signatures[PROVIDER] = FORGED[kind](data, key_of(PROVIDER))
    signatures_file(path).write_text(json.dumps(signatures))
    assert f"the signature of {PROVIDER} does not hold" in why()


def test_the_other_party_cannot_sign_for_one(folder: Path, things: Contract) -> None:
    path = written(folder, things)
    signatures = json.loads(signatures_file(path).read_text())
    signatures_file(path).write_text(json.dumps(signatures | {PROVIDER: signatures[PLATFORM]}))
    assert f"does not list for {PROVIDER}" in why()


CHANGED = {
    "retention: P1Y": "retention: P9Y",
    "consent: none": "consent: required",
    "valid_until: 2099-12-31": "valid_until: 2199-12-31",
    "[id, town, note]": "[id, town]",
}


@pytest.mark.parametrize("clause", CHANGED)
def test_a_text_that_was_changed_is_refused(clause: str, folder: Path, things: Contract) -> None:
    path = written(folder, things)
    before = path.read_text()
    assert clause in before
    path.write_text(before.replace(clause, CHANGED[clause]))
    assert "the text was changed after it was signed" in why()
    path.write_text("# A remark is no clause.\n" + before)
    assert len(read_register().in_force(FEED, DAY)) == 1


CONTRADICTORY: dict[str, dict[str, Any]] = {
    "valid_until: is before valid_from": {"valid_until": "2019-12-31"},
    "review_on: is not between": {"review_on": "2100-01-01"},
    "parties: one stands twice": {"parties": {"provider": PROVIDER, "recipient": PROVIDER}},
    "controllers: stranger is none of the parties": {"controllers": ["stranger"]},
    "previous: version 1 has none": {"version": 2},
    "purpose: dpv:Curiosity is no purpose": {"purpose": {"term": "dpv:Curiosity", "text": "x"}},
    "pull: tests/things stands twice": {
        "pull": [{"feed": FEED, "columns": ["id"]}, {"feed": FEED, "columns": ["town"]}]
    },
    "pull.0.columns.0: '*' does not match": {"pull": [{"feed": FEED, "columns": ["*"]}]},
    "pull.0.feed: 'tests/*' does not match": {"pull": [{"feed": "tests/*", "columns": ["id"]}]},
    "Additional properties are not allowed": {"signed_by": ["everybody"]},
    "day is out of range": {"valid_until": "2026-02-30"},
    "retention: 'a while' does not match": {"retention": "a while"},
}


@pytest.mark.parametrize("said", CONTRADICTORY)
def test_a_text_that_contradicts_itself_is_refused_with_its_place(said: str, folder: Path, things: Contract) -> None:
    path = written(folder, things)
    path.write_text(as_yaml(text("things", [things.path], **CONTRADICTORY[said])))
    found = why()
    assert said in found
    assert str(path) in found


def test_what_was_revoked_does_not_come_back(folder: Path, things: Contract, home: Home) -> None:
    path = written(folder, things)
    (signed,) = read_register().agreements
    statement = {"agreement": "things", "digest": signed.agreement.digest, "from": "2026-11-20", "reason": "A breach"}
    said = {"party": PROVIDER, "statement": statement, "signature": sign(statement, key_of(PROVIDER), NOW)}
    revocation_file(path).write_text(json.dumps(said))
    (signed,) = read_register().agreements
    assert signed.is_in_force(date(2026, 11, 19))
    assert f"was revoked by {PROVIDER} from 2026-11-20 on (A breach)" in str(signed.refusal(DAY))
    remember(home, read_register(home), "tester")
    revocation_file(path).unlink()
    assert "was revoked" in str(read_register(home).agreements[0].refusal(DAY))
    for change in ({"from": "2099-01-01"}, {"digest": "sha256:0"}, {"agreement": "others"}):
        revocation_file(path).write_text(json.dumps(said | {"statement": statement | change}))
        assert "does not hold" in read_register().broken[0].why


def test_an_earlier_version_does_not_come_back(folder: Path, things: Contract, home: Home) -> None:
    first = text("things", [things.path])
    put(folder, first)
    remember(home, read_register(home), "tester")
    one = read_register(home).agreements[0].agreement
    put(folder, text("things", [things.path], version=2, previous=one.digest, retention="P30D"))
    assert remember(home, read_register(home), "tester")[-1]["version"] == 2
    put(folder, first)
    assert "version 1 is superseded by version 2" in read_register(home).broken[0].why
    put(folder, text("things", [things.path], version=2, previous=one.digest, retention="P9Y"))
    assert "version 2 had another text when it was in force here" in read_register(home).broken[0].why
    (folder / "things.yaml").unlink()
    assert read_register(home).missing == ("things version 2",)


def test_the_version_before_is_the_one_that_was_signed_on(folder: Path, things: Contract) -> None:
    put(folder, text("things", [things.path], version=2, previous="sha256:" + "0" * 64))
    assert len(read_register().in_force(FEED, DAY)) == 1, "the text before is not kept"
    before = folder / "before" / "things.v1.yaml"
    before.parent.mkdir()
    before.write_text(as_yaml(text("things", [things.path])))
    assert "previous: is not the hash of before/things.v1.yaml" in why()


def _with_party(folder: Path, **said: Any) -> None:
    parties = yaml.load((folder / FILE).read_text(), yaml.BaseLoader)
    (folder / FILE).write_text(as_yaml([one | (said if one["id"] == PROVIDER else {}) for one in parties]))


def test_a_party_that_left_or_lost_its_key(folder: Path, things: Contract) -> None:
    written(folder, things)
    (key,) = yaml.load((folder / FILE).read_text(), yaml.BaseLoader)[0]["keys"]
    for said, expected in (
        ({"left_on": "2026-01-01"}, f"{PROVIDER} left on 2026-01-01; agree anew without it"),
        ({"keys": [key | {"compromised_on": "2026-01-01"}]}, "its key was compromised on 2026-01-01"),
        ({"keys": [key | {"valid_until": "2026-01-01"}]}, "its key signs from 2020-01-01 to 2026-01-01"),
    ):
        _with_party(folder, **{"keys": [key], "left_on": "2099-01-01"} | said)
        assert expected in why()
    _with_party(folder, keys=[key], left_on="2099-01-01")
    assert len(read_register().in_force(FEED, DAY)) == 1


def test_whoever_writes_the_list_of_parties_cannot_sign_for_them(folder: Path, things: Contract, home: Home) -> None:
    path = written(folder, things)
    remember(home, read_register(home), "tester")
    forger = OKPKey.generate_key("Ed25519")
    shown = forger.as_dict(private=False)
    _with_party(folder, keys=[{"kty": "OKP", "crv": "Ed25519", "x": shown["x"], "valid_from": "2020-01-01"}])
    data = text("things", [things.path])
    signatures = json.loads(signatures_file(path).read_text())
    signatures_file(path).write_text(json.dumps(signatures | {PROVIDER: sign(data, forger, NOW)}))
    assert len(read_register().in_force(FEED, DAY)) == 1, "a home that never saw the party takes its word"
    broken = read_register(home).broken[0].why
    assert "signed with a key that is new here, and no earlier key of it vouches for that" in broken
    assert "interagency agreements trust tests-agency" in broken
    trust(home, PROVIDER, forger.thumbprint(), "asked by telephone", "tester")
    assert len(read_register(home).in_force(FEED, DAY)) == 1


def test_two_texts_of_one_agreement_at_once(
    folder: Path, things: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder, things)
    put(tmp_path / "more", text("things", [things.path], retention="P9Y"))
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(tmp_path / "more"))
    assert "an agreement things stands in another folder too" in read_register().broken[0].why


@pytest.mark.parametrize("content", ["", "[]", "- id: x", "parties: {}", "\x00", "a: &a [*a]"])
def test_parties_that_cannot_be_read_refuse_all_that_they_signed(content: str, folder: Path, things: Contract) -> None:
    written(folder, things)
    (folder / FILE).write_text(content)
    assert FILE in why()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"tests-agency": 1}', "\x00", "[" * 100_000])
def test_signatures_that_cannot_be_read(content: str, folder: Path, things: Contract) -> None:
    path = written(folder, things)
    signatures_file(path).write_text(content)
    assert "signatures.json" in why()


def test_a_signature_of_a_stranger_is_none(folder: Path, things: Contract) -> None:
    path = written(folder, things)
    signatures = json.loads(signatures_file(path).read_text())
    signatures_file(path).write_text(json.dumps(signatures | {"stranger": signatures[PLATFORM]}))
    assert "stranger signed it and is no party of it" in why()

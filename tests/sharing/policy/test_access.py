"""A grant to hold names and content at once takes two: another account, or a party that provides data and signs."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from sharing.agreements.canonical import canonical
from sharing.policy.access import Grant, NotGranted, check, give, grants
from tests.agreements import PLATFORM, PROVIDER, agree, key_of
from tests.conftest import Feed
from warehouse.home import Home
from warehouse.journal import Journal

TODAY, LAST = date(2026, 11, 20), date(2099, 1, 1)
OWN = Grant("mari", LAST, "A check of links", "mari")
BY_ANOTHER = Grant("mari", LAST, "A check of links", "jaan")


@pytest.fixture
def agreed(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    contract = Feed(["{name: id, logicalType: integer, primaryKey: true}"]).write(tmp_path / "feeds")
    agree(tmp_path / "agreements", "shared", contract)
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(tmp_path / "agreements"))
    return home


def test_another_account_may_give_it(agreed: Home) -> None:
    give(agreed, BY_ANOTHER)
    check(agreed, "mari", TODAY)
    with pytest.raises(NotGranted, match="jaan has no grant"):
        check(agreed, "jaan", TODAY)


def test_nobody_gives_it_to_themselves(agreed: Home) -> None:
    with pytest.raises(NotGranted, match="to themselves"):
        give(agreed, OWN)
    assert grants(agreed) == {}


def test_one_that_was_written_past_the_command_opens_nothing(agreed: Home) -> None:
    said = {"person": "mari", "until": "2099-01-01", "reason": "x", "given_by": "mari"}
    Journal(agreed, "access.jsonl").append(said, "mari")
    with pytest.raises(NotGranted, match="to themselves"):
        check(agreed, "mari", TODAY)


def test_a_party_that_provides_data_signs_it(agreed: Home) -> None:
    give(agreed, OWN.signed(PROVIDER, key_of(PROVIDER)))
    check(agreed, "mari", TODAY)
    assert grants(agreed)["mari"].party == PROVIDER
    assert canonical(OWN.text)


WRONG: dict[str, tuple[Callable[[], Grant], str]] = {
    "the platform's own signature": (lambda: OWN.signed(PLATFORM, key_of(PLATFORM)), "provides data under no agreement"),
    "a stranger's": (lambda: OWN.signed("stranger", key_of("stranger")), "provides data under no agreement"),
    "another key": (lambda: OWN.signed(PROVIDER, key_of("other")), "does not hold"),
    "none": (lambda: Grant("mari", LAST, "x", "mari", PROVIDER, None), "does not hold"),
    "of another person": (lambda: _lent(Grant("jaan", LAST, OWN.reason, "mari")), "does not hold"),
    "of another day": (lambda: _lent(Grant("mari", TODAY, OWN.reason, "mari")), "does not hold"),
}  # fmt: skip


def _lent(signed: Grant) -> Grant:
    """Our grant under a signature that was given for another one."""
    return Grant(
        OWN.person, OWN.until, OWN.reason, OWN.given_by, PROVIDER, signed.signed(PROVIDER, key_of(PROVIDER)).signature
    )


@pytest.mark.parametrize(("wrong", "why"), WRONG.values(), ids=WRONG)
def test_a_signature_that_does_not_count(wrong: Callable[[], Grant], why: str, agreed: Home) -> None:
    with pytest.raises(NotGranted, match=why):
        give(agreed, wrong())
    assert grants(agreed) == {}

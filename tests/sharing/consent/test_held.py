"""Whose rows leave: those whose consent names this recipient and purpose, holds at this moment, and is not used up."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from sharing.consent.artefact import Status, read_artefact
from sharing.consent.errors import NoConsent
from sharing.consent.held import still_holds
from sharing.consent.kept import set_status, summaries, take_in
from sharing.ledger.log import Ledger
from sharing.release.errors import NotReleased
from tests.sharing.consent.artefacts import KEY, MANAGER, artefact, signed_part
from tests.sharing.office import COLUMNS, NIGHT, PEOPLE, Office, product
from warehouse.store.seal import Tampered

KEYS = {MANAGER: [RSAKey.import_key(KEY.as_dict(private=False))]}
NEEDED = {"consent": "required", "consent_manager": MANAGER}


def take(office: Office, id_: str, number: str, status: str = "ACTIVE", **said: Any) -> None:
    text = artefact(id_, signed_part(number, **said), status=status)
    take_in(office.home, [read_artefact(text, KEYS, datetime.now(UTC))], "tests")


@pytest.fixture
def asking(office: Office) -> Office:
    office.give(product(columns=COLUMNS), **NEEDED)
    office.publish(restricted=PEOPLE)
    return office


def counted(office: Office) -> tuple[int, int]:
    """Rows that left, and consents that they rest on."""
    made = office.made()
    said = made.manifest.consents
    assert said is not None
    assert len(office.rows(made)) == made.manifest.content.rows
    return made.manifest.content.rows, said["counted"]


def test_nobody_who_did_not_agree_is_in_it(asking: Office) -> None:
    assert counted(asking) == (0, 0)
    take(asking, "a", "P7")
    take(asking, "b", "p-8")
    assert counted(asking) == (10, 2)


@pytest.mark.parametrize(
    "said",
    [
        {"DataConsumer": {"id": "tests-ministry"}}, {"Purpose": {"code": "dpv:Marketing"}}, {"consentMode": "VIEW"}, {"consentMode": "QUERY"},
        {"consentStart": "2098-01-01T00:00:00Z", "consentExpiry": "2099-01-01T00:00:00Z"}, {"consentExpiry": "2020-01-02T00:00:00Z", "consentStart": "2020-01-01T00:00:00Z"},
        {"FIDataRange": {"from": "2026-01-16T00:00:00Z", "to": "2027-01-01T00:00:00Z"}}, {"DataFilter": [{"type": "TRANSACTIONAMOUNT", "operator": ">=", "value": "100"}]},
        {"Customer": {"id": "P99@manager"}}, {"Customer": {"id": "x", "Identifiers": [{"type": "TAX_NUMBER", "value": "SHARED"}]}},
        {"Customer": {"id": "x", "Identifiers": [{"type": "IBAN", "value": "P7"}]}},
    ],
)  # fmt: skip
def test_each_clause_is_held_just_outside(said: dict[str, Any], asking: Office) -> None:
    take(asking, "a", "P7", **said)
    assert counted(asking) == (0, 0)


@pytest.mark.parametrize(
    "said",
    [
        {"Purpose": {"code": "dpv:ProvideOfficialStatistics"}}, {"Customer": {"id": "P7@manager"}}, {"DataFilter": []},
        {"FIDataRange": {"from": "2026-01-15T00:00:00Z", "to": "2026-01-15T23:00:00Z"}},
        {"Customer": {"id": "x", "Identifiers": [{"type": "MOBILE", "value": "1"}, {"type": "NATIONAL_NUMBER", "value": "p7"}]}},
    ],
)  # fmt: skip
def test_each_clause_is_held_just_inside(said: dict[str, Any], asking: Office) -> None:
    take(asking, "a", "P7", **said)
    assert counted(asking) == (5, 1)


@pytest.mark.parametrize("status", ["PAUSED", "REVOKED", "EXPIRED"])
def test_what_is_paused_or_ended_leaves_the_next_release(status: str, asking: Office) -> None:
    take(asking, "a", "P7")
    take(asking, "b", "P8")
    before = asking.made()
    assert still_holds(asking.home, before.manifest.release, 2, datetime.now(UTC))
    take(asking, "a", "P7", status=status)
    assert not still_holds(asking.home, before.manifest.release, 2, datetime.now(UTC))
    assert counted(asking) == (5, 1)
    assert still_holds(asking.home, asking.made().manifest.release, 1, datetime.now(UTC))
    assert asking.made().manifest.release != before.manifest.release
    if status == "PAUSED":
        set_status(asking.home, {"a": Status.ACTIVE}, "tests")
        assert asking.made().manifest.release == before.manifest.release
        return
    with pytest.raises(NoConsent, match="for good"):
        set_status(asking.home, {"a": Status.ACTIVE}, "tests")


def test_a_status_that_nobody_signed_allows_nothing_again(asking: Office) -> None:
    take(asking, "a", "P7", status="PAUSED")
    take(asking, "a", "P7", status="ACTIVE")
    assert counted(asking) == (0, 0)


def test_once_is_once_and_the_same_release_is_no_second_use(asking: Office) -> None:
    take(asking, "a", "P7", fetchType="ONETIME")
    assert counted(asking) == counted(asking) == (5, 1)
    other = product(id="others", columns=COLUMNS)
    asking.give(product(columns=COLUMNS), other, **NEEDED)
    assert asking.made(1).manifest.content.rows == 0


def test_uses_in_a_span_are_counted(asking: Office) -> None:
    take(asking, "a", "P7", Frequency={"unit": "DAY", "value": 2})
    asking.give(*[product(id=f"p{place}", columns=COLUMNS) for place in range(3)], **NEEDED)
    assert [asking.made(place).manifest.content.rows for place in range(3)] == [5, 5, 0]


def test_the_days_of_rows_are_held_to_the_range(asking: Office) -> None:
    asking.give(product(columns=COLUMNS, period="born"), **NEEDED)
    # Row 7 of P7 was born on 1952-01-15, the others later.
    take(asking, "a", "P7", FIDataRange={"from": "1952-01-15T00:00:00Z", "to": "1952-01-15T23:59:59Z"})
    assert counted(asking) == (1, 1)


def test_the_shortest_life_of_data_ends_the_release(asking: Office) -> None:
    take(asking, "a", "P7", DataLife={"unit": "DAY", "value": 10})
    take(asking, "b", "P8", DataLife={"unit": "INF", "value": 5})
    assert asking.made().manifest.expires == (NIGHT + timedelta(days=10)).isoformat()


def test_a_manager_that_the_agreement_does_not_name_counts_for_nothing(asking: Office) -> None:
    asking.give(product(columns=COLUMNS), consent="required", consent_manager="tests-other")
    take(asking, "a", "P7")
    assert counted(asking) == (0, 0)


def test_without_a_person_nobodys_consent_can_be_held(office: Office) -> None:
    from tests.sharing.office import TABLE

    office.give(product(), **NEEDED)
    office.publish(TABLE.replace("AS person_id", "AS somebody"), restricted=PEOPLE)
    with pytest.raises(NotReleased, match="has no person_id"):
        office.made()


def test_consents_put_in_or_taken_away_by_hand_are_seen(asking: Office) -> None:
    take(asking, "a", "P7")
    file = asking.home.state / "consents" / "taken" / "000001.parquet"
    content = file.read_bytes()
    file.rename(file.with_name("000002.parquet"))
    with pytest.raises(Tampered, match="consents"):
        asking.made()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(Tampered, match="consents"):
        asking.made()


def test_nothing_of_a_person_is_told(asking: Office) -> None:
    take(asking, "a", "P7")
    assert [one.status for one in summaries(asking.home)] == ["ACTIVE"]
    said = json.dumps([dict(entry.what) for entry in Ledger(asking.home).entries()])
    assert "P7" not in said
    for path in (asking.home.state / "consents").rglob("*.parquet"):
        assert b"NATIONAL" not in path.read_bytes().upper()
        assert path.read_bytes().startswith(b"PARE")

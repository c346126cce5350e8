"""What is over its time is listed, and goes: releases past the last day of their use, and consents past expiry and data life."""

from datetime import UTC, date, datetime, timedelta

from sharing.consent.artefact import Consent, Identifier, Mode, Status
from sharing.consent.kept import summaries, take_in
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.rights.retention import Retention
from tests.sharing.office import Office

LAST = date(2026, 12, 31)


def consent(id_: str, expires: datetime, life: timedelta | None) -> Consent:
    return Consent(
        id=id_, manager="tests-manager", status=Status.ACTIVE, starts=datetime(2025, 1, 1, tzinfo=UTC), expires=expires, mode=Mode.STORE,
        is_once=False, consumer="tests-office", identifiers=(Identifier.of("national_number", "P7"),), purpose="dpv:Purpose",
        range_from=datetime(2020, 1, 1, tzinfo=UTC), range_to=datetime(2030, 1, 1, tzinfo=UTC), life=life, uses=None, each=None,
        has_filter=False,
    )  # fmt: skip


def retention(office: Office, on: date) -> Retention:
    return Retention(office.home, [], office.maker.covered.policy, on)


def test_a_release_goes_the_day_after_its_last_one(office: Office) -> None:
    office.publish()
    made = office.made()
    assert list(retention(office, LAST).over()) == []
    (listed,) = retention(office, LAST + timedelta(days=1)).over()
    assert (listed.what, listed.place) == ("release", made.manifest.release[:12])
    assert made.sealed.exists(), "listing deletes nothing"
    sealed = made.sealed
    retention(office, LAST + timedelta(days=1)).apply("tests")
    assert not sealed.exists()
    assert made.is_withdrawn
    assert list(retention(office, LAST + timedelta(days=1)).over()) == []
    assert [entry.what["what"] for entry in Ledger(office.home).entries() if entry.kind == Kind.RETENTION] == [
        "release"
    ]


def test_a_consent_goes_when_its_data_life_is_over_too(office: Office) -> None:
    ends = datetime(2026, 1, 1, tzinfo=UTC)
    take_in(office.home, [consent("short", ends, None), consent("long", ends, timedelta(days=30))], "tests")
    on = date(2026, 1, 20)
    assert [one.place for one in retention(office, on).over()] == ["short"]
    retention(office, on).apply("tests")
    assert [one.consent_id for one in summaries(office.home)] == ["long"]
    assert [one.place for one in retention(office, date(2026, 2, 2)).over()] == ["long"]

"""Who may read what, asked at every request: tokens, agreements, parties, other recipients, clocks; and what stands in the ledger."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sharing.agreements.parties import Party
from sharing.consent.artefact import Status
from sharing.consent.kept import set_status
from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from sharing.release.deliver import deliver
from sharing.release.errors import NotReleased
from sharing.release.kept import DELIVERY, WITHDRAWN, note, releases
from sharing.serve.allowed import why_not
from sharing.serve.limits import Limit
from sharing.serve.tokens import JOURNAL, revoke, tokens
from tests.sharing.consent.test_held import NEEDED, take
from tests.sharing.office import FRAUD, PEOPLE, TABLE, source_agreement
from tests.sharing.serve.counter import SHARE, STAYS, TABLES, Counter, served
from warehouse.journal import Journal
from warehouse.store.seal import Tampered


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer guessed", "Basic dXNlcjpwYXNz", "Bearer é", "Bearer " + "a" * 5000]
)
def test_nothing_is_told_without_a_token(header: str, counter: Counter) -> None:
    for path in ("/shares", STAYS + "/metadata", "/shares/none"):
        answer = counter.ask(path, None, headers={"authorization": header.encode()} if header else {})
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "UNAUTHENTICATED")
        assert "stay" not in answer.text


def test_what_is_anothers_is_answered_as_what_does_not_exist(counter: Counter) -> None:
    paths = ("{}/version", "{}/metadata", "{}/changes?startingVersion=0")
    mine_not = [counter.ask(path.format(f"{TABLES}/towns")) for path in paths]
    nowhere = [counter.ask(path.format(f"{TABLES}/nothing")) for path in paths]
    mine_not.append(counter.ask(f"{TABLES}/towns/query", method="POST", json={}))
    nowhere.append(counter.ask(f"{TABLES}/nothing/query", method="POST", json={}))
    mine_not.append(counter.ask("/shares/hospital"))
    nowhere.append(counter.ask("/shares/nothing"))
    assert [(one.status_code, one.content) for one in mine_not] == [(one.status_code, one.content) for one in nowhere]
    assert {one.status_code for one in nowhere} == {404}
    assert "towns" not in counter.ask(TABLES).text
    assert [one["name"] for one in counter.ask(TABLES, "tests-ministry").json()["items"]] == ["towns"]


def test_names_are_found_without_regard_to_case(counter: Counter) -> None:
    assert counter.ask("/shares/STAY-Statistics/schemas/Products/tables/Stays/version").status_code == 200


def test_a_page_token_is_good_for_its_list_and_recipient_alone(counter: Counter) -> None:
    counter.office.give(*(served(id=f"stays-{n}", recipients=["tests-office", "tests-ministry"]) for n in range(3)))
    counter.publish(run="run00002")
    counter.tokens.clear()
    first = counter.ask(f"{TABLES}?maxResults=2").json()
    rest = counter.ask(f"{TABLES}?maxResults=2&pageToken={first['nextPageToken']}").json()
    assert [one["name"] for page in (first, rest) for one in page["items"]] == ["stays-0", "stays-1", "stays-2"]
    assert "nextPageToken" not in rest
    none = counter.ask(f"{TABLES}?maxResults=0").json()
    assert none["items"] == [] and none["nextPageToken"]
    for path, recipient in ((TABLES, "tests-ministry"), (f"/shares/{SHARE}/schemas", "tests-office")):
        answer = counter.ask(f"{path}?pageToken={first['nextPageToken']}", recipient)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_PARAMETER_VALUE")
    for bad in ("x", "x.y", first["nextPageToken"][:-2], "é"):
        assert counter.ask(TABLES, params={"pageToken": bad}).status_code == 400


@pytest.mark.parametrize("many", ["-1", "x", "1.5", "9" * 40, ""])
def test_a_number_of_results_that_is_none_is_refused(many: str, counter: Counter) -> None:
    assert counter.ask("/shares", params={"maxResults": many}).status_code == 400


def test_the_agreements_last_day_is_the_tokens(counter: Counter) -> None:
    for days, status in ((305, 200), (306, 401)):
        counter.moment = counter.moment.replace(month=3, day=1) + timedelta(days=days)
        assert counter.ask(f"{STAYS}/version").status_code == status, counter.moment
        counter.moment -= timedelta(days=days)


def test_a_further_version_of_the_agreement_needs_a_new_profile(counter: Counter) -> None:
    address = counter.address()
    counter.office.give(served(), version=2, previous="sha256:" + "0" * 64)
    answer = counter.ask(f"{STAYS}/version")
    assert (answer.status_code, counter.fetch(address).status_code) == (403, 403)
    assert "has a further version" in answer.json()["message"]
    counter.tokens.clear()
    # What was made under the version before is not served under this one.
    assert counter.ask(f"{STAYS}/version").status_code == 403
    counter.publish(TABLE, "run00002")
    assert counter.ask(f"{STAYS}/version").headers["delta-table-version"] == "1"


def _left(counter: Counter) -> None:
    known = counter.office.parties["tests-office"]
    counter.office.parties["tests-office"] = Party(known.id, "x", "y", known.keys, counter.moment.date())


def _source_revoked(counter: Counter) -> None:
    counter.office.revoked = "hospital"


def _source_for_another_purpose(counter: Counter) -> None:
    counter.office.source = source_agreement(FRAUD)


def _not_handed_over(counter: Counter) -> None:
    (release,) = releases(counter.office.home, product="stays")
    (release.folder / DELIVERY).unlink()


def _withdrawn(counter: Counter) -> None:
    (release,) = releases(counter.office.home, product="stays")
    note(release.folder, WITHDRAWN, "tests")


@pytest.mark.parametrize("ends", [_left, _source_revoked, _source_for_another_purpose, _withdrawn, _not_handed_over])
def test_what_ends_a_release_ends_its_table_and_its_addresses(
    ends: Callable[[Counter], None], counter: Counter
) -> None:
    address = counter.address()
    assert counter.fetch(address).status_code == 200
    ends(counter)
    assert counter.ask(f"{STAYS}/metadata").status_code == 403
    assert counter.ask(f"{STAYS}/query", method="POST", json={}).status_code == 403
    assert counter.fetch(address).status_code == 403
    assert "hospital" not in counter.ask(f"{STAYS}/metadata").text


def test_what_waits_for_a_person_is_not_served(counter: Counter) -> None:
    counter.office.give(served(approval="required"))
    counter.office.publish(run="run00002")
    counter.office.made()
    counter.tokens.clear()
    assert counter.ask(f"{STAYS}/version").status_code == 403
    assert counter.ask(TABLES).json()["items"] == []


def test_two_versions_are_served_at_once_and_numbers_stay(counter: Counter) -> None:
    old = counter.address()
    counter.publish(TABLE.replace("range(200)", "range(300)"), "run00002")
    assert counter.ask(f"{STAYS}/version").headers["delta-table-version"] == "1"
    rows = [json.loads(counter.lines(f"{STAYS}/query", version=n)[-1]["file"]["stats"])["numRecords"] for n in (0, 1)]
    assert rows == [200, 300]
    assert counter.fetch(old).status_code == 200
    first = releases(counter.office.home, product="stays")
    note(next(one for one in first if one.manifest.content.rows == 200).folder, WITHDRAWN, "tests")
    assert counter.ask(f"{STAYS}/version").headers["delta-table-version"] == "1"
    gone = counter.ask(f"{STAYS}/query", method="POST", json={"version": 0})
    assert (gone.status_code, gone.json()["message"]) == (400, "version 0 cannot be read; there are 1")
    # The change to 1 takes away what cannot be read any more.
    assert counter.ask(f"{STAYS}/changes?startingVersion=1").status_code == 400


def test_moments_choose_versions(counter: Counter) -> None:
    counter.publish(TABLE.replace("range(200)", "range(300)"), "run00002")
    head = [counter.lines(f"{STAYS}/query", version=n)[-1]["file"] for n in (0, 1)]
    assert head[0]["timestamp"] < head[1]["timestamp"]
    assert counter.lines(f"{STAYS}/query", timestamp="2999-01-01T00:00:00Z")[-1]["file"]["version"] == 1
    assert counter.ask(f"{STAYS}/query", method="POST", json={"timestamp": "2000-01-01 00:00:00"}).status_code == 400
    since = counter.ask(f"{STAYS}/version", params={"startingTimestamp": "2000-01-01 00:00:00"})
    assert since.headers["delta-table-version"] == "0"
    assert counter.ask(f"{STAYS}/version", params={"startingTimestamp": "2999-01-01T00:00:00Z"}).status_code == 400


@pytest.mark.parametrize(
    ("jump", "status"),
    [(0, 200), (15 * 60, 200), (15 * 60 + 1, 403), (-30, 200), (-3600, 403), (40 * 24 * 3600, 403)],
)
def test_an_address_lives_a_quarter_of_an_hour_whatever_the_clock_does(
    jump: int, status: int, counter: Counter
) -> None:
    address = counter.address()
    counter.later(seconds=jump)
    assert counter.fetch(address).status_code == status


def test_an_address_that_was_changed_opens_nothing(counter: Counter) -> None:
    address, others = counter.address(), counter.address("tests-ministry", f"{TABLES}/towns")
    place, _, signature = address.partition("?sp=r&sig=")
    for changed in (
        place, f"{place}?sp=r&sig=", f"{address}x", f"{place}?sig={others.partition('sig=')[2]}",
        f"{others.partition('?')[0]}?sig={signature}", address.replace("/files/", "/files/x"),
    ):  # fmt: skip
        answer = counter.fetch(changed)
        assert answer.status_code == 403 and "it is" not in answer.text, changed


def test_a_token_is_kept_as_a_hash_and_issuing_and_revoking_stand_in_the_ledger(counter: Counter) -> None:
    home, (token, text) = counter.office.home, counter.token()
    kept = [path for path in home.root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
    assert kept == []
    assert Journal(home, JOURNAL).path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(NotReleased, match="needs a reason"):
        revoke(home, token.id, " ")
    revoke(home, token.id, "its laptop was lost")
    assert [one.state(counter.moment) for one in tokens(home)] == ["revoked"]
    with pytest.raises(NotReleased, match="no token"):
        revoke(home, token.id, "again")
    uses = [entry.what["use"] for entry in Ledger(home).entries() if entry.kind == Kind.KEY_USE]
    assert uses == ["token of a recipient issued", "token of a recipient revoked"]


def test_a_list_of_tokens_that_was_changed_opens_nothing(counter: Counter) -> None:
    assert counter.ask("/shares").status_code == 200
    revoke(counter.office.home, counter.token()[0].id, "lost")
    path = Journal(counter.office.home, JOURNAL).path
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(Tampered):
        tokens(counter.office.home)
    answer = counter.ask("/shares")
    assert (answer.status_code, answer.json()["errorCode"]) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "jsonl" not in answer.text


def test_every_read_stands_in_the_ledger_once(counter: Counter) -> None:
    address = counter.address()
    for start in range(0, 3000, 1000):
        assert counter.fetch(address, range=f"bytes={start}-{start + 9}").status_code == 206
    counter.fetch(address, "HEAD")
    counter.ask(f"{STAYS}/metadata")
    read = [entry for entry in Ledger(counter.office.home).entries() if entry.kind == Kind.READ]
    assert [(entry.what["read"], entry.actor) for entry in read] == [
        ("query", "tests-office"),
        ("file", "tests-office"),
    ]
    (release,) = releases(counter.office.home, product="stays")
    assert {entry.what["release"] for entry in read} == {release.manifest.release}
    assert {entry.what["bytes"] for entry in read} == {release.manifest.content.bytes}


def test_what_cannot_be_written_down_is_not_read(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    address = counter.address()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sharing.ledger.log.Ledger._add", full)
    assert counter.fetch(address).status_code == 503
    assert counter.ask(f"{STAYS}/query", method="POST", json={}).status_code == 503


def test_another_file_in_the_place_of_a_release_is_not_served(counter: Counter) -> None:
    address = counter.address()
    stays, towns = (releases(counter.office.home, product=name)[0] for name in ("stays", "towns"))
    stays.sealed.write_bytes(towns.sealed.read_bytes())
    assert counter.fetch(address).status_code == 503
    assert counter.ask(f"{STAYS}/query", method="POST", json={}).status_code == 503


def test_a_manifest_that_was_changed_is_not_served(counter: Counter) -> None:
    address = counter.address()
    (release,) = releases(counter.office.home, product="stays")
    replace(release.manifest, condition="kind = 1").write(release.folder, counter.office.key)
    assert counter.fetch(address).status_code == 503
    assert counter.ask(f"{STAYS}/query", method="POST", json={}).status_code == 503


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, None), ({"expires": "2026-03-01"}, None), ({"expires": "2026-02-28"}, "may use it until 2026-02-28"),
        ({"consents": {"counted": 1}}, "a consent that it rests on"), ({"recipient": "tests-ministry"}, "is not the recipient's"),
    ],
)  # fmt: skip
def test_what_a_manifest_says_decides(said: dict[str, Any], why: str | None, counter: Counter) -> None:
    asker = counter.door.by_header(f"Bearer {counter.token()[1]}")
    (release,) = releases(counter.office.home, product="stays")
    product = asker.agreement.product_of("stays")
    assert product is not None
    found = why_not(replace(release, manifest=replace(release.manifest, **said)), product, asker, counter.door.today)
    assert (found is None) if why is None else why in str(found)


def test_a_consent_that_ends_closes_what_rests_on_it(counter: Counter) -> None:
    office = counter.office
    office.give(served(), **NEEDED)
    office.publish(run="run00002", restricted=PEOPLE)
    take(office, "a", "P7", consentMode="STREAM")
    made, product = office.made(), office.wanted()[0].product
    deliver(office.home, made, product)
    address = counter.address()
    assert counter.fetch(address).status_code == 200
    take(office, "a", "P7", status="PAUSED", consentMode="STREAM")
    assert counter.fetch(address).status_code == 403
    set_status(office.home, {"a": Status.ACTIVE}, "tests")
    assert counter.fetch(address).status_code == 200


def test_a_release_of_an_older_night_has_no_version(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counter.ask(f"{STAYS}/version").headers["delta-table-version"] == "0"
    monkeypatch.setattr("tests.sharing.office.NIGHT", date(2026, 1, 10))
    counter.office.publish(TABLE.replace("range(200)", "range(100)"), "run00002")
    wanted = counter.office.wanted(date(2026, 1, 10))[0]
    deliver(counter.office.home, counter.office.maker.make(wanted), wanted.product)
    assert len(releases(counter.office.home, product="stays")) == 2
    assert counter.ask(f"{STAYS}/version").headers["delta-table-version"] == "0"
    assert counter.lines(f"{STAYS}/query")[1]["metaData"]["configuration"]["interagency.night"] == "2026-01-15"


def test_whoever_asks_too_often_waits_and_keeps_nobody_else_out(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter.server, "_strangers", Limit(0.01, 3))
    monkeypatch.setattr(counter.server, "_asking", Limit(0.01, 3))
    guesses = [counter.ask("/shares", None, headers={"authorization": f"Bearer {n}"}).status_code for n in range(5)]
    assert guesses == [401, 401, 401, 429, 429]
    asked = [counter.ask("/shares") for _ in range(4)]
    assert [one.status_code for one in asked] == [200, 200, 200, 429]
    assert asked[-1].headers["retry-after"] == "1"
    assert counter.ask("/shares", "tests-ministry").status_code == 200

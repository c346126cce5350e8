"""After a night every product leaves for every recipient; what may not is told, and stops nothing else."""

from datetime import date
from pathlib import Path

import pytest

from sharing.release.nightly import Left, release_products
from tests.sharing.office import NIGHT, Office, product

KEYS = [("stay-statistics", "stays"), ("stay-statistics", "risky"), ("nobodys", "x")]


@pytest.fixture
def nightly(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    office.give(product(), product(id="risky", columns={"name": "keep"}), product(id="looked-at", approval="required"))
    office.publish()
    monkeypatch.setattr("sharing.release.nightly.maker_of", lambda *_: office.maker)
    return office


def left(office: Office, keys: list[tuple[str, str]], night: date = NIGHT) -> list[Left]:
    return release_products(office.home, [], night, keys)


def test_one_that_may_not_leave_stops_no_other(nightly: Office) -> None:
    first, second, third = left(nightly, KEYS)
    assert (first.state, first.rows, first.reason) == ("delivered", 200, None)
    assert second.state == third.state == "not released"
    assert "name is protected" in str(second.reason)
    assert "there is no agreement 'nobodys'" in str(third.reason)


def test_what_a_person_signs_waits_for_it(nightly: Office) -> None:
    from sharing.release.deliver import approve, deliver

    keys = [("stay-statistics", "looked-at")]
    assert [one.state for one in left(nightly, keys)] == ["waits for approval"]
    made = nightly.made(2)
    approve(nightly.home, made, "looked at the figures")
    assert deliver(nightly.home, made, nightly.wanted()[2].product) == str(made.folder)
    assert [one.state for one in left(nightly, keys)] == ["delivered"]


def test_of_a_night_that_readers_do_not_see_nothing_leaves(nightly: Office) -> None:
    assert [one.reason for one in left(nightly, KEYS[:1], date(2026, 1, 14))] == ["readers do not see this night"]


def test_it_goes_to_a_folder_that_was_granted_and_no_other(
    nightly: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    grants = tmp_path / "grants.yaml"
    grants.write_text("{}\n")
    monkeypatch.setenv("INTERAGENCY_GRANTS", str(grants))
    nightly.give(product(to=str(inbox)))
    assert "put it beside the contract, or grant its folder" in str(left(nightly, KEYS[:1])[0].reason)
    grants.write_text(f"tests_office: {{folders: [{inbox}]}}\n")
    assert left(nightly, KEYS[:1])[0].state == "delivered"
    names = sorted(path.name.partition(".")[2] for path in inbox.iterdir())
    assert names == ["manifest.json", "manifest.jws", "parquet.age"]
    # Handed over once: the same night again brings nothing.
    for path in inbox.iterdir():
        path.unlink()
    left(nightly, KEYS[:1])
    assert list(inbox.iterdir()) == []


def test_the_asset_tells_of_each_recipient(nightly: Office) -> None:
    import dagster as dg

    from orchestration.assets.harmonise import PUBLISHED_KEY
    from orchestration.assets.release import release_assets, release_key
    from orchestration.resources import Platform

    assets = release_assets(KEYS[:2])
    done = dg.materialize(
        [*assets, dg.AssetSpec(PUBLISHED_KEY)],
        partition_key=NIGHT.isoformat(),
        resources={"platform": Platform(), "io_manager": dg.mem_io_manager},
    )
    checks = {check.asset_key: check.passed for check in done.get_asset_check_evaluations()}
    assert checks == {release_key(KEYS[0]): True, release_key(KEYS[1]): False}
    assert done.success

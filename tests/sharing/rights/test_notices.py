"""Whoever received a person who was erased since is told by their own pseudonym of them, sealed and signed; the receipt is kept."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest

from sharing.agreements.signature import verify
from sharing.masking.pseudonym import recipient_key, rotate_recipient
from sharing.rights.errors import NotCarriedOut
from sharing.rights.notices import ERASED, Notice, Teller, note_receipt, notices
from sharing.rights.released import IN, Given
from tests.sharing.office import COLUMNS, Office, product


def told(office: Office, carried: bool = True) -> list[Notice]:
    said = office.made().manifest
    given = Given(
        said.release, said.agreement, said.product, said.recipient, said.night, "delivered", IN, 5, {}, said.expires, carried
    )  # fmt: skip
    register = office.maker.covered.policy.register
    return list(Teller(office.home, office.key, register, "tests").tell(ERASED, [given], "id7"))


def opened(office: Office, notice: Notice) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(pyrage.decrypt(Path(notice.place).read_bytes(), [office.identity]))
    return found


def test_a_recipient_is_told_by_its_own_pseudonym(office: Office) -> None:
    office.publish()
    (notice,) = told(office)
    found = opened(office, notice)
    verify(str(found["signature"]), found["said"], office.key, datetime.now(UTC))
    assert found["said"]["person"] == recipient_key(office.home, "tests-office").of("id7")
    assert Path(notice.place).stat().st_mode & 0o777 == 0o600


def test_the_pseudonym_is_the_one_of_the_release_after_a_rotation(office: Office) -> None:
    office.publish()
    before = recipient_key(office.home, "tests-office").of("id7")
    made = office.made().manifest
    rotate_recipient(office.home, "tests-office")
    given = Given(made.release, made.agreement, made.product, made.recipient, made.night, "delivered", IN, 5, {}, made.expires, True)  # fmt: skip
    register = office.maker.covered.policy.register
    (notice,) = Teller(office.home, office.key, register, "tests").tell(ERASED, [given], "id7")
    assert opened(office, notice)["said"]["person"] == before


def test_it_is_brought_where_the_recipient_takes_the_product(office: Office, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    office.give(product(columns=COLUMNS, to=str(taken)))
    office.publish()
    (notice,) = told(office)
    assert notice.place == str(taken)
    assert [path.name for path in taken.iterdir()] == [f"{notice.notice}.json.age"]


def test_a_product_without_their_pseudonym_names_nobody(office: Office) -> None:
    office.publish()
    (notice,) = told(office, carried=False)
    assert opened(office, notice)["said"]["person"] is None


def test_a_receipt_is_kept(office: Office) -> None:
    office.publish()
    (notice,) = told(office)
    assert [one.received for one in notices(office.home)] == [None]
    note_receipt(office.home, notice.notice[:8], "by mail", "tests")
    (kept,) = notices(office.home)
    assert (kept.received, kept.told_at, kept.place) == ("by mail", notice.told_at, notice.place)
    with pytest.raises(NotCarriedOut, match="0 notices"):
        note_receipt(office.home, "ffff", "by mail", "tests")

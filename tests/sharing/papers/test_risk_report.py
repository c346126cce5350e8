"""The risk of a release as a page that a data protection officer can sign: by the Five Safes, with its figures and a picture."""

from pathlib import Path

import pytest

from sharing.papers.risk_report import write_risk_report
from tests.browser import WITH_BROWSER
from tests.sharing.office import TABLE, Office, product
from tests.sharing.papers.conftest import AT, kept_from_reading, said


@pytest.fixture
def page(office: Office, tmp_path: Path) -> Path:
    limits = {"quasi_identifiers": ["born", "town"], "sensitive": ["kind"], "k_anonymity": 5, "attack_gain": 0.6}
    office.give(
        product(
            columns={"number": "pseudonym", "born": "generalise to decade", "town": "keep", "kind": "keep"}, risk=limits
        )
    )
    office.publish(TABLE.replace("range(200)", "range(600)"))
    made = office.made()
    wanted = office.wanted()[0]
    return write_risk_report(tmp_path / "page" / "risk.html", made, wanted.agreement, office.parties, AT)


def test_each_safe_says_what_the_agreement_says_and_what_was_found(page: Path) -> None:
    text = said(page)
    for words in (
        "Safe projects", "Safe people", "Safe settings", "Safe data", "Safe outputs", "provide official statistics", "sealed for the recipient",
        "generalise to decade", "fewest alike (k) by born, town", "linked to what is known", "is agreed", "<svg", "The best attack gains",
    ):  # fmt: skip
        assert words in text, words
    assert "Tartu" not in text


@WITH_BROWSER
def test_nothing_keeps_people_from_reading_it(page: Path, tmp_path: Path) -> None:
    assert kept_from_reading(page, tmp_path) == []

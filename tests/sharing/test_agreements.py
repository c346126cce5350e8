"""Agreements: what allows a pull, until when, and what a broken one says."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from sharing.agreements import AgreementError, load_agreements, refusal
from sources.contract.load import load_all

TEXT = """id: tests-things
title: Things
parties: {provider: Agency of Tests, recipient: Platform}
legal_basis: An act
purpose: >-
  Rows for
  a test.
feeds: [tests/things, others/*]
valid_from: 2026-01-01
valid_until: 2026-12-31
retention: P1Y
"""
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def written(folder: Path, text: str = TEXT, name: str = "tests-things") -> Path:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_real_agreements_cover_every_real_feed() -> None:
    agreements = load_agreements()
    for contract in load_all():
        assert refusal(agreements, contract.agency, contract.feed, date(2026, 11, 20)) is None


def test_an_agreement_is_read_as_it_stands(tmp_path: Path) -> None:
    (agreement,) = load_agreements(written(tmp_path))
    assert (agreement.valid_from, agreement.valid_until) == (FIRST, LAST)
    assert (agreement.provider, agreement.recipient) == ("Agency of Tests", "Platform")
    assert agreement.purpose == "Rows for a test."


def test_both_days_of_its_time_are_included(tmp_path: Path) -> None:
    agreements = load_agreements(written(tmp_path))
    for day in (FIRST, LAST):
        assert refusal(agreements, "tests", "things", day) is None
    for day in (FIRST - timedelta(days=1), LAST + timedelta(days=1)):
        assert refusal(agreements, "tests", "things", day) == (
            f"no agreement on tests/things is in date on {day}: tests-things (2026-01-01 to 2026-12-31); renew it"
        )


def test_a_star_covers_an_agency_and_nothing_else(tmp_path: Path) -> None:
    agreements = load_agreements(written(tmp_path))
    assert refusal(agreements, "others", "anything", FIRST) is None
    for agency, feed in (("tests", "thing"), ("tests", "others"), ("other", "things"), ("others_too", "x")):
        reason = refusal(agreements, agency, feed, FIRST)
        assert reason == f"no agreement covers {agency}/{feed}; sign one and add it under agreements/"


def test_one_agreement_in_date_is_enough(tmp_path: Path) -> None:
    written(tmp_path)
    later = (
        TEXT.replace("tests-things", "renewed").replace("2026-12-31", "2027-12-31").replace("2026-01-01", "2027-01-01")
    )
    agreements = load_agreements(written(tmp_path, later, "renewed"))
    assert refusal(agreements, "tests", "things", LAST) is None
    assert refusal(agreements, "tests", "things", LAST + timedelta(days=1)) is None
    reason = refusal(agreements, "tests", "things", date(2028, 1, 1)) or ""
    assert "renewed (2027-01-01 to 2027-12-31)" in reason
    assert "tests-things (2026-01-01 to 2026-12-31)" in reason


def test_no_agreements_allow_nothing(tmp_path: Path) -> None:
    assert load_agreements(tmp_path) == []
    assert refusal([], "tests", "things", FIRST) is not None


MISTAKES = {
    "unknown key": (TEXT + "colour: blue\n", "file", "colour"),
    "missing key": (TEXT.replace("legal_basis: An act\n", ""), "file", "legal_basis"),
    "missing party": (TEXT.replace(", recipient: Platform", ""), "parties", "recipient"),
    "no feeds": (TEXT.replace("[tests/things, others/*]", "[]"), "feeds", ""),
    "feed in another form": (TEXT.replace("tests/things,", "tests.things,"), "feeds.0", "tests.things"),
    "star for an agency": (TEXT.replace("others/*", '"*/*"'), "feeds.1", "*/*"),
    "day in another form": (TEXT.replace("2026-01-01", "01.01.2026"), "valid_from", "01.01.2026"),
    "no day of the calendar": (TEXT.replace("2026-12-31", "2026-02-30"), "valid_from, valid_until", "calendar"),
    "end before start": (TEXT.replace("2026-12-31", "2025-12-31"), "valid_until", "later day"),
    "span of retention": (TEXT.replace("P1Y", "1 year"), "retention", "1 year"),
    "another id than its name": (TEXT.replace("id: tests-things", "id: things"), "id", "'tests-things'"),
    "no mapping": ("- a\n", "file", "object"),
    "empty file": ("", "file", "object"),
    "no YAML": ("id: [\n", "is not valid YAML", ""),
    "control character": ("id: \x01\n", "is not valid YAML", ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_file_and_place(mistake: str, tmp_path: Path) -> None:
    text, place, words = MISTAKES[mistake]
    with pytest.raises(AgreementError) as caught:
        load_agreements(written(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'tests-things.yaml'}: {place}")
    assert words in str(caught.value)


def test_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("title: Länder".encode("latin-1"))
    with pytest.raises(AgreementError, match="not valid YAML in UTF-8"):
        load_agreements(tmp_path)

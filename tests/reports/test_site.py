"""The steward's page: made from the record alone, and nothing that an agency writes becomes markup."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nights.folders import night_folder, report_folder, report_path
from nights.record.feed_night import FAILED, REFUSED, FeedNight
from reports import report
from reports.pages.night_site import nights_written
from reports.report import write_report
from sources.contract.load import load, load_all
from sources.contract.model import Contract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import text_columns
from warehouse.home import Home
from warehouse.store.night_records import SCHEMAS, record, record_file
from warehouse.store.published_nights import publish, start_build

HOSTILE = '<script>alert("x")</script>'
ESCAPED = "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;"


class Tags(HTMLParser):
    """Which tags a page has, and whether each that opens is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(contracts: list[Contract], home: Home) -> str:
    path = write_report(contracts, home, NIGHT)
    assert path == report_path(home)
    page = path.read_text(encoding="utf-8")
    assert Tags(page).open == []
    return page


def contract_of_tests(folder: Path) -> Contract:
    return load(Feed(text_columns("a", "b")).write(folder))


def night_of(status: str, reason: str | None, **counts: int) -> FeedNight:
    now = datetime.now(UTC)
    return FeedNight(NIGHT, "tests", "things", status, now, now, reason=reason, **counts)


def test_no_nights_yet(home: Home) -> None:
    page = page_of(load_all(), home)
    assert "nothing is published yet" in page
    assert page.count("not pulled</span>") == len(load_all())
    assert "The harmonised tables were not built this night." in page


def test_what_agencies_write_is_never_markup(home: Home, tmp_path: Path) -> None:
    contract = replace(contract_of_tests(tmp_path), agency_name=HOSTILE)
    night_of(REFUSED, HOSTILE, rows_sent=12345, rows_accepted=0, rows_rejected=7).save(home)
    result = {"rule": HOSTILE, "dimension": "coverage", "severity": "error", "passed": False, "unexpected_count": 3,
              "row_count": 5, "observed_value": HOSTILE, "description": HOSTILE}  # fmt: skip
    record(home, "gate_result", NIGHT, [result], {"agency": "tests", "feed": "things"})
    record(home, "gate_result", NIGHT, [result], {"agency": "harmonised", "feed": "things"})
    finding = dict.fromkeys(SCHEMAS["finding"].names, HOSTILE) | {"extract_date": NIGHT}
    target = record_file(home, "finding", NIGHT)
    target.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([finding], schema=SCHEMAS["finding"]), target)
    record(
        home, "anomaly", NIGHT, [{"measure": HOSTILE, "description": HOSTILE}], {"agency": "tests", "feed": "things"}
    )
    assert "12,345" in page_of([contract], home)
    pages = {path.name: path.read_text(encoding="utf-8") for path in report_folder(home).rglob("*.html")}
    for page in pages.values():
        assert "script" not in Tags(page).names
        assert HOSTILE not in page
    told = {name: page.count(ESCAPED) for name, page in pages.items()}
    assert told["index.html"] >= 7
    assert told["tests.html"] >= 2
    assert told["tests__things.html"] >= 6
    assert told["findings.html"] >= 4


def test_the_verdict_on_a_night(home: Home, tmp_path: Path) -> None:
    contract = contract_of_tests(tmp_path)
    night_of(FAILED, "the share is down").save(home)
    page = page_of([contract], home)
    assert "This night was not published" in page
    assert "the share is down" in page
    assert "Tell: tests" in page

    publish(home, start_build(home, NIGHT, "run"))
    assert "of 1 feed, 1 was not taken. No rows yet: tests/things." in " ".join(page_of([contract], home).split())

    night_of("accepted", None, rows_sent=1, rows_accepted=1, rows_rejected=0).save(home)
    assert "This night is published, and every feed was taken." in page_of([contract], home)


def test_a_feed_that_vanished_is_told_and_an_older_night_stands_beside_the_newer(home: Home, tmp_path: Path) -> None:
    contract = contract_of_tests(tmp_path)
    now = datetime.now(UTC)
    for night in (NIGHT - timedelta(days=1), NIGHT):
        FeedNight(night, "gone", "things", FAILED, now, now, reason="the share is down").save(home)
        replace(night_of("accepted", None), extract_date=night).save(home)
    assert f"gone/things has no contract any more; its last night was {NIGHT}" in page_of([contract], home)
    assert "feeds/gone__things.html" not in page_of([contract], home)

    publish(home, start_build(home, NIGHT, "run"))
    older = write_report([contract], home, NIGHT - timedelta(days=1)).read_text(encoding="utf-8")
    assert f"stored beside the newer one of {NIGHT}" in older


def test_what_is_new_or_did_not_come_is_a_change(home: Home, tmp_path: Path) -> None:
    contract = contract_of_tests(tmp_path)
    replace(night_of("accepted", None), extract_date=NIGHT - timedelta(days=1)).save(home)
    now = datetime.now(UTC)
    FeedNight(NIGHT, "tests", "others", FAILED, now, now).save(home)
    result = {"rule": "new", "dimension": "coverage", "severity": "error", "passed": False, "unexpected_count": 3}
    record(home, "gate_result", NIGHT, [result], {"agency": "tests", "feed": "others"})
    page = page_of([contract], home)
    assert "tests/things was accepted and is not pulled" in page
    assert "tests/others was not pulled and is failed" in page
    assert "tests/others: new does not hold (3)" in page


def test_nobodys_text_turns_the_words_of_the_page(home: Home, tmp_path: Path) -> None:
    night_of(REFUSED, "abc \u202egnp.exe").save(home)
    page = page_of([contract_of_tests(tmp_path)], home)
    assert "\u202e" not in page
    assert "abc ⟨U+202E⟩gnp.exe" in page


def test_the_pages_of_a_night_stay(home: Home, tmp_path: Path) -> None:
    contract = contract_of_tests(tmp_path)
    night_of("accepted", None).save(home)
    page_of([contract], home)
    kept = (night_folder(home, NIGHT) / "index.html").read_text(encoding="utf-8")
    later = NIGHT + timedelta(days=1)
    replace(night_of(FAILED, "the share is down"), extract_date=later).save(home)
    assert write_report([contract], home, later) == report_path(home)
    assert (night_folder(home, NIGHT) / "index.html").read_text(encoding="utf-8") == kept
    assert f'href="nights/{later}/../{NIGHT}/index.html"' in report_path(home).read_text(encoding="utf-8")


def test_a_night_older_than_those_that_are_kept_has_whole_pages(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "SHOWN_NIGHTS", 1)
    contract = contract_of_tests(tmp_path)
    nights = [NIGHT - timedelta(days=days) for days in (2, 1, 0)]
    for night in nights:
        replace(night_of("accepted", None), extract_date=night).save(home)
        write_report([contract], home, night)
    # The one before goes when the next report is written.
    assert nights_written(home) == [str(NIGHT), str(nights[1])]
    write_report([contract], home, nights[0])
    assert nights_written(home) == [str(NIGHT), str(nights[0])]
    assert (night_folder(home, nights[0]) / "feeds" / "tests__things.html").exists()


def test_the_key_of_a_record_is_masked_where_its_contract_says_so(home: Home, tmp_path: Path) -> None:
    personal = load(
        Feed(["{name: id, logicalType: string, primaryKey: true, classification: personal}"]).write(tmp_path)
    )
    night_of("accepted", None).save(home)
    row = dict.fromkeys(SCHEMAS["finding"].names, "x") | {
        "extract_date": NIGHT,
        "source_key": "tests/things:38001085718",
    }
    target = record_file(home, "finding", NIGHT)
    target.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMAS["finding"]), target)
    page_of([personal], home)
    said = (night_folder(home, NIGHT) / "findings.html").read_text(encoding="utf-8")
    assert "tests/things:•••" in said
    assert "38001085718" not in said


def test_the_page_needs_no_network(home: Home) -> None:
    page = page_of(load_all(), home)
    assert "http://" not in page
    assert "https://" not in page


def test_a_night_is_compared_with_the_last_one_that_was_published(home: Home, tmp_path: Path) -> None:
    contract = contract_of_tests(tmp_path)
    for days, status, failure in ((2, "accepted", None), (1, REFUSED, "a rule does not hold"), (0, "accepted", None)):
        night = NIGHT - timedelta(days=days)
        replace(night_of(status, None), extract_date=night).save(home)
        record(home, "night", night, [{"failure": failure}], {})
    page = page_of([contract], home)
    assert f"What changed since {NIGHT - timedelta(days=2)}" in page
    assert "Nothing: the same feeds were taken" in page


def test_what_to_look_at_first_is_ranked_and_says_what_goes_back(home: Home, tmp_path: Path) -> None:
    columns = text_columns("a", "b")
    fine = load(Feed(columns, feed="fine").write(tmp_path))
    late, refused = (load(Feed(columns, feed=name).write(tmp_path)) for name in ("late", "refused"))
    contracts, now = [fine, late, refused], datetime.now(UTC)
    FeedNight(NIGHT, "tests", "fine", "accepted", now, now, rows_sent=9, rows_accepted=8, rows_rejected=1).save(home)
    FeedNight(NIGHT, "tests", "late", FAILED, now, now, reason="the share is down").save(home)
    FeedNight(NIGHT, "tests", "refused", REFUSED, now, now, reason="keys are double", rows_sent=50).save(home)
    record(home, "night", NIGHT, [{"failure": "staging: no space left"}], {})
    page = page_of(contracts, home)
    listed = page[page.index('<ol class="matters"') : page.index("</ol>")]
    places = [listed.index(said) for said in ("was not published", ": refused", "keys are double", ": not there", "the share is down", ": 1 reject")]  # fmt: skip
    assert places == sorted(places)
    assert "Readers have no rows of it." in listed

"""Data Docs have a place for every rule, which the steward's report leads to, and fetch nothing."""

from pathlib import Path

from expectations.data_docs import folder, write_data_docs
from tests.browser import WITH_BROWSER, what_keeps_people_from_reading
from tests.conftest import NIGHT, Feed, columns
from tests.nights.gated import gated
from warehouse.home import Home

FEED = Feed(columns(id="integer", amount="number, required: true, logicalTypeOptions: {minimum: 0}"))  # fmt: skip


def test_every_rule_has_a_place_in_the_page(home: Home, tmp_path: Path) -> None:
    night = gated(tmp_path, home, "id,amount\n1,2\n2,-1\n3,\n", FEED)
    (page,) = write_data_docs(home, NIGHT)
    text = page.read_text(encoding="utf-8")
    rules = [result.rule for result in night.verdict.results]
    assert {"id_required", "amount_required", "amount_minimum"} <= set(rules)
    assert [rule for rule in rules if f'id="{rule}"' not in text] == []
    assert 'src="http' not in text
    assert page.parent == folder(home, NIGHT)


@WITH_BROWSER
def test_nothing_keeps_people_from_reading_them(home: Home, tmp_path: Path) -> None:
    gated(tmp_path, home, "id,amount\n1,2\n2,-1\n3,\n", FEED)
    (page,) = write_data_docs(home, NIGHT)
    assert what_keeps_people_from_reading(page, tmp_path) == []
    assert what_keeps_people_from_reading(page.with_name("index.html"), tmp_path) == []
    assert "<script" not in page.read_text(encoding="utf-8")

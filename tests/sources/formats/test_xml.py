"""XML: namespaces, paths, repeated elements, places; what is dangerous or malformed is refused."""

from decimal import Decimal
from pathlib import Path

import pytest

from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.errors import ExtractError
from sources.formats.xml.document import _records
from sources.formats.xml.record import XmlShape
from tests.conftest import Feed
from tests.sources.formats.samples import prop
from tests.sources.landed import Landed, land

COLUMNS = [
    prop("id", "string, primaryKey: true", "@id"),
    prop("name", "string", "b:name"),
    prop("town", "string", "b:address/b:town"),
    prop("since", "date", "b:address/@since"),
    prop("capital", 'number, physicalType: "DECIMAL(12,2)"', "b:capital"),
]
FEED = Feed(COLUMNS, path="x.xml", format="xml", options={"record": '"b:company"', "namespaces": '{b: "urn:x"}'})
HEAD = '<?xml version="1.0"?>\n<r xmlns="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
FIRST = """<company id="1"><name>A &amp; <!-- no --><![CDATA[<B>]]></name><name>C</name>
<address since="2020-01-01"><town>T</town></address><capital>1.10</capital></company>
"""


def companies(tmp_path: Path, *records: str) -> Landed:
    return land(tmp_path, HEAD + "".join(records) + "</r>", FEED)


def test_paths_attributes_and_repeated_elements(tmp_path: Path) -> None:
    landed = companies(tmp_path, FIRST, '<company id="2" xsi:type="q"><name xsi:nil="true"/></company>')
    assert [tuple(row.values()) for row in landed.rows] == [
        ("1", '["A & <B>", "C"]', "T", landed.rows[0]["since"], Decimal("1.10")), ("2", None, None, None, None),
    ]  # fmt: skip
    assert str(landed.rows[0]["since"]) == "2020-01-01"


def test_new_elements_and_attributes_are_left_out_and_reported(tmp_path: Path) -> None:
    landed = companies(tmp_path, FIRST, '<company id="2" vat="7"><extra>q</extra></company>')
    assert landed.manifest.extra_columns == ["@vat", "b:extra"]
    assert not {"@vat", "b:extra"} & set(landed.rows[1])


def test_a_reject_has_the_line_of_its_element(tmp_path: Path) -> None:
    many = "".join(f'<company id="{number}"/>\n' for number in range(2, 70_000))
    landed = companies(tmp_path, FIRST, many, '<company id="x"><name>X</name><address since="soon"/></company>')
    assert [(r["line"], r["column"], r["value"]) for r in landed.rejects] == [(70_003, "since", "soon")]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Neither records nor what they stand in are kept in the tree; the parser itself is a chunk ahead."""
    groups = "".join(f"<group><other/>{FIRST}</group>" for _ in range(3000))
    (tmp_path / "x.xml").write_text(HEAD + groups + "</r>")
    shape, most = XmlShape(load(FEED.write(tmp_path))), 0
    for record in _records(shape, tmp_path / "x.xml"):
        if record.sourceline % 100 == 3:
            most = max(most, len(list(record.getroottree().getroot().iter())))
    assert most < 3000


REFUSED = {
    "cut": (HEAD + FIRST[:-20], "line 4: .*cut off"),
    "not closed": (HEAD + FIRST, "cut off"),
    "mismatched": (HEAD + "<a></b></r>", "line 3: .*well-formed"),
    "entity": ('<!DOCTYPE r [<!ENTITY a "b">]>\n' + HEAD[22:] + FIRST + "</r>", "DOCTYPE"),
    "outside": ('<!DOCTYPE r SYSTEM "file:///etc/passwd">\n' + HEAD[22:] + FIRST + "</r>", "DOCTYPE"),
    "other root": ("<r/>", "no <b:company> in the file"),
    "other namespace": (HEAD.replace("urn:x", "urn:y") + FIRST + "</r>", "nor anything else of its namespace"),
    "page of a proxy": ("<html><p>error</html>", "well-formed"),
    "empty": ("", "well-formed"),
    "missing column": (HEAD + '<company id="1"/></r>', "no b:name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_extract_refuses_the_night(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, FEED)


@pytest.mark.parametrize("record", ["b:list/b:company", "//company", "company[1]", "*"])
def test_a_record_that_is_no_element_is_told_with_the_contract(record: str, tmp_path: Path) -> None:
    wrong = Feed(COLUMNS, path="x.xml", format="xml", options={**FEED.options, "record": f'"{record}"'})
    with pytest.raises(ContractError, match=r"is no name of an element; write one such as row"):
        land(tmp_path, HEAD + FIRST + "</r>", wrong)


def test_a_prefix_without_namespace_names_the_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'b' of b:company stands for nothing"):
        land(tmp_path, "<r/>", Feed(COLUMNS, path="x.xml", format="xml", options={"record": '"b:company"'}))

"""XML that is not well-formed, hostile or unusual: refused with its line and the kind of fault, or read as the standard says."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.contract.load import load
from sources.errors import ExtractError
from tests.conftest import Feed
from tests.sources.formats.test_excel_kinds import damaged
from tests.sources.landed import ID, land, land_bytes

FEED = Feed([ID, "{name: v, logicalType: string}"], path="x.xml", format="xml", options={"record": "row"})


def rows(value: str) -> str:
    return f"<rows><row><id>a</id><v>x</v></row>\n<row><id>b</id><v>{value}</v></row>\n<row><id>c</id><v>y</v></row></rows>"


NIL = '<v xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'
READ = {
    "comment": (rows("a<!-- c -->b"), "ab"), "cdata": (rows("<![CDATA[a<b&c]]>"), "a<b&c"), "instruction": (rows("a<?x y?>b"), "ab"),
    "mixed": (rows("a<b>b</b>c"), "abc"), "references": (rows("&#xE9;&#x1F600;&amp;"), "é😀&"), "empty": (rows(""), None),
    "nil": (rows("").replace("<v></v>", NIL), None), "deep": (rows("<a>" * 200 + "x" + "</a>" * 200), "x"),
    "utf-16": ('<?xml version="1.0" encoding="UTF-16"?>' + rows("é"), "é"),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_what_is_xml_is_read(case: str, tmp_path: Path) -> None:
    content, value = READ[case]
    landed = land(tmp_path, content.encode("utf-16" if case == "utf-16" else "utf-8"), FEED)
    assert [row["v"] for row in landed.rows] == ["x", value, "y"]


ENTITIES = '<!DOCTYPE rows [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
REFUSED = {
    "crossed tags": (rows("<q>"), "line 2: .*tag name mismatch"), "bare ampersand": (rows("a & b"), "line 2: .*name required"),
    "control character": (rows("\x01"), "line 2: .*invalid char"), "nul": (rows("\x00"), "line 2: .*invalid char"),
    "reference to nul": (rows("&#0;"), "invalid char"), "half a pair": (rows("&#xD800;"), "invalid char"),
    "unknown entity": (rows("&foo;"), "no well-formed"), "two roots": (rows("1") + rows("2"), "document end"),
    "attribute twice": (rows("1").replace("<v>", '<v a="1" a="2">'), "attribute redefined"), "cut": (rows("1")[:-20], "cut off"),
    "unknown prefix": (rows("<z:a/>"), "undefined namespace"), "end of cdata": (rows("a]]>b"), "misplaced cdata end"),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?>' + rows("1"), "unsupported encoding"),
    "expansion": (ENTITIES + rows("&b;"), "DOCTYPE"), "external entity": (ENTITIES + rows("&c;"), "DOCTYPE"),
    "document type": ("<!DOCTYPE rows>" + rows("1"), "DOCTYPE"), "deep": (rows("<a>" * 100_000), "resource limit"),
    "deep outside": ("<a>" * 100_000 + rows("1"), "resource limit"),
    "record in a record": (rows("1").replace("<v>1</v>", "<row><id>n</id></row>"), "line 2: a <row> stands within another"),
    "attributes": (rows("1").replace("<row><id>b", "<row " + " ".join(f"a{n}=''" for n in range(50_000)) + "><id>b"), "50000 attributes"),
    "huge attribute": (rows("1").replace("<row><id>b", f"<row a='{'x' * 20_000_000}'><id>b"), "no well-formed"),
    "nothing": ("", "no well-formed"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_xml_or_hostile_is_refused(case: str, tmp_path: Path) -> None:
    content, said = REFUSED[case]
    with pytest.raises(ExtractError, match=said):
        land(tmp_path, content, FEED)


def test_a_wrong_declaration_of_the_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match=r"line 2: .*invalid encoding"):
        land(tmp_path, ('<?xml version="1.0" encoding="UTF-8"?>' + rows("é")).encode("latin-1"), FEED)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_is_refused_or_accounted_for(tmp_path: Path, data: st.DataObject) -> None:
    try:
        land_bytes(load(FEED.write(tmp_path)), tmp_path, damaged(rows("<![CDATA[1]]>&amp;").encode(), data))
    except ExtractError as error:
        assert str(error)

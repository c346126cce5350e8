"""What is wrong in a declaration is told with its file and place."""

from pathlib import Path

import pytest

from linkage import LinkageConfigError, load_entity

GOOD = """
entity: shop
id_prefix: S
columns: {name: varchar, code: varchar}
derived: {start: "left(name, 3)"}
identifiers: [code]
authoritative: [code]
corroborated_by: ["l.name = r.name"]
blocking: [{columns: [start]}]
comparisons:
  - {name: name, absent: [name], levels: [{label: same, equal: [name]}]}
"""


def test_a_declaration_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD)
    assert load_entity(path).entity == "shop"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("entity: shop\n", "", "file: lacks entity"),
        ("id_prefix: S", "id_prefix: S\nthreshhold: 3", "file: does not know threshhold"),
        ("[{columns: [start]}]", "[{columns: [begin]}]", "blocking begin: begin is neither a column nor derived"),
        ("l.name = r.name", "l.nam = r.name", "corroborated_by: nam is neither"),
        ('corroborated_by: ["l.name = r.name"]', "", "corroborated_by: is needed"),
        ("equal: [name]", "m: 0.5", "comparison name, level 1: says no condition"),
        ("equal: [name]", "similar: {name: 3}", "comparison name, level 1: similar"),
        ("authoritative: [code]", "authoritative: [name]", "authoritative: may only name identifiers"),
        ("id_prefix: S", "id_prefix: S\nlargest_block: many", "largest_block: must be a whole number"),
        ("id_prefix: S", "id_prefix: [", "is not valid YAML"),
    ],
)
def test_problems_are_told_with_their_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(LinkageConfigError) as caught:
        load_entity(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(LinkageConfigError, match="cannot be read"):
        load_entity(tmp_path / "none.yaml")

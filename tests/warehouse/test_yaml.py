"""A YAML file is held against its schema: what is wrong is told with the place and the line in it."""

from pathlib import Path

import pytest

from warehouse.yaml import FileError, Schema, load_file

LISTS = Schema({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [x]\nb:\n  - y\n  - 3\n", "b.1: 3 is not of type 'string' (line 4)"),
        ("a: [2024-01-01]\n", "a.0: datetime.date(2024, 1, 1) is not of type 'string' (line 1)"),
        ("- a\n", "file: ['a'] is not of type 'object' (line 1)"),
        ("a: [\n", "is not valid YAML in UTF-8: line 2: "),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    path.write_text(text)
    with pytest.raises(FileError) as caught:
        load_file(path, LISTS)
    assert str(caught.value).startswith(f"{path}: {said}")


def test_keys_may_be_numbers_and_a_file_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "lists.yaml"
    with pytest.raises(FileError, match="name a file that is there"):
        load_file(path, LISTS)
    path.write_text("1: [x]\n")
    assert load_file(path, LISTS) == {1: ["x"]}

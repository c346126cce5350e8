"""What a system calls its files never becomes a path of ours, and patterns match what they say."""

from hypothesis import example, given
from hypothesis import strategies as st

from sources.arrival.remote_path import compiled, fixed_folder
from sources.file_names import safe_key_name, safe_name

HOSTILE = st.text(st.sampled_from("./\\\0\n:*?a_é-"), max_size=400)


@given(HOSTILE)
@example("../../etc/passwd")
@example("C:\\x")
def test_a_name_is_plain_and_inside(text: str) -> None:
    name = safe_name(text)
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert len(name) <= 150
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._=+-")


@given(st.lists(HOSTILE, unique=True, max_size=20))
@example(["a/b", "a__b", "a//b", "a/./b"])
def test_names_of_objects_are_unique(keys: list[str]) -> None:
    taken: set[str] = set()
    for key in keys:
        name = safe_key_name(key, taken)
        assert name == safe_name(name)
        assert name not in taken
        taken.add(name)


def test_patterns() -> None:
    assert compiled("a/*.csv").match("a/x.csv")
    assert not compiled("a/*.csv").match("a/b/x.csv")
    assert not compiled("a/*.csv").match("a/x.csv.tmp")
    assert not compiled("a/*.csv").match("a/xcsv")
    assert compiled("a/**/x.csv").match("a/x.csv")
    assert compiled("a/**/x.csv").match("a/b/c/x.csv")
    assert compiled("a?c").match("abc")
    assert not compiled("a?c").match("a/c")
    assert fixed_folder("a/b/c*/d") == "a/b"
    assert fixed_folder("*.csv") == ""

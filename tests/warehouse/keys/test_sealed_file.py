"""A sealed file opens as it was, and only whole and under its own key."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warehouse.errors import KeyRefused
from warehouse.keys.data_key import DataKey
from warehouse.keys.sealed_file import opened, opened_length, opened_range, seal_bytes

KEY, OTHER = (DataKey(Path("x.key"), bytes([number]) * 32) for number in (1, 2))
CHUNK = 1 << 20
CONTENTS = st.binary(max_size=200)


def content_of(path: Path, key: DataKey = KEY) -> bytes:
    return b"".join(opened(path, key))


@given(CONTENTS)
@example(b"")
@example(bytes(CHUNK))
@example(bytes(CHUNK + 1))
@example(bytes(3 * CHUNK))
def test_it_opens_as_it_was_and_tells_nothing(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.sealed"
        seal_bytes(content, path, KEY)
        assert content_of(path) == content
        assert len(content) < 8 or content not in path.read_bytes()[32:]
        with pytest.raises(KeyRefused):
            content_of(path, OTHER)


@given(CONTENTS, st.data())
def test_what_is_changed_or_cut_does_not_open(content: bytes, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.sealed"
        seal_bytes(content, path, KEY)
        sealed = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(sealed) - 1))
        if data.draw(st.booleans()):
            sealed[place] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del sealed[place:]
        path.write_bytes(sealed)
        with pytest.raises(KeyRefused):
            content_of(path)


def test_chunks_keep_their_order_and_the_last_is_the_last(tmp_path: Path) -> None:
    path, head, size = tmp_path / "x.sealed", 21 + 32, CHUNK + 16
    seal_bytes(b"".join(bytes([number]) * CHUNK for number in range(3)), path, KEY)
    sealed = path.read_bytes()
    chunks = [sealed[head + number * size : head + (number + 1) * size] for number in range(3)]
    for other in ((1, 0, 2), (0, 2), (0, 1), (0, 1, 2, 2)):
        path.write_bytes(sealed[:head] + b"".join(chunks[number] for number in other))
        with pytest.raises(KeyRefused):
            content_of(path)


@given(st.binary(max_size=100), st.integers(0, 110), st.integers(0, 110))
def test_any_part_of_it_is_the_slice_of_what_was_sealed(content: bytes, start: int, stop: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warehouse.keys.sealed_file._CHUNK_BYTES", 16)
        path = Path(folder) / "x.sealed"
        seal_bytes(content, path, KEY)
        assert opened_length(path) == len(content)
        stop = min(stop, len(content))
        assert b"".join(opened_range(path, KEY, min(start, stop), stop)) == content[min(start, stop) : stop]


def test_a_part_of_what_is_not_as_it_was_sealed_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "x.sealed"
    seal_bytes(bytes(3 * CHUNK), path, KEY)
    sealed = path.read_bytes()
    for changed in (sealed[:-1], sealed[: -CHUNK - 16], sealed[:21] + bytes(32) + sealed[53:], b"x" + sealed[1:]):
        path.write_bytes(changed)
        with pytest.raises(KeyRefused):
            list(opened_range(path, KEY, opened_length(path) - 5, opened_length(path)))
    path.write_bytes(sealed[:60])
    with pytest.raises(KeyRefused, match="cut off"):
        opened_length(path)

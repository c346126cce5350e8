"""Files by their addresses: HEAD, byte ranges and what goes with them, equal to slices of the plain file whatever is asked for."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharing.release.kept import Release
from sharing.serve.ranges import part
from tests.sharing.office import TABLE
from tests.sharing.serve.counter import Counter

CHUNK = 256


@pytest.fixture
def chunked(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter, Release, bytes]:
    """A release that is sealed in a dozen small chunks, and what it holds."""
    monkeypatch.setattr("warehouse.keys.sealed_file._CHUNK_BYTES", CHUNK)
    made = counter.publish(TABLE.replace("range(200)", "range(201)"), "run00002")[0]
    plain = counter.plain(made)
    assert len(plain) > 8 * CHUNK
    return counter, made, plain


def test_any_range_is_the_slice_of_the_plain_file(chunked: tuple[Counter, Release, bytes]) -> None:
    counter, _, plain = chunked
    address, length = counter.address(), len(plain)
    near = st.builds(lambda n, by: max(n * CHUNK + by, 0), st.integers(0, 11), st.integers(-2, 2))
    edges = st.one_of(st.integers(0, length + 10), near)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(edges, st.one_of(st.none(), edges), st.booleans())
    def check(start: int, last: int | None, is_suffix: bool) -> None:
        header = f"bytes=-{start}" if is_suffix else f"bytes={start}-{'' if last is None else last}"
        answer = counter.fetch(address, range=header)
        wanted = plain[-start:] if is_suffix else plain[start : None if last is None else last + 1]
        if (is_suffix and start == 0) or (not is_suffix and start >= length and (last is None or last >= start)):
            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{length}")
            return
        is_none = not is_suffix and last is not None and last < start
        wanted = plain if is_none else wanted
        assert answer.content == wanted
        assert answer.status_code == (200 if is_none else 206)
        assert answer.headers["content-length"] == str(len(wanted))
        if answer.status_code == 206:
            first = length - len(wanted) if is_suffix else start
            assert answer.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{length}"

    check()


def test_head_says_what_get_would(counter: Counter) -> None:
    address = counter.address()
    head, whole = counter.fetch(address, "HEAD"), counter.fetch(address)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "accept-ranges", "etag", "content-type"):
        assert head.headers[name] == whole.headers[name]
    assert head.headers["accept-ranges"] == "bytes"
    some = counter.fetch(address, "HEAD", range="bytes=0-9")
    assert (some.status_code, some.headers["content-length"], some.content) == (206, "10", b"")


def test_a_part_of_a_file_that_is_another_by_now_is_the_whole(counter: Counter) -> None:
    address = counter.address()
    whole = counter.fetch(address)
    assert counter.fetch(address, range="bytes=0-9", if_range=whole.headers["etag"]).status_code == 206
    for other in ('"another"', "Wed, 21 Oct 2026 07:28:00 GMT"):
        assert counter.fetch(address, range="bytes=0-9", if_range=other).content == whole.content


@pytest.mark.parametrize(
    "header", ["bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=0-1,5-6", "bytes=5-2", "bytes=" + "9" * 30 + "-"]
)
def test_what_is_no_range_is_answered_with_the_whole(header: str) -> None:
    found = part(header, 100)
    assert found is not None and not found.is_asked and found.stop == 100


def test_a_file_that_was_cut_off_or_changed_is_not_served(chunked: tuple[Counter, Release, bytes]) -> None:
    counter, made, _ = chunked
    address, content = counter.address(), made.sealed.read_bytes()
    flipped = content[:-1] + bytes([content[-1] ^ 1])
    for changed in (content[:-1], content[: -CHUNK - 16], content[:40], flipped, b""):
        made.sealed.write_bytes(changed)
        assert counter.fetch(address, range="bytes=0-9").status_code == 503
    made.sealed.write_bytes(content)
    assert counter.fetch(address, range="bytes=0-9").status_code == 206

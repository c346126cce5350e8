"""Pages of a REST API: none lost, none twice, each kept as it came, and an end to every walk."""

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulation.systems.web import serving
from sources.arrival.request import Arrived
from sources.arrival.totals import Totals
from sources.connectors.web import paging
from sources.contract.server.paging_option import unproven_end
from sources.json_pointer import pointer_to
from tests.sources.connectors.pulling import contract_of, pulled, refused

CURSOR = {"style": "cursor", "parameter": "after", "next": "/meta/next", "records": "/items"}
NUMBERED = {"style": "page", "parameter": "page", "size": 10, "sizeParameter": "per_page", "records": "/items"}
OFFSET = {"style": "offset", "parameter": "start", "size": 10, "sizeParameter": "limit"}
LINK = {"style": "link", "records": "/items"}


class Api:
    """So many records, in every style of paging, at most `cap` on a page."""

    def __init__(self, count: int, cap: int = 100) -> None:
        self.records, self.cap, self.asked = [{"id": str(n)} for n in range(count)], cap, 0

    def __call__(self, request: Request) -> Response:
        self.asked += 1
        said = request.query_params
        size = min(int(said.get("per_page") or said.get("limit") or 10), self.cap)
        start = int(said.get("after") or said.get("start") or (int(said.get("page", "1")) - 1) * size)
        items, end = self.records[start : start + size], start + size
        if "limit" in said:
            return JSONResponse(items)
        links = {"link": f'<{request.url.path}?after={end}>; rel="last next"'} if end < len(self.records) else {}
        body = {"items": items, "total": len(self.records), "meta": {"next": end if links else None}}
        return JSONResponse(body, headers={"etag": f'"{start}"', **links})


@contextmanager
def serving_pages(answer: Callable[[Request], Response]) -> Iterator[str]:
    with serving(Starlette(routes=[Route("/items", lambda request: answer(request))])) as base:
        yield f"{base}/items"


def ids(arrived: Arrived, into: Path) -> list[str]:
    pages = [json.loads((into / name).read_bytes()) for name in arrived.files]
    return [record["id"] for page in pages for record in (page["items"] if isinstance(page, dict) else page)]


def pull(folder: Path, answer: Callable[[Request], Response], said: dict[str, Any]) -> Arrived:
    with serving_pages(answer) as url:
        return pulled(contract_of(folder, "api", url, paging=said), folder / "into")


def refusal(folder: Path, answer: Callable[[Request], Response], said: dict[str, Any], **options: Any) -> str:
    with serving_pages(answer) as url:
        return refused(contract_of(folder, "api", url, paging=said, **options), folder / "into")


@pytest.mark.parametrize("said", [CURSOR, NUMBERED, OFFSET, LINK], ids=["cursor", "page", "offset", "link"])
def test_every_record_arrives_once(tmp_path: Path, said: dict[str, Any]) -> None:
    api = Api(0)
    with serving_pages(lambda request: api(request)) as url:
        contract = contract_of(tmp_path, "api", url, paging=said)
        for count, cap in itertools.product([0, 1, 9, 10, 11, 20, 35], [100, 4]):
            api = Api(count, cap)
            arrived = pulled(contract, tmp_path / f"{count}-{cap}")
            assert ids(arrived, tmp_path / f"{count}-{cap}") == [str(n) for n in range(count)]
            assert arrived.evidence["pages"] == str(len(arrived.files))
            assert arrived.files[0] == "page-00001.json"


def test_a_page_is_kept_as_it_came_with_its_proof(tmp_path: Path) -> None:
    body = b'{ "items":[ {"id": 1.50} ],\n "meta":{} }'
    arrived = pull(tmp_path, lambda _: Response(body, headers={"ETag": '"v9"'}), CURSOR)
    assert (tmp_path / "into" / "page-00001.json").read_bytes() == body
    assert arrived.evidence == {"page-00001.json": 'ETag: "v9"', "pages": "1"}


class Odd(Api):
    """Pages as a hurried system gives them: the second one short, and a time of day around each."""

    def __init__(self, pages: list[list[str]]) -> None:
        super().__init__(0)
        self.pages = pages

    def __call__(self, request: Request) -> Response:
        said, starts = request.query_params, list(itertools.accumulate(map(len, self.pages), initial=0))
        self.asked += 1
        number = int(said.get("page", 0)) - 1 if "page" in said else int(said.get("after") or 0)
        if "start" in said:
            number = starts.index(int(said["start"]))
        found = [{"id": name} for name in (self.pages[number] if number < len(self.pages) else [])]
        more = number + 1 < len(self.pages)
        links = {"link": f'<{request.url.path}?after={number + 1}>; rel="next"'} if more else {}
        body = {"at": self.asked, "items": found, "meta": {"next": str(number + 1) if more else None}}
        return JSONResponse(body, headers=links)


STYLES = {"cursor": CURSOR, "page": NUMBERED, "offset": {**OFFSET, "records": "/items"}, "link": LINK}


@pytest.mark.parametrize("style", STYLES)
def test_a_short_page_is_no_end(tmp_path: Path, style: str) -> None:
    arrived = pull(tmp_path, Odd([["a", "b"], ["c"], ["d", "e"]]), STYLES[style])
    assert ids(arrived, tmp_path / "into") == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("style", STYLES)
def test_a_page_repeated_much_later_is_told(tmp_path: Path, style: str) -> None:
    message = refusal(tmp_path, Odd([["a", "b"], ["c", "d"], ["e", "f"], ["a", "b"]]), STYLES[style])
    assert "page 4 holds the records of page 1 once more" in message


def test_pages_without_records_on_the_way_of_a_cursor_are_no_repetition(tmp_path: Path) -> None:
    arrived = pull(tmp_path, Odd([["a"], [], [], ["b"]]), CURSOR)
    assert ids(arrived, tmp_path / "into") == ["a", "b"]


class Flagged(Odd):
    """As `Odd`, with a flag on each page: what it says while there is more, and at the end (None says nothing)."""

    def __init__(self, pages: list[list[str]], flag: str, values: tuple[object, object]) -> None:
        super().__init__(pages)
        self.flag, self.values = flag, values

    def __call__(self, request: Request) -> Response:
        body = json.loads(super().__call__(request).body)
        number = int(request.query_params.get("page", 0))
        start = int(request.query_params.get("start", -1))
        is_last = number >= len(self.pages) or start + len(body["items"]) == sum(map(len, self.pages))
        said = self.values[is_last]
        return JSONResponse(body if said is None else {**body, self.flag: said})


# pointer, flag of the answer, what it is while there is more and at the end
FLAGS = {
    "more": ("more", "/hasMore", (True, False)),
    "more that is left out at the end": ("more", "/exceededTransferLimit", (True, None)),
    "last": ("last", "/last", (False, True)),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_page_without_records_is_no_end_where_the_answer_says_that_there_is_more(tmp_path: Path, flag: str) -> None:
    option, pointer, values = FLAGS[flag]
    answer = Flagged([["a", "b"], [], ["c"], [], [], ["d"]], pointer[1:], values)
    arrived = pull(tmp_path, answer, {**NUMBERED, option: pointer})
    assert ids(arrived, tmp_path / "into") == ["a", "b", "c", "d"]
    assert answer.asked == 6 + (values[1] is None), "a flag that says the end saves the page after it"


@pytest.mark.parametrize("flag", FLAGS)
def test_an_offset_cannot_go_on_from_a_page_without_records(tmp_path: Path, flag: str) -> None:
    option, pointer, values = FLAGS[flag]
    said = {**STYLES["offset"], option: pointer}
    assert len(ids(pull(tmp_path, Flagged([["a", "b"], ["c"]], pointer[1:], values), said), tmp_path / "into")) == 3
    answer = Flagged([["a", "b"], [], ["c"]], pointer[1:], values)
    (tmp_path / "other").mkdir()
    assert "page 2 says that there is more, and not where" in refusal(tmp_path / "other", answer, said)


def test_a_flag_that_the_system_does_not_send_ends_nothing(tmp_path: Path) -> None:
    arrived = pull(tmp_path, Odd([["a"], ["b"]]), {**NUMBERED, "more": "/more"})
    assert ids(arrived, tmp_path / "into") == ["a", "b"]


def test_a_flag_and_a_cursor_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    said = {**CURSOR, "more": "/more"}
    no_cursor = JSONResponse({"items": [{"id": "a"}], "meta": {"next": None}, "more": True})
    assert "page 1 says that there is more, and not where" in refusal(tmp_path / "a", lambda _: no_cursor, said)
    cursor = JSONResponse({"items": [{"id": "a"}], "meta": {"next": "x"}, "more": False})
    assert "page 1 says that it is the last, and where it goes on" in refusal(tmp_path / "b", lambda _: cursor, said)
    word = JSONResponse({"items": [{"id": "a"}], "meta": {"next": "x"}, "more": "no"})
    assert "page 1 has no true or false at /more" in refusal(tmp_path / "c", lambda _: word, said)


@pytest.mark.parametrize("style", STYLES)
def test_lint_asks_for_a_proof_of_the_end(tmp_path: Path, style: str) -> None:
    contract = contract_of(tmp_path, "api", "http://127.0.0.1/items", paging=STYLES[style])
    found = unproven_end(contract)
    assert (found is not None) == (style in ("page", "offset"))
    for proof in ({"total": "/n"}, {"more": "/m"}, {"last": "/l"}, {"endsWith": "emptyPage"}):
        assert (
            unproven_end(contract_of(tmp_path, "api", "http://127.0.0.1/items", paging=STYLES[style] | proof)) is None
        )


def test_the_records_are_where_the_format_finds_them(tmp_path: Path) -> None:
    said = {name: value for name, value in NUMBERED.items() if name != "records"}
    for place in ("items", "/items"):
        with serving_pages(Odd([["a"], ["b"]])) as url:
            contract = contract_of(tmp_path, "api", url, paging=said, records=place)
            arrived = pulled(contract, tmp_path / place.replace("/", "_"))
        assert ids(arrived, tmp_path / place.replace("/", "_")) == ["a", "b"]


def test_a_page_that_is_not_there_is_no_end(tmp_path: Path) -> None:
    def gone(request: Request) -> Response:
        return items(None, "a") if request.query_params["page"] == "1" else PlainTextResponse("", 404)

    assert "page 2 is not there (404)" in refusal(tmp_path, gone, NUMBERED)


@pytest.mark.parametrize("said", [CURSOR, NUMBERED], ids=["cursor", "page"])
def test_the_systems_count_is_what_must_arrive(tmp_path: Path, said: dict[str, Any]) -> None:
    api = Api(20)
    assert pull(tmp_path, api, {**said, "total": "/total"}).totals == Totals("the system's own count", 20)
    assert api.asked == 2, "the count tells that the second page is the last"


def test_a_count_that_changes_on_the_way_is_refused(tmp_path: Path) -> None:
    api = Api(35)

    def growing(request: Request) -> Response:
        api.records.append({"id": "new"})
        return api(request)

    assert "they changed meanwhile" in refusal(tmp_path, growing, {**CURSOR, "total": "/total"})


def test_a_page_that_fails_is_asked_for_again(tmp_path: Path) -> None:
    api, failures = Api(35), [3, 5]

    def shaky(request: Request) -> Response:
        if api.asked + 1 in failures:
            failures.remove(api.asked + 1)
            return PlainTextResponse("", 503)
        return api(request)

    assert len(ids(pull(tmp_path, shaky, CURSOR), tmp_path / "into")) == 35
    assert failures == [5]


def items(next_: object, *found: str) -> Response:
    return JSONResponse({"items": [{"id": name} for name in found], "meta": {"next": next_}})


# name: answer, what the message says of it
WRONG: dict[str, tuple[Callable[[Request], Response], str]] = {
    "a page that comes again": (lambda _: items("again", "a"), "page 2 holds the records of page 1 once more"),
    "a cursor that goes round": (
        lambda r: items({"1": "2"}.get(r.query_params.get("after", ""), "1"), r.query_params.get("after", "0")),
        "goes round",
    ),
    "not JSON": (lambda _: PlainTextResponse("hush-and-hide"), "page 1 is not JSON (text/plain)"),
    "a web page": (lambda _: HTMLResponse("<html>"), "page 1 is not JSON (text/html)"),
    "no records": (lambda _: JSONResponse({"error": "hush-and-hide", "meta": {}}), "page 1 has no records at /items"),
    "records that are no list": (lambda _: JSONResponse({"items": {}, "meta": {}}), "page 1 has no records"),
    "no place for a cursor": (lambda _: JSONResponse({"items": []}), "page 1 has no place /meta/next"),
    "a cursor of another type": (lambda _: items({"hush-and-hide": 1}, "a"), "page 1 has no cursor"),
    "a cursor that is only said to be there": (lambda _: items(True, "a"), "page 1 has no cursor"),
    "deeply nested": (lambda _: Response(b"[" * 100_000), "page 1 is not JSON"),
    "nothing": (lambda _: Response(b"", 204), "page 1 is not JSON (no content type)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_page_is_refused(tmp_path: Path, case: str) -> None:
    answer, said = WRONG[case]
    assert said in refusal(tmp_path, answer, CURSOR)


def test_a_walk_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MAX_PAGES", 20)
    numbers = iter(range(1000))
    assert "no end after 20 pages" in refusal(tmp_path, lambda _: items((n := next(numbers)), str(n)), CURSOR)


def test_pages_are_held_to_the_limit_of_an_extract(tmp_path: Path) -> None:
    assert "more than 1000 bytes" in refusal(tmp_path, Api(1000), CURSOR, limits={"arrivedBytes": 1000})


def test_a_link_to_another_host_is_not_followed(tmp_path: Path) -> None:
    with serving_pages(Api(5)) as elsewhere:
        link = {"Link": f'<{elsewhere}>; rel="next"'}
        message = refusal(tmp_path, lambda _: JSONResponse({"items": []}, headers=link), LINK)
    assert "which is not followed" in message


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        "cursor",
        {"style": "pages"},
        {"style": "cursor"},
        {**CURSOR, "sise": 5},
        {**NUMBERED, "size": "many"},
        {**CURSOR, "next": 5},
        {**CURSOR, "next": "next"},
        {**LINK, "records": [1]},
        {**LINK, "total": {}},
        {**NUMBERED, "first": -1},
        {**NUMBERED, "more": "/a", "last": "/b"},
        {**NUMBERED, "more": "a"},
        {**NUMBERED, "endsWith": "page"},
    ],
    ids=str,
)
def test_paging_that_is_not_understood_is_refused_before_any_pull(tmp_path: Path, said: Any) -> None:
    api = Api(5)
    assert "paging in things.odcs.yaml" in refusal(tmp_path, api, said)
    assert api.asked == 0


DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@settings(max_examples=50, deadline=None)
@given(DOCUMENTS)
def test_a_pointer_reaches_every_place_of_a_document(document: Any) -> None:
    for pointer, value in _places(document, ""):
        assert paging.pointed(document, pointer) is value


def _places(document: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, document
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _places(value, f"{pointer}{pointer_to(key)}")
    if isinstance(document, list):
        for number, value in enumerate(document):
            yield from _places(value, f"{pointer}/{number}")

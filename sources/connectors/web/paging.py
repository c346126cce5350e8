"""Records that come in pages: by cursor, page number, offset or Link header; each page is one original, kept as it came."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sources.arrival.limits import Meter
from sources.arrival.request import Arrived
from sources.arrival.totals import Totals
from sources.connectors.web.http import Answer, Refused, same_host
from sources.contract.model import Contract
from sources.contract.server.paging_option import Paging
from sources.errors import ExtractError
from sources.json_pointer import at_keys, keys_of

MAX_PAGES = 100_000
# What proves an answer, where the system gives it.
_PROOFS = ("ETag", "Last-Modified", "X-Road-Request-Id", "X-Road-Request-Hash")
_ABSENT = object()


@dataclass(frozen=True)
class Page:
    """One page: its number from 1, what it holds as JSON, its records, and what its flag says of further ones, if it does."""

    number: int
    answer: Answer
    document: Any
    records: list[Any]
    has_more: bool | None = None


class Walk:
    """From page to page, until the system says that there are no more. `get` asks for one of them."""

    def __init__(
        self, contract: Contract, paging: Paging, get: Callable[[httpx.URL], Answer], start: httpx.URL
    ) -> None:
        self.contract, self.paging, self._get, self._start = contract, paging, get, start
        # Digests only: a walk may have very many pages, with long cursors.
        self._asked: set[bytes] = set()
        self._pages: dict[bytes, int] = {}
        self._count = 0
        self.total: int | None = None

    def pages(self) -> Iterator[Page]:
        """Raises ExtractError where a page is no page, comes again, or no end comes."""
        url: httpx.URL | None = self._first()
        for number in range(1, MAX_PAGES + 1):
            if url is None:
                return
            page = self._page(number, url)
            if number > 1 and not page.records and self.paging.is_numbered and not page.has_more:
                return  # the empty page that marks the end
            yield page
            url = self._next(page)
        if url is not None:
            raise ExtractError(f"no end after {MAX_PAGES} pages; ask {self.contract.agency_name} how its paging ends")

    def _first(self) -> httpx.URL:
        paging, query = self.paging, {}
        if paging.size and paging.size_parameter:
            query[paging.size_parameter] = str(paging.size)
        if paging.style == "page":
            query[paging.parameter] = str(paging.first)
        if paging.style == "offset":
            query[paging.parameter] = "0"
        return self._start.copy_merge_params(query) if query else self._start

    def _page(self, number: int, url: httpx.URL) -> Page:
        asked = hashlib.sha256(str(url).encode()).digest()
        if asked in self._asked:
            raise self._wrong(number, "is asked for a second time: the system's cursor goes round")
        self._asked.add(asked)
        answer = self._answer(number, url)
        page = self._parsed(number, answer)
        self._refuse_repeated(page)
        self._count += len(page.records)
        self._note_total(page)
        return page

    def _answer(self, number: int, url: httpx.URL) -> Answer:
        try:
            return self._get(url)
        except Refused as refused:
            if number == 1 or not self.paging.is_numbered or refused.status != httpx.codes.NOT_FOUND:
                raise
            # Nobody can tell a page after the last from one that is missing.
            raise self._wrong(
                number,
                "is not there (404), where a page without records would be the end; name the system's count as `total`",
            ) from None

    def _refuse_repeated(self, page: Page) -> None:
        """By its records alone: a time of day around them, or their order of keys, makes no other page of it."""
        if not page.records:
            return
        digest = hashlib.sha256(json.dumps(page.records, sort_keys=True).encode()).digest()
        first = self._pages.setdefault(digest, page.number)
        if first != page.number:
            raise self._wrong(page.number, f"holds the records of page {first} once more")

    def _parsed(self, number: int, answer: Answer) -> Page:
        try:
            document = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise self._wrong(number, f"is not JSON ({answer.media_type})") from None
        records = pointed(document, self.paging.records)
        if not isinstance(records, list):
            raise self._wrong(number, f"has no records at {self.paging.records or 'its top'} ({answer.media_type})")
        cursor_parent = self.paging.next.rpartition("/")[0]
        if self.paging.style == "cursor" and not isinstance(pointed(document, cursor_parent), dict):
            raise self._wrong(number, f"has no place {self.paging.next} for a cursor ({answer.media_type})")
        return Page(number, answer, document, records, self._flag(number, document))

    def _flag(self, number: int, document: Any) -> bool | None:
        """Whether there is more; None where the page does not say. ArcGIS leaves its exceededTransferLimit out at the end."""
        pointer = self.paging.more or self.paging.last
        flag = pointed(document, pointer) if pointer else None
        if flag is None or flag is _ABSENT:
            return None
        if not isinstance(flag, bool):
            raise self._wrong(number, f"has no true or false at {pointer}")
        return flag is (self.paging.more is not None)

    def _note_total(self, page: Page) -> None:
        if self.paging.total is None:
            return
        total = pointed(page.document, self.paging.total)
        if not isinstance(total, int) or isinstance(total, bool):
            raise self._wrong(page.number, f"has no count at {self.paging.total}")
        if self.total is not None and total != self.total:
            raise self._wrong(
                page.number, f"states {total} records, the page before it {self.total}: they changed meanwhile"
            )
        self.total = total

    def _next(self, page: Page) -> httpx.URL | None:
        found = self._numbered(page) if self.paging.is_numbered else self._told(page)
        if found is None and page.has_more:
            raise self._wrong(page.number, "says that there is more, and not where")
        if found is not None and page.has_more is False and not self.paging.is_numbered:
            raise self._wrong(page.number, "says that it is the last, and where it goes on")
        return found

    def _told(self, page: Page) -> httpx.URL | None:
        """Where the page itself says that the next one is."""
        if self.paging.style == "link":
            link = page.answer.next_link
            return None if link is None else same_host(page.answer.url, link, "goes on")
        cursor = pointed(page.document, self.paging.next)
        if cursor in (_ABSENT, None, "") or cursor is False:
            return None
        if cursor is True or not isinstance(cursor, str | int | float):
            raise self._wrong(page.number, f"has no cursor at {self.paging.next}")
        return self._first().copy_merge_params({self.paging.parameter: str(cursor)})

    def _numbered(self, page: Page) -> httpx.URL | None:
        paging = self.paging
        is_whole = self.total is not None and self._count >= self.total
        is_last = page.has_more is False or (not page.records and not page.has_more)
        # By a position that counts records nobody comes past a page that has none.
        if is_last or (is_whole and not page.has_more) or (not page.records and paging.style == "offset"):
            return None
        position = self._count if paging.style == "offset" else paging.first + page.number
        return self._first().copy_merge_params({paging.parameter: str(position)})

    def _wrong(self, number: int, what: str) -> ExtractError:
        return ExtractError(f"page {number} {what}; ask {self.contract.agency_name} what its system sends")


def keep(walk: Walk, into: Path, meter: Meter) -> Arrived:
    """Write every page as `page-00001.json` and so on, and say what proves them. Raises ExtractError beyond the limits."""
    names: list[str] = []
    evidence: dict[str, str] = {}
    written = 0
    for page in walk.pages():
        written += len(page.answer.content)
        meter.check_arrived(written, into)
        name = f"page-{page.number:05}.json"
        (into / name).write_bytes(page.answer.content)
        names.append(name)
        said = proofs(page.answer.headers)
        if said:
            evidence[name] = "; ".join(f"{header}: {value}" for header, value in said.items())
    totals = Totals("the system's own count", walk.total) if walk.total is not None else None
    return Arrived(tuple(names), totals=totals, evidence=evidence | {"pages": str(len(names))})


def proofs(headers: httpx.Headers) -> dict[str, str]:
    """The headers of an answer that go into the manifest, at most 500 characters each."""
    return {name: headers[name][:500] for name in _PROOFS if name in headers}


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON pointer points to; `_ABSENT`, which is of no JSON type, where there is nothing."""
    found, value = at_keys(document, keys_of(pointer))
    return value if found else _ABSENT

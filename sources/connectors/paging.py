"""Records that come in pages: by cursor, page number, offset or Link header; each page is one original, kept as it came."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sources.connectors import Arrived, ExtractError
from sources.connectors.http import Answer, same_host
from sources.connectors.options import MAX_EXTRACT_BYTES
from sources.contract import Contract
from sources.totals import Totals

MAX_PAGES = 100_000
_STYLES = ("cursor", "page", "offset", "link")
_KNOWN = frozenset({"style", "parameter", "next", "first", "size", "sizeParameter", "records", "total"})
_NEEDED = {"cursor": ("parameter", "next"), "page": ("parameter",), "offset": ("parameter",), "link": ()}
# What proves an answer, where the system gives it.
_PROOFS = ("ETag", "Last-Modified", "X-Road-Request-Id", "X-Road-Request-Hash")
_ABSENT = object()


@dataclass(frozen=True)
class Paging:
    """The option `paging`. `records`, `next` and `total` are JSON pointers (RFC 6901) into each page.

    `page` and `offset` end with a page of fewer records than `size`, or of none; `records` is the whole page by default.
    """

    style: str
    parameter: str = ""
    next: str | None = None
    first: int = 1
    size: int | None = None
    size_parameter: str | None = None
    records: str | None = None
    total: str | None = None

    @classmethod
    def of(cls, contract: Contract) -> "Paging | None":
        """None where the extract comes in one piece. Raises ExtractError where the option is not understood."""
        said: Any = contract.server.options.get("paging")
        if said is None:
            return None
        where = f"paging in {contract.path.name}"
        if not isinstance(said, dict) or said.get("style") not in _STYLES:
            raise ExtractError(f"{where} has no style; write one of {', '.join(_STYLES)}")
        wrong = sorted(set(said) - _KNOWN)
        missing = [name for name in _NEEDED[said["style"]] if not said.get(name)]
        if wrong or missing:
            what = f"has no {', '.join(missing)}" if missing else f"knows no {', '.join(wrong)}"
            raise ExtractError(f"{where} {what}; known are {', '.join(sorted(_KNOWN))}")
        try:
            first, size = int(said.get("first", 1)), int(said["size"]) if "size" in said else None
        except (TypeError, ValueError):
            raise ExtractError(f"{where}: first and size are numbers; mend them") from None
        counted = said["style"] in ("page", "offset")
        return cls(
            said["style"], str(said.get("parameter", "")), said.get("next"), first, size, said.get("sizeParameter"),
            said.get("records", "" if counted else None), said.get("total"),
        )  # fmt: skip


@dataclass(frozen=True)
class Page:
    """One page: its number from 1, what it holds as JSON, and how many records where the paging says where they are."""

    number: int
    answer: Answer
    document: Any
    records: int | None


class Walk:
    """From page to page, until the system says that there are no more. `get` asks for one of them."""

    def __init__(
        self, contract: Contract, paging: Paging, get: Callable[[httpx.URL], Answer], start: httpx.URL
    ) -> None:
        self.contract, self.paging, self._get, self._start = contract, paging, get, start
        self._asked: set[str] = set()
        self._last_digest, self._bytes, self._count = b"", 0, 0
        self._size = paging.size
        self.total: int | None = None

    def pages(self) -> Iterator[Page]:
        """Raises ExtractError where a page is no page, comes again, or no end comes."""
        url: httpx.URL | None = self._first()
        for number in range(1, MAX_PAGES + 1):
            if url is None:
                return
            page = self._page(number, url)
            if number > 1 and page.records == 0 and self.paging.style in ("page", "offset"):
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
        if str(url) in self._asked:
            raise self._wrong(number, "is asked for a second time: the system's cursor goes round")
        self._asked.add(str(url))
        answer = self._get(url)
        self._bytes += len(answer.content)
        if self._bytes > MAX_EXTRACT_BYTES:
            raise self._wrong(number, f"makes more than {MAX_EXTRACT_BYTES} bytes, the limit of one extract")
        digest = hashlib.sha256(answer.content).digest()
        if digest == self._last_digest:
            raise self._wrong(number, "is the page before it once more")
        self._last_digest = digest
        page = self._parsed(number, answer)
        self._count += page.records or 0
        self._note_total(page)
        return page

    def _parsed(self, number: int, answer: Answer) -> Page:
        try:
            document = json.loads(answer.content)
        except (ValueError, RecursionError):
            raise self._wrong(number, f"is not JSON ({answer.media_type})") from None
        records = self.paging.records
        if records is not None and not isinstance(pointed(document, records), list):
            raise self._wrong(number, f"has no records at {records or 'its top'} ({answer.media_type})")
        cursor_parent = (self.paging.next or "").rpartition("/")[0]
        if self.paging.style == "cursor" and not isinstance(pointed(document, cursor_parent), dict):
            raise self._wrong(number, f"has no place {self.paging.next} for a cursor ({answer.media_type})")
        return Page(number, answer, document, None if records is None else len(pointed(document, records)))

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
        paging = self.paging
        if paging.style == "link":
            link = page.answer.next_link
            return None if link is None else same_host(page.answer.url, link, "goes on")
        if paging.style == "cursor":
            cursor = pointed(page.document, paging.next or "")
            if cursor in (_ABSENT, None, "") or cursor is False:
                return None
            if not isinstance(cursor, str | int | float):
                raise self._wrong(page.number, f"has no cursor at {paging.next}")
            return self._first().copy_merge_params({paging.parameter: str(cursor)})
        if page.records == 0 or self._is_last(page):
            return None
        position = self._count if paging.style == "offset" else paging.first + page.number
        return self._first().copy_merge_params({paging.parameter: str(position)})

    def _is_last(self, page: Page) -> bool:
        if self.total is not None:
            return self._count >= self.total
        if self._size is None:
            return False
        if page.number == 1 and page.records:
            # A system may give fewer than it is asked for: what the first page holds is its size, if there is a second.
            self._size = min(self._size, page.records)
        return (page.records or 0) < self._size

    def _wrong(self, number: int, what: str) -> ExtractError:
        return ExtractError(f"page {number} {what}; ask {self.contract.agency_name} what its system sends")


def keep(walk: Walk, into: Path) -> Arrived:
    """Write every page as `page-00001.json` and so on, and say what proves them."""
    names: list[str] = []
    evidence: dict[str, str] = {}
    for page in walk.pages():
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
    """What a JSON pointer (RFC 6901) points to; `_ABSENT`, which is of no JSON type, where there is nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return _ABSENT
    return document

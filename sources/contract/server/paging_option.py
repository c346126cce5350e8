"""The server option `paging`: in which of four styles a system gives its records page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sources.contract.model import Contract
from sources.contract.reading.value_shapes import Shape, faults, is_text, mapping, one_of, whole
from sources.errors import ExtractError
from sources.json_pointer import pointer_to

_STYLES = ("cursor", "page", "offset", "link")
NUMBERED = ("page", "offset")
_NEEDED = {"cursor": ("parameter", "next"), "page": ("parameter",), "offset": ("parameter",), "link": ()}
_POINTER = Shape(
    "JSON pointer", "one such as /meta/next", lambda value: isinstance(value, str) and value.startswith("/")
)
_RECORDS = Shape(
    "JSON pointer", "one such as /items", lambda value: isinstance(value, str) and value[:1] in ("", "/")
)  # fmt: skip
_PARAMETER = Shape("text", "the name of a query parameter", is_text)
_SHAPE = mapping(
    {
        "style": one_of(_STYLES), "parameter": _PARAMETER, "next": _POINTER, "first": whole("the number of the first page"),
        "size": whole("how many records a page is asked for", low=1), "sizeParameter": _PARAMETER, "records": _RECORDS,
        "total": _POINTER, "more": _POINTER, "last": _POINTER, "endsWith": one_of(("emptyPage",)),
    },
    ("style",), "a mapping such as {style: page, parameter: page}",
)  # fmt: skip


@dataclass(frozen=True)
class Paging:
    """The option `paging`. `records`, `next`, `total`, `more` and `last` are JSON pointers (RFC 6901) into each page.

    `page` and `offset` end with the record that makes the `total`, where a flag says so, or with a page without records: a
    short page is no end. `more` points to a flag that is true while there is more, `last` to one that is true at the end.
    `size` is asked for where `sizeParameter` says how. `records` is where the format finds them, else the whole page.
    """

    style: str
    parameter: str = ""
    next: str = ""
    first: int = 1
    size: int | None = None
    size_parameter: str | None = None
    records: str = ""
    total: str | None = None
    more: str | None = None
    last: str | None = None

    @property
    def is_numbered(self) -> bool:
        """Whether we count, and the system does not say itself that there is more."""
        return self.style in NUMBERED

    @classmethod
    def of(cls, contract: Contract) -> "Paging | None":
        """None where the extract comes in one piece. Raises ExtractError where the option is not understood."""
        options = contract.server.options
        if "paging" not in options:
            return None
        wrong = next(paging_faults(options["paging"]), None)
        if wrong:
            raise ExtractError(f"paging in {contract.path.name}: {wrong}")
        said: dict[str, Any] = options["paging"]
        return cls(
            said["style"], said.get("parameter", ""), said.get("next", ""), int(said.get("first", 1)),
            int(said["size"]) if "size" in said else None, said.get("sizeParameter"),
            said.get("records", _of_format(options.get("records"))), said.get("total"), said.get("more"), said.get("last"),
        )  # fmt: skip


def paging_faults(said: Any) -> Iterator[str]:
    """What is wrong with the option, each with its place and a remedy."""
    found = list(faults("paging", said, _SHAPE))
    yield from found
    if found:
        return
    style = said["style"]
    yield from (f"paging has no {name}; style {style} needs it" for name in _NEEDED[style] if name not in said)
    if "more" in said and "last" in said:
        yield "paging has both more and last; keep the one flag that the system sends"
    if "sizeParameter" in said and "size" not in said:
        yield "paging has a sizeParameter and no size; write how many records a page is asked for"


def unproven_end(contract: Contract) -> str | None:
    """What to ask for where nothing but a page without records would end the walk, which may stand in the middle too."""
    said = contract.server.options.get("paging")
    if (
        not isinstance(said, dict)
        or said.get("style") not in NUMBERED
        or {"total", "more", "last", "endsWith"} & set(said)
    ):
        return None
    return (
        f"paging of style {said['style']} cannot prove its end: a page without records may stand before others; name the system's "
        "count as `total`, or its flag as `more` (true while there is more) or `last` (true at the end). Where it has neither and "
        "promises that an empty page is the end, write endsWith: emptyPage"
    )


def _of_format(records: Any) -> str:
    """The format's own option `records`, which may be a key alone, as a pointer."""
    text = str(records or "")
    if text in ("", "/"):
        return ""
    if text.startswith("/"):
        return text
    return pointer_to(text)

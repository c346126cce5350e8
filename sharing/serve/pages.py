"""Lists in pages: a page token says where the next one begins, and is good for the token and the list that it was given for."""

from collections.abc import Mapping
from typing import Any

from sharing.serve.errors import malformed
from sharing.serve.signed import Signer

_MOST = 500
_USE = "page"


def page(items: list[dict[str, Any]], of: str, params: Mapping[str, str], signer: Signer) -> dict[str, Any]:
    """`of` names whose list it is. Raises Refused where a parameter is none, or the page is another's."""
    start, many = _start(of, params.get("pageToken", ""), signer), _many(params.get("maxResults"))
    shown = items[start : start + many]
    told: dict[str, Any] = {"items": shown}
    if start + len(shown) < len(items):
        told["nextPageToken"] = signer.text(_USE, {"of": of, "start": start + len(shown)})
    return told


def _start(of: str, given: str, signer: Signer) -> int:
    if not given:
        return 0
    said = signer.read(_USE, given)
    if said is None or said["of"] != of:
        raise malformed("pageToken: is none that was given for this list; begin without one")
    return int(said["start"])


def _many(given: str | None) -> int:
    if given is None:
        return _MOST
    if not (given.isascii() and given.isdigit() and len(given) <= 10):
        raise malformed("maxResults: is no whole number from 0 on")
    return min(int(given), _MOST)

"""Bodies of HTTP answers in pieces of bounded size: what packs a gigabyte into a megabyte is never whole in memory."""

import zlib
from collections.abc import Iterator

import httpx

from sources.errors import ExtractError

PIECE_BYTES = 1 << 20
GZIP = ("gzip", "x-gzip")


def encoding_of(headers: httpx.Headers) -> str:
    """The encoding of a body for its transfer, in lower case; several in a row are no single one that we read."""
    return headers.get("content-encoding", "identity").strip().lower() or "identity"


def unread_encoding(where: str, encoding: str) -> ExtractError:
    return ExtractError(f"{where} answers in the encoding {encoding[:20]!r}; ask for gzip or none")


def decoded(response: httpx.Response, where: str) -> Iterator[bytes]:
    """The body as it was before its transfer, in pieces of at most a megabyte.

    Raises ExtractError for another encoding than gzip, and where that is damaged.
    """
    encoding = encoding_of(response.headers)
    if encoding == "identity":
        yield from response.iter_raw()
        return
    if encoding not in GZIP:
        raise unread_encoding(where, encoding)
    decoder = zlib.decompressobj(wbits=31)
    try:
        for chunk in response.iter_raw():
            yield from _inflated(decoder, chunk)
    except zlib.error:
        raise ExtractError(f"{where} sends a damaged gzip encoding; ask its operator to mend it") from None
    if not decoder.eof:
        raise ExtractError(f"{where} sends a gzip encoding that is cut off; ask its operator to mend it")


def _inflated(decoder: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while chunk:
        yield decoder.decompress(chunk, PIECE_BYTES)
        chunk = decoder.unconsumed_tail


def whole(response: httpx.Response, where: str, limit: int) -> bytes:
    """A small body. Raises ExtractError where it has more than `limit` bytes, before they are all read."""
    content = bytearray()
    for piece in decoded(response, where):
        content += piece
        if len(content) > limit:
            raise ExtractError(f"{where} answers with more than {limit} bytes at once; ask for smaller pages")
    return bytes(content)

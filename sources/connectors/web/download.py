"""One file over HTTP(S), streamed: a broken transfer goes on where it broke, or starts again; it never half-lands."""

import re
import zlib
from pathlib import Path

import httpx

from sources.arrival.request import Arrived
from sources.connectors.retry import PassingFault, retried
from sources.connectors.web.body import GZIP, encoding_of, unread_encoding
from sources.connectors.web.http import Refused, Web, public
from sources.connectors.web.paging import proofs
from sources.errors import ExtractError
from sources.file_names import safe_name

_CHUNK_BYTES = 1 << 20
_PART = ".download.part"
_FILE_NAME = re.compile(r'filename\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)


class Download:
    """The bytes of one address on their way to a file, over as many transfers as it takes."""

    def __init__(self, web: Web, url: httpx.URL, into: Path) -> None:
        self.web, self.url, self.into = web, url, into
        self.part = into / _PART
        self.headers = httpx.Headers()

    def fetch(self) -> Arrived:
        """Raises ExtractError where it does not arrive whole, or is a web page."""
        self.part.unlink(missing_ok=True)
        retried(self._attempt)
        target = self.into / self._name()
        encoding = encoding_of(self.headers)
        if encoding in GZIP:
            self._decode(target)
        elif encoding == "identity":
            self.part.rename(target)
        else:
            raise unread_encoding(public(self.url), encoding)
        return Arrived((target.name,), evidence=proofs(self.headers))

    def _attempt(self) -> None:
        try:
            self._transfer()
        except Refused as refused:
            if refused.status != httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            self.part.unlink(missing_ok=True)
            raise PassingFault(f"{public(self.url)} has a shorter file than before; ask its operator") from None

    def _transfer(self) -> None:
        """The bytes are kept as transferred, so that an offset means the same to both sides."""
        with self.web.open(self.url, self._asked()) as response:
            start = self._start(response)
            self._refuse_page(response)
            if start == 0:
                self.headers = response.headers
            written = self._write(response, start)
            length = response.headers.get("content-length", "")
            if length.isascii() and length.isdigit() and written != start + int(length):
                raise PassingFault(f"{public(self.url)} breaks off after {written} bytes; ask its operator")

    def _asked(self) -> dict[str, str]:
        asked = {"Accept-Encoding": "identity"}
        mark = self._mark()
        if mark and self.part.exists():
            asked |= {"Range": f"bytes={self.part.stat().st_size}-", "If-Range": mark}
        return asked

    def _mark(self) -> str | None:
        """What tells that the file is still the same (RFC 9110, 13.1.5: a strong ETag); a weak one does not."""
        etag: str = self.headers.get("etag", "")
        return etag if etag.startswith('"') else None

    def _start(self, response: httpx.Response) -> int:
        """Where the body of this answer begins: at our offset where the system goes on there, else at nought."""
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            return 0
        offset = self.part.stat().st_size if self.part.exists() else 0
        if not response.headers.get("content-range", "").startswith(f"bytes {offset}-"):
            self.part.unlink(missing_ok=True)
            raise PassingFault(f"{public(self.url)} goes on at another place than asked for; ask its operator")
        return offset

    def _write(self, response: httpx.Response, start: int) -> int:
        written = start
        with self.part.open("ab" if start else "wb") as file:
            # As they come: gathered into larger pieces, the last one would be lost where the transfer breaks.
            for chunk in response.iter_raw():
                written += len(chunk)
                self.web.meter.check_arrived(written, self.into)
                file.write(chunk)
        return written

    def _refuse_page(self, response: httpx.Response) -> None:
        """No format of ours is a web page: it is a login, or a notice of maintenance, with status 200."""
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type in ("text/html", "application/xhtml+xml"):
            raise ExtractError(
                f"{public(self.url)} answers with a web page ({media_type}) in place of the extract; "
                f"check the login, or ask {self.web.contract.agency_name} what is wrong"
            )

    def _name(self) -> str:
        said = _FILE_NAME.search(self.headers.get("content-disposition", ""))
        return safe_name((said[1] or said[2] or "") if said else self.url.path, "extract")

    def _decode(self, target: Path) -> None:
        """Undo the encoding of the transfer. Raises ExtractError where it is damaged or unpacks without end."""
        decoder, written = zlib.decompressobj(wbits=31), 0
        damaged = f"{public(self.url)} sends a damaged gzip encoding; ask {self.web.contract.agency_name} to mend it"
        with self.part.open("rb") as packed, target.open("wb") as plain:
            while chunk := packed.read(_CHUNK_BYTES):
                try:
                    while chunk:
                        written += plain.write(decoder.decompress(chunk, _CHUNK_BYTES))
                        chunk = decoder.unconsumed_tail
                        self.web.meter.check_arrived(written, self.into)
                except zlib.error:
                    raise ExtractError(damaged) from None
        if not decoder.eof:
            raise ExtractError(damaged)
        self.part.unlink()

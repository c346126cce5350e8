"""S3 and stores that speak like it: every object that the location matches is one original."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sources.arrival.limits import Meter
from sources.arrival.remote_path import compiled, fixed_folder
from sources.arrival.request import Arrived, Pull
from sources.connectors.retry import PassingFault, retried
from sources.contract.model import Contract
from sources.contract.server.connection import CONNECT_SECONDS, read_seconds, said
from sources.contract.server.location import located, own_file, permit_host
from sources.contract.server.secret import is_own_machine, secret
from sources.errors import ExtractError
from sources.file_names import safe_key_name

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, S3Config, S3Store

_CHUNK_BYTES = 64 << 10
# The library's time-out is for a whole request with its body: a large object is asked for in pieces that keep it.
_RANGE_BYTES = 16 << 20
_MOST_OBJECTS = 100_000
_STATUS = re.compile(r"\b([345]\d\d) [A-Z][a-z]")
_PASSING = frozenset({"429", "500", "502", "503", "504"})


@dataclass(frozen=True)
class Place:
    """Which objects the night's extract is: `s3://bucket/key`, the key with `*`, `?` or `**`, or ending in `/`."""

    bucket: str
    pattern: str

    @classmethod
    def of(cls, contract: Contract, extract_date: date) -> "Place":
        """Raises ExtractError where the location is no place of a store."""
        scheme, _, rest = located(contract, extract_date).partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or not bucket or "@" in bucket:
            raise ExtractError(f"the location in {contract.path.name} is not s3://bucket/key; mend it")
        return cls(bucket, f"{key}**" if key.endswith("/") or not key else key)

    @property
    def folder(self) -> str:
        return fixed_folder(self.pattern)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.pattern}"


@dataclass(frozen=True)
class Found:
    """One object as the store lists it."""

    key: str
    size: int
    etag: str | None
    version: str | None

    @property
    def proof(self) -> str:
        said = {"ETag": self.etag, "version": self.version}
        return "; ".join(f"{name}: {value}" for name, value in said.items() if value)


def fetch(pull: Pull) -> Arrived:
    """Copy every object that the location matches, in the order of their keys, and the control object.

    Raises ExtractError where there is none, one changes meanwhile, or the store refuses us.
    """
    place = Place.of(pull.contract, pull.extract_date)
    bucket = Bucket(pull.contract, place, Meter.of(pull))
    control_key = _control_key(pull.contract, pull.extract_date, place)
    found = bucket.matching(control_key)
    bucket.meter.check_arrived(sum(item.size for item in found), pull.into)
    names: list[str] = []
    evidence: dict[str, str] = {}
    for item in found:
        relative = item.key.removeprefix(f"{place.folder}/") if place.folder else item.key
        name = safe_key_name(relative, set(names))
        bucket.copy(item, pull.into / name)
        names.append(name)
        evidence[name] = item.proof
    if control_key is None:
        return Arrived(tuple(names), evidence=evidence)
    control, name = bucket.one(control_key), safe_key_name(control_key.rpartition("/")[2], set(names))
    bucket.meter.check_arrived(sum(item.size for item in [*found, control]), pull.into)
    bucket.copy(control, pull.into / name)
    return Arrived(tuple(names), control=name, evidence=evidence | {name: control.proof})


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the store, the login or the objects of that date are not there now."""
    place = Place.of(contract, extract_date)
    bucket = Bucket(contract, place, Meter(contract, time.monotonic()))
    control_key = _control_key(contract, extract_date, place)
    bucket.matching(control_key)
    if control_key is not None:
        bucket.one(control_key)


class Bucket:
    """The store as this contract reaches it."""

    def __init__(self, contract: Contract, place: Place, meter: Meter) -> None:
        self.contract, self.place, self.meter = contract, place, meter
        endpoint = _endpoint(contract)
        self.host = urlsplit(endpoint).hostname if endpoint else "S3"
        self._store = _store(contract, place.bucket, endpoint)

    def matching(self, control_key: str | None) -> list[Found]:
        """The objects of the extract, sorted by key. Raises ExtractError where there is none, or more than one extract may be."""
        found = retried(self._matching)
        chosen = sorted((item for item in found if item.key != control_key), key=lambda item: item.key)
        if not chosen:
            raise ExtractError(f"{self.place} matches no object; ask {self.contract.agency_name} for the extract")
        return chosen

    def _matching(self) -> list[Found]:
        pattern, found, seen = compiled(self.place.pattern), [], 0
        with self._speaking():
            # The store lists below folders only; one object is named by itself.
            for listed in self._store.list(self.place.folder or None, chunk_size=1000):
                seen += len(listed)
                if seen > _MOST_OBJECTS:
                    raise ExtractError(f"{self.place}: more than {_MOST_OBJECTS} objects to look at; name a folder")
                found += [_found(item) for item in listed if pattern.match(item["path"])]
        return found

    def one(self, key: str) -> Found:
        """Raises ExtractError where there is no such object."""

        def look() -> Found:
            with self._speaking():
                return _found(self._store.head(key))

        return retried(look)

    def copy(self, item: Found, target: Path) -> None:
        """Stream one object to a file, range by range, each tried again from where it broke off.

        Raises ExtractError where it does not arrive whole, or changes meanwhile.
        """
        target.write_bytes(b"")
        while (offset := target.stat().st_size) < item.size:
            retried(partial(self._copy_until, min(offset + _RANGE_BYTES, item.size), item, target))

    def _copy_until(self, end: int, item: Found, target: Path) -> None:
        self.meter.check_time()
        with target.open("ab") as file, self._speaking():
            if file.tell() == end:
                return
            options: GetOptions = {"range": (file.tell(), end)}
            if item.etag:
                options["if_match"] = item.etag
            for chunk in self._store.get(item.key, options=options).stream(min_chunk_size=_CHUNK_BYTES):
                # What the store sends beyond the range that was asked for is not kept.
                file.write(memoryview(chunk)[: end - file.tell()])
                self.meter.check_arrived(file.tell(), target.parent)
            if file.tell() != end:
                raise PassingFault(f"{self.place}: {item.key} ends after {file.tell()} of {item.size} bytes")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """The store's faults in our words; its own may hold the address with the access key."""
        from obstore import exceptions

        agency = self.contract.agency_name
        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError):
            raise self._missing() from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
            raise ExtractError(
                f"{self.place}: the login is refused; check accessKeyId and secretAccessKey, or ask {agency}"
            ) from None
        except exceptions.PreconditionError:
            raise ExtractError(f"{self.place} changed while it was read; run the night again") from None
        except exceptions.BaseError as error:
            raise self._fault(str(error)) from None

    def _missing(self) -> ExtractError:
        return ExtractError(
            f"{self.place}: the bucket or object is not there; ask {self.contract.agency_name} for it, or mend the location"
        )

    def _fault(self, text: str) -> ExtractError:
        where = f"{self.place} at {self.host}"
        if "certificate" in text.lower():
            return ExtractError(f"{where}: the certificate is not trusted; check caFile and the host's name")
        status = _STATUS.search(text)
        if status and status[1] == "404":
            return self._missing()
        if status and status[1] not in _PASSING:
            return ExtractError(f"{where} answers {status[1]}; ask {self.contract.agency_name} what is wrong")
        return PassingFault(f"{where} cannot be reached or breaks off{f' ({status[1]})' if status else ''}")


def _found(item: Any) -> Found:
    return Found(item["path"], item["size"], item["e_tag"], item["version"])


def _control_key(contract: Contract, extract_date: date, place: Place) -> str | None:
    """The control object; its path starts at the folder of the extract."""
    control = contract.server.options.get("control")
    if not control:
        return None
    key = located(contract, extract_date, str(control["path"]))
    return f"{place.folder}/{key}" if place.folder else key


def _endpoint(contract: Contract) -> str | None:
    """The store's address. Raises ExtractError where it is none, holds a login or a parameter, or our own login would go unencrypted."""
    options = contract.server.options
    if "endpointUrl" not in options:
        return None
    text = said(contract, "endpointUrl")
    try:
        url = urlsplit(text)
        is_address = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        is_address = False
    if not is_address or "@" in url.netloc or url.query or url.fragment:
        raise ExtractError(f"the endpointUrl in {contract.path.name} is no plain http or https address; write one")
    if url.scheme == "http" and "accessKeyId" in options and not is_own_machine(url.hostname or ""):
        raise ExtractError(
            f"{url.hostname} is not encrypted, and the login of {contract.path.name} would be read on the way; use https"
        )
    permit_host(contract, url.hostname)
    return text


def _store(contract: Contract, bucket: str, endpoint: str | None) -> "S3Store":
    """Requests in path style, unencrypted only where endpointUrl says http. Attempts are counted by us alone."""
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    options = contract.server.options
    config: S3Config = {
        "region": said(contract, "region") if "region" in options else "us-east-1",
        "skip_signature": "accessKeyId" not in options,
    }
    if endpoint:
        config["endpoint"] = endpoint
    if "accessKeyId" in options:
        config["access_key_id"] = secret(contract, "accessKeyId") or ""
        config["secret_access_key"] = secret(contract, "secretAccessKey") or ""
    client: ClientConfig = {
        "allow_http": bool(endpoint and endpoint.startswith("http://")),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=read_seconds(contract)),
    }
    if "caFile" in options:
        client["root_certificate"] = _authority(contract)
    try:
        return S3Store(bucket, config=config, client_options=client, retry_config={"max_retries": 0})
    except (BaseError, ValueError) as error:
        raise ExtractError(
            f"{contract.path.name} describes no store that can be asked ({type(error).__name__}); check the bucket's name, "
            "region, endpointUrl and caFile"
        ) from None


def _authority(contract: Contract) -> bytes:
    path = own_file(contract, said(contract, "caFile", as_written=True))
    try:
        return path.read_bytes()
    except OSError as error:
        raise ExtractError(f"caFile {path} cannot be read ({error.strerror}); put it there in PEM") from None

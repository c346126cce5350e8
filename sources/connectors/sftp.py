"""SFTP: one file, and its control file, from a server whose host key is known."""

import asyncio
import posixpath
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

from sources.arrival.limits import Meter
from sources.arrival.remote_path import compiled, is_pattern
from sources.arrival.request import Arrived, Pull
from sources.connectors.retry import PassingFault, retried
from sources.contract.model import Contract
from sources.contract.server.connection import CONNECT_SECONDS, read_seconds, said
from sources.contract.server.location import located, own_file, permit_host
from sources.contract.server.secret import secret
from sources.errors import ExtractError
from sources.file_names import safe_name

if TYPE_CHECKING:
    from asyncssh import SFTPAttrs, SFTPClient, SFTPClientFile, SSHKnownHosts

_CHUNK_BYTES = 4 << 20
_MOST_NAMES = 100_000
_PORT = 22

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where the night's file lies: `sftp://host:port/folder/name`; the name may be a pattern."""

    host: str
    port: int
    folder: str
    name: str

    @classmethod
    def of(cls, contract: Contract, extract_date: date) -> "Place":
        """Raises ExtractError where the location is no address of a file, or holds a login."""
        try:
            url = urlsplit(located(contract, extract_date))
            host, port = url.hostname, url.port or _PORT
        except ValueError:
            raise ExtractError(f"the location in {contract.path.name} is no sftp address; mend it") from None
        # A `?` is a pattern's, not a query's.
        path = unquote(url.path + (f"?{url.query}" if url.query else ""))
        folder, name = posixpath.split(path)
        if url.scheme != "sftp" or not host or not name or is_pattern(folder):
            raise ExtractError(
                f"the location in {contract.path.name} is not sftp://host/folder/file; patterns stand in the file's name only"
            )
        if "@" in url.netloc:
            raise ExtractError(f"the location in {contract.path.name} holds a login; write it as username and password")
        permit_host(contract, host)
        return cls(host, port, folder, name)


@dataclass
class Transfer:
    """One remote file on its way to a local one, over as many connections as it takes; `before` bytes came before it."""

    target: Path
    meter: Meter
    before: int = 0
    remote: str | None = None
    seen: tuple[int, int] | None = field(default=None)


def fetch(pull: Pull) -> Arrived:
    """Copy the one file that the location names, and its control file.

    Raises ExtractError where it is not there, is still being written, or the server or our login is refused.
    """
    place, meter = Place.of(pull.contract, pull.extract_date), Meter.of(pull)
    data = Transfer(pull.into / ".sftp.part", meter)
    _run(pull.contract, place, meter, lambda client: _copy_data(client, pull.contract, place, data))
    name = safe_name(data.remote or place.name)
    data.target.rename(pull.into / name)
    control = _control_path(pull.contract, pull.extract_date, data.remote or "")
    if control is None:
        return Arrived((name,))
    beside = Transfer(pull.into / safe_name(control, "control"), meter, (pull.into / name).stat().st_size, control)
    if beside.target.name == name:
        raise ExtractError(f"control in {pull.contract.path.name} names the extract itself; name the control file")
    _run(pull.contract, place, meter, lambda client: _copy(client, pull.contract, beside))
    return Arrived((name,), control=beside.target.name)


def probe(contract: Contract, extract_date: date) -> None:
    """Raises ExtractError where the server, the login or the file of that date is not there now."""
    place = Place.of(contract, extract_date)

    async def look(client: "SFTPClient") -> None:
        remote = await _found(client, contract, place)
        control = _control_path(contract, extract_date, remote)
        for path in filter(None, [remote, control]):
            await _regular(client, contract, path)

    _run(contract, place, Meter(contract, time.monotonic()), look)


def _control_path(contract: Contract, extract_date: date, remote: str) -> str | None:
    control = contract.server.options.get("control")
    if not control:
        return None
    return posixpath.join(posixpath.dirname(remote), located(contract, extract_date, str(control["path"])))


def _run(contract: Contract, place: Place, meter: Meter, work: Callable[["SFTPClient"], Awaitable[T]]) -> T:
    """Do the work over a connection of its own, in an event loop of this thread, with retries, until the extract's time is over."""

    async def attempt() -> T:
        async with _connected(contract, place) as client:
            return await work(client)

    def in_time() -> T:
        meter.check_time()
        try:
            return asyncio.run(asyncio.wait_for(attempt(), meter.seconds_left))
        except TimeoutError:
            meter.check_time()
            raise PassingFault(f"sftp://{place.host}:{place.port} does not answer in time") from None

    return retried(in_time)


@asynccontextmanager
async def _connected(contract: Contract, place: Place) -> AsyncIterator["SFTPClient"]:
    import asyncssh

    where = f"sftp://{place.host}:{place.port}"
    try:
        async with asyncssh.connect(place.host, place.port, **_options(contract)) as connection:
            try:
                yield await asyncio.wait_for(connection.start_sftp_client(), read_seconds(contract))
            except BaseException:
                # A server that does not answer would not answer our farewell either.
                connection.abort()
                raise
    except asyncssh.HostKeyNotVerifiable:
        raise ExtractError(
            f"{where} shows another host key than knownHosts names; ask {contract.agency_name} whether it was changed, "
            "before you trust the new one"
        ) from None
    except asyncssh.PermissionDenied:
        raise ExtractError(
            f"{where} refuses the login of {contract.path.name}; check it, or ask {contract.agency_name}"
        ) from None
    except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.ConnectionLost, OSError) as error:
        # Also time-outs and a refused connection; asyncio's time-out is an OSError.
        raise PassingFault(f"{where} cannot be reached or breaks off ({type(error).__name__})") from None
    except UnicodeError:
        raise ExtractError(f"{where} is no name of a host; mend the location in {contract.path.name}") from None
    except asyncssh.SFTPNoSuchFile:
        raise ExtractError(
            f"{where}{place.folder}: the folder or file is not there; ask {contract.agency_name} for it, "
            f"or mend the location in {contract.path.name}"
        ) from None
    except asyncssh.Error as error:
        raise ExtractError(f"{where} does not serve us ({type(error).__name__}); ask {contract.agency_name}") from None


def _options(contract: Contract) -> dict[str, Any]:
    """How we connect: only with what the contract names, nothing of the machine's or the user's own SSH settings."""
    import asyncssh

    known_hosts = _known_hosts(contract)
    keys = []
    if "privateKey" in contract.server.options:
        path = own_file(contract, said(contract, "privateKey", as_written=True))
        try:
            keys = [asyncssh.read_private_key(path, secret(contract, "passphrase"))]
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            what = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise ExtractError(
                f"privateKey {path} cannot be read ({what}); check it and its passphrase; a sealed one is kept as PKCS#8"
            ) from None
    return {
        "known_hosts": known_hosts, "username": said(contract, "username"), "password": secret(contract, "password"),
        "client_keys": keys or None, "agent_path": None, "config": [], "gss_host": None,
        "connect_timeout": CONNECT_SECONDS, "login_timeout": read_seconds(contract), "keepalive_interval": read_seconds(contract),
    }  # fmt: skip


def _known_hosts(contract: Contract) -> "SSHKnownHosts":
    import asyncssh

    path = own_file(contract, said(contract, "knownHosts", as_written=True))
    if not path.is_file():
        raise ExtractError(f"knownHosts {path} is not there; write the server's host key to it")
    try:
        return asyncssh.read_known_hosts(str(path))
    except (OSError, ValueError, asyncssh.KeyImportError) as error:
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise ExtractError(
            f"knownHosts {path} cannot be read ({what}); write the server's host key to it, as ssh-keyscan shows it"
        ) from None


async def _copy_data(client: "SFTPClient", contract: Contract, place: Place, data: Transfer) -> None:
    data.remote = data.remote or await _found(client, contract, place)
    await _copy(client, contract, data)


async def _found(client: "SFTPClient", contract: Contract, place: Place) -> str:
    """The path of the one file that the location means. Raises ExtractError where there is none, or several."""
    if not is_pattern(place.name):
        return posixpath.join(place.folder, place.name)
    pattern, names, seen = compiled(place.name), [], 0
    entries = client.scandir(place.folder or ".")
    while entry := await asyncio.wait_for(anext(entries, None), read_seconds(contract)):
        seen += 1
        if seen > _MOST_NAMES:
            raise ExtractError(
                f"{place.folder} holds more than {_MOST_NAMES} files; ask {contract.agency_name} to tidy up"
            )
        name = str(entry.filename)
        # A pattern does not match a `/`: a name that would lead elsewhere is no name.
        if pattern.match(name) and name not in (".", "..") and "\\" not in name and name.isprintable():
            names.append(name)
    if len(names) != 1:
        shown = ", ".join(safe_name(name) for name in sorted(names)[:5]) or "none"
        raise ExtractError(
            f"{place.folder}/{place.name} matches {len(names)} files ({shown}); exactly one is expected, ask {contract.agency_name}"
        )
    return posixpath.join(place.folder, names[0])


async def _copy(client: "SFTPClient", contract: Contract, transfer: Transfer) -> None:
    """Read from where the last connection broke off. Raises ExtractError where the file is not the same throughout."""
    remote = transfer.remote or ""
    before = await _regular(client, contract, remote)
    transfer.meter.check_arrived(transfer.before + (before.size or 0), transfer.target.parent)
    if transfer.seen is None:
        transfer.seen = _state(before)
        transfer.target.unlink(missing_ok=True)
    growing = ExtractError(
        f"{remote} is still being written: it changed while it was read; ask {contract.agency_name} to rename it into place when it is whole"
    )
    if _state(before) != transfer.seen:
        raise growing
    # The file is closed with the connection: a server that hangs would hang in closing it, too.
    source = await asyncio.wait_for(client.open(remote, "rb"), read_seconds(contract))
    await _read_on(source, contract, transfer)
    if _state(await _regular(client, contract, remote)) != transfer.seen:
        raise growing


async def _read_on(source: "SFTPClientFile", contract: Contract, transfer: Transfer) -> None:
    size, limit = (transfer.seen or (0, 0))[0], read_seconds(contract)
    with transfer.target.open("ab") as target:
        offset = target.tell()
        while offset < size:
            # The library's types say text; a file opened with "rb" gives bytes.
            read = cast(Awaitable[bytes], source.read(min(_CHUNK_BYTES, size - offset), offset))
            chunk = await asyncio.wait_for(read, limit)
            if not chunk:
                raise PassingFault(f"{transfer.remote} ends after {offset} of {size} bytes")
            # A server may send more than it was asked for.
            offset += target.write(chunk[: size - offset])
            transfer.meter.check_arrived(transfer.before + offset, transfer.target.parent)


async def _regular(client: "SFTPClient", contract: Contract, remote: str) -> "SFTPAttrs":
    found = await asyncio.wait_for(client.stat(remote), read_seconds(contract))
    if not stat.S_ISREG(found.permissions or stat.S_IFREG):
        raise ExtractError(f"{remote} is not a file; name one file in {contract.path.name}")
    return found


def _state(found: "SFTPAttrs") -> tuple[int, int]:
    return found.size or 0, found.mtime or 0

"""By SFTP to a server whose host key is known: under a temporary name, then renamed."""

import asyncio
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sharing.release.delivery.place import Place
from sharing.release.errors import NotReleased

_SECONDS = 30


def deliver(files: Sequence[tuple[Path, str]], place: Place) -> str:
    """Each file under its name, whole or not at all, in their order. Raises NotReleased."""
    place.permit_host(place.host)
    asyncio.run(_deliver(files, place))
    return f"sftp://{place.host}{place.folder}"


async def _deliver(files: Sequence[tuple[Path, str]], place: Place) -> None:
    import asyncssh

    where = f"sftp://{place.host}"
    try:
        async with (
            asyncssh.connect(place.host, urlsplit(place.address).port or 22, **_options(place)) as connection,
            connection.start_sftp_client() as client,
        ):
            for source, name in files:
                target = posixpath.join(place.folder or ".", name)
                await client.put(str(source), f"{target}.part")
                await client.posix_rename(f"{target}.part", target)
    except asyncssh.HostKeyNotVerifiable:
        raise NotReleased(
            f"{where} shows another host key than known_hosts names; ask {place.recipient} before you trust it"
        ) from None
    except asyncssh.PermissionDenied:
        raise NotReleased(f"{where} refuses the login; check it, or ask {place.recipient}") from None
    except (asyncssh.Error, OSError) as error:
        raise NotReleased(
            f"{where} does not take the release ({type(error).__name__}); ask {place.recipient}, then release again"
        ) from None


def _options(place: Place) -> dict[str, Any]:
    """Only what the agreement names, nothing of the machine's or the user's own SSH settings."""
    import asyncssh

    try:
        known_hosts = asyncssh.read_known_hosts(str(place.own_file(place.login.get("known_hosts", ""))))
        keys = (
            [asyncssh.read_private_key(place.own_file(place.login["private_key"]))]
            if "private_key" in place.login
            else None
        )
    except (OSError, ValueError, asyncssh.KeyImportError) as error:
        raise NotReleased(
            f"known_hosts or private_key of {place.recipient} cannot be read ({type(error).__name__}); name both as file:PATH"
        ) from None
    return {
        "known_hosts": known_hosts, "username": place.login.get("username"), "password": place.secret("password"), "client_keys": keys,
        "agent_path": None, "config": [], "gss_host": None, "connect_timeout": _SECONDS, "login_timeout": _SECONDS,
    }  # fmt: skip

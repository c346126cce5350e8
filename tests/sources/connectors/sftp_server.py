"""An SFTP server on loopback with a folder of its own, which can break off, hang or grow a file while it is read."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests.sources.connectors.pulling import SECRET


@dataclass
class SftpSite:
    """`files` is what it serves; `host_key` what it shows; `breaks` how often a transfer breaks off in the middle."""

    files: Path
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    authorized: asyncssh.SSHKey | None = None
    breaks: int = 0
    grows: bool = False
    hangs: bool = False
    extra_names: list[str] = field(default_factory=list)
    port: int = 0
    offsets: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"sftp://127.0.0.1:{self.port}"

    def known_hosts(self, path: Path, key: asyncssh.SSHKey | None = None) -> str:
        """Write the file that names this server's key, or another one."""
        public = (key or self.host_key).export_public_key().decode()
        path.write_text(f"[127.0.0.1]:{self.port} {public}")
        return str(path)

    @contextmanager
    def served(self) -> Iterator["SftpSite"]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        server = asyncio.run_coroutine_threadsafe(self._listen(), loop).result(20)
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(_closed(server), loop).result(20)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

    async def _listen(self) -> Any:
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=lambda: _Door(self), server_host_keys=[self.host_key],
            sftp_factory=lambda channel: _Files(channel, self),
        )  # fmt: skip
        self.port = server.get_port()
        return server


async def _closed(server: Any) -> None:
    server.close()
    await server.wait_closed()


class _Door(asyncssh.SSHServer):
    def __init__(self, site: SftpSite) -> None:
        self.site = site

    def password_auth_supported(self) -> bool:
        return self.site.authorized is None

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("platform", SECRET)

    def public_key_auth_supported(self) -> bool:
        return self.site.authorized is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        authorized = self.site.authorized
        return authorized is not None and key.public_data == authorized.public_data


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, site: SftpSite) -> None:
        super().__init__(channel, chroot=str(site.files).encode())
        self.site = site

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        site = self.site
        site.offsets.append(offset)
        if site.hangs:
            await asyncio.sleep(30)
        if site.grows:
            site.grows = False
            with Path(file_obj.name.decode()).open("ab") as file:
                file.write(b"more\n")
        # The client asks for several pieces at once: what it already has is kept only below this one.
        if site.breaks and offset >= 8 << 20:
            site.breaks -= 1
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("gone")
        return bytes(super().read(file_obj, offset, size))

    def scandir(self, path: bytes) -> Any:
        return self._names(super().scandir(path))

    async def _names(self, real: Any) -> Any:
        async for name in real:
            yield name
        for extra in self.site.extra_names:
            yield asyncssh.SFTPName(extra.encode(), attrs=asyncssh.SFTPAttrs())

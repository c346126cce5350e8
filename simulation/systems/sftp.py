"""SFTP servers with key login: the tax authority's, and the one in front of social security's mainframe."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from simulation.systems.system import System, extract_folder

_USER = "interagency"
_STARTS_WITHIN_SECONDS = 20


@contextmanager
def sftp(agency: str, extracts: Path, workplace: Path) -> Iterator[System]:
    """Serve the files of the night in the folder `/out`; the key, and the host's key, are made for this server alone."""
    root, keys = workplace / "root", workplace / "keys"
    for folder in (root / "out", keys):
        folder.mkdir(parents=True)
    user_key, host_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    private = keys / "id_ed25519"
    private.touch(mode=0o600)
    user_key.write_private_key(private)
    (keys / "authorized_keys").write_bytes(user_key.export_public_key())
    with _served(root, keys / "authorized_keys", host_key) as port:
        known_hosts = keys / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {host_key.export_public_key().decode()}", encoding="utf-8")
        prefix = f"COUNTRY_{agency.upper()}"
        environment = {
            f"{prefix}_SERVER": f"127.0.0.1:{port}", f"{prefix}_USER": _USER,
            f"{prefix}_KEY": str(private), f"{prefix}_KNOWN_HOSTS": str(known_hosts),
        }  # fmt: skip
        yield System(environment, lambda night: _show(extract_folder(extracts, agency, night), root / "out"))


def _show(night: Path, out: Path) -> None:
    """The files of earlier nights go: the server holds one night only."""
    for old in out.iterdir():
        old.unlink()
    for file in sorted(night.iterdir()):
        os.link(file, out / file.name)


@contextmanager
def _served(root: Path, authorized: Path, host_key: asyncssh.SSHKey) -> Iterator[int]:
    """A server in a thread with an event loop of its own; yields its port."""
    loop, started, ports = asyncio.new_event_loop(), threading.Event(), []

    class Chrooted(asyncssh.SFTPServer):
        def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]") -> None:
            super().__init__(channel, chroot=str(root).encode())

    async def start() -> asyncssh.SSHAcceptor:
        acceptor = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host_key], authorized_client_keys=str(authorized), sftp_factory=Chrooted,
            password_auth=False, kbdint_auth=False,
        )  # fmt: skip
        ports.append(acceptor.get_port())
        started.set()
        return acceptor

    def run() -> None:
        acceptor = loop.run_until_complete(start())
        loop.run_forever()
        acceptor.close()
        loop.run_until_complete(acceptor.wait_closed())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not started.wait(_STARTS_WITHIN_SECONDS):
        raise RuntimeError("the SFTP server does not start; see what else this machine is doing")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_STARTS_WITHIN_SECONDS)

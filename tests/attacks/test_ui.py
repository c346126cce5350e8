"""A web page, a neighbour on the machine, or a name that leads here: none of them gets past the guard of `interagency ui`."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser import CHROMIUM, WITH_BROWSER
from tests.conftest import INTERAGENCY, ended
from warehouse.home import PROJECT, Home

# What an attack leaves behind in Dagster's own storage, where it gets through.
TRACE = "attacked"
MUTATION = f'mutation {{ setConcurrencyLimit(concurrencyKey: "{TRACE}", limit: 1) {{ __typename }} }}'
QUERY = "{ version }"
SECONDS_TO_START = 180
SECONDS_TO_SAY = 10


@dataclass
class Page:
    """`interagency ui` as it runs; `said` is all that it printed."""

    process: "subprocess.Popen[str]"
    port: int
    home: Home
    said: list[str] = field(default_factory=list)
    links_used: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self) -> str:
        """The link that is good now, to be used once; the address alone where none is printed in time."""
        until = time.monotonic() + SECONDS_TO_SAY
        while time.monotonic() < until:
            links = [word for line in self.said for word in line.split() if "/login?token=" in word]
            if len(links) > self.links_used:
                self.links_used = len(links)
                return links[-1]
            time.sleep(0.05)
        return self.url

    @cached_property
    def cookie(self) -> str:
        """Of an operator who opened the link."""
        answer = httpx.get(self.link())
        assert "set-cookie" in answer.headers
        return answer.headers["set-cookie"].partition(";")[0]

    def post(self, **headers: str) -> httpx.Response:
        """A mutation, as the page itself would send it, but for these headers."""
        own = {"Cookie": self.cookie, "Origin": self.url, "Content-Type": "application/json"}
        sent = {name: value for name, value in {**own, **headers}.items() if value}
        return httpx.post(f"{self.url}/graphql", headers=sent, content=json.dumps({"query": MUTATION}))

    def is_attacked(self) -> bool:
        import dagster as dg

        with dg.DagsterInstance.from_config(str(self.home.dagster)) as instance:
            return TRACE in instance.event_log_storage.get_concurrency_keys()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def started(root: Path) -> Iterator[Page]:
    port = free_port()
    command = [INTERAGENCY, "ui", "--port", str(port)]
    environment = {**os.environ, "INTERAGENCY_HOME": str(root), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT, env=environment, start_new_session=True
    ) as process:  # fmt: skip
        page = Page(process, port, Home(root))
        threading.Thread(target=lambda: page.said.extend(process.stdout or ()), daemon=True).start()
        try:
            _wait_for(page)
            yield page
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=60)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def _wait_for(page: Page) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        assert page.process.poll() is None, "".join(page.said)
        try:
            httpx.get(f"{page.url}/server_info", timeout=5)
        except httpx.TransportError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("".join(page.said))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with started(tmp_path_factory.mktemp("ui")) as running:
        yield running


# Without logging in: these need nothing of the guard, and went through before there was one.


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain; application/json"},
        {"Content-Type": "text/plain; application/json", "Origin": "http://evil.example"},
        {"Content-Type": "application/json", "Host": "evil.example"},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/graphql"},
    ],
)
def test_nobody_sends_a_mutation_without_logging_in(page: Page, headers: dict[str, str]) -> None:
    body = MUTATION if "graphql" in headers["Content-Type"] else json.dumps({"query": MUTATION})
    answer = httpx.post(f"{page.url}/graphql", headers=headers, content=body)
    assert answer.status_code in (401, 403, 421)
    assert httpx.get(f"{page.url}/graphql", params={"query": MUTATION}, headers=headers).status_code in (401, 403, 421)
    assert not page.is_attacked()


PATHS = "/ /server_info /graphql /graphql?query={version} /logs/a.out /download_debug/x /favicon.png //graphql"


@pytest.mark.parametrize("path", PATHS.split())
def test_nothing_is_read_without_logging_in(page: Page, path: str) -> None:
    answer = httpx.get(f"{page.url}{path}", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "interagency ui" in answer.text


def test_a_socket_is_refused_without_logging_in(page: Page) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(_socket(page), origin=page.url, subprotocols=["graphql-ws"])


# Logged in: the operator's browser carries the cookie, and another page uses it.


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain; application/json"}, 415),
        ({"Content-Type": "application/json; text/plain"}, 415),
        ({"Content-Type": "application/graphql"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=application/json"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Cookie": "interagency=x"}, 401),
    ],
)
def test_a_request_that_the_page_would_not_make_is_refused(page: Page, headers: dict[str, str], status: int) -> None:
    assert page.post(**headers).status_code == status
    assert not page.is_attacked()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_no_other_method_carries_a_mutation(page: Page, method: str) -> None:
    for accept in ("application/json", "*/*"):
        answer = httpx.request(
            method, f"{page.url}/graphql", params={"query": MUTATION},
            headers={"Cookie": page.cookie, "Accept": accept, "Origin": page.url},
        )  # fmt: skip
        assert answer.status_code == 405
    assert not page.is_attacked()


def test_events_are_reported_by_runs_alone(page: Page) -> None:
    headers = {"Cookie": page.cookie, "Origin": page.url, "Content-Type": "application/json"}
    answer = httpx.post(f"{page.url}/report_asset_materialization/marts/flight", headers=headers, content="{}")
    assert answer.status_code == 405


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1"])
def test_a_socket_of_another_page_is_refused(page: Page, origin: str | None) -> None:
    headers = {"Cookie": page.cookie}
    with pytest.raises(InvalidStatus, match="403"), connect(_socket(page), origin=origin, additional_headers=headers):
        pass


def test_the_page_itself_works(page: Page) -> None:
    headers = {"Cookie": page.cookie, "Origin": page.url}
    answer = httpx.post(f"{page.url}/graphql", headers=headers, json={"query": QUERY})
    assert answer.json()["data"]["version"]
    shown = httpx.get(f"{page.url}/", headers={"Cookie": page.cookie})
    assert shown.status_code == 200
    assert shown.headers["x-frame-options"] == "DENY"
    own = {"Cookie": page.cookie}
    with connect(_socket(page), origin=page.url, subprotocols=["graphql-ws"], additional_headers=own) as live:
        live.send(json.dumps({"type": "connection_init"}))
        assert json.loads(live.recv(timeout=20))["type"] == "connection_ack"


def test_a_link_is_good_once_and_its_cookie_is_kept_from_scripts_and_other_sites(page: Page) -> None:
    link = page.link()
    assert httpx.get(link.replace("token=", "token=x")).status_code == 403
    first = httpx.get(link)
    told = first.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=strict" in told
    assert "set-cookie" not in httpx.get(link).headers
    assert "set-cookie" in httpx.get(page.link()).headers


def test_no_other_port_stands_open(page: Page) -> None:
    """The code location and the daemon belong to the page, and none of them listens where others reach it."""
    found = ended("ps", "-o", "pid=", "-s", page.process.pid)
    ports = {port for pid in found.stdout.split() for port in _listening(int(pid))}
    assert ports == {page.port}


def _listening(pid: int) -> set[int]:
    """TCP ports on which a process listens."""
    try:
        inodes = {str(path.readlink())[8:-1] for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    except OSError:
        return set()
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and rest[5] in inodes:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def _socket(page: Page) -> str:
    return f"ws://127.0.0.1:{page.port}/graphql"


# A browser, and the page that it was led to.

_HOSTILE = """<!doctype html><body><script>
const post = () => fetch('%(url)s/graphql', {method: 'POST', mode: 'no-cors', credentials: 'include',
  body: new Blob([%(body)s], {type: 'text/plain; application/json'})});
const told = text => document.body.insertAdjacentHTML('beforeend', '<p>' + text + '</p>');
fetch('%(login)s', {mode: 'no-cors', credentials: 'include'}).then(post, post).then(() => told('sent'), () => told('not sent'));
</script></body>"""


@contextmanager
def hostile_page(page: Page, login: str) -> Iterator[int]:
    """A web server of somebody else, whose page sends a mutation to `page`; its port."""
    text = _HOSTILE % {"url": page.url, "login": login, "body": json.dumps(json.dumps({"query": MUTATION}))}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def browse(url: str, folder: Path) -> str:
    """What a browser shows of an address; every name leads to this machine."""
    return subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", f"--user-data-dir={folder}",
         "--host-resolver-rules=MAP * 127.0.0.1", "--dump-dom", url],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


@WITH_BROWSER
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1"])
def test_a_page_in_the_operators_browser_starts_nothing(page: Page, tmp_path: Path, host: str) -> None:
    """The neighbour on another port of the same machine is of the same site, and gets the cookie sent along."""
    with hostile_page(page, page.link()) as port:
        assert "sent</p>" in browse(f"http://{host}:{port}/", tmp_path)
    assert not page.is_attacked()


@WITH_BROWSER
def test_a_name_that_leads_here_shows_nothing(page: Page, tmp_path: Path) -> None:
    shown = browse(f"http://evil.example:{page.port}/graphql?query=%7Bversion%7D", tmp_path)
    assert "open it under that name" in shown


@WITH_BROWSER
def test_a_browser_that_opens_the_link_is_led_on(page: Page, tmp_path: Path) -> None:
    shown = browse(page.link(), tmp_path)
    assert "initialization-data" in shown


# Run configuration, which the page and the daemon hand on.


@pytest.mark.parametrize("job", ["ingest", "harmonise"])
@pytest.mark.parametrize(
    "resource",
    [
        {"dbt": {"config": {"dbt_executable": "/tmp/evil"}}},
        {"dbt": {"config": {"project_dir": "/tmp", "profiles_dir": "/tmp"}}},
        {"dbt": {"config": {"global_config_flags": ["--profiles-dir", "/tmp"]}}},
        {"io_manager": {"config": {"base_dir": "/tmp"}}},
        {"io_manager": {"config": {"base_dir": {"env": "INTERAGENCY_KEY"}}}},
        {"platform": {"config": {"home": "/tmp"}}},
    ],
)
def test_run_configuration_cannot_choose_programs_or_folders(home: Home, job: str, resource: dict[str, object]) -> None:
    import dagster as dg

    from orchestration.definitions import defs

    if job == "ingest" and "dbt" in resource:
        # It has no such resource at all; that it is refused is shown all the same.
        assert "dbt" not in defs.resolve_job_def(job).get_required_resource_defs()
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(defs.resolve_job_def(job), {"resources": resource})

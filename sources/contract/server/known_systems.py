"""The kinds of systems that a contract may name, as data: which module serves each, and what its contracts may and must say."""

from dataclasses import dataclass

from sources.contract.model import Server


@dataclass(frozen=True)
class Kind:
    """A kind of system: the module that serves it, and what its contracts may and must say beside the place and format.

    `secrets` are options that name an environment variable (`env:NAME`) or a file (`file:PATH`), never the secret.
    `is_live` is a system that shows its state of now, whatever night is asked for. `format` is what it always sends;
    `needs_place` is off where host and database, and not a path or address, say where it is. `schemes` are those that its
    address may have; it may be a path where there are none. One that `chooses_columns` is asked for the contract's columns by name,
    so that no other leaves the agency.
    """

    module: str
    options: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    is_live: bool = False
    format: str | None = None
    needs_place: bool = True
    schemes: tuple[str, ...] = ()
    chooses_columns: bool = False


# Files may be archives, and have a control file beside them; an API or a database says itself how much it sends.
_FILES = frozenset({"control", "member"})
_HTTP = frozenset({
    "caFile", "clientCertFile", "clientKeyFile", "timeoutSeconds", "headers", "query", "paging", "member",
})  # fmt: skip
_WEB = ("http", "https")


def _database(module: str, options: set[str], required: set[str]) -> Kind:
    login = frozenset({"username", "password"})
    said = frozenset({"query", "schema", *options})
    return Kind(
        module,
        said,
        frozenset(required),
        login,
        is_live=True,
        format="parquet",
        needs_place=False,
        chooses_columns=True,
    )


_POSTGRES = _database("sources.connectors.postgres", {"port", "sslMode", "caFile"}, {"host", "database"})
# A module has `fetch(pull: Pull) -> Arrived` and `probe(contract, extract_date)`; heavy imports stay inside it.
KINDS: dict[str, Kind] = {
    "local": Kind("sources.connectors.local", options=_FILES),
    "postgres": _POSTGRES,
    "postgresql": _POSTGRES,
    "sqlalchemy": _database("sources.connectors.database", set(), {"url"}),
    "api": Kind(
        "sources.connectors.web.api",
        secrets=frozenset({"clientSecret", "apiKey", "password", "bearerToken"}),
        options=_HTTP | {"tokenUrl", "clientId", "scope", "apiKeyHeader", "username"},
        is_live=True,
        schemes=_WEB,
    ),
    "xroad": Kind(
        "sources.connectors.web.xroad",
        options=_HTTP | {"servicePath", "userId"},
        required=frozenset({"client", "service"}),
        is_live=True,
        schemes=_WEB,
    ),
    "sftp": Kind(
        "sources.connectors.sftp",
        options=_FILES | {"privateKey", "timeoutSeconds"},
        required=frozenset({"username", "knownHosts"}),
        secrets=frozenset({"password", "passphrase"}),
        schemes=("sftp",),
    ),
    "s3": Kind(
        "sources.connectors.s3",
        options=_FILES | {"region", "caFile", "timeoutSeconds"},
        secrets=frozenset({"accessKeyId", "secretAccessKey"}),
        schemes=("s3",),
    ),
}


def kind_name(server: Server) -> str:
    """The standard's server type; for its `custom`, the option `connector`."""
    return str(server.options.get("connector", "custom")) if server.type == "custom" else server.type


def kind(server: Server) -> Kind | None:
    return KINDS.get(kind_name(server))

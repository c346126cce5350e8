"""The server section of a contract: where an extract comes from and what its bytes are."""

from difflib import get_close_matches
from typing import Any

from open_data_contract_standard.model import CustomProperty
from open_data_contract_standard.model import Server as StandardServer

from sources.contract import defaults
from sources.contract.model import Server
from sources.contract.reading.odcs import Problems, Step
from sources.contract.server.known_formats import FORMATS
from sources.contract.server.known_systems import KINDS, kind, kind_name
from sources.contract.server.options import option_faults
from sources.contract.server.secret_faults import secret_faults
from sources.typing.number_format import NUMBER_OPTIONS

# What the platform itself reads of every server, whatever its kind and format. The standard's `api` has no field for a format.
_OF_EVERY_SERVER = frozenset({"connector", "format", "encoding", "limits"}) | NUMBER_OPTIONS
_PLACES = ("path", "location", "url", "endpointUrl")
_STEPS: list[Step] = ["servers", 0]
DETECT = "detect"


def values(properties: list[CustomProperty] | None) -> dict[str, Any]:
    """customProperties by name."""
    return {item.property or "": item.value for item in properties or []}


class ServerReader:
    """Turns the standard's server into ours; what is wrong goes to the contract's problems."""

    def __init__(self, problems: Problems) -> None:
        self.wrong = problems.add

    def server(self, servers: list[StandardServer] | None) -> Server:
        if not servers or len(servers) != 1:
            self.wrong(["servers"], f"has {len(servers or [])} entries; write exactly one")
            return Server("", "", "", "", "")
        standard = servers[0]
        custom = values(standard.customProperties)
        server = self._server(standard, custom)
        if kind(server) is None:
            wanted = "type" if server.type != "custom" else "customProperties"
            self.wrong(
                [*_STEPS, wanted], f"{kind_name(server)!r} has no connector; use one of {', '.join(sorted(KINDS))}"
            )
            return server
        self._check_format(server)
        self._check_options(server, set(custom))
        return server

    def _server(self, standard: StandardServer, custom: dict[str, Any]) -> Server:
        fields = standard.model_dump(exclude_none=True, by_alias=True)
        described = {
            "id", "server", "type", "description", "environment", "roles", "customProperties", "format",
            "encoding",
        }  # fmt: skip
        options = {name: value for name, value in fields.items() if name not in described} | custom
        server = Server(
            type=standard.type or "", location=_place(options),
            format=str(standard.format or custom.get("format", "")).lower(), delimiter=str(options.get("delimiter", defaults.DELIMITER)),
            encoding=standard.encoding or str(custom.get("encoding", DETECT if options.get("dialect") == DETECT else defaults.ENCODING)), options=options,
        )  # fmt: skip
        always = kind(server)
        if always and always.format and not server.format:
            return Server(server.type, server.location, always.format, server.delimiter, server.encoding, options)
        return server

    def _check_format(self, server: Server) -> None:
        found = kind(server)
        if found and found.needs_place and not server.location:
            self.wrong(_STEPS, "says no place; add `path` or `location`")
        if server.format not in FORMATS:
            self.wrong([*_STEPS, "format"], f"is {server.format!r}; write one of {', '.join(sorted(FORMATS))}")
        try:
            "".encode("utf-8" if server.encoding == DETECT else server.encoding)
        except (LookupError, ValueError):
            self.wrong([*_STEPS, "encoding"], f"is {server.encoding!r}, which is not known; write one such as utf-8")
        if server.encoding == DETECT and FORMATS.get(server.format) is not FORMATS["csv"]:
            self.wrong([*_STEPS, "encoding"], f"is {DETECT!r}, which only csv and tsv know; write one such as utf-8")

    def _check_options(self, server: Server, custom: set[str]) -> None:
        found, form = kind(server), FORMATS.get(server.format)
        if found is None or form is None:
            return
        known = found.options | found.required | found.secrets | form.options | form.required | _OF_EVERY_SERVER
        for name in sorted(custom - known):
            near = get_close_matches(name, known, 1)
            said = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
            self.wrong(
                [*_STEPS, "customProperties"], f"{name} is no option of {kind_name(server)} and {server.format}; {said}"
            )
        for name in sorted((found.required | form.required) - set(server.options)):
            needing = kind_name(server) if name in found.required else server.format
            self.wrong(_STEPS, f"has no {name}; {needing} needs it")
        for fault in [*option_faults(server, found), *secret_faults(server, found)]:
            self.wrong([*_STEPS, "customProperties"], fault)


def _place(options: dict[str, Any]) -> str:
    """The path or address; of a database its host and name."""
    found = next((str(options[name]) for name in _PLACES if options.get(name)), "")
    return found or "/".join(str(options[name]) for name in ("host", "database") if name in options)

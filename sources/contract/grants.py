"""What the contracts of an agency may name on this machine: variables, folders and hosts, granted outside the contract.

A contract is written by a stranger. What it names is filled in, read and connected to with the platform's rights, so it gets
only what the operator granted its agency in `grants.yaml`:

    civil_registry:
      variables: [REGISTRY_*]        # by name or prefix; besides those that begin with the agency's own name
      folders: [/srv/drop/registry]  # besides the contract's own folder and data files of Python packages
      hosts: [db.registry.example, "*.registry.example", 10.20.0.0/16]  # where any are named, these alone

The platform's own variables and folders cannot be granted. Without a grant a contract may name any host but this machine's own
addresses, link-local ones and those at which clouds keep their machines' credentials.
"""

import ipaddress
import os
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from warehouse.errors import SettingError
from warehouse.home import AGENCIES, Home
from warehouse.settings import settings
from warehouse.yaml import FileError, Schema, load_file

FILE = "grants.yaml"
# Where a grant is written, as messages say it.
_WHERE = f"{FILE}, the project's own or one that INTERAGENCY_GRANTS names (docs/engineer.md, Grants)"
EVERY_AGENCY = "*"
_KINDS = ("variables", "folders", "hosts")
_LISTS = {kind: {"type": "array", "items": {"type": "string"}} for kind in _KINDS}
_OF_AGENCY = {"type": "object", "properties": _LISTS, "additionalProperties": False}
_SCHEMA = Schema({"type": ["object", "null"], "additionalProperties": _OF_AGENCY})
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_NAMED = re.compile(r"\$\{(\w+)|\benv:(\w+)")
_OWN_VARIABLE = re.compile("(INTERAGENCY|DAGSTER|DBT|VAULT)_.*")
# Where agencies drop their files is no secret.
_INBOX = "INTERAGENCY_INBOX"
# What the system tells of its processes and devices is no file of an agency.
_SYSTEM = tuple(map(Path, ("/proc", "/sys", "/dev")))
# Where clouds show a machine its credentials, besides link-local addresses.
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
# Prefixes before an address of IPv4: as gateways translate them (RFC 6052, RFC 2765), and the old compatible ones (RFC 4291).
_BEFORE_IPV4 = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")))
OWN_MACHINE = "localhost"


class NotGranted(Exception):
    """A contract names what its agency was not granted; the message never holds the value."""


@dataclass(frozen=True)
class Grant:
    """What one agency's contracts may name. `base` is the contract's own folder; the defaults are those of no grant at all."""

    agency: str = ""
    base: Path | None = None
    variables: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()

    def filled(self, text: str, *, stays_here: bool = False) -> str:
        """`${NAME}` and `${NAME:-default}` filled in from the environment.

        `stays_here` is the path of a file on this machine: there the folder is what has to be granted. Raises NotGranted, and
        LookupError naming the variable where it is not set and has no default.
        """

        def value(match: re.Match[str]) -> str:
            name, default = match.groups()
            found = self.variable(name, stays_here=stays_here) or default
            if found is None:
                raise LookupError(
                    f"environment variable {name} is not set; set it, or give a default as ${{{name}:-…}}"
                )
            return found

        return _VARIABLE.sub(value, text)

    def variable(self, name: str, *, stays_here: bool = False) -> str | None:
        """The variable's value; None where it is not set. Raises NotGranted."""
        is_own = _OWN_VARIABLE.fullmatch(name) is not None and name != _INBOX
        own = (f"{self.agency.upper()}_*",) if self.agency else ()
        is_granted = any(fnmatchcase(name, item) for item in (*own, *self.variables))
        if is_own or not (stays_here or name == _INBOX or is_granted):
            what = "is the platform's own" if is_own else "is not granted"
            raise NotGranted(
                f"environment variable {name} {what} to {self._who}; use one that begins with "
                f"{self.agency.upper() or 'the agency'}_, or grant it under `variables` in {_WHERE}"
            )
        return os.environ.get(name)

    def permit_file(self, path: Path) -> None:
        """Raises NotGranted for a resolved path that is in no folder of the agency's."""
        forbidden = (*_SYSTEM, Home.from_environment().root)
        key_file = settings().key_file
        is_forbidden = (key_file is not None and path == key_file.expanduser().resolve()) or any(
            path.is_relative_to(folder) and not self._is_deeper(folder, path) for folder in forbidden
        )
        if is_forbidden or not any(path.is_relative_to(folder) for folder in self._folders):
            raise NotGranted(
                f"a file outside the folders of {self._who}; put it beside the contract, or grant its folder under `folders` "
                f"in {_WHERE}"
            )

    def holds(self, folder: Path) -> bool:
        """Whether files of a folder may be named."""
        try:
            self.permit_file(folder.resolve() / "file")
        except NotGranted:
            return False
        return True

    def _is_deeper(self, forbidden: Path, path: Path) -> bool:
        """Whether a folder below the forbidden one was granted by its own name."""
        granted = [folder for folder in self.folders if path.is_relative_to(folder)]
        return any(folder != forbidden and folder.is_relative_to(forbidden) for folder in granted)

    @cached_property
    def _folders(self) -> tuple[Path, ...]:
        # Of a folder that is a link, what it leads to: whoever runs the platform made it.
        return tuple(item.resolve() for item in (*((self.base,) if self.base else ()), *self.folders))

    def permit_host(self, host: str) -> None:
        """Raises NotGranted for a host that the agency may not name, or whose addresses are this machine's or a cloud's own."""
        # A path is a socket of this machine; so is no host at all.
        host = OWN_MACHINE if not host or host.startswith(("/", "@")) else host.strip("[]").rstrip(".").lower()
        # Some drivers write a port behind the name; an address of six groups has more colons.
        host = host.partition(":")[0] if host.count(":") == 1 else host
        if self.hosts and not self._names(host):
            raise self._no_host(f"host {host} is none of those granted to {self._who}")
        # Where a name leads is said by its owner, so a guarded address is granted by itself alone.
        if not all(self._may_reach(address) for address in _addresses(host)):
            raise self._no_host(f"host {host} is this machine's own, link-local, or shows a machine its credentials")

    def permit_address(self, address: str) -> None:
        """Raises NotGranted for the address that a connection went to; a name may have led elsewhere since it was looked up."""
        found = _address(address)
        if found is not None and not self._may_reach(found):
            raise self._no_host(f"{address} is this machine's own, link-local, or shows a machine its credentials")

    def _names(self, host: str) -> bool:
        return any(_matches(host, item.lower()) for item in self.hosts)

    def _may_reach(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return not is_guarded(address) or self._names(str(address))

    def _no_host(self, words: str) -> NotGranted:
        return NotGranted(f"{words}; grant it under `hosts` in {_WHERE}")

    @property
    def _who(self) -> str:
        return self.agency or "this contract"

    def with_place(self, place: str) -> "Grant":
        """The same with a file or address that whoever runs the platform named themselves."""
        parts = urlsplit(place)
        if parts.scheme and parts.hostname:
            own = _own(parts.hostname)
            return replace(self, hosts=(*self.hosts, *(own or (parts.hostname,))) if self.hosts else own)
        folder = Path(place.removeprefix("file://")).expanduser().absolute().parent
        return replace(self, folders=(*self.folders, folder))


def _own(host: str) -> tuple[str, ...]:
    """A guarded host becomes the only one, with its addresses; any other needs no grant."""
    addresses = _addresses(host)
    return (host, *map(str, addresses)) if any(map(is_guarded, addresses)) else ()


def named_variables(text: str) -> set[str]:
    """Variables of the environment that a part of a contract names, as `${NAME}` or `env:NAME`."""
    return {name for names in _NAMED.findall(text) for name in names if name}


def grant_of(agency: str, base: Path | None) -> Grant:
    """What `agency` was granted, by the project's own file and those of INTERAGENCY_GRANTS (separated as in PATH).

    An empty name is a contract of no agency here: it has what everybody was granted. Raises SettingError naming the file where one cannot be read.
    """
    found = [entry for path in grant_files() for name, entry in _read(path) if name in (agency, EVERY_AGENCY)]
    return Grant(
        agency, base, tuple(item for entry in found for item in entry["variables"]),
        tuple(Path(item).expanduser() for entry in found for item in entry["folders"] if item),
        tuple(item for entry in found for item in entry["hosts"]),
    )  # fmt: skip


def grant_files() -> list[Path]:
    """The project's own, then the further ones."""
    further = settings().grants
    return [path for path in [AGENCIES / FILE, *further] if path.exists() or path in further]


def _read(path: Path) -> Iterable[tuple[str, dict[str, list[str]]]]:
    try:
        data = load_file(path, _SCHEMA) or {}
    except FileError as error:
        raise SettingError(
            f"{error}; write agencies, each with lists of {', '.join(_KINDS)}; see docs/engineer.md, Grants"
        ) from None
    return [
        (str(name), {kind: [_expanded(item) for item in entry.get(kind, [])] for kind in _KINDS})
        for name, entry in data.items()
    ]


def _expanded(item: str) -> str:
    """The operator's own file may name variables; one that is not set grants nothing."""
    return _VARIABLE.sub(lambda match: os.environ.get(match[1]) or match[2] or "", item)


def _matches(host: str, granted: str) -> bool:
    address = _address(host)
    if fnmatchcase(host, granted) or (granted == OWN_MACHINE and address is not None and address.is_loopback):
        return True
    try:
        return address is not None and address in ipaddress.ip_network(granted, strict=False)
    except ValueError:
        return False


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """All that the name leads to; none where it leads nowhere, which the connector tells better."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return []
    return [address for address in map(_address, found) if address is not None]


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is None and int(address) > 1 and any(address in prefix for prefix in _BEFORE_IPV4):
        mapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return mapped or address


def is_guarded(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is this machine's own, link-local, a group's, none at all, or a cloud's for its machines."""
    known = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    return known or address in _METADATA or _is_of_this_machine(address)


def _is_of_this_machine(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """A datagram socket can be bound to an address of one's own only; nothing is sent."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as own:
            own.bind((str(address), 0))
    except OSError:
        return False
    return True

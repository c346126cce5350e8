"""Where a release goes and with which login: only what the operator granted the recipient in `grants.yaml`, by its id with `_`."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sharing.agreements.product import Destination
from sharing.release.errors import NotReleased
from sources.contract.grants import Grant, NotGranted, grant_of

_ENV, _FILE = "env:", "file:"


@dataclass(frozen=True)
class Place:
    """An address with its variables filled in, and what of a login its agreement names."""

    recipient: str
    address: str
    login: dict[str, str]
    grant: Grant

    @classmethod
    def of(cls, recipient: str, destination: Destination) -> "Place":
        """Raises NotReleased where something is named that was not granted."""
        grant = grant_of(recipient.replace("-", "_"), None)
        try:
            address = grant.filled(destination.to or "")
        except (NotGranted, LookupError) as error:
            raise NotReleased(f"the place of {recipient}: {error}") from None
        return cls(recipient, address, dict(destination.login), grant)

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def folder(self) -> str:
        """The path of the address, without what climbs out of it. Raises NotReleased."""
        folder = unquote(urlsplit(self.address).path).rstrip("/")
        if ".." in Path(folder).parts or "@" in urlsplit(self.address).netloc:
            raise NotReleased(
                f"the place of {self.recipient} climbs out of its folder or holds a login; mend the agreement"
            )
        return folder

    def permit_host(self, host: str) -> None:
        """Raises NotReleased."""
        try:
            self.grant.permit_host(host)
        except NotGranted as error:
            raise NotReleased(f"the place of {self.recipient}: {error}") from None

    def own_file(self, text: str) -> Path:
        """A file on this machine that was granted. Raises NotReleased."""
        path = Path(text.removeprefix(_FILE)).expanduser().resolve()
        try:
            self.grant.permit_file(path)
        except NotGranted as error:
            raise NotReleased(f"the place of {self.recipient} names {error}") from None
        return path

    def secret(self, name: str) -> str | None:
        """What `env:NAME` or `file:PATH` refers to; None where the login has no such part. Raises NotReleased, never with the value."""
        reference = self.login.get(name)
        if reference is None:
            return None
        if reference.startswith(_FILE):
            return self.own_file(reference).read_text(encoding="utf-8").strip()
        variable = reference.removeprefix(_ENV)
        try:
            value = self.grant.variable(variable)
        except NotGranted as error:
            raise NotReleased(f"{name} of {self.recipient}: {error}") from None
        if value is None:
            raise NotReleased(
                f"environment variable {variable}, which holds the {name} of {self.recipient}, is not set; set it"
            )
        return value

"""Addresses of files: of one token, one release, for a quarter of an hour. Whoever has one needs nothing else to read the file."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from sharing.serve.errors import Refused, forbidden
from sharing.serve.signed import Signer
from sharing.serve.versions import Version

LIFE = timedelta(minutes=15)
# A clock that was set back further makes an address one of the future, which would live longer than it may.
_SKEW = timedelta(minutes=1)
_USE = "file address"


@dataclass(frozen=True)
class Address:
    """What an address says; `answer` tells those of one answer from those of the next."""

    token: str
    product: str
    release: str
    issued: int
    answer: str


@dataclass(frozen=True)
class Addresses:
    """Those of one answer: the same file has one address in it."""

    signer: Signer
    token: str
    base: str
    issued: datetime
    answer: str

    @classmethod
    def begin(cls, signer: Signer, token: str, base: str, now: datetime) -> "Addresses":
        return cls(signer, token, base, now, token_hex(8))

    def of(self, version: Version) -> str:
        said = version.release.manifest
        issued = int(self.issued.timestamp())
        address = Address(self.token, said.product, said.release, issued, self.answer)
        content, _, signature = self.signer.text(_USE, vars(address)).partition(".")
        # By `sp` and `sig` the kernel of Delta knows an address that needs no login; it takes others for files of its own machine.
        return f"{self.base}/files/{content}?sp=r&sig={signature}"

    @property
    def expires(self) -> int:
        """In milliseconds since 1970."""
        return (int(self.issued.timestamp()) + int(LIFE.total_seconds())) * 1000


def read_address(signer: Signer, text: str, now: Callable[[], datetime]) -> Address:
    """Raises Refused where it is not the platform's, or its time is over or not come."""
    said = signer.read(_USE, text)
    if said is None:
        raise _over()
    address = Address(**said)
    age = timedelta(seconds=now().timestamp() - address.issued)
    if not -_SKEW <= age <= LIFE:
        raise _over()
    return address


def _over() -> Refused:
    return forbidden("this is no address of a file, or its time is over; ask for the table again")

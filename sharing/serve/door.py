"""Who asks: the token, its agreement as it is in force today, and the party. Asked at every request, for a file as for a list."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sharing.agreements.errors import AgreementError
from sharing.agreements.model import Agreement
from sharing.release.cover import Covered
from sharing.release.errors import NotReleased
from sharing.serve.errors import forbidden, unauthenticated
from sharing.serve.today import ReadCovered, Today
from sharing.serve.tokens import Token, token_of, tokens
from warehouse.home import Home

_BEARER = "bearer "


@dataclass(frozen=True)
class Asker:
    """A recipient whose token is good, with what decides today."""

    token: Token
    agreement: Agreement
    covered: Covered

    @property
    def recipient(self) -> str:
        return self.token.recipient


class Door:
    """Of one home. `now` is the clock, which may jump."""

    def __init__(self, home: Home, read: ReadCovered, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.home, self.today, self.now = home, Today(read, home), now

    def by_header(self, authorization: str | None) -> Asker:
        """Raises Refused, Tampered."""
        given = authorization or ""
        if not given.lower().startswith(_BEARER):
            raise unauthenticated("send the token of your profile file: Authorization: Bearer …")
        return self._admitted(token_of(self.home, given[len(_BEARER) :].strip()))

    def by_id(self, id_: str) -> Asker:
        """Who was given a file address: what ends a token ends its addresses. Raises as `by_header` does."""
        return self._admitted(next((token for token in tokens(self.home) if token.id == id_), None))

    def _admitted(self, token: Token | None) -> Asker:
        now = self.now()
        if token is None or token.state(now) != "good":
            raise unauthenticated("the token is not known, has expired or was revoked; ask for a new profile file")
        covered = self.today.covered(now.date())
        try:
            agreement = covered.agreement(token.agreement)
        except (NotReleased, AgreementError):
            raise forbidden(f"the agreement {token.agreement} is not in force today") from None
        if agreement.digest != token.digest:
            raise forbidden(
                f"the agreement {agreement.id} has a further version; ask for a profile file under that one"
            )
        party = covered.policy.register.parties.get(token.recipient)
        if party is None or (party.left_on is not None and party.left_on <= covered.on):
            raise forbidden(f"{token.recipient} is no party any more")
        return Asker(token, agreement, covered)

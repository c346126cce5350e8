"""What agreements in force allow, column by column; every door asks here: pull, try, accept, build, publish, restore, query, doctor.

A column lands where some agreement in force covers it. Where several cover it, the stricter one wins in all that they say of it:
only purposes that all of them name, the shortest retention, a source that all of them allow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import reduce

from sharing.agreements.model import Agreement
from sharing.agreements.register import Register, read_register
from sources.contract.model import Contract
from sources.errors import NotAllowed
from warehouse.home import Home


class Action(StrEnum):
    """What is done at a door."""

    PULL = "pull"
    TRY = "try"
    ACCEPT = "accept"
    BUILD = "build"
    PUBLISH = "publish"
    RESTORE = "restore"
    QUERY = "query"
    RELEASE = "release"
    PROBE = "probe"

    @property
    def brings_new(self) -> bool:
        """Whether something new may come of it, which a contract of an earlier wording must not."""
        return self in (Action.PULL, Action.TRY, Action.ACCEPT, Action.PROBE)


@dataclass(frozen=True)
class Question:
    """May `actor` do `action` with these columns of `feed` (all that are covered where none is named), for `purpose` (any), on a day?"""

    actor: str
    action: Action
    feed: str
    columns: frozenset[str] = frozenset()
    purpose: str | None = None
    on: date = field(default_factory=lambda: datetime.now(UTC).date())


@dataclass(frozen=True)
class Answer:
    """`refusal` says why not; else `columns` are those that may be used, and `agreements` (`id version n`) what allows them."""

    refusal: str | None
    columns: frozenset[str] = frozenset()
    agreements: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True)
class Cover:
    """Of one feed on one day: each column that is covered, with the agreements that cover it."""

    columns: dict[str, tuple[Agreement, ...]]

    @property
    def agreements(self) -> list[Agreement]:
        found = {one.id: one for covering in self.columns.values() for one in covering}
        return [found[name] for name in sorted(found)]

    def purposes(self, column: str) -> frozenset[str]:
        """Those that every agreement on the column names."""
        return reduce(frozenset.intersection, (one.purposes for one in self.columns[column]))

    def for_purpose(self, purpose: str | None) -> frozenset[str]:
        return frozenset(name for name in self.columns if purpose is None or purpose in self.purposes(name))


@dataclass(frozen=True)
class Policy:
    """What the agreements of a register allow."""

    register: Register

    @classmethod
    def read(cls, home: Home | None = None) -> "Policy":
        """Raises Tampered where what this home has seen of agreements was changed."""
        return cls(read_register(home))

    def may(self, question: Question) -> Answer:
        """The one question. What it says of a contract's own faults and its place is asked with `admit`."""
        wrong = next((item for item in self.register.broken if question.feed in item.feeds), None)
        if wrong is not None:
            return Answer(f"the agreement on {question.feed} cannot be used: {wrong.why}")
        cover = self.cover(question.feed, question.on)
        if not cover.columns:
            return Answer(self._none(question.feed, question.on))
        allowed = cover.for_purpose(question.purpose)
        foreign = sorted(question.columns - allowed)
        if foreign or not allowed:
            purpose = f" for {question.purpose}" if question.purpose else ""
            which = f"the columns {', '.join(foreign)} of {question.feed}" if foreign else question.feed
            by = ", ".join(_named(one) for one in cover.agreements)
            return Answer(
                f"{by} does not cover {which}{purpose}; leave them out, or agree on them by a further version"
            )
        return Answer(None, allowed, tuple(_named(one) for one in cover.agreements))

    def cover(self, feed: str, on: date) -> Cover:
        columns: dict[str, tuple[Agreement, ...]] = {}
        for agreement in self.register.in_force(feed, on):
            pull = agreement.pull_of(feed)
            for name in pull.columns if pull else ():
                columns[name] = (*columns.get(name, ()), agreement)
        return Cover(columns)

    def admit(self, contract: Contract, action: Action, on: date | None = None, actor: str = "") -> Contract:
        """The contract as it may be used: columns that no agreement covers are left out of it. Raises NotAllowed."""
        on = on or datetime.now(UTC).date()
        answer = self.may(Question(actor, action, contract.name, on=on))
        if answer.refusal is not None:
            raise NotAllowed(answer.refusal)
        foreign = next(
            (one for one in self.register.in_force(contract.name, on) if not _allows_place(one, contract)), None
        )
        if foreign is not None:
            agreed = ", ".join(pull.sources[0] for pull in foreign.pulls if pull.feed == contract.name)
            raise NotAllowed(
                f"{contract.path.name} names another source than agreement {foreign.id} does ({agreed}); "
                "mend the contract, or agree on the source"
            )
        if action.brings_new and contract.unusable is not None:
            raise NotAllowed(contract.unusable)
        left = frozenset(column.name for column in contract.columns) - answer.columns
        keys = sorted(left & set(contract.known_by))
        if keys:
            raise NotAllowed(
                f"{', '.join(answer.agreements)} does not cover {', '.join(keys)}, by which {contract.name} knows its rows; "
                "agree on it by a further version, or correct the contract where the column was renamed"
            )
        return contract.leaving_out(left)

    def refusal(self, contract: Contract, action: Action, on: date | None = None) -> str | None:
        """Why nothing of that kind may be done with the feed, or None."""
        try:
            self.admit(contract, action, on)
        except NotAllowed as error:
            return str(error)
        return None

    def admitted(self, contracts: Iterable[Contract], action: Action, on: date | None = None) -> list[Contract]:
        """Those with which it may be done, each without the columns that are not covered."""
        return [
            self.admit(contract, action, on) for contract in contracts if self.refusal(contract, action, on) is None
        ]

    def refusal_of_any(self, feeds: Mapping[str, frozenset[str]]) -> str | None:
        """Why rows of these feeds (`agency/feed`), with these columns, may not be shown together today, or None."""
        answers = [self.may(Question("", Action.RESTORE, feed, columns)) for feed, columns in sorted(feeds.items())]
        return "; ".join(filter(None, (answer.refusal for answer in answers))) or None

    def kept_for(self, feed: str) -> timedelta | None:
        """How long the feed's rows are kept: the shortest that its signed agreements say, ended ones too. None where there is none."""
        signed = [item.agreement for item in self.register.on_feed(feed) if not item.unsigned]
        return min((one.kept_for for one in signed), default=None)

    def _none(self, feed: str, on: date) -> str:
        speaking = self.register.on_feed(feed)
        if not speaking:
            return f"no agreement covers {feed}; have one signed: `interagency agreements draft {feed}`"
        said = "; ".join(f"{item.agreement.id} {item.refusal(on)}" for item in speaking)
        return f"no agreement on {feed} is in force on {on}: {said}"


def _allows_place(agreement: Agreement, contract: Contract) -> bool:
    pull = agreement.pull_of(contract.name)
    return pull is None or pull.allows_source(contract.server.location)


def _named(agreement: Agreement) -> str:
    return f"{agreement.id} version {agreement.version}"

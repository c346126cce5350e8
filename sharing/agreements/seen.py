"""What the platform has seen of agreements, in `state/agreements.jsonl`: versions, revocations, the keys of parties.

Whoever writes the folder of agreements could put back an earlier version, take away a revocation, or write a key of his own beside a
party's name. Each is seen by this journal, whose lines are chained (`warehouse.journal`). How long rows are kept stands in it too: an
agreement may be taken away before that time is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from warehouse.home import Home
from warehouse.journal import Entry, Journal

if TYPE_CHECKING:
    from sharing.agreements.register import Register, Signed

JOURNAL = "agreements.jsonl"


@dataclass(frozen=True)
class Seen:
    """Per agreement its latest version with that one's hash, per hash the day from which it is revoked, per party the thumbprints of
    its keys, per feed how long its rows may be kept.
    """

    latest: dict[str, tuple[int, str]] = field(default_factory=dict)
    revoked: dict[str, date] = field(default_factory=dict)
    keys: dict[str, frozenset[str]] = field(default_factory=dict)
    kept_for: dict[str, timedelta] = field(default_factory=dict)

    @classmethod
    def read(cls, home: Home) -> "Seen":
        """Raises Tampered."""
        seen = cls()
        for entry in Journal(home, JOURNAL).entries():
            seen._take(entry)
        return seen

    def _take(self, entry: Entry) -> None:
        if "version" in entry:
            known, _ = self.latest.get(entry["agreement"], (0, ""))
            if entry["version"] >= known:
                self.latest[entry["agreement"]] = (entry["version"], entry["digest"])
            self.kept_for.update(dict.fromkeys(entry["feeds"], timedelta(days=entry["kept_days"])))
        elif "revoked_from" in entry:
            self.revoked[entry["digest"]] = date.fromisoformat(entry["revoked_from"])
        elif "key" in entry:
            self.keys[entry["party"]] = self.keys.get(entry["party"], frozenset()) | {entry["key"]}


def remember(home: Home, register: "Register", by: str) -> list[Entry]:
    """Write down what a register holds that was not seen before; returns the lines. Raises Tampered."""
    seen, journal = Seen.read(home), Journal(home, JOURNAL)
    lines = []
    for signed in register.agreements:
        for entry in _news(signed, seen):
            if entry not in lines:
                journal.append(entry, by)
                lines.append(entry)
    return lines


def trust(home: Home, party: str, key: str, reason: str, by: str) -> None:
    """Take a key as the party's own, though no earlier key of it vouches for it. Raises Tampered."""
    Journal(home, JOURNAL).append({"party": party, "key": key, "reason": reason}, by)


def _news(signed: "Signed", seen: Seen) -> Iterator[Entry]:
    one = signed.agreement
    if signed.unsigned:
        return
    for party, key in signed.keys.items():
        if key not in seen.keys.get(party, ()):
            yield {"party": party, "key": key}
    if seen.latest.get(one.id) != (one.version, one.digest):
        kept = {"feeds": list(one.feeds), "kept_days": one.kept_for.days}
        yield {"agreement": one.id, "version": one.version, "digest": one.digest, **kept}
    if signed.revocation is not None and one.digest not in seen.revoked:
        ended = signed.revocation
        yield {
            "agreement": one.id, "digest": one.digest, "revoked_from": ended.starts.isoformat(), "party": ended.party,
            "reason": ended.reason,
        }  # fmt: skip

"""What is answered to whom: each question of the protocol, for somebody who was let in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sharing.serve.addresses import Addresses, read_address
from sharing.serve.asked import Changes, Query, as_moment
from sharing.serve.content import Content
from sharing.serve.door import Asker, Door
from sharing.serve.errors import malformed
from sharing.serve.lines import Format, Teller
from sharing.serve.pages import page
from sharing.serve.reads import Reads
from sharing.serve.signed import Signer
from sharing.serve.tables import SCHEMA, Shelf, Table, share_id
from sharing.serve.versions import Version

_Line = dict[str, Any]
_Names = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """Lines about a table, and the version that they begin with."""

    version: int
    lines: list[_Line]


@dataclass(frozen=True)
class Desk:
    """Of one home. Raises Refused, and what its files raise where they are not as they were written."""

    door: Door
    signer: Signer
    reads: Reads

    def shares(self, asker: Asker, params: _Names) -> _Line:
        return page([_share(asker)], f"{asker.token.id} shares", params, self.signer)

    def share(self, asker: Asker, names: _Names) -> _Line:
        self._shelf(asker).check(names["share"])
        return {"share": _share(asker)}

    def schemas(self, asker: Asker, names: _Names, params: _Names) -> _Line:
        self._shelf(asker).check(names["share"])
        return page([{"name": SCHEMA, "share": asker.agreement.id}], f"{asker.token.id} schemas", params, self.signer)

    def tables(self, asker: Asker, names: _Names, params: _Names) -> _Line:
        """Of a schema, or of all where the names have none."""
        shelf, share = self._shelf(asker), asker.agreement.id
        shelf.check(names["share"], names.get("schema", SCHEMA))
        told = [
            {
                "name": name, "schema": SCHEMA, "share": share, "shareId": share_id(share),
                "id": Table(share, name, asker.recipient, ()).id,
            }
            for name in shelf.names()
        ]  # fmt: skip
        return page(told, f"{asker.token.id} tables", params, self.signer)

    def version(self, asker: Asker, names: _Names, params: _Names) -> int:
        table, starting = self._table(asker, names), params.get("startingTimestamp")
        return (table.latest if starting is None else table.since(as_moment("startingTimestamp", starting))).number

    def metadata(self, asker: Asker, names: _Names, format_: Format) -> Told:
        table = self._table(asker, names)
        teller = Teller(table, format_, self._addresses(asker, ""))
        return Told(table.latest.number, teller.head(table.latest))

    def query(self, asker: Asker, names: _Names, query: Query, of: tuple[Format, str]) -> Told:
        """`of` is the format, and the base of addresses. Files of one version, or what changed since one."""
        table, format_, addresses = self._table(asker, names), of[0], self._addresses(asker, of[1])
        teller = Teller(table, format_, addresses)
        if query.starting is not None:
            return self._changed(asker, teller, _between(table, query.starting, query.ending), historical=True)
        if query.timestamp is not None:
            version = table.as_of(query.timestamp)
        else:
            version = table.latest if query.version is None else table.of(query.version)
        told = Told(version.number, [*teller.head(version), teller.file(version)])
        self.reads.queried(asker, [version.release])
        return told

    def changes(self, asker: Asker, names: _Names, changes: Changes, of: tuple[Format, str]) -> Told:
        table = self._table(asker, names)
        teller = Teller(table, of[0], self._addresses(asker, of[1]))
        return self._changed(asker, teller, _between(table, changes.starting, changes.ending), changes.historical)

    def file(self, text: str) -> tuple[Asker, Content]:
        """By an address alone; the policy is asked as it is of a token."""
        address = read_address(self.signer, text, self.door.now)
        asker = self.door.by_id(address.token)
        release = self._shelf(asker).release(address.product, address.release)
        content = Content.of(release)
        self.reads.fetched(asker, release, address)
        return asker, content

    def _changed(self, asker: Asker, teller: Teller, versions: list[Version], historical: bool) -> Told:
        first, before = versions[0], _before(teller.table, versions[0])
        # Readers of a log begin with the columns of its first version, the others show the columns of today.
        told = teller.head(first if teller.format == Format.DELTA else versions[-1])
        lines = [*told, *teller.changes(first, before, versions[1:], historical)]
        offered = [one.release for one in ([before] if before else []) + versions]
        self.reads.queried(asker, offered)
        return Told(first.number, lines)

    def _shelf(self, asker: Asker) -> Shelf:
        return Shelf(self.door.home, self.door.today, asker)

    def _table(self, asker: Asker, names: _Names) -> Table:
        return self._shelf(asker).table(names["share"], names["schema"], names["table"])

    def _addresses(self, asker: Asker, base: str) -> Addresses:
        return Addresses.begin(self.signer, asker.token.id, base, self.door.now())


def _share(asker: Asker) -> _Line:
    return {"name": asker.agreement.id, "id": share_id(asker.agreement.id)}


def _between(table: Table, starting: int | datetime, ending: int | datetime | None) -> list[Version]:
    """Raises Refused where one of them cannot be read: a change that is left out would be taken for none."""
    first = table.of(starting) if isinstance(starting, int) else table.since(starting)
    last = _last(table, ending)
    if last.number < first.number:
        raise malformed("the end lies before the start")
    return [table.of(number) for number in range(first.number, last.number + 1)]


def _last(table: Table, ending: int | datetime | None) -> Version:
    if ending is None:
        return table.latest
    return table.of(ending) if isinstance(ending, int) else table.as_of(ending)


def _before(table: Table, first: Version) -> Version | None:
    """The one that the first takes away; version 0 takes none. Raises Refused where it cannot be read any more."""
    return table.of(first.number - 1) if first.number else None

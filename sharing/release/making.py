"""One release under way: its statement, its rows, and what its manifest says of them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from sharing.agreements.canonical import digest
from sharing.agreements.product import Kind
from sharing.disclosure.relation import DisclosureError
from sharing.masking.pseudonym import RecipientKey, recipient_key, release_secret
from sharing.release.consented import condition_of_consents, hold_consents, said_of_consents
from sharing.release.content import PARQUET, suffix, write_content
from sharing.release.errors import NotReleased
from sharing.release.manifest import Content, Manifest
from sharing.release.query import Relation, Secrets, Statement, find_relation, prepare_pseudonyms
from sharing.release.risk import assess_records
from sharing.release.tabled import tabulate
from sharing.release.wanted import Wanted
from sharing.rights.restriction import hold_restrictions, not_restricted
from warehouse.engines.duckdb.engine import safe_message
from warehouse.home import Home
from warehouse.keys.data_key import is_protected

_ROWS = "released_rows"


@dataclass(frozen=True)
class Making:
    """`manifest` is what it says before its rows are written."""

    home: Home
    wanted: Wanted
    connection: duckdb.DuckDBPyConnection
    relation: Relation
    secrets: Secrets
    manifest: Manifest

    @classmethod
    def begin(cls, home: Home, wanted: Wanted, connection: duckdb.DuckDBPyConnection, published: str) -> "Making":
        """`published` is the hash of the night's file. Raises NotReleased."""
        relation = find_relation(connection, wanted.product)
        key = _pseudonym_key(home, wanted)
        consents = hold_consents(connection, home, wanted, relation)
        said = _said(wanted, published, key) | said_of_consents(wanted, consents)
        restricted = hold_restrictions(connection, home) if not_restricted(relation.columns) else None
        said |= {"restrictions": restricted} if restricted else {}
        release = digest(said).removeprefix("sha256:")
        manifest = Manifest(release=release, **said, risk={}, content=Content("", "", 0, 0, ""))
        return cls(home, wanted, connection, relation, Secrets(release_secret(home, release), key), manifest)

    def write(self, folder: Path) -> Manifest:
        """The rows as a file in `folder`, not sealed yet. Raises NotReleased, also where the risk is above what was agreed."""
        target = folder / f"{self.wanted.product.id}.{suffix(self.wanted.product.format)}"
        try:
            content, risk = self._tabled(target) if self.wanted.product.table else self._recorded(target)
        except duckdb.Error as error:
            raise NotReleased(f"{self.wanted.product.id}: the rows cannot be written: {safe_message(error)}") from None
        except DisclosureError as error:
            raise NotReleased(f"{self.wanted.product.id}: {error}") from None
        return replace(self.manifest, content=content, risk=risk)

    def _statement(self) -> Statement:
        product, key = self.wanted.product, self.secrets.key
        pseudonyms = prepare_pseudonyms(self.connection, product, self.relation, key) if key else {}
        conditions = [condition_of_consents(self.wanted, self.relation)]
        if self.manifest.restrictions:
            conditions.append(not_restricted(self.relation.columns))
        condition = " AND ".join(f"({one})" for one in conditions if one) or None
        return Statement(product, self.relation, self.secrets, pseudonyms, condition)

    def _recorded(self, target: Path) -> tuple[Content, dict[str, Any]]:
        statement, format_ = self._statement(), self.wanted.product.format
        if suffix(format_) == PARQUET:
            content = write_content(self.connection, statement.sql(), format_, target)
            return content, assess_records(self.connection, statement, target)
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {statement.sql()}")
        content = write_content(self.connection, f"SELECT * FROM {_ROWS}", format_, target)
        return content, assess_records(self.connection, statement, _ROWS)

    def _tabled(self, target: Path) -> tuple[Content, dict[str, Any]]:
        table = tabulate(self.connection, self.home, self.wanted, self._statement())
        content = write_content(self.connection, table.sql, self.wanted.product.format, target)
        table.keep(target.parent)
        return content, table.risk


def _said(wanted: Wanted, published: str, key: RecipientKey | None) -> dict[str, Any]:
    """All that decides which bytes leave; its hash is the release's name."""
    agreement, product = wanted.agreement, wanted.product
    return {
        "agreement": agreement.id, "version": agreement.version, "agreement_digest": agreement.digest, "purpose": agreement.purpose,
        "product": product.id, "relation": product.relation, "recipient": wanted.recipient.id,
        "night": wanted.night.extract_date.isoformat(), "run": wanted.night.run, "published_sha256": published,
        "columns": {name: treatment.as_json for name, treatment in product.columns.items()}, "condition": product.rows,
        "pseudonym_key": key.epoch if key else None,
    }  # fmt: skip


def _pseudonym_key(home: Home, wanted: Wanted) -> RecipientKey | None:
    if not any(treatment.kind == Kind.PSEUDONYM for treatment in wanted.product.columns.values()):
        return None
    if not is_protected(home):
        raise NotReleased(f"{wanted.product.id}: pseudonyms need the platform's key; `interagency keys create`")
    return recipient_key(home, wanted.recipient.id)

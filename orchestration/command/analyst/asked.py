"""A question to the published night before it is asked: as which role, for which purpose, by whose grant; and its entry in the ledger."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestration.command.common import NOT_DONE, WRONG_USE, stop
from orchestration.command.noted import check_grant, note

if TYPE_CHECKING:
    import duckdb

    from warehouse.home import Home

_ANALYST = "analyst"


@dataclass(frozen=True)
class Asked:
    """`restricted` asks for all databases at once."""

    sql: str
    role: str
    purpose: str | None
    restricted: bool

    @property
    def opens_restricted(self) -> bool:
        from sharing.policy.roles import needs_restricted

        return self.restricted or needs_restricted(self.role)

    def check_access(self, home: "Home") -> None:
        """Ends with 1 where the person has no grant for both at once."""
        if not self.restricted:
            return
        if self.role != _ANALYST:
            stop("--restricted shows both databases, and --role what one role sees; choose one", WRONG_USE)
        check_grant(home)

    @contextmanager
    def opened(self, home: "Home") -> "Iterator[duckdb.DuckDBPyConnection]":
        """The published database: to roles without rows of people whose processing is restricted; who has a grant for names and
        content sees them, to answer those people.
        """
        from sharing.rights.shown import opened_for_roles
        from warehouse.engines.duckdb.engine import open_database
        from warehouse.store.seal import Tampered

        if self.restricted:
            with open_database(home.published, read_only=True) as connection:
                yield connection
            return
        try:
            with opened_for_roles(home, home.published) as connection:
                yield connection
        except Tampered as error:
            stop(str(error), NOT_DONE)

    def check_relations(self, connection: "duckdb.DuckDBPyConnection", home: "Home") -> None:
        """Ends with 2 where the role does not see what is asked for, or it may not serve the purpose."""
        from sharing.policy.roles import NotTheirs, role_of
        from warehouse.engines.duckdb.parse_tree import NotOneSelect

        try:
            if self.role != _ANALYST:
                from sharing.agreements.register import read_register

                role_of(connection, self.role, read_register(home), datetime.now(UTC).date()).check(self.sql)
            if self.purpose is not None:
                self._check_purpose(home)
        except (NotTheirs, NotOneSelect) as error:
            stop(str(error), WRONG_USE)

    def _check_purpose(self, home: "Home") -> None:
        from catalogue.dbt_manifest import read_manifests, resources_of
        from catalogue.lineage import Lineage
        from orchestration.dbt import ran
        from sharing.agreements.purposes import broader, broadest
        from sharing.policy.policy import Policy
        from sharing.policy.purposes_of_marts import Purposes
        from warehouse.engines.duckdb.parse_tree import one_query

        if self.purpose not in broader():
            stop(
                f"{self.purpose} is no purpose of the Data Privacy Vocabulary; such as dpv:ProvideOfficialStatistics",
                WRONG_USE,
            )
        purposes = Purposes.today(Policy.read(home), Lineage(resources_of(read_manifests(ran(home)))))
        for name in sorted(one_query(self.sql).relations):
            key = ".".join(name.split(".")[-2:])
            common = purposes.common(key) if key in purposes.lineage.resources else None
            if common is not None and self.purpose not in common:
                stop(
                    f"{name} may not serve {self.purpose}; it may serve {', '.join(broadest(common)) or 'no purpose'}",
                    NOT_DONE,
                )

    def note(self, home: "Home") -> None:
        """Who may only read the published file leaves no entry; who sees what is protected always does."""
        from sharing.ledger.entry import Kind

        if not self.opens_restricted and not os.access(home.root, os.W_OK):
            return
        sha256 = hashlib.sha256(self.sql.encode()).hexdigest()
        note(home, Kind.QUERY, sql_sha256=sha256, role=self.role, purpose=self.purpose, restricted=self.restricted)

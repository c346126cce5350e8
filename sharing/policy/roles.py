"""What each role sees of a published night: `analyst` what is said of people by their keys, `linker` who they are and nothing else,
a party of agreements its products.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb

from sharing.agreements.lint import is_harmless
from sharing.agreements.product import Kind, Product
from sharing.agreements.register import Register
from warehouse.engines.duckdb.engine import quoted
from warehouse.engines.duckdb.parse_tree import one_query
from warehouse.store.restricted import RESTRICTED

ANALYST, LINKER = "analyst", "linker"
_LINKAGE = "linkage"


class NotTheirs(Exception):
    """A role asks for what it does not see: which, and what it does see."""


@dataclass(frozen=True)
class Role:
    """The relations that a role sees: `schema.name`, with `restricted.` before it in that database; the vault is no role's."""

    name: str
    relations: frozenset[str]

    def check(self, sql: str) -> None:
        """Raises NotTheirs where the statement reads another relation, and NotOneSelect where it is not one query."""
        asked = one_query(sql)
        foreign = sorted(asked.relations - self.relations)
        if foreign:
            seen = ", ".join(sorted(self.relations)) or "nothing of this night"
            raise NotTheirs(f"the role {self.name} does not see {', '.join(foreign)}; it sees {seen}")


def needs_restricted(name: str) -> bool:
    return name == LINKER


def role_of(connection: duckdb.DuckDBPyConnection, name: str, register: Register, on: date) -> Role:
    """Makes the temporary views of a party's products. Raises NotTheirs where there is no such role."""
    if name == ANALYST:
        return Role(name, frozenset(_relations(connection, "database_name = current_database()")))
    if name == LINKER:
        where = f"database_name = '{RESTRICTED}' OR (database_name = current_database() AND schema_name = '{_LINKAGE}')"
        return Role(name, frozenset(_relations(connection, where)))
    products = [
        product
        for signed in register.agreements
        if signed.is_in_force(on)
        for product in signed.agreement.products
        if name in product.recipients
    ]
    if not products:
        raise NotTheirs(
            f"there is no role {name!r}; there are {ANALYST}, {LINKER}, and each party with a product of an agreement in force"
        )
    for product in products:
        connection.execute(_view(product))
    return Role(name, frozenset(_view_name(product) for product in products))


def _relations(connection: duckdb.DuckDBPyConnection, where: str) -> Iterator[str]:
    rows = connection.execute(f"""
        SELECT database_name, schema_name, name
        FROM (
            SELECT database_name, schema_name, table_name AS name FROM duckdb_tables()
            UNION ALL
            SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal
        )
        WHERE {where}
    """).fetchall()
    for database, schema, name in rows:
        yield f"{schema}.{name}".lower() if database != RESTRICTED else f"{RESTRICTED}.{schema}.{name}".lower()


def _view_name(product: Product) -> str:
    return product.id.replace("-", "_")


def _view(product: Product) -> str:
    """Columns that are kept as they are: what is to be treated is a release's, and not shown."""
    if product.rows is not None and not is_harmless(product.rows):
        raise NotTheirs(f"product {product.id}: its rows are not a condition on columns; `interagency agreements lint`")
    columns = [name for name, treatment in product.columns.items() if treatment.kind == Kind.KEEP]
    listed = ", ".join(map(quoted, columns)) or "NULL AS nothing_is_kept_as_it_is"
    schema, _, table = product.relation.partition(".")
    where = f" WHERE {product.rows}" if product.rows else ""
    return f"""
        CREATE TEMP VIEW {quoted(_view_name(product))} AS
        SELECT {listed}
        FROM {quoted(schema)}.{quoted(table)}{where}
    """

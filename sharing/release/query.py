"""The one statement whose rows a recipient gets: treated, chosen, without the people who do not consent, in an order that tells nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import duckdb
import sqlglot

from sharing.agreements.product import Kind, Product
from sharing.masking.pseudonym import RecipientKey
from sharing.masking.treatments import CannotTreat, Column, text_of, treated
from sharing.release.cover import condition_columns
from sharing.release.errors import NotReleased
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.store.restricted import PROTECTED

_ROW = "row_of_relation"
# From so many rows on for each distinct value, it is cheaper to make each value's pseudonym once and join it.
_ROWS_FOR_EACH = 3


@dataclass(frozen=True)
class Relation:
    """Where a product's relation stands in the night: its place as SQL, its columns, whether the engine numbers its rows."""

    place: str
    columns: dict[str, Column]
    is_table: bool

    def column(self, name: str, product: Product) -> Column:
        """Raises NotReleased where there is none."""
        found = self.columns.get(name)
        if found is None:
            near = get_close_matches(name, self.columns, 1)
            hint = f"was it renamed to {near[0]}?" if near else f"it has {', '.join(self.columns)};"
            raise NotReleased(
                f"{product.id}: {product.relation} has no column {name}; {hint} agree on its new name by a further version"
            )
        return found


@dataclass(frozen=True)
class Secrets:
    """Of one release: what orders its rows and draws its noise, and the key of its recipient's pseudonyms, where any are needed."""

    seed: str
    key: RecipientKey | None


def find_relation(connection: duckdb.DuckDBPyConnection, product: Product) -> Relation:
    """In the open database, or in a protected one where those are attached. Raises NotReleased."""
    schema, _, name = product.relation.partition(".")
    found = find_place(connection, schema, name)
    if found is None:
        raise NotReleased(f"{product.id}: the night has no {product.relation}; agree on a relation that it has")
    return relation_at(connection, found)


def relation_at(connection: duckdb.DuckDBPyConnection, found: tuple[str, bool]) -> Relation:
    """`found` is what `find_place` gives."""
    described = connection.execute(f"DESCRIBE {found[0]}").fetchall()
    return Relation(found[0], {row[0]: Column(row[0], row[1]) for row in described}, found[1])


def find_place(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> tuple[str, bool] | None:
    """SQL of where a relation stands, and whether it is a table; None where the night has none of that name."""
    found = connection.execute(
        f"""
        SELECT database_name, is_table
        FROM (
            SELECT database_name, schema_name, table_name, true AS is_table FROM duckdb_tables()
            UNION ALL
            SELECT database_name, schema_name, view_name, false FROM duckdb_views() WHERE NOT internal
        )
        WHERE lower(schema_name) = ? AND lower(table_name) = ? AND (database_name IN {PROTECTED} OR database_name = current_database())
        ORDER BY database_name IN {PROTECTED}
        """,
        [schema, name],
    ).fetchone()
    return (f"{quoted(found[0])}.{quoted(schema)}.{quoted(name)}", bool(found[1])) if found else None


def is_personal(product: Product) -> bool:
    """Whether something is done to a column that the order of the rows could undo."""
    return any(treatment.kind != Kind.KEEP for treatment in product.columns.values())


def prepare_pseudonyms(
    connection: duckdb.DuckDBPyConnection, product: Product, relation: Relation, key: RecipientKey
) -> dict[str, str]:
    """Temporary tables of the pseudonyms of columns whose values repeat; their names by column. The others are made row by row."""
    made: dict[str, str] = {}
    for name, treatment in product.given.items():
        column = relation.column(name, product)
        if treatment.kind != Kind.PSEUDONYM or not _repeats(connection, relation, column):
            continue
        made[name] = f"pseudonyms_{len(made)}"
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {made[name]} AS
            SELECT pseudonym_of, {key.sql("pseudonym_of")} AS pseudonym_is
            FROM (SELECT DISTINCT {text_of(column)} AS pseudonym_of FROM {relation.place})
            WHERE pseudonym_of IS NOT NULL
        """)
    return made


def _repeats(connection: duckdb.DuckDBPyConnection, relation: Relation, column: Column) -> bool:
    row = connection.execute(f"SELECT count(*), approx_count_distinct({column.sql}) FROM {relation.place}").fetchone()
    return row is not None and row[0] >= _ROWS_FOR_EACH * max(row[1], 1)


@dataclass(frozen=True)
class Statement:
    """`condition` is SQL on the relation's columns besides the agreement's own, `pseudonyms` the temporary tables by column."""

    product: Product
    relation: Relation
    secrets: Secrets
    pseudonyms: dict[str, str]
    condition: str | None = None

    def sql(self, beside: tuple[str, str] | None = None) -> str:
        """Raises NotReleased where a column is not there, or its type does not take what is agreed. `beside` is a further column of the
        relation, and the name that it gets: for who counts, not for who receives.
        """
        further = [f"source.{quoted(beside[0])} AS {quoted(beside[1])}"] if beside else []
        selected = ",\n".join([*self._selected(), *further])
        return f"""
            SELECT
                {selected}
            FROM {self._source()}
            {" ".join(self._joins())}
            {self._where()}
            {self._order()}
        """

    def numbered(self) -> str:
        """The rows of the relation that leave, as they are, with their numbers."""
        return f"""
            SELECT source.*
            FROM {self._source(is_numbered=True)}
            {self._where()}
        """

    def _where(self) -> str:
        where = [f"({one})" for one in (self._rows(), self.condition) if one]
        return f"WHERE {' AND '.join(where)}" if where else ""

    def _selected(self) -> Iterator[str]:
        for place, (name, treatment) in enumerate(self.product.given.items()):
            column = self.relation.column(name, self.product)
            if treatment.kind == Kind.PSEUDONYM:
                yield f"{self._pseudonym(column)} AS {quoted(name)}"
                continue
            try:
                yield f"{treated(column, treatment, self._seed(str(place)))} AS {quoted(name)}"
            except CannotTreat as error:
                raise NotReleased(f"{self.product.id}: {error}; agree on it by a further version") from None

    def _pseudonym(self, column: Column) -> str:
        if column.name in self.pseudonyms:
            return f"{self.pseudonyms[column.name]}.pseudonym_is"
        if self.secrets.key is None:
            raise NotReleased(f"{self.product.id}: a pseudonym needs the platform's key; `interagency keys create`")
        return self.secrets.key.sql(text_of(column))

    def _joins(self) -> Iterator[str]:
        for name, table in self.pseudonyms.items():
            yield f"LEFT JOIN {table} ON {table}.pseudonym_of = CAST(source.{quoted(name)} AS VARCHAR)"

    def _rows(self) -> str | None:
        if self.product.rows is None:
            return None
        for name in condition_columns(self.product.rows):
            self.relation.column(name, self.product)
        # As it was understood when it was looked at: a remark in it ends nothing.
        return sqlglot.parse_one(self.product.rows, dialect="duckdb").sql(dialect="duckdb", comments=False)

    def _source(self, is_numbered: bool = False) -> str:
        numbered = "rowid" if self.relation.is_table else "row_number() OVER ()"
        needs = is_numbered or is_personal(self.product)
        return (
            f"(SELECT *, {numbered} AS {_ROW} FROM {self.relation.place}) AS source"
            if needs
            else f"{self.relation.place} AS source"
        )

    def _seed(self, use: str) -> str:
        return f"concat({literal(self.secrets.seed)}, ' {use} ', {_ROW})"

    def _order(self) -> str:
        # Rows stand as their source has them, by number or name; joined by their places two recipients would know whose is whose.
        return f"ORDER BY md5_number({self._seed('order')})" if is_personal(self.product) else ""

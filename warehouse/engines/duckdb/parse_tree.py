"""What an SQL statement is, told by the engine's own parse tree; nothing is run. Made for statements that a stranger wrote."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb

from warehouse.engines.duckdb.engine import scratch

Node = dict[str, Any]

# Functions in a table's place that make rows of their arguments alone, or know what everybody knows.
_HARMLESS_TABLES = frozenset({"unnest", "range", "generate_series", "pg_timezone_names"})
# What these give is a number of things, never one of them.
_COUNTS = frozenset(
    {"count", "count_star", "count_if", "countif", "approx_count_distinct", "regr_count", "bool_and", "bool_or"}
)
# Columns without a name of their own in the statement.
_UNNAMED = frozenset({"STAR", "POSITIONAL_REFERENCE"})
# Their answer is true, false or nothing.
_TRUTHS = frozenset({"COMPARISON", "CONJUNCTION", "BETWEEN"})
_TRUE_OPERATORS = frozenset(
    {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN"}
)
# They make as many rows as they are told, and a count of rows tells the number again.
_ROW_MAKERS = frozenset({"TABLE_FUNCTION", "JOIN", "RECURSIVE_CTE_NODE"})
_ROW_FUNCTIONS = frozenset({"unnest", "generate_subscripts"})
# Far more than a rule needs; the engine's parser takes minutes for a megabyte, and Python reads no tree of any depth.
_MOST_CHARACTERS, _MOST_LEVELS = 20_000, 400
# Parts of an expression that choose or order, and are not in its value.
_NOT_IN_VALUE = frozenset({"filter", "filter_expr", "order_bys", "orders", "partitions", "arg_orders"})


_TOO_DEEP = "is nested too deep"


class NotOneSelect(ValueError):
    """A text that is not one SELECT, or one that reads what it may not; says which, in words for its author."""


@dataclass(frozen=True)
class Select:
    """The parse tree of one SELECT."""

    tree: Node

    @cached_property
    def relations(self) -> frozenset[str]:
        """Tables and views that it reads, as written (`schema.name` where it names one); its own CTEs are none."""
        own = {entry["key"].lower() for node in _nodes(self.tree) for entry in _common_tables(node)}
        named = (node for node in _nodes(self.tree) if node.get("type") == "BASE_TABLE")
        return frozenset(_full_name(node) for node in named if _full_name(node) not in own)

    @cached_property
    def table_functions(self) -> frozenset[str]:
        """Functions that stand in a table's place; `describe` for a statement about the catalogue."""
        found = {
            str(node["function"].get("function_name", "")).lower()
            for node in _nodes(self.tree)
            if node.get("type") == "TABLE_FUNCTION"
        }
        return frozenset(found | {"describe" for node in _nodes(self.tree) if node.get("type") == "SHOW_REF"})

    def value_columns(self) -> frozenset[str] | None:
        """Columns whose values may stand in the answer, in lower case, and not only be counted or compared.

        None where that cannot be told from the tree alone (a `*`, columns that are renamed on the way).
        """
        if any(node.get("column_name_alias") or node.get("class") in _UNNAMED for node in _nodes(self.tree)):
            return None
        waiting, found = [*self.tree["select_list"], *self._row_numbers], set[str]()
        while waiting:
            for name in _in_value(waiting.pop()) - found:
                found.add(name)
                waiting += self._aliased.get(name, [])
        return frozenset(found)

    @property
    def _row_numbers(self) -> list[Node]:
        """Columns whose values may say how many rows there are to count: all, where rows are multiplied, made or cut off."""
        nodes = list(_nodes(self.tree))
        return [node for node in nodes if node.get("class") == "COLUMN_REF"] if any(map(_makes_rows, nodes)) else []

    @property
    def aliases(self) -> frozenset[str]:
        """Names that the statement itself gives, in lower case."""
        return frozenset(self._aliased)

    @cached_property
    def _aliased(self) -> dict[str, list[Node]]:
        """What each name stands for, wherever in the statement it is given."""
        found: dict[str, list[Node]] = {}
        for item in (item for node in _nodes(self.tree) for item in node.get("select_list") or []):
            if item.get("alias"):
                found.setdefault(str(item["alias"]).lower(), []).append(item)
        return found


def one_select(text: str, reads: frozenset[str]) -> Select:
    """The tree of `text`, which is one SELECT on no other relations than `reads` (in lower case).

    Raises NotOneSelect with what else it is, or what else it reads.
    """
    answer = _parsed(text)
    if answer["error"] and answer.get("error_type") != "not implemented":
        raise NotOneSelect(f"is not valid SQL ({' '.join(str(answer.get('error_message', '')).split())})")
    if answer["error"] or len(answer["statements"]) != 1:
        raise NotOneSelect("is not one SELECT")
    tree = answer["statements"][0]["node"]
    if tree.get("type") != "SELECT_NODE":
        raise NotOneSelect("is a union of statements; write one SELECT")
    select = Select(tree)
    if foreign := sorted(select.relations - reads):
        raise NotOneSelect(f"reads {', '.join(foreign)}")
    if foreign := sorted(select.table_functions - _HARMLESS_TABLES):
        raise NotOneSelect(f"calls {', '.join(foreign)} in a table's place")
    return select


def one_query(text: str) -> Select:
    """The tree of `text`, which is one query of any shape that reads nothing but relations by their names.

    Raises NotOneSelect.
    """
    answer = _parsed(text)
    if answer["error"]:
        raise NotOneSelect(f"is not one query ({' '.join(str(answer.get('error_message', '')).split())})")
    if len(answer["statements"]) != 1:
        raise NotOneSelect("is not one query")
    query = Select(answer["statements"][0]["node"])
    if foreign := sorted(query.table_functions - _HARMLESS_TABLES):
        raise NotOneSelect(f"calls {', '.join(foreign)} in a table's place")
    return query


def _parsed(text: str) -> Node:
    """The engine's tree of any text, its errors included. Raises NotOneSelect where it is too long or too deep to be looked at."""
    if len(text) > _MOST_CHARACTERS:
        raise NotOneSelect(f"has {len(text):,} characters, more than {_MOST_CHARACTERS:,}")
    try:
        answer: Node = json.loads(_serialised(text))
    except duckdb.Error as error:
        raise NotOneSelect(f"is not SQL of the engine ({type(error).__name__})") from None
    except RecursionError:
        raise NotOneSelect(_TOO_DEEP) from None
    if _is_deeper(answer, _MOST_LEVELS):
        raise NotOneSelect(_TOO_DEEP)
    return answer


def _serialised(text: str) -> str:
    row = scratch().cursor().execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()
    return str(row[0]) if row else ""


def _is_deeper(part: Any, most: int) -> bool:
    level = [part]
    for _ in range(most):
        parts = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level = [item for items in parts for item in items]
    return bool(level)


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _nodes(value)
    elif isinstance(part, list):
        for value in part:
            yield from _nodes(value)


def _makes_rows(node: Node) -> bool:
    kind, name = str(node.get("type")), str(node.get("function_name", "")).lower()
    # A row for each number up to somebody's own, or a comparison of each with it, is that number once they are counted.
    is_one_value = node.get("class") == "SUBQUERY" and node.get("subquery_type") == "SCALAR"
    return kind in _ROW_MAKERS or kind.startswith("LIMIT") or name in _ROW_FUNCTIONS or is_one_value


def _common_tables(node: Node) -> list[Node]:
    return (node.get("cte_map") or {}).get("map") or []


def _full_name(node: Node) -> str:
    parts = [node.get("catalog_name"), node.get("schema_name"), node.get("table_name")]
    return ".".join(str(part).lower() for part in parts if part)


def _in_value(expression: Any) -> set[str]:
    """Names of the columns whose values the expression may give back."""
    if isinstance(expression, list):
        return {name for item in expression for name in _in_value(item)}
    if not isinstance(expression, dict) or _tells_no_value(expression):
        return set()
    if expression.get("class") == "COLUMN_REF":
        return {str(expression["column_names"][-1]).lower()}
    if expression.get("class") == "CASE":
        branches = [check["then_expr"] for check in expression["case_checks"]]
        return _in_value([*branches, expression["else_expr"]])
    if expression.get("type") == "SELECT_NODE":
        return _in_value(expression["select_list"])
    return {name for part, value in expression.items() if part not in _NOT_IN_VALUE for name in _in_value(value)}


def _tells_no_value(expression: Node) -> bool:
    if expression.get("class") in ("FUNCTION", "WINDOW"):
        return str(expression.get("function_name", "")).lower() in _COUNTS
    if expression.get("class") == "SUBQUERY":
        return expression.get("subquery_type") in ("EXISTS", "NOT_EXISTS", "ANY")
    return expression.get("class") in _TRUTHS or str(expression.get("type")) in _TRUE_OPERATORS

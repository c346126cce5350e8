"""One XML record as texts: columns by the path of an element or attribute below the record's element."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from sources.contract.model import Contract
from sources.errors import ExtractError

_MAX_ATTRIBUTES = 1000
_ELEMENT = re.compile(r"([^\W\d][\w.-]*:)?[^\W\d][\w.-]*")
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


@dataclass
class Node:
    """What of an element goes into columns: its text, its attributes and its children, by the columns' numbers."""

    column: int | None = None
    attributes: dict[str, int] = field(default_factory=dict)
    children: "dict[str, Node]" = field(default_factory=dict)


class XmlShape:
    """The columns of a contract in a record, and those of direct children and attributes that it does not know.

    Raises ExtractError where a path uses a prefix that the contract's `namespaces` do not have, or the record is no name.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        options = contract.server.options
        self._namespaces: Mapping[str, str] = options.get("namespaces") or {}
        self._prefixes = {uri: prefix for prefix, uri in self._namespaces.items()}
        self.record = str(options.get("record", ""))
        if not _ELEMENT.fullmatch(self.record):
            raise ExtractError(
                f"record {self.record!r} is no name of an element; write one such as row or b:row in {contract.path.name}"
            )
        self.tag = self._tag(self.record)
        self.headers = [column.header for column in contract.columns]
        self.new: list[str] = []
        self.root = Node()
        self._has: list[bool] = []
        self._has_repeated = False
        for header in self.headers:
            self._place(header)

    @property
    def seen(self) -> list[str]:
        """The contract's columns that some record has."""
        return [header for header, has in zip(self.headers, self._has, strict=False) if has]

    def row(self, record: etree._Element) -> tuple[str | None, ...]:
        """The texts of the contract's columns and then of the new ones; an element that stands there twice is a JSON array."""
        values: list[Any] = [None] * len(self._has)
        self._fill(record, self.root, values)
        if self._has_repeated:
            values = [json.dumps(value, ensure_ascii=False) if value.__class__ is list else value for value in values]
            self._has_repeated = False
        return tuple(values)

    def _fill(self, element: etree._Element, node: Node, values: list[Any]) -> None:
        # This runs for each element of the file: what is said here is said without calls of our own.
        if node.attributes or node is self.root:
            self._fill_attributes(element, node, values)
        known, has = node.children, self._has
        for child in element:
            inner = known.get(child.tag)
            if inner is None:
                if node is not self.root:
                    continue
                inner = known[child.tag] = Node(self._add(self._name(child.tag), values))
            column = inner.column
            if column is not None:
                text = "".join(child.itertext()) or None if len(child) else child.text
                if values[column] is None:
                    values[column], has[column] = text, True
                else:
                    self._repeat(values, column, text)
            if inner.children or inner.attributes:
                self._fill(child, inner, values)

    def _fill_attributes(self, element: etree._Element, node: Node, values: list[Any]) -> None:
        # Reading attributes takes the square of their number.
        if len(element.attrib) > _MAX_ATTRIBUTES:
            raise ExtractError(
                f"line {element.sourceline}: an element has {len(element.attrib)} attributes, more than the {_MAX_ATTRIBUTES} "
                f"that are read; ask {self.contract.agency_name} what changed"
            )
        for name, value in element.items():
            if node is self.root and name not in node.attributes and not name.startswith(_INSTANCE):
                node.attributes[name] = self._add(f"@{self._name(name)}", values)
            if name in node.attributes:
                values[node.attributes[name]], self._has[node.attributes[name]] = value, True

    def _repeat(self, values: list[Any], column: int, text: str | None) -> None:
        if values[column].__class__ is not list:
            values[column] = [values[column]]
        values[column].append(text)
        self._has_repeated = True

    def _add(self, header: str, values: list[Any]) -> int:
        self.new.append(header)
        self._has.append(True)
        values.append(None)
        return len(self._has) - 1

    def _place(self, header: str) -> None:
        node, column = self.root, len(self._has)
        *parents, last = header.split("/")
        for step in parents:
            node = node.children.setdefault(self._tag(step), Node())
        if last.startswith("@"):
            node.attributes[self._tag(last[1:])] = column
        else:
            node.children.setdefault(self._tag(last), Node()).column = column
        self._has.append(False)

    def _tag(self, step: str) -> str:
        """`b:name` as lxml writes it: the namespace in braces."""
        prefix, found, name = step.rpartition(":")
        if not found:
            return step
        if prefix not in self._namespaces:
            raise ExtractError(
                f"the prefix {prefix!r} of {step} stands for nothing; add it to `namespaces` in {self.contract.path.name}"
            )
        return f"{{{self._namespaces[prefix]}}}{name}"

    def _name(self, tag: str) -> str:
        """The header of an element that the contract does not know: with its prefix where there is one."""
        uri, found, name = tag.removeprefix("{").partition("}")
        if not found:
            return tag
        return f"{self._prefixes[uri]}:{name}" if uri in self._prefixes else tag


# What a contract is asked when it is read.
check = XmlShape

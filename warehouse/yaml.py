"""How YAML is read, whoever wrote it: one document, no key twice, no aliases, no tags beyond the standard ones.

`load_file` also holds a file against its schema. Contracts have a reader of their own (`sources/contract/reading/odcs.py`): it keeps the
bytes, tells every problem at once, and knows what the standard wants in place of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

# An alias of an alias of an alias is a gigabyte in a few hundred bytes; none of our files needs one.
_NO_ALIAS = "uses an anchor or alias (& or *); write the value itself, in quotes where it begins with such a sign"
_MOST_CHARACTERS = 4 << 20
# The parser builds each level in a call of its own: some tens of thousands end the process.
_DEEPEST = 100
_SURELY_SHALLOW = 2000
_TOO_DEEP = f"is nested more than {_DEEPEST} levels deep; write it flatter"
# Far more than any number has; 1:1:1:... is one of base sixty, whose parts are multiplied for minutes.
_LONGEST_NUMBER = 400
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class YamlError(ValueError):
    """A text that is no YAML as it is read here: `line` (from 1), what is wrong and what to write instead."""

    def __init__(self, line: int, message: str) -> None:
        self.line, self.message = line, message
        super().__init__(f"line {line}: {message}")


class FileError(ValueError):
    """A file that cannot be used: `problem` is what is wrong, after the place in it where that is known."""

    def __init__(self, path: Path, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class Schema:
    """What a file must hold, as a JSON schema (draft 2020-12)."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    @cached_property
    def _quick(self) -> Any:
        return jsonschema_rs.validator_for(self._schema)

    def problem(self, document: "Document") -> str | None:
        """The first one: its place (such as `feeds.0`, or `file`), what is wrong, and its line."""
        try:
            # The one tells in no time that nothing is wrong, the other tells what is.
            if self._quick.is_valid(document.data):
                return None
        except (ValueError, TypeError):
            # It knows JSON alone, and YAML has days and keys that are numbers.
            pass
        from jsonschema import Draft202012Validator

        for wrong in Draft202012Validator(self._schema).iter_errors(document.data):
            place = ".".join(map(str, wrong.absolute_path)) or "file"
            return f"{place}: {wrong.message} (line {line_of(document.node, wrong.absolute_path)})"
        return None


class _Loader(yaml.CSafeLoader):
    """As the standard says, which the parser does not: no key twice in a mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            seen = set()
            for name, _ in node.value:
                key = self.construct_object(name, deep=True)
                if key in seen:
                    line = name.start_mark.line + 1
                    raise YamlError(line, f"the key {key!r} stands here again; keep one, readers would take either")
                seen.add(key)
        return found


class _TextDates(_Loader):
    """Days stay text, so that a schema can check how they are written."""


_TextDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """A text as plain data, and as nodes that know their lines; both None where it is empty."""

    data: Any
    node: yaml.Node | None


def load_file(path: Path, schema: Schema | None = None, *, days_are_text: bool = False) -> Any:
    """The file's data, None where it is empty. Raises FileError where it cannot be read, is no YAML, or breaks the schema."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"), days_are_text=days_are_text)
    except OSError as error:
        raise FileError(path, f"cannot be read ({error.strerror}); name a file that is there") from None
    except (YamlError, UnicodeDecodeError) as error:
        raise FileError(path, f"is not valid YAML in UTF-8: {str(error).splitlines()[0]}") from None
    problem = schema.problem(document) if schema else None
    if problem:
        raise FileError(path, problem)
    return document.data


def line_of(node: yaml.Node | None, steps: Iterable[str | int]) -> int:
    """The line (from 1) of the last of the keys and positions that is there."""
    line = 1
    for step in steps:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def load_yaml(text: str) -> Any:
    """The document's data. Raises YamlError."""
    return read_yaml(text).data


def read_yaml(text: str, *, days_are_text: bool = False) -> Document:
    """Raises YamlError with the line and what to write instead."""
    if len(text) > _MOST_CHARACTERS:
        raise YamlError(1, f"has {len(text):,} characters; write at most {_MOST_CHARACTERS:,}")
    kind = _TextDates if days_are_text else _Loader
    try:
        if not _is_surely_plain(text):
            _refuse_tricks(text)
        loader = kind(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None, None)
        _refuse_monsters(node)
        return Document(loader.construct_document(node), node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(line, f"{error.problem}; write valid YAML here") from None
    except yaml.YAMLError as error:
        raise YamlError(1, f"cannot be read ({str(error).splitlines()[0]}); write it as UTF-8 text") from None
    except YamlError:
        raise
    except (ValueError, TypeError, RecursionError, ArithmeticError, LookupError, AttributeError) as error:
        # What the parser makes of a tag whose value is none of its kind, such as `!!bool x`.
        raise YamlError(1, f"has a value or key that cannot be read ({error}); write it as text, in quotes") from None


def _is_surely_plain(text: str) -> bool:
    """Without a sign of an alias, and too few brackets and too short lines to be deep: a level in block style takes a column."""
    openings = text.count("[") + text.count("{")
    return not set("*&") & set(text) and openings + max(map(len, text.splitlines()), default=0) < _SURELY_SHALLOW


def _refuse_tricks(text: str) -> None:
    """Looks at the events one by one, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise YamlError(line, _NO_ALIAS)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise YamlError(line, _TOO_DEEP)


def _refuse_monsters(root: yaml.Node) -> None:
    """Before values are made of the nodes: what is too deep, and numbers longer than any is."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST:
            raise YamlError(node.start_mark.line + 1, _TOO_DEEP)
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
            raise YamlError(
                node.start_mark.line + 1, f"has a number of {len(node.value):,} characters; write it as text, in quotes"
            )
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        if not isinstance(node, yaml.ScalarNode):
            waiting += [(part, depth + 1) for part in parts]

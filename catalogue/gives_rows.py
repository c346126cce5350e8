"""Which staging models give rows to the shared ones, as their meta says under `gives`, and whether anybody asks for what they give."""

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

# A node of dbt's manifest.
Node = Mapping[str, Any]
# What the macros read of each; a model may read more of what is given to it.
_READ = {"columns", "where", "rank"}
_ASKED = re.compile(r"\b(?:rows_of|givers|sources_of)\(\s*['\"](\w+)['\"]")


def givers(nodes: Iterable[Node]) -> dict[str, list[str]]:
    """The staging models that give rows to each name, in the order of their names."""
    found: dict[str, list[str]] = {}
    for name, gives in sorted((node["name"], _gives(node)) for node in nodes):
        for given in gives:
            found.setdefault(given, []).append(name)
    return found


def unasked(nodes: Collection[Node], asked_by_rules: Collection[str]) -> list[str]:
    """What models give that no shared model and no rule asks for: a name or a column that is misspelt; a line each."""
    askers: dict[str, str] = dict.fromkeys(asked_by_rules, "")
    for node in nodes:
        for name in _ASKED.findall(node.get("raw_code", "")):
            askers[name] = askers.get(name, "") + node["raw_code"]
    return [line for node in nodes for given in _gives(node) for line in _unasked(node, given, askers)]


def _unasked(node: Node, given: str, askers: Mapping[str, str]) -> list[str]:
    where = f"{node['original_file_path']}: {node['name']}: gives: {given}"
    if given not in askers:
        return [f"{where} is asked for by no model; {_meant(given, askers)}"]
    said, words = _gives(node)[given] or {}, set(re.findall(r"\w+", askers[given]))
    columns = set(re.findall(r"'(\w+)'(?!\s*:)", askers[given])) - {given}
    return [
        *[f"{where}: nothing reads {key}; {_meant(key, _READ)}" for key in said if key not in _READ | words],
        *[
            f"{where}: {column} is no column that {given} has; {_meant(column, columns)}"
            for column in said.get("columns", {})
            if column not in columns
        ],
    ]


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, known, 1)
    return f"write {close[0]}" if close else f"it has {', '.join(sorted(known))}"


def _gives(node: Node) -> dict[str, Any]:
    gives: dict[str, Any] = node["config"].get("meta", {}).get("gives", {})
    return gives

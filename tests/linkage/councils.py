"""The councils of the United Kingdom as their registers and other agencies name them, and the crosswalk between both."""

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from anyascii import anyascii

REGISTERS = ("local-authority-eng", "local-authority-nir", "local-authority-sct", "principal-local-authority")
_NAMES = ("name", "official-name", "name-cy", "official-name-cy")


def folder() -> Path | None:
    root = os.environ.get("INTERAGENCY_SHARED_DATA")
    found = Path(root) / "uk_local_authorities" if root else None
    return found if found is not None and found.is_dir() else None


def registered(place: Path) -> pa.Table:
    """Each name that a register ever gave a council, with the council's code."""
    found = {(code, key_of(name)) for register in REGISTERS for code, name in _names(place, register)}
    rows = [
        {"source_key": f"{code} {number}", "registry_code": code, "name_key": name}
        for number, (code, name) in enumerate(sorted(found))
    ]
    return pa.Table.from_pylist(rows)


def _names(place: Path, register: str) -> Iterator[tuple[str, str]]:
    for line in (place / "registers" / f"{register}.rsf").read_text(encoding="utf-8").splitlines():
        command, _, text = line.partition("\t")
        item = json.loads(text) if command == "add-item" else {}
        if register in item and isinstance(item[register], str) and "name" in item:
            for name in _NAMES:
                if item.get(name):
                    yield f"{register}:{item[register]}", item[name]


def crosswalk(place: Path, agency: str) -> dict[str, str]:
    """What an agency's own code means; codes that mean no council of a register are left out."""
    with (place / "crosswalk" / f"{agency}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row[agency]: row["local-authority"] for row in rows if ":" in (row["local-authority"] or "")}


def named(place: Path, file: str, code: str) -> pa.Table:
    """An agency's own list: its codes and the names it gives."""
    with (place / file).open(encoding="utf-8", newline="") as content:
        rows = [row for row in csv.DictReader(content, delimiter="\t") if row["name"]]
    return pa.Table.from_pylist([{"source_key": row[code], "name_key": key_of(row["name"])} for row in rows])


def key_of(name: str) -> str:
    return anyascii(name).upper()

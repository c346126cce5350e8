"""Reading a contract file against the Open Data Contract Standard v3.2.0, with line numbers in every message."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft201909Validator
from jsonschema.exceptions import ValidationError
from open_data_contract_standard.model import OpenDataContractStandard

from warehouse.yaml import YamlError, line_of, read_yaml

API_VERSION = "v3.2.0"
Step = str | int


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a contract: where it stands and what to write instead."""

    file: Path
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.message}"


class ContractError(Exception):
    """A contract that cannot be used; `problems` has one entry for each thing to mend."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Document:
    """A contract file: its text as data, and the line of every path in it. `wording` is what its bytes were, or are now."""

    def __init__(self, path: Path, wording: bytes | None = None) -> None:
        self.path = path
        try:
            self.wording = _bytes_of(path) if wording is None else wording
            read = read_yaml(self.wording.decode("utf-8"))
            self.node, self.data = read.node, _plain(read.data)
        except YamlError as error:
            raise ContractError([Problem(path, error.line, "YAML", error.message)]) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ContractError(
                [Problem(path, 1, "file", f"cannot be read ({str(error).splitlines()[0]}); write it as UTF-8 text")]
            ) from None
        except (ValueError, TypeError) as error:
            message = f"has a value or key that cannot be read ({error}); write it as text, in quotes"
            raise ContractError([Problem(path, 1, "YAML", message)]) from None
        if not isinstance(self.data, dict):
            raise ContractError([Problem(path, 1, "file", "is not a mapping; start it with `apiVersion: v3.2.0`")])

    def problem(self, steps: Iterable[Step], message: str) -> Problem:
        steps = list(steps)
        return Problem(self.path, line_of(self.node, steps), path_text(steps), message)


def _bytes_of(path: Path) -> bytes:
    """Raises OSError. A pipe or a device would keep whoever reads it waiting."""
    if not path.is_file():
        raise OSError("it is not a file")
    return path.read_bytes()


class Problems:
    """What is wrong in one document, found so far."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Problem] = []

    def add(self, steps: list[Step], message: str) -> None:
        self._found.append(self._document.problem(steps, message))

    def raise_any(self) -> None:
        """Raises ContractError with everything found; returns where there is nothing."""
        if self._found:
            raise ContractError(self._found)


def path_text(steps: Iterable[Step]) -> str:
    """`schema[0].properties[3].logicalType` for the steps of a path."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".") or "file"


def read(path: Path, wording: bytes | None = None) -> tuple[Document, OpenDataContractStandard]:
    """The document and the standard's own model of it; of another `wording` than the file's own where one is given.

    Raises ContractError where the file is not YAML, or breaks the standard's JSON schema.
    """
    document = Document(path, wording)
    # The one tells in no time that nothing is wrong, the other tells what is.
    if not _quick_schema().is_valid(document.data):
        errors = sorted(_schema().iter_errors(document.data), key=lambda error: list(map(str, error.absolute_path)))
        if errors:
            raise ContractError([_schema_problem(document, error) for error in errors])
    if document.data["apiVersion"] != API_VERSION:
        message = f"is {document.data['apiVersion']!r}; write {API_VERSION}"
        raise ContractError([document.problem(["apiVersion"], message)])
    return document, OpenDataContractStandard(**document.data)


@cache
def _schema() -> Draft201909Validator:
    return Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))


@cache
def _quick_schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(OpenDataContractStandard.json_schema()))


def _plain(data: object) -> Any:
    """Dates as text: YAML reads 2024-01-01 as a date, the standard wants a string."""
    return json.loads(json.dumps(data, default=str))


def _schema_problem(document: Document, error: ValidationError) -> Problem:
    """The deepest cause of a schema error: `anyOf` alone tells an engineer nothing."""
    cause = error
    while cause.context:
        cause = max(cause.context, key=lambda inner: len(inner.absolute_path))
    return document.problem(cause.absolute_path, f"{cause.message}; {_remedy(cause)}")


def _remedy(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "enum":
            return f"write one of {', '.join(map(str, wanted))}"
        case "required":
            return f"add what is missing of {', '.join(wanted)}"
        case "type":
            return f"write a {wanted}"
        case "additionalProperties" | "unevaluatedProperties":
            return "take the extra key out, or put it under customProperties"
        case "pattern":
            return f"write a value that matches {wanted}"
    return "see the Open Data Contract Standard v3.2.0"

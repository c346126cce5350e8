"""SQL reads as SQL: a statement of more than a short line is laid out in lines."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "warehouse", "sources", "nights", "watch", "expectations", "sharing", "catalogue", "linkage", "pages", "reports", "simulation",
    "orchestration",
)  # fmt: skip
LONGEST = 100
_STATEMENT = re.compile(r"\s*(SELECT|CREATE|INSERT|WITH|COPY|UPDATE|DELETE|FROM)\s")


@pytest.mark.parametrize("room", ROOMS)
def test_long_statements_have_lines(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    assert [place for file in files for place in _unbroken(file)] == []


def _unbroken(file: Path) -> Iterator[str]:
    for line, text in _texts(ast.parse(file.read_text(encoding="utf-8"))):
        if _STATEMENT.match(text) and len(text) > LONGEST and "\n" not in text.strip():
            yield f"{file.relative_to(ROOT)}:{line}: {len(text)} signs without a line break"


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and words of each text; what is filled into one stands in braces as it is written."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(map(_part, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return f"{{{ast.unparse(part.value)}}}"
    assert isinstance(part, ast.Constant)
    return str(part.value)

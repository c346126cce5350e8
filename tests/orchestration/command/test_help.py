"""Help is instant: no command imports an engine, an orchestrator or a gate before it has work to do."""

import sys

import pytest

from tests.conftest import ended

COMMANDS = [
    [], ["run"], ["status"], ["contracts"], ["contracts", "lint"], ["contracts", "diff"], ["rejects"], *[["release", name] for name in ("make", "draft", "list", "show", "report", "approve", "verify", "recipient", "rotate", "profile", "profiles", "revoke")], ["consent"], *[["consent", name] for name in ("import", "list", "pause", "resume", "revoke", "manager")], ["release"], ["serve"], ["report"], ["accept"], ["refuse"], ["warehouse"], ["warehouse", "list"],
    ["warehouse", "restore"], ["docs"], ["doctor"], ["prune"], ["ui"], ["vouch"], ["backfill"], ["new-feed"], ["new-mart"], ["try"], ["linkage"],
    ["linkage", "review"], ["linkage", "review", "list"], ["linkage", "review", "accept"], ["linkage", "review", "reject"],
    ["query"], ["findings"], ["findings", "list"], ["cases"], ["cases", "list"], ["cases", "show"], ["cases", "decide"],
    ["agreements"], *(["agreements", name] for name in (
        "list", "show", "lint", "draft", "renew", "party", "rotate", "trust", "sign", "sign-trial", "verify", "revoke", "diff", "trace", "request",
        "answer", "requests", "export", "processing-record", "impact-assessment", "page",
    )),
    ["subject"], *(["subject", name] for name in ("report", "restrict", "erase", "correct", "receipt", "list")), ["retention"], ["retention", "apply"],
    ["keys"], ["keys", "create"], ["keys", "rotate"], ["keys", "destroy"], ["keys", "list"], ["access"], ["access", "grant"], ["access", "list"],
    ["ledger"], *(["ledger", name] for name in ("verify", "checkpoint", "witness", "prove", "export", "search", "archive")),
]  # fmt: skip
SCRIPT = """
import sys
from typer.testing import CliRunner
from orchestration.command.main import app
for command in {commands!r}:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage: " in done.output, command
    print(" ".join(command), len(done.output.splitlines()))
heavy = {{"dagster", "dagster_dbt", "great_expectations", "dbt", "pandas", "duckdb", "pyarrow", "numpy", "sqlalchemy"}}
print("heavy:", sorted(heavy & set(sys.modules)))
"""


def test_help_of_every_command_imports_nothing_heavy() -> None:
    done = ended(sys.executable, "-c", SCRIPT.format(commands=COMMANDS))
    assert "heavy: []" in done.stdout, done.stdout


def test_every_command_is_helped() -> None:
    """The list above is whole: a new command has to be added to it."""
    from typer.main import get_command

    from orchestration.command.main import app

    def names(command: object, path: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", {})
        return [path, *[found for name, below in inner.items() for found in names(below, [*path, name])]]

    assert sorted(names(get_command(app), [])) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["nonsense"], 2), (["run", "--nonsense"], 2), (["--help"], 0)]
)
def test_the_command_itself(arguments: list[str], code: int) -> None:
    from typer.testing import CliRunner

    from orchestration.command.main import app

    assert CliRunner().invoke(app, arguments).exit_code == code

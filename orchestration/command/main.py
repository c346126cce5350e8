"""The command's table of contents."""

import typer

from orchestration.command import accept, contracts, doctor, prune, rejects, run, status, ui, warehouse

app = typer.Typer(
    help="Pull one extract a night from each agency, gate it, harmonise it, publish it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("status")(status.status)
app.add_typer(contracts.app, name="contracts")
app.command("rejects")(rejects.rejects)
app.command("accept")(accept.accept)
app.add_typer(warehouse.app, name="warehouse")
app.command("doctor")(doctor.doctor)
app.command("prune")(prune.prune)
app.command("ui")(ui.ui)

"""The command's table of contents."""

from typing import Any

import typer
from typer.core import TyperGroup

from orchestration.command.analyst import docs, query
from orchestration.command.common import NOT_DONE, WRONG_USE, stop
from orchestration.command.engineer import contracts, new_feed, new_mart, try_contract
from orchestration.command.operator import backfill, doctor, keys, prune, run, status, ui, warehouse
from orchestration.command.sharing import access, agreements, consent, ledger, release, retention, serve, subject
from orchestration.command.steward import accept, cases, findings, linkage, refuse, rejects, report, vouch
from warehouse.errors import KeyRefused, SettingError
from warehouse.files import for_owner_alone


class PlainErrors(TyperGroup):
    """A disk or folder that does not do what is asked is a message, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with for_owner_alone():
                return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except KeyRefused as error:
            stop(str(error), NOT_DONE)
        except SettingError as error:
            stop(str(error), WRONG_USE)
        except OSError as error:
            stop(f"{error}; free space, mend the folder's rights, or set INTERAGENCY_HOME to another folder", NOT_DONE)


app = typer.Typer(
    cls=PlainErrors,
    help="Pull one extract a night from each agency, gate it, harmonise it, publish it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("backfill")(backfill.backfill)
app.command("new-feed")(new_feed.new_feed)
app.command("new-mart")(new_mart.new_mart)
app.command("try")(try_contract.try_contract)
app.command("status")(status.status)
app.add_typer(contracts.app, name="contracts")
app.add_typer(agreements.app, name="agreements")
app.add_typer(access.app, name="access")
app.add_typer(release.app, name="release")
app.add_typer(consent.app, name="consent")
app.command("serve")(serve.serve)
app.add_typer(subject.app, name="subject")
app.add_typer(retention.app, name="retention")
app.command("query")(query.query)
app.add_typer(cases.app, name="cases")
app.add_typer(findings.app, name="findings")
app.command("report")(report.report)
app.command("docs")(docs.docs)
app.command("rejects")(rejects.rejects)
app.command("accept")(accept.accept)
app.command("refuse")(refuse.refuse)
app.add_typer(warehouse.app, name="warehouse")
app.add_typer(linkage.app, name="linkage")
app.add_typer(ledger.app, name="ledger")
app.command("vouch")(vouch.vouch)
app.add_typer(keys.app, name="keys")
app.command("doctor")(doctor.doctor)
app.command("prune")(prune.prune)
app.command("ui")(ui.ui)

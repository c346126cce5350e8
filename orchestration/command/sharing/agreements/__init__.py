"""`interagency agreements`: what may be shared, from a blank text to its signatures, its end, and requests for more."""

import typer

from orchestration.command.sharing.agreements import agree, look, parties, requests
from orchestration.command.sharing.papers import register_into as register_papers

app = typer.Typer(
    help="Agree on what is shared; nothing is pulled without.", no_args_is_help=True, rich_markup_mode=None
)
register_papers(app)
for _module in (look, agree, parties, requests):
    _module.register_into(app)

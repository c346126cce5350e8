"""Of `interagency agreements`: what somebody would like to be shared, and the answer."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from orchestration.command.common import (
    show_table,
    tell,
)
from orchestration.command.sharing.agreements.asked import told


def register_into(app: typer.Typer) -> None:
    """Add these commands to the group of agreements."""
    app.command("request")(request)
    app.command("answer")(answer)
    app.command("requests")(list_requests)


def request(
    what: Annotated[str, typer.Argument(help="What is asked for: a feed (agency/feed), a mart, or a product.")],
    purpose: Annotated[
        str, typer.Option(help="A term of the Data Privacy Vocabulary, such as dpv:ScientificResearch.")
    ],
    reason: Annotated[str, typer.Option(help="What it is needed for, in a sentence.")],
) -> None:
    """Ask for something to be shared; the request is kept, with its answer and the days that it waited."""
    from sharing.agreements.requests import ask
    from warehouse.home import Home
    from warehouse.journal import actor

    with told():
        made = ask(Home.from_environment(), what, purpose, reason, actor())
    tell(
        f"Request {made.id} on {what} is kept; `interagency agreements answer {made.id} granted --reason …` answers it"
    )


def answer(
    request: Annotated[str, typer.Argument(help="The request, or enough of its beginning to tell it.")],
    given: Annotated[str, typer.Argument(metavar="ANSWER", help="granted, refused or withdrawn.")],
    reason: Annotated[str, typer.Option(help="Why; kept with your name.")],
) -> None:
    """Answer a request to share. Granting allows nothing by itself: an agreement does."""
    from sharing.agreements.requests import answer as give
    from warehouse.home import Home
    from warehouse.journal import actor

    with told():
        done = give(Home.from_environment(), request, given, reason, actor())
    waited = done.days_waited(datetime.now(UTC))
    tell(f"Request {done.id} on {done.what} is {done.answer}; it waited {waited} days")


def list_requests() -> None:
    """List the requests to share, with how long each waited."""
    from sharing.agreements.requests import requests
    from warehouse.home import Home

    now = datetime.now(UTC)
    rows = [
        [one.id, one.what, one.purpose, one.asked_by, f"{one.asked_at:%Y-%m-%d}", str(one.days_waited(now)), one.answer or "waits", one.answer_reason]
        for one in requests(Home.from_environment())
    ]  # fmt: skip
    show_table("Requests", ("request", "what", "purpose", "by", "asked", "days", "answer", "why"), rows, frozenset({5}))

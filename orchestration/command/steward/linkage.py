"""`interagency linkage review`: pairs of records in doubt, and a steward's word on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell
from orchestration.command.noted import note

if TYPE_CHECKING:
    from linkage.settle.review import Pair

app = typer.Typer(help="Which records are of one person or body.", no_args_is_help=True, rich_markup_mode=None)
review = typer.Typer(help="Pairs in doubt: list, accept, reject.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review, name="review")
_PairId = Annotated[str, typer.Argument(help="The pair, or enough of its beginning to tell it.")]
_Reason = Annotated[str, typer.Option(help="Why; kept with your name.")]


@review.command("list")
def list_pairs(
    entity: Annotated[str | None, typer.Option(help="person or body; both where it is not given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many pairs.")] = 20,
) -> None:
    """List the pairs of the published night that nobody decided on, the likeliest first, field by field.

    Pairs of one person stand together.
    """
    from linkage.settle.review import waiting
    from warehouse.home import Home
    from warehouse.numbers_for_people import several

    with _readable():
        pairs = waiting(Home.from_environment(), entity)
    rows = [row for pair in pairs[:limit] for row in _shown(pair)]
    show_table("Pairs in doubt", ("pair", "field", "one", "other", "agreement", "bits"), rows, frozenset({5}))
    tell(
        f"{several(len(pairs), 'pair')} to decide on" + (f"; the first {limit} are shown" if len(pairs) > limit else "")
    )


@review.command("accept")
def accept(pair: _PairId, reason: _Reason) -> None:
    """Both records are of the same person or body: later nights link them."""
    _decide(pair, True, reason)


@review.command("reject")
def reject(pair: _PairId, reason: _Reason) -> None:
    """The records are of different people or bodies: later nights keep them apart."""
    _decide(pair, False, reason)


def _decide(pair: str, is_same: bool, reason: str) -> None:
    from linkage.settle.beginning import NotOne
    from nights.decisions import NoReason, review_pair
    from sharing.ledger.entry import Kind
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.store.seal import Tampered

    home = Home.from_environment()
    try:
        with _readable():
            decided = review_pair(home, pair, is_same, reason, actor())
    except NoReason:
        stop('a reason is needed: --reason "…"', WRONG_USE)
    except NotOne as error:
        stop(error.told(pair, "pair in doubt", "interagency linkage review list"), WRONG_USE)
    except Tampered as error:
        stop(str(error), NOT_DONE)
    note(home, Kind.DECISION, pair=decided.pair_id, same=is_same)
    tell(f"{decided.pair_id}: {'the same' if is_same else 'not the same'}, by {actor()}; the next night follows it")


def _shown(pair: "Pair") -> list[list[str]]:
    """A line for both records, then one for each field."""
    one, other = f"{pair.one_source} {pair.one_source_key}", f"{pair.other_source} {pair.other_source_key}"
    head = [pair.pair_id, pair.entity, one, other, pair.reason, f"{pair.match_weight:.1f}"]
    fields = [
        ["", field["field"], *(field[name] or "" for name in ("one", "other", "agreement")), f"{field['weight']:.1f}"]
        for field in pair.fields
    ]
    return [head, *fields]


@contextmanager
def _readable() -> Iterator[None]:
    """Ends with 1 where no night with a queue is published, or its queue cannot be read."""
    import duckdb

    from linkage.settle.review import NoQueue
    from warehouse.engines.duckdb.engine import safe_message

    try:
        yield
    except NoQueue:
        stop("no published night has a queue of pairs; run `interagency run` first", NOT_DONE)
    except duckdb.Error as error:
        remedy = "set INTERAGENCY_KEY if the night was sealed with one"
        stop(f"the queue of pairs cannot be read ({safe_message(error)}); {remedy}", NOT_DONE)

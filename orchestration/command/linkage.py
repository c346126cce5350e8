"""`interagency linkage review`: pairs of records in doubt, and a steward's word on them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

if TYPE_CHECKING:
    from warehouse.home import Home

app = typer.Typer(help="Which records are of one person or body.", no_args_is_help=True, rich_markup_mode=None)
review = typer.Typer(help="Pairs in doubt: list, accept, reject.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review, name="review")
_Reason = Annotated[str, typer.Option(help="Why; kept with your name.")]


@review.command("list")
def list_pairs(
    entity: Annotated[str | None, typer.Option(help="person or body; both where it is not given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many pairs.")] = 20,
) -> None:
    """List the pairs of the published night that nobody decided on, the likeliest first, field by field."""
    from warehouse.home import Home

    home = Home.from_environment()
    waiting = [pair for pair in _queue(home, entity) if not _is_decided(home, pair)]
    rows = [row for pair in waiting[:limit] for row in _shown(pair)]
    show_table("Pairs in doubt", ("pair", "field", "one", "other", "agreement", "bits"), rows, frozenset({5}))
    tell(
        f"{len(waiting)} pairs wait for a decision" + (f"; the first {limit} are shown" if len(waiting) > limit else "")
    )


@review.command("accept")
def accept(pair: str, reason: _Reason) -> None:
    """Both records are of the same person or body: later nights link them."""
    _decide(pair, True, reason)


@review.command("reject")
def reject(pair: str, reason: _Reason) -> None:
    """The records are of different people or bodies: later nights keep them apart."""
    _decide(pair, False, reason)


def _decide(pair_id: str, is_same: bool, reason: str) -> None:
    from linkage.settle.review import decide
    from nights.untouched import take_over
    from warehouse.home import Home
    from warehouse.store.seal import Tampered

    if not reason.strip():
        stop('a reason is needed: --reason "…"', WRONG_USE)
    home = Home.from_environment()
    found = [pair for pair in _queue(home, None) if pair["pair_id"] == pair_id]
    if not found:
        stop(f"{pair_id} is no pair in doubt; `interagency linkage review list` shows them", WRONG_USE)
    try:
        take_over(home)
        made = decide(home, found[0]["entity"], _records(found[0]), is_same, reason)
    except Tampered as error:
        stop(str(error), NOT_DONE)
    tell(f"{pair_id}: {'the same' if is_same else 'not the same'}, by {made.steward}; the next night follows it")


def _records(pair: dict[str, Any]) -> tuple[str, str, str, str]:
    return pair["one_source"], pair["one_source_key"], pair["other_source"], pair["other_source_key"]


def _is_decided(home: "Home", pair: dict[str, Any]) -> bool:
    from datetime import date

    from linkage.settle.review import decisions

    said = decisions(home, pair["entity"], date.max)
    return any((item.one_source, item.one_key, item.other_source, item.other_key) == _records(pair) for item in said)


def _shown(pair: dict[str, Any]) -> list[list[str]]:
    """A line for both records, then one for each field."""
    one, other = f"{pair['one_source']} {pair['one_source_key']}", f"{pair['other_source']} {pair['other_source_key']}"
    head = [pair["pair_id"], pair["entity"], one, other, pair["reason"], f"{pair['match_weight']:.1f}"]
    fields = [
        [
            "",
            field["field"],
            field["one"] or "",
            field["other"] or "",
            field["agreement"] or "",
            f"{field['weight']:.1f}",
        ]
        for field in pair["fields"]
    ]
    return [head, *fields]


def _queue(home: "Home", entity: str | None) -> list[dict[str, Any]]:
    """The queue of the published night; ends with 1 where no night with one is published."""
    import duckdb

    from warehouse.engines.duckdb.engine import literal, open_database, safe_message
    from warehouse.store.restricted import attach_restricted, restricted_file

    published = home.published.resolve()
    if not restricted_file(published).exists():
        stop("no published night has a queue of pairs; run `interagency run` first", NOT_DONE)
    where = f"WHERE entity = {literal(entity)}" if entity else ""
    try:
        with open_database() as connection:
            attach_restricted(connection, published, read_only=True)
            cursor = connection.execute(
                f"SELECT * FROM restricted.linkage.review_queue {where} ORDER BY match_weight DESC, pair_id"
            )
            names = [item[0] for item in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except duckdb.Error as error:
        stop(
            f"the queue of pairs cannot be read ({safe_message(error)}); set INTERAGENCY_KEY if the night was sealed with one",
            NOT_DONE,
        )

"""`interagency cases`: records that do not fit together, and what was decided of them."""

from typing import Annotated, Any

import typer

from orchestration.command.common import NOT_DONE, WRONG_USE, show_table, stop, tell

app = typer.Typer(
    help="Leads from comparing agencies' records; a lead is never a finding of guilt.", rich_markup_mode=None
)
_HEADINGS = ("case", "type", "person", "key", "euro at risk", "what does not fit", "disposition")


@app.command("list")
def list_cases(
    match_type: Annotated[
        str | None, typer.Option("--type", help="Only this type, such as 'paid after death'.")
    ] = None,
    disposition: Annotated[
        str, typer.Option(help="Only these: open, fraud, error, false positive, no issue, or all.")
    ] = "open",
    limit: Annotated[int, typer.Option(help="At most so many; those with most money at risk come first.", min=1)] = 50,
) -> None:
    """List the cases of the published night."""
    wanted = "($type IS NULL OR match_type = $type) AND ($disposition = 'all' OR disposition = $disposition)"
    values = {"type": match_type, "disposition": disposition}
    rows = _published(
        "SELECT match_case_id[:12], match_type, person_id, key_strength, money_at_risk_eur, detail, disposition FROM marts.match_case "
        f"WHERE {wanted} ORDER BY money_at_risk_eur DESC NULLS LAST, match_case_id LIMIT {limit}",
        values,
    )
    total = _published(f"SELECT count(*), sum(money_at_risk_eur) FROM marts.match_case WHERE {wanted}", values)[0]
    shown = [["" if value is None else str(value) for value in row] for row in rows]
    show_table("", _HEADINGS, shown, frozenset({4}))
    tell(
        f"{total[0]} cases, {total[1] or 0} euro at risk"
        + (f"; the first {limit} are shown" if total[0] > limit else "")
    )


@app.command("decide")
def decide_case(
    case: Annotated[str, typer.Argument(help="The case, or enough of its beginning to tell it.")],
    disposition: Annotated[str, typer.Option(help="fraud, error, false positive, no issue, or open again.")],
    reason: Annotated[str, typer.Option(help="Why, in words that others can follow.")],
) -> None:
    """Write down what was decided of a case; the next night shows it. Nothing is overwritten."""
    from datetime import UTC, datetime

    from linkage.settle.cases import DISPOSITIONS, Disposition, decide, now_text
    from nights.untouched import take_over
    from warehouse.home import Home
    from warehouse.journal import actor
    from warehouse.store.seal import Tampered

    chosen = disposition.replace("-", " ").strip().lower()
    if chosen not in DISPOSITIONS:
        stop(f"{disposition!r} is no disposition; write one of: {', '.join(DISPOSITIONS)}", WRONG_USE)
    if not reason.strip():
        stop("a decision needs its reason; write --reason", WRONG_USE)
    found = _published(
        "SELECT match_case_id FROM marts.match_case WHERE starts_with(match_case_id, $case) LIMIT 2", {"case": case}
    )
    if len(found) != 1:
        stop(
            f"{case!r} is {'the beginning of several cases' if found else 'no case of the published night'}; see `interagency cases list`",
            WRONG_USE,
        )
    decision = Disposition(found[0][0], chosen, reason.strip(), actor(), now_text(datetime.now(UTC)))
    try:
        home = Home.from_environment()
        take_over(home)
        decide(home, decision)
    except Tampered as error:
        stop(str(error), NOT_DONE)
    tell(f"{found[0][0]}: {chosen}; shown from the next night on")


def _published(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    import duckdb

    from warehouse.engines.duckdb.engine import open_database
    from warehouse.home import Home

    published = Home.from_environment().published
    if not published.exists():
        stop(f"nothing is published in {published.parent}; run `interagency run` first", NOT_DONE)
    with open_database(published, read_only=True) as connection:
        try:
            return connection.execute(
                sql, {name: value for name, value in values.items() if f"${name}" in sql}
            ).fetchall()
        except duckdb.CatalogException:
            stop("the published night has no cases: none of its agencies sends records of people", NOT_DONE)

"""The risk of records before they leave: measured, attacked, and held against what the agreement allows."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from sharing.agreements.product import Kind, Product, RiskLimits, Treatment
from sharing.disclosure.assess import Assessment, assess
from sharing.disclosure.attack.attacks import attacks
from sharing.disclosure.attack.gain import Gain
from sharing.disclosure.attack.settings import AttackSettings
from sharing.disclosure.generalise import Generalisation, least_generalisation
from sharing.disclosure.limits import Limits
from sharing.disclosure.relation import columns_of
from sharing.disclosure.rolled_up import Ladder
from sharing.masking.treatments import treated
from sharing.release.errors import NotReleased
from sharing.release.ladders import ladder_of
from sharing.release.query import Statement
from warehouse.engines.duckdb.engine import literal, quoted
from warehouse.numbers_for_people import percent

_SEEN = "what_a_reader_compares"
_MEMBERS, _CONTROL, _SHOWN = "attacked_members", "attacked_control", "attacked_release"
# In each half: what makes an attack take seconds, and its interval narrow.
_MOST_ATTACKED = 100_000
_DIGITS = 4


def assess_records(connection: duckdb.DuckDBPyConnection, statement: Statement, released: Path | str) -> dict[str, Any]:
    """Figures of what was written to `released` (Parquet, or a table). Raises NotReleased above the limits, naming columns and what would do."""
    product = statement.product
    if not _is_asked(product.risk):
        return {}
    compared = _compared(product)
    source = f"read_parquet({literal(str(released))})" if isinstance(released, Path) else released
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {_SEEN} AS SELECT {', '.join(map(quoted, compared))} FROM {source}"
    )
    limits = _limits(product.risk)
    found = assess(connection, _SEEN, limits, product.risk.quasi_identifiers, product.risk.sensitive)
    gains = attacked(connection, statement)
    reasons = [*(reason.text for reason in found.reasons), *_too_much(gains, product.risk.attack_gain)]
    if reasons:
        raise NotReleased(
            f"{product.id}: the risk is above what was agreed: {'; '.join(reasons)}. {_remedy(connection, product, found)}"
        )
    said: dict[str, Any] = {"records": found.as_json(), "attacks": [_told(gain) for gain in gains]}
    return dict(_rounded(said))


def _is_asked(risk: RiskLimits) -> bool:
    return any(value not in (None, ()) for value in vars(risk).values())


def _compared(product: Product) -> list[str]:
    """A pseudonym is one for each person and says nothing by itself."""
    found = [name for name, treatment in product.given.items() if treatment.kind not in (Kind.PSEUDONYM, Kind.REDACT)]
    return found or list(product.given)


def _limits(risk: RiskLimits) -> Limits:
    return Limits(
        k=risk.k_anonymity,
        l=risk.l_diversity,
        t=risk.t_closeness,
        unique_share=risk.unique_share,
        found_share=risk.unique_share,
    )


def _remedy(connection: duckdb.DuckDBPyConnection, product: Product, found: Assessment) -> str:
    """The least that would pass, as treatments to agree on."""
    if found.passes or not product.risk.quasi_identifiers:
        return "Agree on coarser columns by a further version"
    known = columns_of(connection, _SEEN)
    ladders = tuple(ladder_of(known[name].name, known[name].type) for name in product.risk.quasi_identifiers)
    least = least_generalisation(connection, _SEEN, ladders, found.limits, product.risk.sensitive)
    if least is None:
        return "No generalisation of them passes: leave a column out, or agree on fewer rows"
    return f"The least that passes is {_worded(least, ladders)}; agree on it by a further version"


def _worded(least: Generalisation, ladders: tuple[Ladder, ...]) -> str:
    changed = [f"{name}: {step}" for name, step in least.steps.items() if step != _first(ladders, name)]
    return "; ".join(changed) or "what is agreed, with the columns that nobody declared left out"


def _first(ladders: tuple[Ladder, ...], column: str) -> str:
    return next(ladder.steps[0].name for ladder in ladders if ladder.column == column)


def attacked(connection: duckdb.DuckDBPyConnection, statement: Statement) -> list[Gain]:
    """The treatments on one half of the rows, attacked with the other half as its control; at most so many rows of each, by chance."""
    product, relation = statement.product, statement.relation
    shown = {name: one for name, one in product.given.items() if one.kind not in (Kind.PSEUDONYM, Kind.REDACT)}
    if not shown:
        return []
    half = f"""
        SELECT *, hash(row_of_relation, {literal(statement.secrets.seed)}) AS chance
        FROM ({statement.numbered()})
    """
    for table, side in ((_MEMBERS, 0), (_CONTROL, 1)):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {table} AS
            SELECT {", ".join(quoted(name) for name in relation.columns)}
            FROM ({half})
            WHERE chance % 2 = {side}
            ORDER BY chance
            LIMIT {_MOST_ATTACKED}
        """)
    as_released = dict(_as_released(statement, shown))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {_SHOWN} AS
        SELECT {", ".join(f"{sql} AS {quoted(name)}" for name, sql in as_released.items())}
        FROM {_MEMBERS}
    """)
    known = tuple(name for name in product.risk.quasi_identifiers if name in shown)
    protected = tuple(name for name in product.risk.sensitive if name in shown and name not in known)
    settings = AttackSettings(control=_CONTROL, known=known, protected=protected, as_released=as_released)
    return attacks(connection, _SHOWN, _MEMBERS, settings)


def _as_released(statement: Statement, shown: dict[str, Treatment]) -> Iterator[tuple[str, str]]:
    """Of a number with noise the attacker knows the number itself: chance is not repeated."""
    for name, treatment in shown.items():
        column = statement.relation.column(name, statement.product)
        known = Treatment(Kind.KEEP) if treatment.kind == Kind.NOISE else treatment
        yield name, treated(column, known, "''")


def _too_much(gains: list[Gain], limit: float | None) -> Iterator[str]:
    for gain in gains if limit is not None else ():
        if gain.value > (limit or 0):
            named = f" by {', '.join(gain.columns)}" if gain.columns else ""
            yield (
                f"an attack ({gain.attack.replace('_', ' ')}{named}) gains {percent(gain.value)} ({percent(gain.low)} to {percent(gain.high)}) "
                f"over people who are not in it; {percent(limit or 0)} is agreed"
            )


def _told(gain: Gain) -> dict[str, Any]:
    return {**asdict(gain), "gain": gain.value, "low": gain.low, "high": gain.high}


def _rounded(said: Any) -> Any:
    """Sums of floats differ in their last digits by which thread was first."""
    if isinstance(said, float):
        return round(said, _DIGITS)
    if isinstance(said, dict):
        return {name: _rounded(value) for name, value in said.items()}
    return [_rounded(value) for value in said] if isinstance(said, list | tuple) else said

"""Consents in a release: whose rows are in it, and what its manifest says of that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from sharing.consent.held import Held, Use, condition, hold
from sharing.release.errors import NotReleased
from sharing.release.query import Relation, find_place
from sharing.release.wanted import Wanted
from warehouse.engines.duckdb.engine import quoted
from warehouse.home import Home

_PERSON = "person_id"
_SCHEMAS = ("identity", "marts")
_SERVED = "delta-sharing"


def hold_consents(connection: duckdb.DuckDBPyConnection, home: Home, wanted: Wanted, relation: Relation) -> Held | None:
    """None where the agreement needs no consent. Raises NotReleased where the relation does not say whose its rows are."""
    if not wanted.agreement.needs_consent:
        return None
    if _PERSON not in relation.columns:
        raise NotReleased(
            f"{wanted.product.id}: {wanted.product.relation} has no {_PERSON}, so nobody's consent can be held; agree on a relation that has it"
        )
    places = (find_place(connection, schema, "person_identifier") for schema in _SCHEMAS)
    identifiers = next(filter(None, places), None)
    if identifiers is None:
        raise NotReleased(f"{wanted.product.id}: the night has no person_identifier, so nobody's consent can be found")
    return hold(connection, home, identifiers[0], use_of(wanted))


def condition_of_consents(wanted: Wanted, relation: Relation) -> str | None:
    if not wanted.agreement.needs_consent:
        return None
    period = relation.column(wanted.product.period, wanted.product).sql if wanted.product.period else None
    return condition(f"source.{quoted(_PERSON)}", f"source.{period}" if period else None)


def said_of_consents(wanted: Wanted, held: Held | None) -> dict[str, Any]:
    """How long the recipient may use the rows is the shorter of what agreement and consents say."""
    ends = wanted.agreement.valid_until
    if held is not None and held.life is not None:
        ends = min(ends, wanted.night.extract_date + timedelta(days=held.life.days))
    return {"consents": held.as_json if held else None, "expires": ends.isoformat()}


def use_of(wanted: Wanted) -> Use:
    agreement, product = wanted.agreement, wanted.product
    return Use(
        name=wanted.name, manager=agreement.consent_manager or "", recipient=wanted.recipient.id, purpose=agreement.purpose,
        codes=agreement.consent_purposes, night=wanted.night.extract_date, at=datetime.now(UTC), is_stored=product.format != _SERVED,
        has_period=product.period is not None,
    )  # fmt: skip

"""A mart serves the purposes that all agreements on its columns allow; one that is left with none is not published."""

from datetime import date
from pathlib import Path

import pytest

from sharing.agreements.model import Agreement
from sharing.agreements.register import Register, Signed
from sharing.policy.policy import Policy
from sharing.policy.purposes_of_marts import NotForOnePurpose, Purposes, refuse_joined
from tests.agreements import PLATFORM, PROVIDER
from tests.catalogue.dbt_manifest import lineage, model

ON = date(2026, 1, 15)
STATISTICS, FRAUD = "dpv:ProvideOfficialStatistics", "dpv:FraudPreventionAndDetection"
T = "accepted.hospital__patient"


def agreed(name: str, column: str, purpose: str, *onward: str) -> Signed:
    data = {
        "id": name, "version": 1, "title": "x", "parties": {"provider": PROVIDER, "recipient": PLATFORM}, "controllers": [PROVIDER],
        "legal_basis": {"law": "x", "article": "y"}, "purpose": {"term": purpose, "text": "x"}, "onward_use": list(onward),
        "pull": [{"feed": "hospital/patient", "columns": [column]}], "consent": "none", "valid_from": "2026-01-01",
        "valid_until": "2026-12-31", "review_on": "2026-06-01", "retention": "P1Y",
    }  # fmt: skip
    return Signed(Agreement.of(data), Path("x.yaml"), ())


def purposes(*agreements: Signed) -> Purposes:
    marts = model("town", f"select town from {T}"), model("both", f"select kind, town as place from {T}")
    return Purposes(Policy(Register(agreements)), lineage(*marts), ON)


def test_what_has_no_purpose_in_common_is_not_published() -> None:
    found = purposes(agreed("towns", "town", STATISTICS), agreed("kinds", "kind", FRAUD))
    assert found.conflict("marts.town") is None
    with pytest.raises(NotForOnePurpose) as caught:
        refuse_joined(found)
    for word in ("both.kind <- hospital/patient: kind (kinds version 1", "both.place", "towns version 1", FRAUD):
        assert word in str(caught.value)


JOINED = {
    "a filter": f"select town from {T} where kind = 'x'",
    "a join": f"select a.town from {T} as a join {T} as b on a._source_key = b.kind",
    "a join of equal names": f"select a.town from {T} as a join (select kind as town from {T}) as b using (town)",
    "a semi join": f"select town from {T} as a semi join {T} as b on b.kind = a.town",
    "an anti join": f"select town from {T} as a anti join (select kind as k from {T}) as b on b.k = a.town",
    "a group": f"select any_value(town) as town from {T} group by kind",
    "having": f"select town from {T} group by town having max(kind) = 'x'",
    "a window": f"select town from {T} qualify row_number() over (order by kind) = 1",
    "exists": f"select town from {T} as a where exists (select 1 from {T} as b where b.kind = a.town)",
    "in": f"select town from {T} where town in (select kind from {T})",
    "a subquery": f"with x as (select town as t from {T} where kind = 'x') select t from x",
    "another model": "select town as t from staging.chosen",
}


@pytest.mark.parametrize("sql", JOINED.values(), ids=JOINED)
def test_what_only_chooses_rows_counts_as_well(sql: str) -> None:
    chosen = model("chosen", f"select town from {T} where kind = 'x'", schema="staging")
    models = lineage(chosen, model("m", sql), model("plain", f"select town from {T} where town <> 'x'"))
    agreements = agreed("towns", "town", STATISTICS), agreed("kinds", "kind", FRAUD)
    found = Purposes(Policy(Register(agreements)), models, ON)
    assert found.conflict("marts.plain") is None
    with pytest.raises(NotForOnePurpose) as caught:
        refuse_joined(found)
    assert "m joins m.t" in str(caught.value)
    assert "the rows of m <- hospital/patient: " in str(caught.value)
    assert "kinds version 1" in str(caught.value)
    allowed = Purposes(Policy(Register((agreements[0], agreed("kinds", "kind", FRAUD, STATISTICS)))), models, ON)
    refuse_joined(allowed)
    common = allowed.common("marts.m")
    assert common is not None and STATISTICS in common and FRAUD not in common


def test_what_has_one_in_common_serves_that_one_alone() -> None:
    found = purposes(agreed("towns", "town", STATISTICS), agreed("kinds", "kind", FRAUD, STATISTICS))
    refuse_joined(found)
    common = found.common("marts.both")
    assert common is not None
    assert STATISTICS in common
    assert FRAUD not in common

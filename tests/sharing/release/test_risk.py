"""What is too risky does not leave: the refusal names the columns and what would pass; tables keep small cells."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from sharing.release.errors import NotReleased
from sharing.release.kept import releases
from tests.sharing.office import COLUMNS, TABLE, Office, product

KEPT = {"born": "generalise to year", "town": "keep", "kind": "keep"}


def risky(**limits: Any) -> dict[str, Any]:
    return product(columns=KEPT, risk={"quasi_identifiers": ["born", "town"], "sensitive": ["kind"], **limits})


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"k_anonymity": 3}, "k is 1 where 3 are agreed"), ({"l_diversity": 2}, "kind has 1 values"), ({"t_closeness": 0.1}, "kind among records"), ({"unique_share": 0.01}, "are the only ones")],
)  # fmt: skip
def test_above_a_limit_nothing_leaves_and_the_least_that_passes_is_named(
    limits: dict[str, Any], says: str, office: Office
) -> None:
    office.give(risky(**limits))
    office.publish()
    with pytest.raises(NotReleased, match=says) as caught:
        office.made()
    assert "The least that passes is" in str(caught.value)
    assert "Tartu" not in str(caught.value)
    assert releases(office.home) == []


def test_what_is_named_as_the_least_that_passes_does_pass(office: Office) -> None:
    office.give(risky(k_anonymity=3))
    office.publish()
    with pytest.raises(NotReleased) as caught:
        office.made()
    said = (
        str(caught.value).partition("The least that passes is ")[2].partition(";")[0].rpartition(", agree")[0]
        or str(caught.value).partition("The least that passes is ")[2].partition(";")[0]
    )
    name, _, words = said.partition(": ")
    office.give(
        {
            **risky(k_anonymity=3),
            "columns": {
                **risky()["columns"],
                name: {"treatment": words.partition(" to ")[0], "to": words.partition(" to ")[2]},
            },
        }
    )
    made = office.made().manifest
    assert made.risk["records"]["passes"]
    assert made.risk["records"]["risk"]["k"] >= 3


def test_the_manifest_has_the_figures_and_the_attacks(office: Office) -> None:
    office.give(risky(k_anonymity=1))
    office.publish()
    risk = office.made().manifest.risk
    assert risk["records"]["risk"]["k"] == 1
    assert {one["attack"] for one in risk["attacks"]} >= {"singling_out_by_one", "linkage", "inference"}
    assert all(0 <= one["low"] <= one["gain"] <= one["high"] <= 1 for one in risk["attacks"])


def test_a_gain_above_what_was_agreed_stops_it(office: Office) -> None:
    plain = TABLE.replace("range(200)", "range(2000)").replace("AS kind", "AS number_of_ward")
    plain = plain.replace("i AS tags", "hash(i) % 2 AS kind, i AS tags")
    said = product(
        columns={"born": "keep", "town": "keep", "kind": "keep"},
        risk={"quasi_identifiers": ["born", "town"], "sensitive": ["kind"], "attack_gain": 0.1},
    )
    said["columns"]["born"] = {"treatment": "keep", "because": "for a test"}
    office.give(said)
    office.publish(plain)
    with pytest.raises(NotReleased, match=r"an attack \((linkage|inference|singling)"):
        office.made()


def test_columns_that_nobody_declared_are_found(office: Office) -> None:
    office.give(
        product(columns={"town": "keep", "tags": "keep"}, risk={"quasi_identifiers": ["town"], "unique_share": 0.2})
    )
    office.publish()
    with pytest.raises(NotReleased, match=r"tags .* single out"):
        office.made()


def tabled(protect: str = "suppression", **said: Any) -> dict[str, Any]:
    return product(
        columns={"town": "keep", "born": "generalise to decade"},
        format="csv",
        table={"by": ["town", "born"], "protect": protect},
        **said,
    )


def lines(office: Office) -> list[tuple[Any, ...]]:
    path: Path = office.opened(office.made())
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT town, born, records, status FROM read_csv('{path}', header = true, all_varchar = true)"
        ).fetchall()


def test_a_table_hides_small_cells_and_what_would_give_them_back(office: Office) -> None:
    office.give(tabled(risk={"threshold": 10}))
    office.publish()
    rows = lines(office)
    told = {row[:2]: row[2] for row in rows}
    # 200 records of 40 people: who counts is the person.
    assert told["_T", "_T"] == "200"
    hidden = [row for row in rows if row[2] is None]
    assert {row[3] for row in hidden} >= {"suppressed"}
    for decade in {row[1] for row in hidden} - {"_T"}:
        assert sum(row[1] == decade for row in hidden) >= 2
    risk = office.made().manifest.risk["table"]
    assert (risk["hidden"], risk["cells"]) == (len(hidden), len(rows))


def test_rounded_counts_are_multiples_of_three(office: Office) -> None:
    office.give(tabled("rounding"))
    office.publish()
    assert all(int(row[2]) % 3 == 0 for row in lines(office))


def test_a_count_is_rounded_alike_in_the_next_night(office: Office) -> None:
    office.give(tabled("rounding"))
    office.publish()
    first = lines(office)
    office.publish(run="run00002")
    assert office.made().manifest.run == "run00002"
    assert lines(office) == first


def test_what_differs_from_an_earlier_table_by_too_few_is_hidden(office: Office) -> None:
    one = product(
        columns={"town": "keep"}, format="csv", table={"by": ["town"], "protect": "suppression"}, risk={"threshold": 5}
    )
    other = {**one, "id": "others", "rows": "tags <> 3"}
    office.give(one, other)
    office.publish(TABLE.replace("'id' || (i % 40)", "'id' || i"))
    first, second = office.made(0), office.made(1)
    assert first.manifest.risk["table"]["hidden"] == 0
    risk = second.manifest.risk["table"]
    assert risk["compared_with"] == 1
    # The town of row 3 and the total differ by one person.
    assert risk["for_differences"] == 2


def test_sums_are_held_to_dominance(office: Office) -> None:
    said = product(
        columns={"town": "keep", "tags": "keep"},
        table={"by": ["town"], "measure": "tags", "protect": "suppression"},
        risk={"threshold": 3},
    )
    office.give(said)
    office.publish(TABLE.replace("i AS tags", "CASE WHEN i = 7 THEN 1000000 ELSE i END AS tags"))
    rows = office.rows(office.made())
    assert next(row for row in rows if row[0] == "Narva")[1] is None


def test_columns_of_a_mart_keep_their_names_beside_pseudonyms(office: Office) -> None:
    office.give(product(columns=COLUMNS))
    office.publish(TABLE.replace("AS tags", "AS tags, i AS pseudonym, i AS value"))
    assert office.made().manifest.content.rows == 200

"""What agreements in force allow, column by column, and that nothing else lands or is read."""

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nights.pulling.all_feeds import pull
from nights.rows.accepted import create_relations
from sharing.agreements.model import Agreement
from sharing.agreements.purposes import broader, is_within, narrower
from sharing.agreements.register import Register, Signed
from sharing.policy.policy import Action, Policy, Question
from sources.arrival.manifest import REJECTS, ROWS, Manifest
from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import NotAllowed
from tests.agreements import PLATFORM, PROVIDER, put, text
from tests.conftest import NEXT_NIGHT, NIGHT, Feed
from tests.orchestration.conftest import recorded, run_ingest
from tests.sharing.conftest import COLUMNS
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

FEED = "tests/things"
NAMES = ("id", "town", "note")
DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))
STATISTICS, FRAUD, HEALTH = "dpv:ProvideOfficialStatistics", "dpv:FraudPreventionAndDetection", "dpv:ImproveHealthcare"


def test_a_narrower_purpose_is_within_a_broader_one() -> None:
    assert is_within(HEALTH, "dpv:PublicBenefit")
    assert not is_within("dpv:PublicBenefit", HEALTH)
    assert all(above in broader() for aboves in broader().values() for above in aboves)
    assert narrower(["dpv:PublicBenefit"]) >= {STATISTICS, HEALTH}
    assert FRAUD not in narrower(["dpv:PublicBenefit"])


@st.composite
def agreed(draw: st.DrawFn) -> Signed:
    """One agreement as the register might hold it: other columns, days, purposes, signatures."""
    columns = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    first = draw(DAYS)
    last = first + timedelta(days=draw(st.integers(0, 40)))
    data = {
        "id": f"a{draw(st.integers(0, 10**9))}", "version": 1, "title": "x", "parties": {"provider": PROVIDER, "recipient": PLATFORM},
        "controllers": [PROVIDER], "legal_basis": {"law": "x", "article": "y"},
        "purpose": {"term": draw(st.sampled_from([STATISTICS, FRAUD, HEALTH])), "text": "x"},
        "onward_use": draw(st.lists(st.sampled_from([STATISTICS, FRAUD, HEALTH]), unique=True)),
        "pull": [{"feed": FEED, "columns": sorted(columns)}], "consent": "none", "valid_from": str(first), "valid_until": str(last),
        "review_on": str(first), "retention": f"P{draw(st.integers(1, 60))}D",
    }  # fmt: skip
    unsigned = draw(st.sampled_from([(), (), (), (PROVIDER,)]))
    return Signed(Agreement.of(data), Path("x.yaml"), unsigned)


@given(st.lists(agreed(), max_size=4), DAYS, st.sampled_from([None, STATISTICS, FRAUD, HEALTH]))
@settings(max_examples=300)
def test_a_column_is_allowed_where_one_covers_it_and_none_objects(
    agreements: list[Signed], day: date, purpose: str | None
) -> None:
    """Held against the rule in its plainest words, on the first and last days of each agreement too."""
    days = {day, *(edge for one in agreements for edge in _edges(one.agreement))}
    policy = Policy(Register(tuple(agreements)))
    for on in days:
        answer = policy.may(Question("tester", Action.PULL, FEED, purpose=purpose, on=on))
        expected = set()
        for name in NAMES:
            covering = [
                one.agreement
                for one in agreements
                if not one.unsigned
                and one.agreement.valid_from <= on <= one.agreement.valid_until
                and name in one.agreement.pulls[0].columns
            ]
            if covering and all(purpose is None or _serves(one, purpose) for one in covering):
                expected.add(name)
        assert answer.columns == expected
        assert answer.is_allowed == bool(expected)
        assert policy.may(Question("tester", Action.PULL, FEED, frozenset(NAMES), purpose, on)).is_allowed == (
            expected == set(NAMES)
        )


def _edges(one: Agreement) -> list[date]:
    day = timedelta(days=1)
    return [one.valid_from - day, one.valid_from, one.valid_until, one.valid_until + day]


def _serves(one: Agreement, purpose: str) -> bool:
    return any(is_within(purpose, agreed) for agreed in (one.purpose, *one.onward_use))


def test_the_stricter_of_two_wins_column_by_column(folder: Path, things: Contract) -> None:
    put(folder, text("wide", [things.path], onward_use=[FRAUD]))
    narrow = {"pull": [{"feed": FEED, "columns": ["id", "note"]}], "retention": "P30D"}
    put(folder, text("narrow", [things.path], **narrow))
    policy = Policy.read()
    assert policy.may(Question("", Action.QUERY, FEED, purpose=FRAUD)).columns == {"town"}
    assert policy.may(Question("", Action.QUERY, FEED, purpose=STATISTICS)).columns == set(NAMES)
    refused = policy.may(Question("", Action.QUERY, FEED, frozenset({"note", "town"}), FRAUD))
    assert (
        refused.refusal
        and "does not cover the columns note of tests/things for dpv:FraudPreventionAndDetection" in refused.refusal
    )
    assert policy.kept_for(FEED) == timedelta(days=30)


def _feed(folder: Path, *further: str) -> Contract:
    rule = "{name: towns, metric: nullValues, dimension: completeness, severity: error, mustBe: 0}"
    columns = [COLUMNS[0], COLUMNS[1][:-1] + f", required: true, quality: [{rule}]}}", *COLUMNS[2:], *further]
    return load(Feed(columns).write(folder))


def test_only_covered_columns_land_and_the_manifest_says_which_were_left(
    folder: Path, home: Home, tmp_path: Path
) -> None:
    """Of the others there is nothing: no value, no original, nothing in a reject; and no rule about them refuses the night."""
    amount = "{name: amount, logicalType: integer, classification: public, logicalTypeOptions: {maximum: 9}}"
    things = _feed(tmp_path / "feeds", amount)
    put(folder, text("things", [things.path], pull=[{"feed": FEED, "columns": ["id", "note"]}]))
    extract = things.path.parent / "extract.csv"
    extract.write_text("id,town,note,amount\n1,Hiddenham,a,3\n2,,b,99\nx,Secretly,c,no\n4,Privatus,d\n5,Hiddenham,,4\n")
    run_ingest([things], NIGHT)
    night = recorded(home, NIGHT)[FEED]
    assert (night.status, night.rows_sent, night.rows_accepted, night.rows_rejected) == ("accepted", 5, 2, 3)
    landed = home.landing / "tests" / "things" / str(NIGHT)
    assert Manifest.read(landed).left_out == ["amount", "town"]
    assert duckdb.read_parquet(str(landed / ROWS)).columns == ["id", "note"]
    assert len(duckdb.read_parquet(str(landed / REJECTS)).fetchall()) == 2
    kept = [path for path in home.root.rglob("*") if path.is_file()]
    for path in kept:
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content = "\n".join(map(str, duckdb.read_parquet(str(path)).fetchall())).encode()
        assert not any(word in content for word in (b"Hiddenham", b"Secretly", b"Privatus")), path
    with open_database() as connection:
        create_relations(connection, Policy.read(home).admitted([things], Action.BUILD), home, NIGHT)
        rows = connection.execute("SELECT id, town, note, amount FROM accepted.tests__things ORDER BY id").fetchall()
    assert rows == [(1, None, "a", None), (2, None, "b", None)]


def test_narrowing_takes_effect_for_what_was_taken_before(folder: Path, home: Home, tmp_path: Path) -> None:
    things = _feed(tmp_path / "feeds")
    first = put(folder, text("things", [things.path]))
    (things.path.parent / "extract.csv").write_text("id,town,note\n1,Hiddenham,a\n")
    run_ingest([things], NIGHT)
    policy = Policy.read(home)
    (known,) = policy.register.in_force(FEED, NIGHT)
    fewer = {"version": 2, "previous": known.digest, "pull": [{"feed": FEED, "columns": ["id", "note"]}]}
    put(folder, text("things", [things.path], **fewer))
    with open_database() as connection:
        create_relations(connection, Policy.read(home).admitted([things], Action.BUILD), home, NIGHT)
        assert connection.execute("SELECT * EXCLUDE (_source_key) FROM accepted.tests__things").fetchall() == [
            (1, "a", "tests", "things", NIGHT, None)
        ]
    run_ingest([things], NEXT_NIGHT)
    assert Manifest.read(home.landing / "tests" / "things" / str(NEXT_NIGHT)).left_out == ["town"]
    assert first.exists()


@pytest.mark.parametrize("missing", ["id", "changed_at"])
def test_a_feed_is_not_pulled_without_what_its_rows_are_known_by(
    missing: str, folder: Path, home: Home, tmp_path: Path
) -> None:
    changed = "{name: changed_at, logicalType: timestamp, required: true, classification: public, logicalTypeOptions: {timezone: true}}"
    custom = {"extractMode": "incremental", "watermark": "changed_at"}
    things = load(Feed([*COLUMNS, changed], custom=custom).write(tmp_path / "feeds"))
    covered = [column.name for column in things.columns if column.name != missing]
    put(folder, text("things", [things.path], pull=[{"feed": FEED, "columns": covered}]))
    (missed,) = pull([things], partial(Policy.read().admit, action=Action.PULL), home, NIGHT)
    assert missed.missed is not None
    assert f"does not cover {missing}, by which tests/things knows its rows" in str(missed.missed.reason)
    with pytest.raises(NotAllowed):
        Policy.read().admit(things, Action.BUILD)


def test_a_renamed_column_is_left_out_until_it_is_agreed_on(
    folder: Path, home: Home, things: Contract, tmp_path: Path
) -> None:
    put(folder, text("things", [things.path]))
    renamed = load(Feed([COLUMNS[0], COLUMNS[1].replace("town", "village"), COLUMNS[2]]).write(tmp_path / "feeds"))
    admitted = Policy.read(home).admit(renamed, Action.PULL)
    assert [column.name for column in admitted.left_out] == ["village"]

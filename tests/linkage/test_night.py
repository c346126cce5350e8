"""A night's linkage: the schema it writes, ids that stay, what later nights cost, decisions that bind."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import linkage.link_night
from linkage import load_entity
from linkage.link_night import link_night
from linkage.published_tables import REVIEW_QUEUE
from linkage.settle import stable_ids
from linkage.settle.beginning import NotOne
from nights.integrity.vouched import take_over
from tests.linkage.records import ANNA, table
from warehouse.engines.duckdb.engine import open_database
from warehouse.home import Home

FIRST = date(2026, 3, 2)
Links = dict[tuple[str, str], str]
NUMBER, OTHER_NUMBER = "48003070005", "48003070016"


class Nights:
    """Builds of one home, each with its records."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.rows: dict[str, list[tuple[Any, ...]]] = {}

    def link(self, records: pa.Table, days: int = 0, restricted: Path | None = None) -> Links:
        """Link a night and keep what the build holds; returns the person of each record."""
        with open_database() as connection:
            connection.execute(
                f"ATTACH '{restricted or ':memory:'}' AS restricted; CREATE SCHEMA restricted.intermediate"
            )
            connection.register("made", records)
            connection.execute("CREATE TABLE restricted.intermediate.int_person_record AS FROM made")
            link_night(connection, self.home, FIRST + timedelta(days=days))
            tables = (
                "linkage.person_link",
                "linkage.entity_change",
                "linkage.conflict",
                "linkage.large_block",
                "restricted.linkage.review_queue",
            )
            self.rows = {name.rpartition(".")[2]: connection.execute(f"FROM {name}").fetchall() for name in tables}
            rows = connection.execute("SELECT source, source_key, person_id FROM linkage.person_link").fetchall()
        return {(source, key): person for source, key, person in rows}

    def changes(self, days: int) -> list[tuple[Any, ...]]:
        return sorted(row[2:] for row in self.rows["entity_change"] if row[1] == FIRST + timedelta(days=days))


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """Nights that learn from fewer pairs."""
    monkeypatch.setattr(
        linkage.link_night, "load_entity", lambda name: replace(load_entity(name), sampled_pairs=50_000)
    )
    return Nights(Home(tmp_path))


def crowd(more: dict[str, dict[str, Any]]) -> pa.Table:
    """Rows by hand among 40 people who have nothing to do with them."""
    others = {
        f"x{at}": {"given_name": f"Person{at}", "surname": f"Other{at}", "birth_date": f"19{at + 40}-05-17", "sex": "M"}
        for at in range(40)
    }
    return table({**others, **more})


def person(links: Links, key: str) -> str:
    return next(found for (_, known), found in links.items() if known == key)


def test_ids_stay_and_tell_nothing(people: tuple[pa.Table, pa.Table], nights: Nights) -> None:
    first = nights.link(people[0])
    assert nights.changes(0)[0][0] == "new"
    again = nights.link(people[0])
    assert again == first
    shuffled = nights.link(people[0].take(list(reversed(range(len(people[0]))))), days=1)
    assert shuffled == first
    assert nights.changes(1) == []
    assert all(len(found) == 13 and found[0] == "P" for found in first.values())
    elsewhere = Nights(Home(nights.home.root / "elsewhere")).link(people[0])
    assert not set(elsewhere.values()) & set(first.values())


def test_a_night_of_few_changes_gives_what_a_full_one_gives(people: tuple[pa.Table, pa.Table], nights: Nights) -> None:
    """One in 80 records is new, one in 80 is misspelt, one in 80 is gone."""
    nights.link(people[0])
    with duckdb.connect() as connection:
        connection.register("record", people[0])
        changed = connection.execute("""
            SELECT * REPLACE (CASE WHEN hash(source_key) % 80 = 1 THEN given_key || 'E' ELSE given_key END AS given_key) FROM record WHERE hash(source_key) % 80 > 0
            UNION ALL BY NAME SELECT * REPLACE (source_key || 'n' AS source_key, NULL AS national_number, NULL AS sex) FROM record WHERE hash(source_key) % 80 = 2""").to_arrow_table()
    assert (nights.home.state / "linkage" / "person" / "pair" / f"{FIRST}.parquet").exists()
    partly = nights.link(changed, days=1)
    for name in ("pair", "node"):
        for file in (nights.home.state / "linkage" / "person" / name).iterdir():
            file.unlink()
    fully = nights.link(changed, days=1)
    differing = sum(partly[key] != fully[key] for key in fully)
    assert differing <= len(fully) * 0.0005, differing


def varied(people: pa.Table, seed: int, day: int) -> pa.Table:
    """A part of the people as they are on a day of a random history: some gone, some come, some misspelt, some without a number."""
    share = random.Random(f"{seed} {day}").choice((0.002, 0.02, 0.2))
    with duckdb.connect() as connection:
        connection.register("record", people)
        chance = f"(hash(source_key, {seed}, {day}, {{}}) % 10000 < {share} * 10000)"
        return connection.execute(f"""
            SELECT * REPLACE (CASE WHEN {chance.format(1)} THEN given_key || 'E' ELSE given_key END AS given_key,
                              CASE WHEN {chance.format(2)} THEN NULL ELSE national_number END AS national_number,
                              CASE WHEN {chance.format(3)} THEN birth_date + 1 ELSE birth_date END AS birth_date)
            FROM record WHERE hash(birth_date) % 5 = 0 AND NOT {chance.format(4)}""").to_arrow_table()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_carried_over_changes_nothing(
    people: tuple[pa.Table, pa.Table], nights: Nights, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random nights, once as they are and once without marks that were kept and with every cluster's id thought about anew."""
    other = Nights(Home(nights.home.root / "other"))
    own, others = (home.state / "linkage" / "person" for home in (nights.home, other.home))
    for day in range(4):
        records = varied(people[0], seed, day)
        nights.link(records, day)
        if day == 0:
            others.mkdir(parents=True)
            shutil.copy(own / "hash_key", others)
        else:
            shutil.rmtree(others / "mark")
        with monkeypatch.context() as patch:
            patch.setattr(
                stable_ids, "_find_unsettled", lambda opened: opened.execute("CREATE TABLE unsettled AS FROM held")
            )
            other.link(records, day)
        for name, rows in nights.rows.items():
            assert sorted(rows, key=repr) == sorted(other.rows[name], key=repr), (name, day)
        before = dict(nights.rows)
        nights.link(records, day)
        assert {name: sorted(rows, key=repr) for name, rows in before.items()} == {
            name: sorted(rows, key=repr) for name, rows in nights.rows.items()
        }


def test_what_is_kept_names_nobody(nights: Nights) -> None:
    nights.link(crowd({"a": {**ANNA, "national_number": NUMBER}}))
    for file in (nights.home.state / "linkage").rglob("*.parquet"):
        with duckdb.connect() as connection:
            said = repr(connection.execute("FROM read_parquet(?)", [str(file)]).fetchall()).upper()
        assert not [word for word in ("ANNA", "SVENSSON", "NIITYNPOLKU", NUMBER) if word in said], file


def test_merge_split_new_and_gone_are_told(nights: Nights) -> None:
    one = {**ANNA, "national_number": NUMBER}
    other = {**ANNA, "given_name": "Greta", "surname": "Holm", "birth_date": "1990-01-30", "postcode": "18018"}
    before = nights.link(
        crowd(
            {
                "a": one,
                "b": {**one, "source": "tax"},
                "c": other,
                "d": {**other, "source": "tax"},
                "e": {**other, "source": "health"},
            }
        )
    )
    assert person(before, "a") == person(before, "b") != person(before, "c") == person(before, "d")
    # It comes out that c and d were another's, and that all of them were a's; e has died and is left out.
    after = nights.link(
        crowd({"a": one, "b": {**one, "source": "tax"}, "c": one, "d": {**one, "source": "tax"}}), days=1
    )
    assert person(after, "c") == person(after, "a")
    assert [row[0] for row in nights.changes(1)] == ["merge"]
    # Now b turns out to be somebody else, and somebody new comes.
    last = nights.link(crowd({"a": one, "b": {**other, "source": "tax"}, "c": one, "d": {**one, "source": "tax"},
                              "n": {**ANNA, "given_name": "Nele", "surname": "Novak", "birth_date": "2001-02-23"}}), days=2)  # fmt: skip
    assert person(last, "a") == person(after, "a")
    assert [(kind, records) for kind, _, _, records in nights.changes(2)] == [("new", 1), ("split", 1)]
    nights.link(crowd({"a": one}), days=3)
    assert {row[0] for row in nights.changes(3)} == {"gone"}
    assert person(nights.link(crowd({"b": {**other, "source": "tax"}}), days=4), "b") == person(last, "b")


def test_an_older_night_knows_nothing_of_later_ones(nights: Nights) -> None:
    records = crowd({"a": ANNA})
    later = nights.link(records, days=5)
    assert person(nights.link(records, days=0), "a") != person(later, "a")
    assert nights.link(records, days=5) == later


def test_no_intermediate_records_are_no_error(nights: Nights) -> None:
    with open_database() as connection:
        link_night(connection, nights.home, FIRST)
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'linkage' ORDER BY 1"
        ).fetchall()
        assert [name for (name,) in names] == ["body_link", "conflict", "entity_change", "large_block", "person_link"]
        assert connection.execute("SELECT count(*) FROM linkage.person_link").fetchone() == (0,)
    assert nights.link(table({})) == {}


def test_bodies_are_linked_by_code_and_by_name(nights: Nights) -> None:
    with open_database() as connection:
        connection.execute("""CREATE SCHEMA intermediate; CREATE TABLE intermediate.int_body_record AS FROM (VALUES
            ('register', '1', '10000018', 'EE100000009', 'AALDERINK AND DAUGHTERS OU', '10101', 'Long street 1'), ('tax', '2', NULL, 'EE100000009', NULL, NULL, NULL),
            ('vehicle', '3', NULL, NULL, 'Aalderink & Daughters Ltd', '10101', 'Long street 1'), ('register', '4', '10000024', NULL, 'BOTTEMA LTD', '10101', 'Long street 2')
            ) AS t(source, source_key, registry_code, vat_number, name_key, postcode, street)""")
        link_night(connection, nights.home, FIRST)
        rows = dict(connection.execute("SELECT source_key, body_id FROM linkage.body_link").fetchall())
    assert rows["1"] == rows["2"] == rows["3"] != rows["4"]
    assert rows["1"].startswith("B")


def doubtful() -> pa.Table:
    """b is a's by name and year, and not by much else."""
    return crowd(
        {
            "a": {**ANNA, "national_number": NUMBER},
            "b": {**ANNA, "birth_date": "1980-03-17", "street": "Elsewhere", "source": "education"},
        }
    )


def publish_links(night: Path, nights: Nights) -> None:
    """The published database beside the restricted one, as far as a queue needs it."""
    with duckdb.connect(str(night / "published.duckdb")) as connection:
        connection.execute("CREATE SCHEMA linkage")
        connection.execute(
            "CREATE TABLE linkage.person_link (source VARCHAR, source_key VARCHAR, person_id VARCHAR, p DOUBLE, b VARCHAR)"
        )
        connection.executemany("INSERT INTO linkage.person_link VALUES (?, ?, ?, ?, ?)", nights.rows["person_link"])


def test_pairs_of_one_person_stand_together_and_a_beginning_of_several_is_told(home: Home) -> None:
    """Of three people in doubt about two others; the likeliest pair is of another person than the one behind it."""
    from linkage.settle import review
    from nights.decisions import review_pair

    # (pair, one, other, weight): A and B are one person's records.
    pairs = [("aa1", "A", "x", 9.0), ("ab2", "C", "y", 8.0), ("ac3", "z", "B", 7.0), ("ad4", "y", "D", 6.0)]
    night = home.root / "warehouse"
    night.mkdir(parents=True)
    with duckdb.connect(str(night / "published.duckdb")) as connection:
        connection.execute(
            "CREATE SCHEMA linkage; CREATE TABLE linkage.person_link (source VARCHAR, source_key VARCHAR, person_id VARCHAR)"
        )
        people = {"A": "P1", "B": "P1"}
        connection.executemany(
            "INSERT INTO linkage.person_link VALUES ('s', ?, ?)", [(key, people.get(key, key)) for key in "ABCDxyz"]
        )
    with duckdb.connect(str(night / "restricted.duckdb")) as connection:
        connection.execute("CREATE SCHEMA linkage")
        REVIEW_QUEUE.make(connection, "linkage")
        connection.executemany(
            "INSERT INTO linkage.review_queue VALUES ('person', ?, 's', ?, 's', ?, ?, 'doubt', [])", pairs
        )
    assert [pair.pair_id for pair in review.queue(home)] == ["aa1", "ac3", "ab2", "ad4"]
    with pytest.raises(NotOne) as several:
        review_pair(home, "a", True, "seen", "me")
    assert several.value.candidates == ("aa1", "ab2", "ac3", "ad4")
    take_over(home)
    assert review_pair(home, "ac", True, "seen", "me").records == ("s", "z", "s", "B")
    assert [pair.pair_id for pair in review.waiting(home)] == ["aa1", "ab2", "ad4"]


@pytest.mark.parametrize("word", ["accept", "reject"])
def test_a_stewards_word_binds_later_nights(nights: Nights, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    from orchestration.command.main import app

    monkeypatch.setenv("INTERAGENCY_HOME", str(nights.home.root))
    # As a night does before anything else.
    take_over(nights.home)
    run: Callable[..., Any] = CliRunner().invoke
    assert run(app, ["linkage", "review", "list"]).exit_code == 1
    night = nights.home.root / "warehouse"
    night.mkdir()
    records = doubtful()
    before = nights.link(records, restricted=night / "restricted.duckdb")
    publish_links(night, nights)
    queue = nights.rows["review_queue"]
    assert len(queue) == 1, queue
    pair, weight, fields = queue[0][1], queue[0][6], queue[0][8]
    assert sum(field["weight"] for field in fields) == pytest.approx(weight, abs=0.01)
    listed = run(app, ["linkage", "review", "list"])
    assert listed.exit_code == 0, listed.output
    assert pair in listed.output
    assert "1 pair to decide on" in listed.output
    assert run(app, ["linkage", "review", word, pair, "--reason", " "]).exit_code == 2
    assert run(app, ["linkage", "review", word, "nonsense", "--reason", "seen"]).exit_code == 2
    said = run(app, ["linkage", "review", word, pair[:5], "--reason", "papers seen"])
    assert said.exit_code == 0, said.output
    assert pair in said.output, "the whole id of what was decided"
    assert "0 pairs to decide on" in run(app, ["linkage", "review", "list"]).output
    nights_later = (date.today() - FIRST).days + 1
    after = nights.link(records, days=nights_later)
    assert person(before, "a") != person(before, "b")
    assert (person(after, "a") == person(after, "b")) == (word == "accept")
    assert nights.rows["review_queue"] == []


def test_apart_binds_also_where_a_number_says_the_same(nights: Nights) -> None:
    from linkage.settle.review import decide

    records = crowd(
        {
            "a": {**ANNA, "national_number": NUMBER},
            "b": {**ANNA, "given_name": "Anne", "national_number": NUMBER, "source": "tax"},
        }
    )
    assert len({person(nights.link(records), key) for key in "ab"}) == 1
    decide(nights.home, "person", ("registry", "a", "tax", "b"), False, "twins with one number", "steward")
    days = (date.today() - FIRST).days + 1
    assert len({person(nights.link(records, days=days), key) for key in "ab"}) == 2

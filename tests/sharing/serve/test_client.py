"""The ordinary client of recipients reads what is served, over a port of loopback."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import delta_sharing
import pandas as pd
import pytest
from requests.exceptions import HTTPError

from sharing.serve.tokens import revoke
from tests.sharing.office import TABLE
from tests.sharing.serve.counter import SHARE, Counter, listening, served

TYPED = """
    CREATE SCHEMA IF NOT EXISTS marts;
    CREATE OR REPLACE TABLE marts.stay AS
    SELECT
        'id1' AS person_id, '1' AS number, 'x' AS name, DATE '1950-01-01' AS born, 'D' AS diagnosis, 'Tartu' AS town,
        struct_pack(
            fee := 12.50::DECIMAL(9, 2),
            at := TIMESTAMPTZ '2026-01-15 04:00:00+00',
            local := TIMESTAMP '2026-01-15 06:00:00',
            day := DATE '2026-01-15',
            many := [1, 2, 3],
            small := 7::TINYINT,
            share := 0.5::DOUBLE,
            is_open := true,
            bytes := 'ab'::BLOB,
            sum := 3::HUGEINT
        ) AS kind,
        i AS tags
    FROM range(3) AS rows (i)
"""


def test_a_recipient_reads_its_product_with_the_ordinary_client(counter: Counter) -> None:
    with listening(counter.app) as endpoint:
        profile = counter.profile(endpoint)
        listed = delta_sharing.SharingClient(profile).list_all_tables()
        table = f"{profile}#{SHARE}.products.stays"
        whole = delta_sharing.load_as_pandas(table)
        few = delta_sharing.load_as_pandas(table, limit=7)
        by_kernel = delta_sharing.load_as_pandas(table, use_delta_format=True)
    assert [(one.share, one.schema, one.name) for one in listed] == [(SHARE, "products", "stays")]
    assert list(whole.columns) == ["number", "born", "town", "kind", "diagnosis"]
    assert (len(whole), sorted(set(whole["town"])), set(whole["kind"])) == (200, ["Narva", "Tartu", "Võru"], {0, 1})
    pd.testing.assert_frame_equal(few, whole.head(7))
    pd.testing.assert_frame_equal(by_kernel, whole, check_dtype=False)


def test_a_token_that_is_revoked_between_two_reads_reads_once(counter: Counter) -> None:
    with listening(counter.app) as endpoint:
        table = f"{counter.profile(endpoint)}#{SHARE}.products.stays"
        address = counter.address()
        assert len(delta_sharing.load_as_pandas(table)) == 200
        revoke(counter.office.home, counter.token()[0].id, "its laptop was lost")
        with pytest.raises(HTTPError, match="401"):
            delta_sharing.load_as_pandas(table)
    assert counter.fetch(address).status_code == 401


def test_an_agreement_that_is_revoked_between_two_reads_is_read_once(counter: Counter) -> None:
    with listening(counter.app) as endpoint:
        table = f"{counter.profile(endpoint)}#{SHARE}.products.stays"
        address = counter.address()
        assert len(delta_sharing.load_as_pandas(table)) == 200
        counter.office.revoked = SHARE
        with pytest.raises(HTTPError, match="is not in force today"):
            delta_sharing.load_as_pandas(table)
    assert counter.fetch(address).status_code == 403


@pytest.mark.parametrize("use_delta_format", [None, True])
def test_earlier_versions_and_changes_are_read(use_delta_format: bool | None, counter: Counter) -> None:
    counter.publish(TABLE.replace("range(200)", "range(300)"), "run00002")
    with listening(counter.app) as endpoint:
        table = f"{counter.profile(endpoint)}#{SHARE}.products.stays"
        lengths = [
            len(delta_sharing.load_as_pandas(table, version=version, use_delta_format=use_delta_format))
            for version in (None, 0, 1)
        ]
        changes = delta_sharing.load_table_changes_as_pandas(
            table, starting_version=0, use_delta_format=bool(use_delta_format)
        )
    assert lengths == [300, 200, 300]
    counted = changes.groupby(["_commit_version", "_change_type"]).size().to_dict()
    assert counted == {(0, "insert"): 200, (1, "delete"): 200, (1, "insert"): 300}


def test_values_keep_their_types(counter: Counter) -> None:
    counter.office.give(served(columns={"town": "keep", "kind": "keep", "tags": "keep"}))
    counter.publish(TYPED, "run00002")
    with listening(counter.app) as endpoint:
        table = f"{counter.profile(endpoint)}#{SHARE}.products.stays"
        found = delta_sharing.load_as_pandas(table)["kind"][0]
        by_kernel = delta_sharing.load_as_pandas(table, use_delta_format=True)["kind"][0]
    at = datetime.combine(date(2026, 1, 15), time(4), UTC)
    assert found["fee"] == by_kernel["fee"] == Decimal("12.50")
    assert found["at"] == by_kernel["at"] == at
    assert found["local"] == by_kernel["local"] == datetime(2026, 1, 15, 6)
    assert found["day"] == by_kernel["day"] == date(2026, 1, 15)
    assert list(found["many"]) == list(by_kernel["many"]) == [1, 2, 3]
    assert (found["small"], found["share"], found["is_open"], found["bytes"]) == (7, 0.5, True, b"ab")

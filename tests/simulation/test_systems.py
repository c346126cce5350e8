"""Each system answers as the agency's would, shows the night that it is set to, refuses strangers, and ends with its block."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import httpx
import psutil
import psycopg
import pytest

from sharing.agreements.register import read_register
from simulation.systems.all_systems import AGREEMENTS, CONTRACTS, Country, systems
from sources.contract.load import load
from sources.contract.model import Contract, contract_files
from sources.landing.land_extract import land_extract
from tests.simulation.conftest import NIGHTS, Made

FEEDS = [load(path) for path in contract_files(CONTRACTS)]


@pytest.fixture(scope="module")
def running(country: Made) -> Iterator[Country]:
    """The systems on the first night; the contracts' variables stand in the environment."""
    with systems(country.folder) as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        found.show(NIGHTS[0])
        yield found


def _served(country: Made, contract: Contract, night: date) -> int:
    feed = f"agency = '{contract.agency}' AND feed = '{contract.feed}'"
    return int(country.rows(f"SELECT count(*) FROM {{record}} WHERE {feed} AND night = DATE '{night}'")[0][0])


@pytest.mark.parametrize("contract", FEEDS, ids=lambda contract: contract.name)
def test_every_feed_lands_whole_from_its_real_system(
    country: Made, running: Country, contract: Contract, tmp_path: Path
) -> None:
    # Anew, with what is granted while the systems run.
    manifest = land_extract(load(contract.path), tmp_path / "landed", extract_date=NIGHTS[0])
    assert manifest.rows_sent == _served(country, contract, NIGHTS[0]) > 0
    impossible = country.rows(
        f"SELECT source_key FROM {{error}} WHERE kind = 'impossible_date' AND agency = '{contract.agency}' AND night = DATE '{NIGHTS[0]}'"
    )
    assert manifest.rows_rejected == len(impossible)


def test_nine_agencies_have_agreements_and_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_AGREEMENTS", str(AGREEMENTS))
    register = read_register()
    assert register.broken == ()
    for contract in FEEDS:
        (agreement,) = register.in_force(contract.name, date(2026, 11, 20))
        assert {column.name for column in contract.columns} == agreement.pull_of(contract.name).columns
    assert len({contract.agency for contract in FEEDS}) == 9


def test_no_contract_holds_a_secret_or_a_check_of_identifiers(running: Country) -> None:
    """Whether a check digit is right is for a gate to say: a pattern that refused it would hide the error."""
    text = "".join(contract.path.read_text(encoding="utf-8") for contract in FEEDS)
    for name, value in running.environment.items():
        if name.endswith(("PASSWORD", "SECRET", "KEY_ID")):
            assert value not in text
    columns = [column for contract in FEEDS for column in contract.columns]
    kinds = {column.custom["identifierKind"] for column in columns if "identifierKind" in column.custom}
    assert kinds == {"ee.ik", "de.idnr", "gb.nhs", "in_.aadhaar", "ee.kmkr", "ee.registrikood", "iban"}


def test_the_database_shows_the_night_that_it_is_set_to(country: Made, running: Country) -> None:
    host = running.environment["COUNTRY_CIVIL_REGISTRY_HOST"]
    with psycopg.connect(host=host, dbname="civil_registry", user="interagency_reader", autocommit=True) as connection:

        def newest() -> Any:
            return connection.execute("SELECT max(updated_at)::date FROM person").fetchone()

        assert newest() < (NIGHTS[0],)
        running.show(NIGHTS[2])
        assert newest() == (date(2026, 3, 3),)
        running.show(NIGHTS[0])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM person")


def test_sftp_wants_the_key(running: Country) -> None:
    host, _, port = running.environment["COUNTRY_TAX_AUTHORITY_SERVER"].partition(":")
    known = running.environment["COUNTRY_TAX_AUTHORITY_KNOWN_HOSTS"]

    async def names(key: Any) -> list[str]:
        options: Any = {
            "username": "interagency", "client_keys": [key], "known_hosts": known, "agent_path": None,
            "config": [],
        }  # fmt: skip
        async with asyncssh.connect(host, int(port), **options) as connection, connection.start_sftp_client() as client:
            return sorted(name for name in map(str, await client.listdir("/out")) if not name.startswith("."))

    found = asyncio.run(names(running.environment["COUNTRY_TAX_AUTHORITY_KEY"]))
    assert found == ["income_20260302.csv", "income_20260302.ctl"]
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(names(asyncssh.generate_private_key("ssh-ed25519")))


def test_the_health_service_wants_a_token_and_now_and_then_patience(country: Made, running: Country) -> None:
    environment = running.environment
    running.show(NIGHTS[0])
    with httpx.Client(base_url=environment["COUNTRY_HEALTH_SERVICE_URL"]) as client:
        assert client.get("/v1/patients").status_code == 401
        login = {"grant_type": "client_credentials", "client_id": environment["COUNTRY_HEALTH_SERVICE_CLIENT"]}
        assert client.post("/oauth2/token", data={**login, "client_secret": "wrong"}).status_code == 401
        given = client.post(
            "/oauth2/token", data={**login, "client_secret": environment["COUNTRY_HEALTH_SERVICE_SECRET"]}
        ).json()
        client.headers["Authorization"] = f"Bearer {given['access_token']}"
        first = client.get("/v1/patients")
        assert client.get("/v1/patients", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
        busy = client.get("/v1/patients", params={"cursor": first.json()["next"]})
        assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
        second = client.get("/v1/patients", params={"cursor": first.json()["next"]}).json()
        assert second["next"] is None
        assert len(first.json()["patients"]) + len(second["patients"]) == first.json()["total"]
        assert client.get("/v1/patients", params={"cursor": "%%%"}).status_code == 400


def test_x_road_wants_a_certificate_and_a_right(running: Country) -> None:
    import ssl

    trusted = ssl.create_default_context(cafile=running.environment["COUNTRY_XROAD_CA"])
    url = f"{running.environment['COUNTRY_XROAD_URL']}/r1/COUNTRY/GOV/10000005/vehicles/vehicle-register/v1/vehicles"
    # A server on TLS 1.3 says only with the first answer that it wanted a certificate.
    with pytest.raises(httpx.TransportError):
        httpx.get(url, verify=trusted)
    trusted.load_cert_chain(running.environment["COUNTRY_XROAD_CERTIFICATE"], running.environment["COUNTRY_XROAD_KEY"])
    with httpx.Client(verify=trusted) as client:
        assert client.get(url, headers={"X-Road-Client": "COUNTRY/GOV/10000009/stranger"}).status_code == 500
        found = client.get(url, headers={"X-Road-Client": "COUNTRY/GOV/10000001/interagency"}, params={"pageSize": "7"})
    assert len(found.json()["vehicles"]) == 7
    assert found.headers["X-Road-Request-Hash"]


def test_the_business_register_shows_its_own_certificate_and_resumes(running: Country) -> None:
    import ssl

    url = f"{running.environment['COUNTRY_BUSINESS_REGISTER_URL']}/open-data/businesses_20260302.xml.gz"
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    with httpx.Client(
        verify=ssl.create_default_context(cafile=running.environment["COUNTRY_BUSINESS_REGISTER_CA"])
    ) as client:
        whole = client.get(url)
        rest = client.get(url, headers={"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
        assert (rest.status_code, rest.content) == (206, whole.content[100:])
        assert client.get(url.replace("20260302", "20260303")).status_code == 404, "tomorrow's file is not there today"


def test_the_store_holds_a_file_of_each_municipality(running: Country) -> None:
    client = boto3.client(
        "s3", endpoint_url=running.environment["COUNTRY_MUNICIPALITIES_ENDPOINT"], region_name="us-east-1", aws_access_key_id="any",
        aws_secret_access_key="any",
    )  # fmt: skip
    keys = [item["Key"] for item in client.list_objects_v2(Bucket="municipalities", Prefix="2026-03-02/")["Contents"]]
    assert len([key for key in keys if key.startswith("2026-03-02/residents/")]) == 23
    assert "2026-03-02/jarvalinn/residents.jsonl" in keys


def test_a_night_that_was_not_simulated_is_told(running: Country) -> None:
    with pytest.raises(FileNotFoundError, match="simulate that night first"):
        running.show(date(2026, 4, 1))


def test_everything_ends_with_the_block(country: Made) -> None:
    before = set(country.folder.iterdir())
    with pytest.raises(RuntimeError, match="in the middle"), systems(country.folder) as found:
        socket = Path(found.environment["COUNTRY_CIVIL_REGISTRY_HOST"])
        postmaster = int(next(socket.parent.rglob("postmaster.pid")).read_text().splitlines()[0])
        urls = [value for name, value in found.environment.items() if value.startswith("http")]
        raise RuntimeError("in the middle")
    assert _has_ended(postmaster)
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, verify=False)
    assert set(country.folder.iterdir()) == before, "keys and share folders are gone"


def _has_ended(process: int) -> bool:
    """An ended process keeps its number, as a zombie, until its parent has looked at it."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

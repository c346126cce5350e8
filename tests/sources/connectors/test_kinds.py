"""The servers as contract files write them: read, checked, and landed to the row."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulation.systems.web import serving
from sources.contract.load import load
from sources.contract.reading.odcs import ContractError
from sources.contract.server.known_systems import KINDS, kind_name
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from tests.sources.connectors.pulling import SECRET
from tests.sources.landed import ID, read_back

SERVERS = {
    "api": (
        "type: api\n    location: https://health.example/patients",
        {
            "tokenUrl": "https://health.example/token", "clientId": "platform", "clientSecret": "env:HEALTH_SECRET",
            "scope": "read", "paging": "{style: cursor, parameter: after, next: /next, records: /items, total: /total}",
            "query": '{since: "{watermark}"}', "headers": "{Accept: application/json}", "timeoutSeconds": "30",
        },
    ),
    "xroad": (
        "type: custom\n    location: https://127.0.0.1:8443",
        {
            "connector": "xroad", "client": "EE/GOV/1/platform", "service": "EE/GOV/2/vehicles/list", "servicePath": "all",
            "userId": "EE1", "caFile": "ca.pem", "clientCertFile": "cert.pem", "clientKeyFile": "${KEYS:-.}/key.pem",
        },
    ),
    "sftp": (
        'type: sftp\n    location: "sftp://tax.example:2222/out/tax_{extract_date:%Y%m%d}.csv"',
        {
            "username": "platform", "password": "file:/run/secrets/tax", "privateKey": "key", "passphrase": "env:TAX",
            "knownHosts": "known_hosts", "timeoutSeconds": "30",
        },
    ),
    "s3": (
        'type: s3\n    location: "s3://towns/{extract_date}/*.csv"\n    endpointUrl: https://store.example',
        {"region": "eu-north-1", "accessKeyId": "env:ID", "secretAccessKey": "env:KEY", "caFile": "ca.pem"},
    ),
}  # fmt: skip
SECRETS = {"api": "clientSecret", "sftp": "password", "s3": "secretAccessKey"}


def written(folder: Path, server: str, options: dict[str, str]) -> Path:
    # The standard's `api` has no field for a format: it stands among the customProperties.
    is_api = server.startswith("type: api")
    options = {"format": "csv", **options} if is_api else options
    quoted = {name: value if value[0] in "[{" else f'"{value}"' for name, value in options.items()}
    path = Feed([ID], options=quoted).write(folder)
    text = path.read_text().replace("type: local\n    path: extract.csv", server)
    path.write_text(text.replace("    format: csv\n    encoding: utf-8\n", "") if is_api else text)
    return path


@pytest.mark.parametrize("name", SERVERS)
def test_a_contract_may_say_all_that_its_connector_knows(tmp_path: Path, name: str) -> None:
    server, options = SERVERS[name]
    contract = load(written(tmp_path, server, options))
    assert kind_name(contract.server) == name
    known = KINDS[name]
    assert set(options) - {"connector"} <= known.options | known.required | known.secrets


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_the_contract_itself_is_refused_unseen(tmp_path: Path, name: str) -> None:
    server, options = SERVERS[name]
    with pytest.raises(ContractError, match="keep it elsewhere") as caught:
        load(written(tmp_path, server, {**options, SECRETS[name]: SECRET}))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("name", "missing"), [("xroad", "service"), ("xroad", "client"), ("sftp", "knownHosts")])
def test_what_a_connector_cannot_do_without(tmp_path: Path, name: str, missing: str) -> None:
    server, options = SERVERS[name]
    with pytest.raises(ContractError, match=f"has no {missing}"):
        load(written(tmp_path, server, {key: value for key, value in options.items() if key != missing}))


def test_what_was_pulled_lands_with_proof_and_without_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    answer = PlainTextResponse("id\n1\n2\n", headers={"ETag": '"v1"'})
    with serving(Starlette(routes=[Route("/things.csv", lambda _: answer)])) as base:
        server = f"type: api\n    location: {base}/things.csv"
        query = {"bearerToken": "env:TEST_SECRET", "query": '{key: "${TEST_SECRET}"}'}
        contract = load(written(tmp_path, server, query))
        land_extract(contract, tmp_path / "landed", extract_date=NIGHT)
    landed = read_back(tmp_path / "landed")
    assert [row["id"] for row in landed.rows] == ["1", "2"]
    assert landed.manifest.evidence["ETag"] == '"v1"'
    assert SECRET not in (tmp_path / "landed" / "manifest.json").read_text()


@pytest.mark.parametrize(("stated", "is_right"), [(3, True), (4, False)])
def test_pages_that_do_not_add_up_to_the_systems_count_are_refused(tmp_path: Path, stated: int, is_right: bool) -> None:
    def answer(request: Request) -> Response:
        start = int(request.query_params["start"])
        return JSONResponse({"items": [{"id": "abc"[start : start + 1]}] if start < 3 else [], "total": stated})

    paging = "{style: offset, parameter: start, size: 1, records: /items, total: /total}"
    with serving(Starlette(routes=[Route("/things", answer)])) as base:
        server = f"type: api\n    location: {base}/things"
        contract = load(written(tmp_path, server, {"format": "json", "records": "/items", "paging": paging}))
        if is_right:
            assert land_extract(contract, tmp_path / "landed", extract_date=NIGHT).rows_landed == 3
            return
        with pytest.raises(ExtractError, match="states 4 records, but 3 arrived"):
            land_extract(contract, tmp_path / "landed", extract_date=NIGHT)

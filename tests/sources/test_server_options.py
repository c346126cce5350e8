"""The server of a contract: what `contracts lint` tells before the night, with the option, and without a secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from sources.contract.load import load
from sources.contract.model import Contract
from sources.contract.reading.odcs import ContractError
from tests.conftest import Feed
from tests.sources.landed import ID

HUSH = "hush-and-hide"
API = "type: api\n    location: https://agency.example/items"
XROAD = "type: custom\n    location: https://127.0.0.1:8443\n    format: json"
SFTP = "type: sftp\n    location: sftp://agency.example/x.csv\n    format: csv"
S3 = "type: s3\n    location: s3://towns/x.csv\n    format: csv"
LOCAL = "type: local\n    path: x\n    format: {}"
POSTGRES = "type: postgres\n    host: db.example\n    port: 5432\n    database: x\n    schema: public"
JSON = {"format": "json"}
OAUTH = {"tokenUrl": "https://agency.example/token", "clientId": "platform", "clientSecret": "env:SECRET"}
SERVICE = {"connector": "xroad", "client": "A/B/C/d", "service": "A/B/C/d/e"}
LOGIN = {"username": "me", "knownHosts": "known_hosts"}


def written(folder: Path, server: str, options: dict[str, Any]) -> Path:
    as_yaml = {
        name: json.dumps(value).replace("Infinity", ".inf").replace("NaN", ".nan") for name, value in options.items()
    }
    path = Feed([ID], options=as_yaml).write(folder)
    text = path.read_text().replace("type: local\n    path: extract.csv\n    format: csv\n    encoding: utf-8", server)
    path.write_text(text)
    return path


def accepted(folder: Path, server: str, **options: Any) -> Contract:
    return load(written(folder, server, options))


def refused(folder: Path, server: str, options: dict[str, Any]) -> str:
    path = written(folder, server, options)
    with pytest.raises(ContractError) as caught:
        load(path)
    assert HUSH not in str(caught.value)
    assert all(problem.file == path and problem.line > 1 for problem in caught.value.problems)
    return str(caught.value)


def sqlalchemy(url: str) -> dict[str, Any]:
    return {"connector": "sqlalchemy", "url": url}


# name: server, options, where the message says that it is
SECRETS: dict[str, tuple[str, dict[str, Any], str]] = {
    "Authorization": (API, {**JSON, "headers": {"Authorization": f"Bearer {HUSH}"}}, "headers holds a secret as Authorization"),
    "X-Api-Key": (API, {**JSON, "headers": {"X-Api-Key": HUSH}}, "headers holds a secret as X-Api-Key"),
    "cookie": (API, {**JSON, "headers": {"Cookie": f"session={HUSH}"}}, "headers holds a secret as Cookie"),
    "header of another name": (API, {**JSON, "headers": {"X-Other": f"Basic {HUSH}"}}, "headers holds a secret as X-Other"),
    "default of a variable": (API, {**JSON, "headers": {"X-Token": f"${{TOKEN:-{HUSH}}}"}}, "headers holds a secret as X-Token"),
    "header of X-Road": (XROAD, {**SERVICE, "headers": {"X-Auth-Token": HUSH}}, "headers holds a secret as X-Auth-Token"),
    **{name: (API, {**JSON, "query": {name: HUSH}}, f"query holds a secret as {name}") for name in
       ("token", "api_key", "password", "sig", "X-Amz-Signature", "access_token", "subscription-key", "client_secret")},
    "token in the location": (f"{API}?page=1&token={HUSH}", JSON, "location holds a secret in its address, as token"),
    "key in the location": (f"{API}?api%5Fkey={HUSH}", JSON, "location holds a secret in its address, as api_key"),
    "token in the tokenUrl": (
        API, {**JSON, **OAUTH, "tokenUrl": f"https://agency.example/token?secret={HUSH}"}, "tokenUrl holds a secret in its address",
    ),
    "a key before the host": (f"type: api\n    location: https://{HUSH}@agency.example/items", JSON, "location holds a login"),
    "login in the endpoint": (f"{S3}\n    endpointUrl: https://me:{HUSH}@store.example", {"region": "x"}, "endpointUrl holds a login"),
    "password of SQLAlchemy": ("type: custom", sqlalchemy(f"mysql+pymysql://db/x?password={HUSH}"), "url holds a secret in its address, as password"),
    "pwd of SQLAlchemy": ("type: custom", sqlalchemy(f"mssql+pyodbc://db/x?driver=y&PWD={HUSH}"), "as PWD"),
    "odbc_connect": ("type: custom", sqlalchemy(f"mssql+pyodbc:///?odbc_connect=DRIVER%3D%7Bx%7D%3BUID%3Dme%3BPWD%3D{HUSH}"), "as PWD"),
    "odbc_connect in clear": ("type: custom", sqlalchemy(f"mssql+pyodbc:///?odbc_connect=UID=me;PWD={HUSH}"), "as PWD"),
    "login with a slash": ("type: custom", sqlalchemy(f"postgresql+psycopg://me:{HUSH}/x@db/x"), "url holds a login"),
    "login as a default": ("type: custom", sqlalchemy(f"${{DB_URL:-postgresql://me:{HUSH}@db/x}}"), "url holds a login"),
}  # fmt: skip


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_in_the_contract_is_refused_unseen(tmp_path: Path, case: str) -> None:
    server, options, said = SECRETS[case]
    message = refused(tmp_path, server, options)
    assert said in message
    assert "write" in message
    assert "file:PATH" in message or "${NAME}" in message


def test_what_names_a_keeper_or_no_secret_is_accepted(tmp_path: Path) -> None:
    accepted(
        tmp_path, f"{API}?page=1&token=${{TOKEN}}", **JSON, **OAUTH,
        headers={"X-Token": "env:TOKEN", "X-Api-Key": "Bearer ${TOKEN}", "Accept": "application/json", "X-Passport": "yes"},
        query={"key": "${KEY}", "sig": "file:/run/secrets/sig", "token": "{watermark}", "day": "{extract_date:%Y%m%d}", "limit": 5},
    )  # fmt: skip
    accepted(tmp_path, "type: custom", **sqlalchemy("postgresql+psycopg://me@db:5432/x?sslmode=verify-full"))
    accepted(tmp_path, "type: custom", **sqlalchemy("mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3D${PASSWORD}"))


CLEAR = "type: api\n    location: http://agency.example/items"
CLEAR_TEXT: dict[str, tuple[str, dict[str, Any], str]] = {
    "key in a header": (CLEAR, {"headers": {"X-Api-Key": "env:KEY"}}, "location"),
    "reference in a header": (CLEAR, {"headers": {"X-Other": "env:KEY"}}, "location"),
    "key in the query": (CLEAR, {"query": {"token": "env:KEY"}}, "location"),
    "user and password": (CLEAR, {"username": "me", "password": "env:KEY"}, "location"),
    "bearer token": (CLEAR, {"bearerToken": "env:KEY"}, "location"),
    "API key": (CLEAR, {"apiKey": "env:KEY"}, "location"),
    "token's address": (API, {**OAUTH, "tokenUrl": "http://agency.example/token"}, "tokenUrl"),
    "name that begins like our own": (CLEAR.replace("agency", "127.0.0.1.agency"), {"apiKey": "env:KEY"}, "location"),
}


@pytest.mark.parametrize("case", CLEAR_TEXT)
def test_a_login_in_clear_text_is_refused(tmp_path: Path, case: str) -> None:
    server, options, place = CLEAR_TEXT[case]
    assert f"{place} is not encrypted" in refused(tmp_path, server, {**JSON, **options})


def test_a_store_is_not_logged_in_to_in_clear_text(tmp_path: Path) -> None:
    keys = {"accessKeyId": "env:ID", "secretAccessKey": "env:KEY"}
    assert "endpointUrl is not encrypted" in refused(tmp_path, f"{S3}\n    endpointUrl: http://store.example", keys)
    accepted(tmp_path, f"{S3}\n    endpointUrl: http://127.0.0.1:9000", **keys)
    accepted(tmp_path, f"{S3}\n    endpointUrl: http://store.example", region="x")


def test_without_a_login_or_on_this_machine_clear_text_may_be(tmp_path: Path) -> None:
    accepted(tmp_path, CLEAR, **JSON)
    for host in ("127.0.0.1:8000", "localhost", "'[::1]:8000'", "${HOST}"):
        location = f"http://{host}/items".replace("'", "")
        accepted(tmp_path, f'type: api\n    location: "{location}"', **JSON, apiKey="env:KEY")


FIXED = {"recordLength": 10}
TYPES = {"start": 1, "length": 2, "header": "00"}
TOTAL = {"in": "trailer", "start": 1, "length": 2, "of": "count"}
PAGES = {"style": "page", "parameter": "page"}
# name: server, options, what the message says
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "totals that are a number": (LOCAL.format("fixed"), {**FIXED, "totals": 5}, "totals is no list"),
    "total that is a number": (LOCAL.format("fixed"), {**FIXED, "totals": [5]}, "totals[0] is no mapping"),
    "total of something": (LOCAL.format("fixed"), {**FIXED, "totals": [{**TOTAL, "of": "x"}]}, "totals[0].of is no known word"),
    "total without a place": (LOCAL.format("fixed"), {**FIXED, "totals": [{"in": "trailer", "of": "count"}]}, "totals[0] has no start"),
    "code that is a number": (LOCAL.format("fixed"), {**FIXED, "recordTypes": {**TYPES, "header": 0}}, "recordTypes.header is no text"),
    "date that cannot be": (LOCAL.format("fixed"), {**FIXED, "statedDate": {"in": "header", "start": 1, "length": 8, "format": "bbb"}}, "statedDate.format"),
    "record of no length": (LOCAL.format("fixed"), {"recordLength": True}, "recordLength is no whole number"),
    "sums that are a text": (LOCAL.format("csv"), {"control": {"path": "x.ctl", "sums": "x"}}, "control.sums is no mapping"),
    "control without a path": (LOCAL.format("csv"), {"control": {"count": "N"}}, "control has no path"),
    "control of unknown names": (LOCAL.format("csv"), {"control": {"path": "x.ctl", "sum": {}}}, "control knows no sum"),
    "row of headings": (LOCAL.format("excel"), {"headerRow": 0}, "headerRow is no number of a line"),
    "row that is a text": (LOCAL.format("excel"), {"headerRow": "x"}, "headerRow is no number of a line"),
    "sheets that are a text": (LOCAL.format("excel"), {"sheets": "x"}, "sheets is no list"),
    "sheet that is a list": (LOCAL.format("excel"), {"sheets": [[]]}, "sheets[0] is no text"),
    "footer that is no pattern": (LOCAL.format("excel"), {"footer": "("}, "footer is no regular expression"),
    "fillMerged that is a number": (LOCAL.format("excel"), {"fillMerged": 5}, "fillMerged is no list"),
    "null that is none": (LOCAL.format("csv"), {"nullValues": [None]}, "nullValues[0] is no text"),
    "namespace of nothing": (LOCAL.format("xml"), {"record": "a:b", "namespaces": {"a": 5}}, "namespaces.a is no text"),
    "prefix of nothing": (LOCAL.format("xml"), {"record": "a:b"}, "prefix 'a'"),
    "rows of a register": (LOCAL.format("rsf"), {"rows": "all"}, "rows is no known word"),
    "cursor that is a number": (API, {**JSON, "paging": {"style": "cursor", "parameter": "a", "next": 5}}, "paging.next is no JSON pointer"),
    "cursor without a slash": (API, {**JSON, "paging": {"style": "cursor", "parameter": "a", "next": "next"}}, "paging.next is no JSON pointer"),
    "cursor of no place": (API, {**JSON, "paging": {"style": "cursor", "parameter": "a"}}, "paging has no next"),
    "records that are a list": (API, {**JSON, "paging": {**PAGES, "records": []}}, "paging.records is no JSON pointer"),
    "total that is true": (API, {**JSON, "paging": {**PAGES, "total": True}}, "paging.total is no JSON pointer"),
    "no paging": (API, {**JSON, "paging": None}, "paging has no value"),
    "size that nobody is told": (API, {**JSON, "paging": {**PAGES, "sizeParameter": "n"}}, "paging has a sizeParameter and no size"),
    **{f"timeout {value}": (API, {**JSON, "timeoutSeconds": value}, "timeoutSeconds is no number of seconds") for value in
       (float("inf"), float("nan"), -1, 0, True, "x", [], 10**30)},
    "token without a client": (API, {**JSON, "tokenUrl": OAUTH["tokenUrl"]}, "tokenUrl is said without clientId"),
    "client without a token": (API, {**JSON, "clientId": "x"}, "clientId is said without tokenUrl"),
    "password without a user": (API, {**JSON, "password": "env:X"}, "password is said without username"),
    "several logins": (API, {**JSON, **OAUTH, "bearerToken": "env:X"}, "tokenUrl, bearerToken are several logins"),
    "key without a certificate": (API, {**JSON, "clientKeyFile": "x"}, "clientKeyFile is said without clientCertFile"),
    "name of no header": (API, {**JSON, "headers": {"a b": "x"}}, "headers is no mapping of headers"),
    "header of no value": (API, {**JSON, "headers": {"a": []}}, "headers.a is no text"),
    "address of another kind": ("type: api\n    location: ftp://agency.example", JSON, "location is no address that begins with http:// or https://"),
    "client of three parts": (XROAD, {**SERVICE, "client": "A/B/C"}, "client is no name of 4 parts"),
    "known hosts that are a number": (SFTP, {**LOGIN, "knownHosts": 5}, "knownHosts is no text"),
    "passphrase of no key": (SFTP, {**LOGIN, "passphrase": "env:X"}, "passphrase is said without privateKey"),
    "one key of two": (S3, {"accessKeyId": "env:X"}, "accessKeyId is said without secretAccessKey"),
    "mode of libpq": (POSTGRES, {"sslMode": "bogus"}, "sslMode is no mode of libpq"),
    "query of nothing": (POSTGRES, {"query": " "}, "query is no text"),
    "control of an API": (API, {**JSON, "control": {"path": "x"}}, "control is no option of api"),
    "control of X-Road": (XROAD, {**SERVICE, "control": {"path": "x"}}, "control is no option of xroad"),
    "control of PostgreSQL": (POSTGRES, {"control": {"path": "x"}}, "control is no option of postgres"),
    "control of a database": ("type: custom", {**sqlalchemy("sqlite:///x"), "control": {"path": "x"}}, "control is no option of sqlalchemy"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_the_night_would_find_wrong_is_told_before(tmp_path: Path, case: str) -> None:
    server, options, said = WRONG[case]
    assert said in refused(tmp_path, server, options)


def test_what_a_variable_says_is_left_to_the_night(tmp_path: Path) -> None:
    accepted(tmp_path, "type: api\n    location: ${PLACE}/items", **JSON, tokenUrl="${PLACE}/token", clientId="${ID}")
    accepted(tmp_path, XROAD, **{**SERVICE, "client": "${CLIENT}"})
    accepted(tmp_path, POSTGRES, sslMode="${MODE}", port="${PORT}")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "limits is no mapping; write one such as {arrivedBytes"),
        ([1], "limits is no mapping"),
        ({"bytes": 5}, "limits knows no bytes; known are arrivedBytes, expansion, members, seconds, unpackedBytes"),
        ({"arrivedBytes": 0}, "limits.arrivedBytes is no whole number from 1 to"),
        ({"unpackedBytes": "5 GiB"}, "limits.unpackedBytes is no whole number"),
        ({"expansion": 1.5}, "limits.expansion is no whole number"),
        ({"seconds": 10**9}, "limits.seconds is no whole number from 1 to 604800"),
    ],
)
def test_limits_of_an_extract_are_checked(tmp_path: Path, limits: Any, words: str) -> None:
    assert words in refused(tmp_path, LOCAL.format("csv"), {"limits": limits})


def test_limits_and_members_are_options_of_every_file(tmp_path: Path) -> None:
    limits = {"arrivedBytes": 1 << 40, "unpackedBytes": 1 << 42, "expansion": 100, "members": 5, "seconds": 60}
    accepted(tmp_path, POSTGRES, limits=limits)
    for server, options in ((LOCAL.format("csv"), {}), (API, JSON), (SFTP, LOGIN), (S3, {})):
        accepted(tmp_path, server, limits=limits, member="*.csv", **options)
    assert "member is no option of postgres" in refused(tmp_path, POSTGRES, {"member": "*.csv"})

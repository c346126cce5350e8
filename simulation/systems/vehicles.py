"""Vehicle licensing behind X-Road: the platform's own security server, with mutual TLS, in front of the vehicle register."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import trustme
from starlette.requests import Request
from starlette.responses import JSONResponse

from simulation.systems.system import System, documents, extract_folder
from simulation.systems.web import serving
from simulation.systems.xroad import SecurityServer

_AGENCY = "vehicle_licensing"
CLIENT = "COUNTRY/GOV/10000001/interagency"
SERVICE = "COUNTRY/GOV/10000005/vehicles/vehicle-register"
_MOST_ROWS = 5000
_DESCRIPTION = {
    "openapi": "3.0.3",
    "info": {"title": "Vehicle register", "version": "1.4.0"},
    "paths": {"/v1/vehicles": {"get": {"responses": {"200": {"description": "A page of vehicles."}}}}},
}


class VehicleRegister:
    """Pages of vehicles by number, from 1; a page behind the last one is empty."""

    def __init__(self) -> None:
        self.vehicles = pa.table({})

    def __call__(self, request: Request) -> Any:
        try:
            page, size = int(request.query_params.get("page", "1")), int(request.query_params.get("pageSize", "1000"))
        except ValueError:
            page, size = 0, 0
        if page < 1 or not 0 < size <= _MOST_ROWS:
            return JSONResponse({"error": f"page begins with 1, pageSize ends with {_MOST_ROWS}"}, 400)
        rows = self.vehicles.slice((page - 1) * size, size)
        return {"vehicles": documents(rows), "page": page, "total": self.vehicles.num_rows}


@contextmanager
def vehicles(extracts: Path, workplace: Path) -> Iterator[System]:
    register, authority = VehicleRegister(), trustme.CA()
    workplace.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(workplace / "ca.pem"))
    own = authority.issue_cert("interagency.example")
    own.cert_chain_pems[0].write_to_path(str(workplace / "client.pem"))
    (workplace / "client.key").touch(mode=0o600)
    own.private_key_pem.write_to_path(str(workplace / "client.key"))
    server = SecurityServer({SERVICE: register}, {(CLIENT, SERVICE)}, {CLIENT}, {SERVICE: _DESCRIPTION})

    def show(night: date) -> None:
        register.vehicles = pq.read_table(extract_folder(extracts, _AGENCY, night) / "vehicle.parquet")

    with serving(server.app(), certificate=authority.issue_cert("127.0.0.1"), client_ca=authority) as url:
        environment = {
            "COUNTRY_XROAD_URL": url, "COUNTRY_XROAD_CA": str(workplace / "ca.pem"),
            "COUNTRY_XROAD_CERTIFICATE": str(workplace / "client.pem"), "COUNTRY_XROAD_KEY": str(workplace / "client.key"),
        }  # fmt: skip
        yield System(environment, show)

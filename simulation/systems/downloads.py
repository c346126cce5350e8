"""The business register's open data over HTTPS: files that can be resumed, under a certificate of its own authority."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from simulation.systems.system import System, extract_folder
from simulation.systems.web import serving

_AGENCY = "business_register"


@contextmanager
def downloads(extracts: Path, workplace: Path) -> Iterator[System]:
    shown: dict[str, Path] = {}

    async def download(request: Request) -> Response:
        file = shown.get(request.path_params["name"])
        if file is None:
            return JSONResponse({"error": "not found"}, 404)
        return FileResponse(file, media_type="application/gzip")

    def show(night: date) -> None:
        shown.clear()
        shown.update({file.name: file for file in extract_folder(extracts, _AGENCY, night).iterdir()})

    authority = trustme.CA()
    workplace.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(workplace / "ca.pem"))
    app = Starlette(routes=[Route("/open-data/{name}", download, methods=["GET", "HEAD"])])
    with serving(app, certificate=authority.issue_cert("127.0.0.1")) as url:
        yield System(
            {"COUNTRY_BUSINESS_REGISTER_URL": url, "COUNTRY_BUSINESS_REGISTER_CA": str(workplace / "ca.pem")}, show
        )

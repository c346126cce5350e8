"""The municipalities' object store, which speaks S3: each night under a prefix of its own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from simulation.systems.system import System, extract_folder

_BUCKET = "municipalities"
_KEY_ID, _SECRET = "simulated-key", "simulated-secret"


@contextmanager
def store(extracts: Path) -> Iterator[System]:
    import boto3
    from moto.server import ThreadedMotoServer

    # Otherwise every request is a line on standard error.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        login = {"aws_access_key_id": _KEY_ID, "aws_secret_access_key": _SECRET}
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **login)
        client.create_bucket(Bucket=_BUCKET)
        environment = {
            "COUNTRY_MUNICIPALITIES_ENDPOINT": endpoint, "COUNTRY_MUNICIPALITIES_KEY_ID": _KEY_ID, "COUNTRY_MUNICIPALITIES_SECRET": _SECRET,
        }  # fmt: skip
        yield System(environment, lambda night: _show(client, extract_folder(extracts, "municipalities", night), night))
    finally:
        server.stop()


def _show(client: Any, folder: Path, night: date) -> None:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        key = f"{night}/{file.relative_to(folder).as_posix()}"
        client.upload_file(str(file), _BUCKET, key)

"""Into an object store that speaks like S3: an object is there whole or not at all."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sharing.release.delivery.place import Place
from sharing.release.errors import NotReleased


def deliver(files: Sequence[tuple[Path, str]], place: Place) -> str:
    """Each file as an object, in their order. Raises NotReleased."""
    from obstore import put
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    endpoint = place.login.get("endpoint")
    place.permit_host(urlsplit(endpoint).hostname or "" if endpoint else f"{place.host}.s3.amazonaws.com")
    prefix = place.folder.strip("/")
    try:
        store = S3Store(
            place.host, endpoint=endpoint, region=place.login.get("region", "us-east-1"), virtual_hosted_style_request=False,
            access_key_id=place.secret("access_key_id"), secret_access_key=place.secret("secret_access_key"),
            client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        )  # fmt: skip
        for source, name in files:
            put(store, f"{prefix}/{name}" if prefix else name, source)
    except (BaseError, OSError, ValueError) as error:
        # Its kind alone: the words may hold the address with the access key.
        raise NotReleased(
            f"the store at {urlsplit(endpoint).hostname if endpoint else 'S3'} does not take the release ({type(error).__name__}); check the login, or ask {place.recipient}"
        ) from None
    return f"s3://{place.host}/{prefix}"

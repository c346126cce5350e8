"""Into a folder of this machine, such as a share that the recipient mounts."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from sharing.release.delivery.place import Place
from sharing.release.errors import NotReleased
from sources.contract.grants import NotGranted
from warehouse.files import replaced_whole


def deliver(files: Sequence[tuple[Path, str]], place: Place) -> str:
    """Each file under its name, whole or not at all, in their order. Raises NotReleased, OSError."""
    folder = Path(place.address.removeprefix("file://")).expanduser().resolve()
    try:
        place.grant.permit_file(folder / "file")
    except NotGranted as error:
        raise NotReleased(f"the place of {place.recipient} is {error}") from None
    if not folder.is_dir():
        raise NotReleased(f"{folder}, where {place.recipient} takes its products, is no folder; make it")
    for source, name in files:
        with replaced_whole(folder / name) as temporary:
            shutil.copyfile(source, temporary)
        # Sealed: whoever the folder is for may read it.
        (folder / name).chmod(0o640)
    return str(folder)

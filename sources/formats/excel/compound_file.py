"""Compound files (MS-CFB), in which .xls workbooks and encrypted office documents stand: the streams by their names."""

from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO

import olefile


def streams(content: bytes) -> Mapping[str, Callable[[], bytes]]:
    """How to read each stream, by its name in small letters. Raises OSError, EOFError or ValueError where the file is damaged."""
    file = olefile.OleFileIO(BytesIO(content), raise_defects=olefile.DEFECT_INCORRECT)
    found: dict[str, Callable[[], bytes]] = {}
    for path in file.listdir():
        found.setdefault(path[-1].lower(), partial(_read, file, path))
    return found


def _read(file: olefile.OleFileIO, path: list[str]) -> bytes:
    found = bytes(file.openstream(path).read())
    if len(found) != file.get_size(path):
        raise EOFError
    return found

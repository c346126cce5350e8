"""A file sealed whole: AES-256-GCM over chunks in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as `age` has it.

Magic, 32 bytes of salt, chunks of 1 MiB with a tag each. The key is one file's own, made of the data key and the salt, so that a
chunk's nonce is its number and whether it is the last: what is changed, cut, exchanged or put together from several is refused.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from warehouse.errors import KeyRefused
from warehouse.files import PRIVATE_FILE, replaced_whole
from warehouse.keys.data_key import DataKey
from warehouse.keys.keyed_folder import key_of

SEALED = ".sealed"
_MAGIC = b"interagency sealed 1\n"
_SALT_BYTES, _TAG_BYTES = 32, 16
_CHUNK_BYTES = 1 << 20
_HEADER_BYTES = len(_MAGIC) + _SALT_BYTES


def sealed_name(path: Path) -> Path:
    return path.with_name(path.name + SEALED)


def seal_file(path: Path, key: DataKey) -> Path:
    """Put the sealed form, under `<name>.sealed`, in the place of a file."""
    target = sealed_name(path)
    with path.open("rb") as source, replaced_whole(target) as temporary, temporary.open("wb") as sealed:
        for chunk in _sealed(source, key):
            sealed.write(chunk)
    path.unlink()
    return target


def seal_bytes(content: bytes, path: Path, key: DataKey) -> None:
    """Write `content` to `path` in its sealed form."""
    with replaced_whole(path) as temporary, temporary.open("wb") as sealed:
        for chunk in _sealed(io.BytesIO(content), key):
            sealed.write(chunk)


def opened(path: Path, key: DataKey) -> Iterator[bytes]:
    """The content of a sealed file, chunk by chunk. Raises KeyRefused where it is not as it was sealed, or under another key."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise KeyRefused(f"{path} is no sealed file; put it back from a backup")
        cipher = _cipher(key, file.read(_SALT_BYTES))
        chunk, number = file.read(_CHUNK_BYTES + _TAG_BYTES), 0
        while True:
            following = file.read(_CHUNK_BYTES + _TAG_BYTES)
            yield _decrypted(path, cipher, (number, not following), chunk)
            if not following:
                return
            chunk, number = following, number + 1


def opened_length(path: Path) -> int:
    """Bytes of the content of a sealed file, by its length alone. Raises KeyRefused where it is too short to be one."""
    body = path.stat().st_size - _HEADER_BYTES
    if body < _TAG_BYTES:
        raise KeyRefused(f"{path} was cut off; put it back from a backup")
    return body - _TAG_BYTES * _chunks(body)


def opened_range(path: Path, key: DataKey, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of the content from `start` to before `stop`, in pieces; only the chunks that they lie in are read.

    Raises as `opened` does. A file that was cut off is found by whoever reads its end.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise KeyRefused(f"{path} is no sealed file; put it back from a backup")
        cipher = _cipher(key, file.read(_SALT_BYTES))
        last = _chunks(os.fstat(file.fileno()).st_size - _HEADER_BYTES) - 1
        for number in range(start // _CHUNK_BYTES, -(-stop // _CHUNK_BYTES)):
            file.seek(_HEADER_BYTES + number * (_CHUNK_BYTES + _TAG_BYTES))
            chunk = file.read(_CHUNK_BYTES + _TAG_BYTES)
            content = _decrypted(path, cipher, (number, number == last), chunk)
            begins = number * _CHUNK_BYTES
            yield content[max(start - begins, 0) : stop - begins]


def opened_text(path: Path) -> str:
    """The text in a sealed file of a folder that has a key. Raises as `opened` does."""
    key = key_of(path)
    if key is None:
        raise KeyRefused(f"{path} is sealed, and its folder does not say under which key; put it back from a backup")
    return b"".join(opened(path, key)).decode()


def open_to(path: Path, target: Path, key: DataKey) -> None:
    """Write the content of a sealed file to `target`, for its owner alone. Raises as `opened` does."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with open(descriptor, "wb") as file:  # noqa: PTH123 — a Path opens names, and nobody else may open it meanwhile
        for chunk in opened(path, key):
            file.write(chunk)


def _sealed(source: BinaryIO, key: DataKey) -> Iterator[bytes]:
    salt = os.urandom(_SALT_BYTES)
    cipher = _cipher(key, salt)
    yield _MAGIC + salt
    chunk, number = source.read(_CHUNK_BYTES), 0
    while True:
        following = source.read(_CHUNK_BYTES) if chunk else b""
        yield cipher.encrypt(_nonce(number, not following), chunk, None)
        if not following:
            return
        chunk, number = following, number + 1


def _decrypted(path: Path, cipher: AESGCM, place: tuple[int, bool], chunk: bytes) -> bytes:
    """`place` is the chunk's number and whether it is the last. Raises KeyRefused."""
    try:
        return cipher.decrypt(_nonce(*place), chunk, None)
    except InvalidTag:
        raise KeyRefused(
            f"{path} is not as it was sealed, or was cut off, or its key is another; put it back from a backup"
        ) from None


def _chunks(body: int) -> int:
    """How many there are in so many bytes after the salt."""
    return max(-(-body // (_CHUNK_BYTES + _TAG_BYTES)), 1)


def _cipher(key: DataKey, salt: bytes) -> AESGCM:
    made = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=_MAGIC)
    return AESGCM(made.derive(key.for_files))


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])

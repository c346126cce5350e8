"""Archives written for tests: right ones, and ones that no tool would write."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

CONTENT = b"a,b\n" + b"".join(b"%d,x%d\n" % (number, number * 7) for number in range(300))
ZEROS = b"a,b\n" + b"0" * (8 << 20)


def rows(first: int, count: int = 10) -> bytes:
    return b"a,b\n" + b"".join(b"%d,x\n" % number for number in range(first, first + count))


def zipped(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files: dict[str, bytes], kind: str = "", format: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{kind}", format=format) as archive:  # type: ignore[call-overload]  # the kind is a variable
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def tarred_entry(**said: Any) -> bytes:
    """A tar of one entry of another kind."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        entry = tarfile.TarInfo("x.csv")
        for name, value in said.items():
            setattr(entry, name, value)
        archive.addfile(entry)
    return stream.getvalue()


def compressed(content: bytes) -> bytes:
    """Zstandard in one piece."""
    return pa.compress(content, codec="zstd", asbytes=True)


def doubled_zip() -> bytes:
    return zipped({"a.csv": rows(0), "b.csv": rows(0)}).replace(b"b.csv", b"a.csv")


def encrypted_zip() -> bytes:
    content = bytearray(zipped({"a.csv": CONTENT}, zipfile.ZIP_STORED))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    return bytes(content)


def of_method(method: int) -> bytes:
    content = bytearray(zipped({"a.csv": CONTENT}))
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(mark) + offset] = method
    return bytes(content)


def with_entry(mode: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        entry = zipfile.ZipInfo("a.csv")
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, "/etc/passwd")
    return stream.getvalue()


def stating(size: int) -> bytes:
    """A zip whose directory and header state another size than its member has."""
    content = bytearray(zipped({"a.csv": CONTENT}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(mark) + offset, size)
    return bytes(content)


def with_damaged_member() -> bytes:
    files = {"a.csv": rows(0), "b.csv": CONTENT, "c.csv": rows(1000)}
    content = bytearray(zipped(files, zipfile.ZIP_STORED))
    content[content.index(CONTENT) + 50] ^= 0xFF
    return bytes(content)


def with_broken_header() -> bytes:
    """The library takes the second member's header for the end of the archive."""
    content = bytearray(tarred({"a.csv": rows(0), "b.csv": rows(10)}))
    content[content.index(b"b.csv") + 3] ^= 1
    return bytes(content)


def sparse_tar() -> bytes:
    """A GNU sparse file that says it has a terabyte."""
    entry = tarfile.TarInfo("x.csv")
    entry.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    head[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head) + bytes(1024)


def tar_of_negative_size() -> bytes:
    head = bytearray(tarfile.TarInfo("x.csv").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = (-512).to_bytes(12, "big", signed=True)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    return bytes(head) + bytes(1024)


def tar_of_long_words() -> bytes:
    """A name that its header says is 100 MB long."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 100 << 20
    return entry.tobuf(tarfile.GNU_FORMAT) + b"n" * (100 << 20) + tarred({"x.csv": rows(0)})


def with_directory(entries: int) -> bytes:
    """A zip of one member that so many entries of its directory lead to."""
    content = zipped({"a.csv": ZEROS})
    begin, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    listed = b"".join(content[begin:end].replace(b"a.csv", b"%05d" % number) for number in range(entries))
    return content[:begin] + listed + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, len(listed), begin, 0)

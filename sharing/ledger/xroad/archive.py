"""A message-log archive of an X-Road security server: signed containers, and the chain of hashes over them and the archive before."""

import hashlib
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sharing.ledger.xroad.anchors import Anchors
from sharing.ledger.xroad.container import MIMETYPE, check_container
from sharing.ledger.xroad.errors import Broken
from sharing.ledger.xroad.zips import MOST_CONTAINER_BYTES, MOST_CONTAINERS, OpenZip, opened
from sources.file_names import printable

_LINKING = "linkinginfo"
_MOST_LINKING_BYTES = 32 << 20
_ALGORITHMS = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_HEX = re.compile(r"[0-9a-f]+")


@dataclass
class ArchiveVerdict:
    """What was found. `previous` is the archive before, as this one names it; `last_digest` is what the next one must begin with."""

    containers: int = 0
    previous: str | None = None
    last_digest: str | None = None
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class _Linking:
    """The chain as the archive states it; `digest` and `previous` of the archive before are empty for the first one."""

    algorithm: str
    digest: str
    previous: str
    lines: list[tuple[str, str]]


def verify_archive(path: Path, anchors: Anchors | None = None) -> ArchiveVerdict:
    """Verify an archive, or a single container; where there are `anchors`, that certificates lead to them, which is not asked else.

    Everything that is wrong is told, container by container; OSError where the file cannot be read.
    """
    verdict = ArchiveVerdict()
    path.stat()
    try:
        with opened(path, MOST_CONTAINERS) as archive:
            if MIMETYPE in archive.members:
                verdict.containers = 1
                verdict.remarks += check_container(path, anchors)
            else:
                _verify(archive, verdict, anchors)
    except Broken as error:
        verdict.problems.append(f"{path.name}: {error}")
    return verdict


def _verify(archive: OpenZip, verdict: ArchiveVerdict, anchors: Anchors | None) -> None:
    linking = _linking(archive)
    verdict.previous = linking.previous or None
    _check_names(archive, linking, verdict)
    digest, is_linked = linking.digest, True
    seen: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for stated, name in linking.lines:
            if name not in archive.members:
                digest = stated
                continue
            content = _container(archive, name, Path(folder), verdict, anchors)
            if content is None:
                digest = stated
                continue
            own = _hashed(linking.algorithm, content)
            if (first := seen.setdefault(own, name)) != name:
                verdict.problems.append(f"{printable(name)}: it is {printable(first)} once more")
            digest = _hashed(linking.algorithm, (digest + own).encode())
            if digest != stated and is_linked:
                verdict.problems.append(
                    f"{printable(name)}: the chain of hashes breaks here: it, or a line of linkinginfo, was changed"
                )
            is_linked, digest = digest == stated, stated
    verdict.last_digest = digest


def _container(
    archive: OpenZip, name: str, folder: Path, verdict: ArchiveVerdict, anchors: Anchors | None
) -> bytes | None:
    """The bytes of a container, of which is told what does not hold in it; None where they cannot be had."""
    try:
        content = archive.content(name, MOST_CONTAINER_BYTES)
    except Broken as error:
        verdict.problems.append(f"{printable(name)}: {error}")
        return None
    verdict.containers += 1
    copy = folder / "container"
    copy.write_bytes(content)
    try:
        verdict.remarks += [f"{printable(name)}: {remark}" for remark in check_container(copy, anchors)]
    except Broken as error:
        verdict.problems.append(f"{printable(name)}: {error}")
    return content


def _linking(archive: OpenZip) -> _Linking:
    if _LINKING not in archive.members:
        raise Broken("it has no linkinginfo, so it is no archive of a message log")
    try:
        text = archive.content(_LINKING, _MOST_LINKING_BYTES).decode()
    except UnicodeDecodeError:
        raise Broken("linkinginfo is not UTF-8") from None
    if not text.endswith("\n") or "\r" in text:
        raise Broken("linkinginfo is not written as it must be")
    first, *rest = text[:-1].split("\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] not in _ALGORITHMS:
        raise Broken(
            "linkinginfo does not begin with a digest, an archive and a strong algorithm (SHA-256, SHA-384 or SHA-512)"
        )
    algorithm = _ALGORITHMS[parts[2]]
    if (parts[0] == "-") != (parts[1] == "-") or (parts[0] != "-" and not _is_digest(parts[0], algorithm)):
        raise Broken("linkinginfo does not say which archive was before")
    before = ("", "") if parts[0] == "-" else (parts[0], parts[1])
    return _Linking(algorithm, *before, [_line(line, algorithm) for line in rest])


def _line(line: str, algorithm: str) -> tuple[str, str]:
    digest, _, name = line.partition(" ")
    if not _is_digest(digest, algorithm) or not name:
        raise Broken("linkinginfo has a line that is no digest and name")
    return digest, name


def _check_names(archive: OpenZip, linking: _Linking, verdict: ArchiveVerdict) -> None:
    """Each container once in the chain and once in the archive, and nothing besides."""
    names = [name for _, name in linking.lines]
    if not names:
        verdict.problems.append("linkinginfo names no container, so nothing shows which archive was before")
    for name, count in Counter(names).items():
        if count > 1:
            verdict.problems.append(f"{printable(name)}: linkinginfo names it {count} times")
    for name in names:
        if name not in archive.members:
            verdict.problems.append(f"{printable(name)}: it is missing")
    for name in sorted(archive.members.keys() - {*names, _LINKING}):
        verdict.problems.append(f"{printable(name)}: it is in the archive and not in linkinginfo")


def _is_digest(text: str, algorithm: str) -> bool:
    return bool(_HEX.fullmatch(text)) and len(text) == 2 * hashlib.new(algorithm).digest_size


def _hashed(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()

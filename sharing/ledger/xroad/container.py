"""One signed container (ASiC-E, .asice): its message and attachments, what signs them, and nothing besides."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from lxml import etree

from sharing.ledger.xroad.algorithms import digest_of
from sharing.ledger.xroad.anchors import Anchors
from sharing.ledger.xroad.errors import Broken
from sharing.ledger.xroad.hash_chain import covered_by
from sharing.ledger.xroad.signature import SIGNATURE, Signed, check_signature
from sharing.ledger.xroad.time_stamp import TimeStamp, check_time_stamp
from sharing.ledger.xroad.xml import DS, MANIFEST, parsed, raw
from sharing.ledger.xroad.zips import MOST_CONTAINER_BYTES, opened

MIMETYPE, _MIME = "mimetype", b"application/vnd.etsi.asic-e+zip"
_MESSAGE, _MANIFEST, _ASIC_MANIFEST = "message.xml", "META-INF/manifest.xml", "META-INF/ASiCManifest.xml"
_CHAIN_RESULT, _CHAIN = "sig-hashchainresult.xml", "sig-hashchain.xml"
_STAMP, _STAMP_RESULT, _STAMP_CHAIN = "META-INF/timestamp.tst", "ts-hashchainresult.xml", "ts-hashchain.xml"
_ATTACHMENT = re.compile(r"attachment[0-9]{1,4}")
_OURS = {
    MIMETYPE, _MESSAGE, _MANIFEST, _ASIC_MANIFEST, SIGNATURE, _CHAIN_RESULT, _CHAIN, _STAMP, _STAMP_RESULT, _STAMP_CHAIN,
}  # fmt: skip
_MOST_MEMBERS = 1000


def check_container(path: Path, anchors: Anchors | None = None) -> list[str]:
    """Remarks on a container that holds. Raises Broken on one that does not; where there are `anchors`, also on one that was signed or
    stamped under a certificate that does not lead to them.
    """
    files = _files(path)
    if files.get(MIMETYPE, b"").strip() != _MIME:
        raise Broken("it does not say that it is a signed container (ASiC-E)")
    for name in (_MESSAGE, SIGNATURE, _MANIFEST):
        if name not in files:
            raise Broken(f"it lacks {name}")
    stamp = _check_stamp(files)
    signed = check_signature(files, stamp.at if stamp else None)
    if _STAMP not in files and signed.time_stamp is not None:
        stamp = check_time_stamp(signed.time_stamp, signed.value)
        check_signature(files, stamp.at)
    if anchors is not None:
        anchors.check(signed.certificate, stamp.at if stamp else signed.at, "the signer")
        if stamp is not None:
            anchors.check(stamp.certificate, stamp.at, "the time stamp's authority")
    missing = _check_cover(files, signed)
    _check_manifest(files)
    return _remarks(stamp, missing, signed.at)


def _files(path: Path) -> dict[str, bytes]:
    with opened(path, _MOST_MEMBERS) as archive:
        left, files = MOST_CONTAINER_BYTES, {}
        for name in archive.members:
            if name not in _OURS and not _ATTACHMENT.fullmatch(name):
                raise Broken("it holds a file that no such container has")
            files[name] = archive.content(name, left)
            left -= len(files[name])
    return files


def _check_cover(files: Mapping[str, bytes], signed: Signed) -> list[str]:
    """That the message and each attachment are signed, themselves or through a chain. Attachments that are signed and not here."""
    covered, missing = set(signed.files), []
    if _CHAIN_RESULT in covered:
        through = covered_by(_CHAIN_RESULT, files)
        covered |= {name for name, is_here in through.items() if is_here}
        missing = [name for name, is_here in through.items() if not is_here]
        covered.add(_CHAIN)
    if _MESSAGE not in covered:
        raise Broken("the signature does not cover the message")
    unsigned = [
        name for name in files if (_ATTACHMENT.fullmatch(name) or name.startswith("sig-")) and name not in covered
    ]
    if unsigned:
        raise Broken(f"{unsigned[0]} is not signed")
    return missing


def _check_stamp(files: Mapping[str, bytes]) -> TimeStamp | None:
    """A time stamp over many containers at once, through a hash chain."""
    if not {_STAMP, _STAMP_RESULT, _STAMP_CHAIN, _ASIC_MANIFEST} & files.keys():
        return None
    for name in (_STAMP, _STAMP_RESULT, _STAMP_CHAIN):
        if name not in files:
            raise Broken(f"it lacks {name}")
    if not covered_by(_STAMP_RESULT, files).get(SIGNATURE):
        raise Broken("the time stamp does not cover the signature")
    if _ASIC_MANIFEST in files:
        _check_asic_manifest(files)
    return check_time_stamp(files[_STAMP], files[_STAMP_RESULT])


def _check_asic_manifest(files: Mapping[str, bytes]) -> None:
    root = parsed(files[_ASIC_MANIFEST], _ASIC_MANIFEST)
    for reference in root.findall("{*}DataObjectReference"):
        content = files.get(str(reference.get("URI")).removeprefix("/"))
        method = reference.find(f"{DS}DigestMethod")
        stated = raw(reference.find(f"{DS}DigestValue"))
        if content is None or method is None or digest_of(method.get("Algorithm"), content) != stated:
            raise Broken(f"{_ASIC_MANIFEST} does not fit the files")


def _check_manifest(files: Mapping[str, bytes]) -> None:
    """That the list of files names each once, and no other."""
    root = parsed(files[_MANIFEST], _MANIFEST)
    entries = root.findall(f"{MANIFEST}file-entry")
    listed = [name for entry in entries if (name := _full_path(entry))]
    here = {name for name in files if name != MIMETYPE and not name.startswith("META-INF/")}
    if root.tag != f"{MANIFEST}manifest" or len(listed) != len(set(listed)) or set(listed) - here:
        raise Broken("the manifest lists other files than there are")
    if here - set(listed):
        raise Broken("the manifest does not list every file")
    if any(entry.get(f"{MANIFEST}media-type") != "text/xml" for entry in entries if _full_path(entry) == _MESSAGE):
        # A REST message is text that X-Road calls XML all the same.
        raise Broken("the manifest says that the message is something else")


def _full_path(entry: etree._Element) -> str:
    return str(entry.get(f"{MANIFEST}full-path") or "").removeprefix("/")


def _remarks(stamp: TimeStamp | None, missing: list[str], at: datetime) -> list[str]:
    remarks = [f"{name} is signed, and kept elsewhere: its digest alone is here" for name in missing]
    if stamp is None:
        remarks.append(f"there is no time stamp; the signature itself says {at:%Y-%m-%d %H:%M} UTC")
    elif stamp.is_weak:
        remarks.append("the key of the time stamp's authority is one that is not trusted any more")
    return remarks

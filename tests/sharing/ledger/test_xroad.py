"""Message-log archives of X-Road: whole ones hold, and of broken ones is told which container and why."""

import base64
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sharing.ledger.xroad.archive import verify_archive
from tests.sharing.ledger.xroad_books import (
    MANIFEST,
    SIGNATURE,
    Signing,
    archive,
    batch,
    container,
    linked,
    manifest,
    signature,
    unzipped,
    with_hidden_member,
    with_other_local_name,
    zipped,
)

# Published archives are not part of the project: their folder is named to the tests where there is one.
PUBLISHED = Path(os.environ.get("XROAD_VECTORS", "no such folder"))
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="XROAD_VECTORS names no folder with published archives")
Files = dict[str, bytes]


def three() -> Files:
    return {f"q{n}-request-{n}abc.asice": zipped(container(f"<message>{n}</message>".encode())) for n in range(3)}


def told(path: Path) -> str:
    verdict = verify_archive(path)
    assert not verdict.holds
    return "\n".join(verdict.problems)


def of(tmp_path: Path, files: Files) -> Path:
    """A lone container."""
    path = tmp_path / "a.asice"
    path.write_bytes(zipped(files))
    return path


def test_an_archive_holds_and_says_what_it_is_linked_to(tmp_path: Path) -> None:
    before = ("ab" * 64, "mlog-20261129.zip")
    containers = three()
    verdict = verify_archive(archive(tmp_path / "a.zip", containers, linked(containers, before)))
    assert (verdict.problems, verdict.containers, verdict.previous) == ([], 3, "mlog-20261129.zip")
    assert verdict.last_digest == linked(containers, before).split()[-2].decode()
    assert "no time stamp; the signature itself says 2026-11-30 21:00" in verdict.remarks[0]


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-384", "SHA-512"])
def test_each_strong_algorithm_of_the_chain(tmp_path: Path, algorithm: str) -> None:
    containers = three()
    assert verify_archive(archive(tmp_path / "a.zip", containers, linked(containers, algorithm=algorithm))).holds


def test_a_batch_signature_holds_through_its_hash_chain(tmp_path: Path) -> None:
    path = of(tmp_path, batch(b"<message/>", {"attachment1": b"body", "attachment2": b"more"}))
    assert verify_archive(path).problems == []
    verdict = verify_archive(of(tmp_path, batch(b"<message/>", {"attachment1": b"body"}, kept=False)))
    assert verdict.problems == []
    assert "attachment1 is signed, and kept elsewhere" in verdict.remarks[0]


def changed_chain(old: bytes, new: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert old in files["sig-hashchain.xml"]
        files["sig-hashchain.xml"] = files["sig-hashchain.xml"].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files.update({"message.xml": b"<forged/>"}), "message.xml is not what the hash chain has"),
        (lambda files: files.update({"attachment1": b"forged"}), "attachment1 is not what the hash chain has"),
        (lambda files: files.update({"attachment9": b"more", MANIFEST: manifest([*data(files), "attachment9"])}), "attachment9 is not signed"),
        (lambda files: files.pop("sig-hashchain.xml"), "leads to a file that is not there"),
        (lambda files: files.pop("sig-hashchainresult.xml"), "covers a file that is not there"),
        (changed_chain(b'"#STEP1"', b'"#STEP2"'), "without an end"),
        (changed_chain(b'"STEP1"', b'"STEP9"'), "not there once"),
        (changed_chain(b"hc:HashValue>", b"hc:Other>"), "no known kind"),
        (changed_chain(b"xmlenc#sha512", b"xmldsig#sha1"), "weak or unknown"),
        (changed_chain(b'URI="/attachment1"', b'URI="/attachment2"'), "attachment1 is not signed"),
        (changed_chain(b'URI="/message.xml"', b'URI="/massage.xml"'), "does not cover the message"),
        (changed_chain(b"<hc:HashStep id", b"<!DOCTYPE"), "no XML"),
    ],
)  # fmt: skip
def test_a_broken_hash_chain_is_told(tmp_path: Path, change: Callable[[Files], object], reason: str) -> None:
    files = batch(b"<message/>", {"attachment1": b"body"})
    change(files)
    assert reason in told(of(tmp_path, files))


def data(files: Files) -> list[str]:
    return [name for name in files if name != "mimetype" and not name.startswith("META-INF/")]


def test_a_hash_chain_that_branches_without_end_is_refused_soon(tmp_path: Path) -> None:
    steps = "".join(
        f'<hc:HashStep id="S{n}"><hc:StepRef URI="#S{n + 1}"/><hc:StepRef URI="#S{n + 1}"/></hc:HashStep>'
        for n in range(60)
    )
    value = f'<hc:HashValue><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{"A" * 43}=</ds:DigestValue></hc:HashValue>'
    steps += f'<hc:HashStep id="S60">{value}</hc:HashStep>'
    files = batch(b"<message/>", {})
    chain = files["sig-hashchain.xml"].replace(b"</hc:HashChain>", f"{steps}</hc:HashChain>".encode())
    files["sig-hashchain.xml"] = chain.replace(
        b'<hc:StepRef URI="#STEP1"/><hc:HashValue>', b'<hc:StepRef URI="#S0"/><hc:HashValue>'
    )
    began = time.monotonic()
    assert "without an end" in told(of(tmp_path, files))
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (Signing(references=["/mimetype"]), "does not cover the message"),
        (Signing(references=["/message.xml", "/other.xml"]), "a file that is not there"),
        (Signing(references=["/message.xml", "/message.xml"]), "each file once"),
        (Signing(references=[]), "each file once"),
        (Signing(digest="sha1"), "weak or unknown"),
        (Signing(method="sha1"), "weak or unknown"),
        (Signing(bits=1024, signer="weak"), "key is weak"),
        (Signing(signer="another", certificate="agency"), "not by the certificate's key"),
        (Signing(named="another"), "another certificate than"),
        (Signing(target="#other"), "properties are of another signature"),
        (Signing(at="2020-01-01T00:00:00Z"), "certificate was not valid then"),
        (Signing(at="yesterday"), "does not say when"),
        (Signing(change=lambda text: text.replace('Type="http://uri.etsi.org/01903#SignedProperties" ', "")), "other properties"),
        (Signing(change=lambda text: text.replace("</ds:Object>", '</ds:Object><ds:Object Id="signed-properties"/>')), "other properties"),
        (Signing(change=lambda text: text.replace('URI="/message.xml">', 'URI="/message.xml"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>')), "transforms a file"),
        (Signing(change=lambda text: text.replace("</asic:XAdES", '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></asic:XAdES')), "several of signature"),
        (Signing(change=lambda text: text.replace("rsa-sha512", "hmac-sha512")), "weak or unknown"),
    ],
)  # fmt: skip
def test_a_signature_that_is_not_right_is_told(tmp_path: Path, how: Signing, reason: str) -> None:
    files = container()
    files[SIGNATURE] = signature({**files, "other.xml": b"<other/>"}, how)
    assert reason in told(of(tmp_path, files))


def replaced(name: str, old: bytes, new: bytes) -> Callable[[Files], None]:
    def change(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return change


BROKEN: list[tuple[Callable[[Files], object], str]] = [
    (lambda files: files.update({"message.xml": b"<message>forged</message>"}), "not what was signed"),
    (lambda files: files.update({"message.xml": files["message.xml"] + b"\n"}), "not what was signed"),
    (lambda files: files.pop("message.xml"), "lacks message.xml"),
    (lambda files: files.pop(SIGNATURE), "lacks META-INF/signatures.xml"),
    (lambda files: files.pop(MANIFEST), "lacks META-INF/manifest.xml"),
    (lambda files: files.update({"mimetype": b"application/zip"}), "does not say"),
    (lambda files: files.update({SIGNATURE: container(b"<another/>")[SIGNATURE]}), "not what was signed"),
    (replaced(SIGNATURE, b"2026-11-30T21", b"2026-11-30T22"), "not what was signed"),
    (replaced(SIGNATURE, b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"), "does not hold"),
    (replaced(SIGNATURE, b"<ds:SignatureValue>", b"<ds:SignatureValue>!"), "no base64"),
    (replaced(SIGNATURE, b"<asic:", b'<!DOCTYPE a [<!ENTITY b "c">]><asic:'), "document type"),
    (replaced(SIGNATURE, b"</asic:", b"</bsic:"), "no XML"),
    (replaced(MANIFEST, b"message.xml", b"other.xml"), "manifest lists other files"),
    (lambda files: files.update({MANIFEST: manifest([])}), "manifest does not list every file"),
    (lambda files: files.update({MANIFEST: manifest(["message.xml", "message.xml"])}), "manifest lists other files"),
    (replaced(MANIFEST, b'"text/xml"', b'"image/png"'), "says that the message is something else"),
    (lambda files: files.update({"attachment1": b"x", MANIFEST: manifest(["message.xml", "attachment1"])}), "attachment1 is not signed"),
    (lambda files: files.update({"notes.txt": b"x"}), "no such container has"),
    (lambda files: files.update({"META-INF/timestamp.tst": b"x"}), "lacks ts-hashchainresult.xml"),
    (lambda files: files.update({"../message.xml": b"x"}), "leads elsewhere"),
    (lambda files: files.update({"/etc/passwd": b"x"}), "leads elsewhere"),
    (lambda files: files.update({"a\\b": b"x"}), "leads elsewhere"),
    (lambda files: files.update({"Message.xml": b"x"}), "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), BROKEN)
def test_a_broken_container_is_named_with_its_reason(
    tmp_path: Path, change: Callable[[Files], object], reason: str
) -> None:
    files = container()
    change(files)
    containers = three()
    containers["q1-request-1abc.asice"] = zipped(files)
    verdict = verify_archive(archive(tmp_path / "a.zip", containers))
    assert len(verdict.problems) == 1
    assert verdict.problems[0].startswith("q1-request-1abc.asice: ")
    assert reason in verdict.problems[0]
    assert "forged" not in verdict.problems[0]


def linking_changed(change: Callable[[list[bytes]], object]) -> Callable[[Files], bytes]:
    def changed(containers: Files) -> bytes:
        lines = linked(containers, ("ab" * 64, "before.zip")).splitlines(keepends=True)
        change(lines)
        return b"".join(lines)

    return changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lines: lines.__setitem__(0, lines[0].replace(b"ab", b"ac")), "q0-request-0abc.asice: the chain of hashes breaks here"),
        (lambda lines: lines.__setitem__(0, b"- - SHA-512\n"), "q0-request-0abc.asice: the chain of hashes breaks here"),
        (lambda lines: lines.__setitem__(0, lines[0].replace(b"before.zip", b"-")), "which archive was before"),
        (lambda lines: lines.__setitem__(0, lines[0].replace(b"SHA-512", b"SHA-1")), "strong algorithm"),
        (lambda lines: lines.__setitem__(0, lines[0].replace(b"SHA-512", b"SHA-256")), "which archive was before"),
        (lambda lines: lines.insert(1, lines.pop(2)), "chain of hashes breaks here"),
        (lambda lines: lines.append(lines[1]), "names it 2 times"),
        (lambda lines: lines.pop(2), "in the archive and not in linkinginfo"),
        (lambda lines: lines.append(b"ab" * 64 + b" gone.asice\n"), "gone.asice: it is missing"),
        (lambda lines: lines.__setitem__(2, lines[2].upper()), "a line that is no digest"),
        (lambda lines: lines.__setitem__(2, b"ab" * 64 + lines[2][128:]), "q1-request-1abc.asice: the chain"),
        (lambda lines: lines.__setitem__(3, lines[3][:-1]), "not written as it must be"),
        (lambda lines: lines.__setitem__(3, b"\n"), "a line that is no digest"),
        (lambda lines: lines.clear(), "not written as it must be"),
        (lambda lines: lines.__setitem__(slice(1, None), []), "names no container"),
        (lambda lines: lines.append(b"\xff\n"), "not UTF-8"),
    ],
)  # fmt: skip
def test_a_linkinginfo_that_was_changed_is_told(
    tmp_path: Path, change: Callable[[list[bytes]], object], reason: str
) -> None:
    containers = three()
    path = archive(tmp_path / "a.zip", containers, linking_changed(change)(containers))
    assert reason in told(path)


def test_missing_extra_and_doubled_containers_are_told(tmp_path: Path) -> None:
    containers = three()
    linking = linked(containers)
    lost = dict(containers)
    lost.pop("q1-request-1abc.asice")
    assert told(archive(tmp_path / "a.zip", lost, linking)) == "q1-request-1abc.asice: it is missing"
    more = {**containers, "q9.asice": zipped(container(b"<nine/>"))}
    assert told(archive(tmp_path / "a.zip", more, linking)) == "q9.asice: it is in the archive and not in linkinginfo"
    doubled = {**containers, "q9.asice": containers["q0-request-0abc.asice"]}
    assert told(archive(tmp_path / "a.zip", doubled)) == "q9.asice: it is q0-request-0abc.asice once more"
    swapped = dict(zip(containers, reversed(containers.values()), strict=True))
    assert "breaks here" in told(archive(tmp_path / "a.zip", swapped, linking))


def test_hostile_zips_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    containers = three()
    good = zipped({**containers, "linkinginfo": linked(containers)})
    name = b"q1-request-1abc.asice"
    for content, reason in (
        (b"", "no zip"), (b"PK", "no zip"), (good[:-30], "no zip"), (good[:5000] + b"x" + good[5001:], ""), (b"x" * 70 + good, "before its first member"),
        (with_hidden_member(good), "does not list"), (with_other_local_name(good, name, b"q1-request-1abd.asice"), "under two names"),
    ):  # fmt: skip
        path.write_bytes(content)
        assert reason in told(path)
    with pytest.warns(UserWarning, match="Duplicate name"):
        path.write_bytes(
            zipped([*containers.items(), ("linkinginfo", linked(containers)), ("linkinginfo", b"- - SHA-512\n")])
        )
    assert "linkinginfo twice" in told(path)
    nested = {"q1.asice": zipped({"linkinginfo": linked(containers), **containers})}
    assert "no such container has" in told(archive(path, nested))
    assert "does not hold" not in told(archive(path, {"folder/q1.asice": zipped({})}))


def test_a_decompression_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    bomb = bytes(300 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zip_:
        zip_.writestr("linkinginfo", b"- - SHA-512\n" + b"ab" * 64 + b" q.asice\n")
        zip_.writestr("q.asice", bomb)
    assert "q.asice: q.asice unpacks to more than" in told(path)
    inner = zipped({**container(), "attachment1": bomb})
    assert "unpacks to more than" in told(archive(path, {"q.asice": inner}))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zip_:
        zip_.writestr("linkinginfo", bytes(40 << 20))
    assert "unpacks to more than" in told(path)


def test_every_byte_that_is_flipped_is_found(tmp_path: Path) -> None:
    """In a container, apart from what its zip says beside its files: there the archive's chain covers it."""
    path = tmp_path / "a.zip"
    containers = {"q.asice": zipped(container())}
    linking = linked(containers)
    content = containers["q.asice"]
    for place in range(0, len(content), 97):
        flipped = content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
        assert not verify_archive(archive(path, {"q.asice": flipped}, linking)).holds, place


@published
def test_published_archives_hold() -> None:
    verdicts = {path.name: verify_archive(path) for path in PUBLISHED.iterdir() if path.suffix in (".zip", ".asice")}
    assert verdicts
    assert {name: verdict.problems for name, verdict in verdicts.items()} == {name: [] for name in verdicts}


def published_container() -> Files:
    return unzipped(next(iter(unzipped((PUBLISHED / "mlog-WITH_LINKINGINFO.zip").read_bytes()).values())))


def stamped(files: Files, old: bytes, new: bytes) -> None:
    """Change the time stamp in the signature."""
    begin, end = b"<xades:SignatureTimeStamp>", b"</xades:SignatureTimeStamp>"
    before, _, rest = files[SIGNATURE].partition(begin)
    token, _, after = rest.partition(end)
    content = base64.b64decode(token)
    assert old in content
    files[SIGNATURE] = before + begin + base64.b64encode(content.replace(old, new)) + end + after


@published
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (replaced("message.xml", b"123</seed>", b"124</seed>"), "not what was signed"),
        (replaced(SIGNATURE, b"2015-05-19T06:33:43.481Z", b"2015-05-19T06:33:43.482Z"), "not what was signed"),
        (replaced(MANIFEST, b"message.xml", b"massage.xml"), "manifest"),
        (lambda files: files.update({SIGNATURE: unzipped((PUBLISHED / "valid-signed-message.asice").read_bytes())[SIGNATURE]}), "not what was signed"),
        (replaced(SIGNATURE, b"<xades:SignatureTimeStamp>MIAG", b"<xades:SignatureTimeStamp>MIAH"), "time stamp"),
        (replaced(SIGNATURE, b"LD529RAyHSoh0", b"LD529RAyHSoh1"), "time stamp"),
        (lambda files: stamped(files, b"20150519063403Z", b"20150519063404Z"), "changed after it was given"),
        (lambda files: stamped(files, b"\x17\x0d150519063403Z", b"\x17\x0d150519063404Z"), "signature does not hold"),
    ],
)  # fmt: skip
def test_published_archives_that_were_changed_do_not(
    tmp_path: Path, change: Callable[[Files], object], reason: str
) -> None:
    files = published_container()
    change(files)
    assert reason in told(of(tmp_path, files))


@published
def test_a_time_stamp_of_another_signature_is_refused(tmp_path: Path) -> None:
    files = published_container()
    other = unzipped((PUBLISHED / "valid-signed-message.asice").read_bytes())[SIGNATURE]
    begin, end = b"<xades:SignatureTimeStamp>", b"</xades:SignatureTimeStamp>"
    stamp = other[other.index(begin) : other.index(end)]
    own = files[SIGNATURE]
    files[SIGNATURE] = own[: own.index(begin)] + stamp + own[own.index(end) :]
    assert "over something else than this signature" in told(of(tmp_path, files))


def test_who_gives_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify_archive(tmp_path / "none.zip")

"""Hash chains of X-Road: one signature or time stamp over many files, of which this container holds some.

A step's digest is that of the DER of its values, each as SEQUENCE {digest, name of its algorithm, no transforms}.
"""

from collections.abc import Mapping

from asn1crypto.core import OctetString, Sequence, SequenceOf, UTF8String
from lxml import etree

from sharing.ledger.xroad.algorithms import digest_of
from sharing.ledger.xroad.errors import Broken
from sharing.ledger.xroad.xml import CHAIN, DS, parsed, raw

_MOST_STEPS = 10_000
_DEEPEST = 100


class _Transforms(SequenceOf):
    _child_spec = OctetString


class _SingleDigest(Sequence):
    # asn1crypto declares its structures so.
    _fields = [("digest", OctetString), ("method", UTF8String), ("transforms", _Transforms)]  # noqa: RUF012 — the library reads it from the class


class _DigestList(SequenceOf):
    _child_spec = _SingleDigest


def covered_by(result: str, files: Mapping[str, bytes]) -> dict[str, bool]:
    """The files that the chain result in the file `result` covers, each by its name and whether it is here and fits.

    A file that is not here is covered by its digest alone. Raises Broken where one that is here does not fit, or the chain itself.
    """
    return _Chain(files).covered(result)


class _Chain:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files, self._found, self._steps = files, dict[str, bool](), 0

    def covered(self, result: str) -> dict[str, bool]:
        root = parsed(self._files[result], result)
        if root.tag != f"{CHAIN}HashChainResult":
            raise Broken(f"{result} is no result of a hash chain")
        step = self._step(str(root.get("URI")), None, 0)
        if digest_of(_method(root, None), step) != raw(root.find(f"{DS}DigestValue")):
            raise Broken(f"{result} is not what its hash chain gives")
        return self._found

    def _step(self, uri: str, current: etree._Element | None, depth: int) -> bytes:
        """The DER whose digest stands for a step."""
        self._steps += 1
        if depth > _DEEPEST or self._steps > _MOST_STEPS:
            raise Broken("a hash chain goes on without an end")
        name, _, id_ = uri.partition("#")
        chain = self._chain(name) if name else current
        steps = [] if chain is None else [step for step in chain.findall(f"{CHAIN}HashStep") if step.get("id") == id_]
        if len(steps) != 1 or chain is None or not id_:
            raise Broken("a hash chain leads to a step that is not there once")
        values = [self._value(value, chain, depth) for value in steps[0] if isinstance(value.tag, str)]
        return bytes(
            _DigestList([{"digest": digest, "method": method, "transforms": []} for method, digest in values]).dump()
        )

    def _value(self, value: etree._Element, chain: etree._Element, depth: int) -> tuple[str, bytes]:
        method = _method(value, chain)
        if value.find(f"{DS}Transforms") is not None:
            raise Broken("a hash chain transforms what it covers")
        if value.tag == f"{CHAIN}StepRef":
            return method, digest_of(method, self._step(str(value.get("URI")), chain, depth + 1))
        stated = raw(value.find(f"{DS}DigestValue"))
        if value.tag == f"{CHAIN}DataRef":
            self._data(str(value.get("URI")).removeprefix("/"), method, stated)
        elif value.tag != f"{CHAIN}HashValue":
            raise Broken("a hash chain has a step of no known kind")
        # Also of what is not here: a weak algorithm anywhere in a chain makes all of it weak.
        if len(digest_of(method, b"")) != len(stated):
            raise Broken("a hash chain has a digest of another length than its algorithm gives")
        return method, stated

    def _data(self, name: str, method: str, stated: bytes) -> None:
        content = self._files.get(name)
        if content is not None and digest_of(method, content) != stated:
            raise Broken(f"{name} is not what the hash chain has")
        if name in self._found:
            raise Broken(f"a hash chain covers {name} twice")
        self._found[name] = content is not None

    def _chain(self, name: str) -> etree._Element:
        content = self._files.get(name.removeprefix("/"))
        if content is None:
            raise Broken("a hash chain leads to a file that is not there")
        root = parsed(content, name)
        if root.tag != f"{CHAIN}HashChain":
            raise Broken(f"{name.removeprefix('/')} is no hash chain")
        return root


def _method(value: etree._Element, chain: etree._Element | None) -> str:
    """The algorithm of a value, or the chain's."""
    own = value.find(f"{DS}DigestMethod")
    if own is None and chain is not None:
        own = chain.find(f"{CHAIN}DefaultDigestMethod")
    if own is None:
        raise Broken("a hash chain names no algorithm")
    return str(own.get("Algorithm"))

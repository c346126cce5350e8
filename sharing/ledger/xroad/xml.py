"""XML of strangers: no document type, no entities, nothing fetched."""

import base64
import binascii

from lxml import etree

from sharing.ledger.xroad.errors import Broken

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
ASIC = "{http://uri.etsi.org/02918/v1.2.1#}"
CHAIN = "{http://cyber.ee/hashchain}"
MANIFEST = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"


def parsed(content: bytes, name: str) -> etree._Element:
    """The root element. Raises Broken."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Broken(f"{name} is no XML") from None
    if root.getroottree().docinfo.doctype:
        raise Broken(f"{name} has a document type")
    return root


def only(element: etree._Element, path: str, what: str) -> etree._Element:
    """The one element at a path. Raises Broken where there is none or several."""
    found = element.findall(path)
    if len(found) != 1:
        raise Broken(f"there {'is no' if not found else 'are several of'} {what}")
    return found[0]


def raw(element: etree._Element | None) -> bytes:
    """What an element holds in base64. Raises Broken."""
    text = "".join((element.text or "").split()) if element is not None else ""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken("a value is no base64") from None

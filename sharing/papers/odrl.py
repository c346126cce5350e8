"""An agreement as a policy of ODRL 2.2 in JSON-LD, for the rights engines of others.

The context stands in the document, with the terms of http://www.w3.org/ns/odrl.jsonld that it uses: what it means is known without a
network. It says what the signed text allows, and is not that text: places that contracts may name, and a product's risk limits,
format and delivery, stay there. The hash of the signed text is its `isFormatOf`, as a name of RFC 6920.
"""

import base64
from typing import Any
from urllib.parse import quote

from sharing.agreements.model import Agreement, Pull
from sharing.agreements.parties import Party
from sharing.agreements.product import Product
from sharing.papers.words import DPV, purpose_iri

_ID, _TERM = {"@type": "@id"}, {"@type": "@vocab"}
_TERMS = (
    "Agreement", "Asset", "AssetCollection", "Party", "Permission", "Prohibition", "Duty", "Constraint", "perm", "use", "reproduce",
    "read", "derive", "distribute", "delete", "obtainConsent", "reviewPolicy", "purpose", "dateTime", "delayPeriod", "recipient",
    "eq", "gteq", "lteq", "isAnyOf",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "dpv": DPV,
    "uid": "@id",
    **{term: f"odrl:{term}" for term in _TERMS},
    **{
        name: {"@id": f"odrl:{name}"} | _ID
        for name in ("permission", "prohibition", "obligation", "duty", "constraint", "target", "assigner", "assignee", "partOf")
    },
    **{name: {"@id": f"odrl:{name}"} | _TERM for name in ("action", "conflict", "leftOperand", "operator")},
    "rightOperand": "odrl:rightOperand",
    "columns": {"@reverse": "odrl:partOf"},
    "title": "dct:title",
    "description": "dct:description",
    "name": "foaf:name",
    "isFormatOf": {"@id": "dct:isFormatOf"} | _ID,
    "replaces": {"@id": "dct:replaces"} | _ID,
}  # fmt: skip
# What a feed is agreed for: its rows are taken and kept, looked at, and made into shared tables. Giving it on is another action.
_PULLING = ("reproduce", "read", "derive")


def as_odrl(agreement: Agreement, parties: dict[str, Party]) -> dict[str, Any]:
    """An odrl:Agreement: a permission for each feed and product; any other use of these feeds, and giving on anything else of these relations,
    is prohibited."""
    policy = {
        "@context": _CONTEXT,
        "@type": "Agreement",
        "uid": _policy(agreement),
        "title": agreement.title,
        "description": f"{agreement.law}, {agreement.article}. {agreement.purpose_text}",
        "isFormatOf": _hash_name(agreement.digest),
        "conflict": "perm",
        "permission": [
            *(_pulling(agreement, pull, parties) for pull in agreement.pulls),
            *(_releasing(agreement, product, parties) for product in agreement.products),
        ],
        "prohibition": [
            *(_anything_else(agreement, "use", _feed(feed)) for feed in agreement.feeds),
            *(
                _anything_else(agreement, "distribute", _relation(name))
                for name in sorted({one.relation for one in agreement.products})
            ),
        ],
        "obligation": _obligations(agreement),
    }
    return policy | ({"replaces": _hash_name(agreement.previous)} if agreement.previous else {})


def _pulling(agreement: Agreement, pull: Pull, parties: dict[str, Party]) -> dict[str, Any]:
    consent = {"@type": "Duty", "action": "obtainConsent"}
    uid = f"{_policy(agreement)}:pull:{quote(pull.feed, safe='')}"
    rule = {
        "@type": "Permission",
        "assigner": _party(agreement.provider, parties),
        "assignee": _party(agreement.recipient, parties),
        "action": list(_PULLING),
        "target": _collection(uid, _feed(pull.feed), dict.fromkeys(sorted(pull.columns), "")),
        "constraint": _constraints(agreement),
    }
    return rule | ({"duty": [consent]} if agreement.needs_consent else {})


def _releasing(agreement: Agreement, product: Product, parties: dict[str, Party]) -> dict[str, Any]:
    given = {name: treatment.words for name, treatment in product.given.items()}
    target = _collection(f"{_policy(agreement)}:product:{product.id}", _relation(product.relation), given)
    target["title"] = product.id
    if product.rows is not None:
        target["description"] = f"Only rows where {product.rows}"
    to = {
        "@type": "Constraint",
        "leftOperand": "recipient",
        "operator": "isAnyOf",
        "rightOperand": [{"@id": _party_iri(name)} for name in product.recipients],
    }
    return {
        "@type": "Permission",
        "assigner": _party(agreement.provider, parties),
        "assignee": _party(agreement.recipient, parties),
        "action": "distribute",
        "target": target,
        "constraint": [*_constraints(agreement), to],
    }


def _constraints(agreement: Agreement) -> list[dict[str, Any]]:
    """Every purpose that is allowed, the narrower ones by name, and the days, both included."""
    return [
        {
            "@type": "Constraint",
            "leftOperand": "purpose",
            "operator": "isAnyOf",
            "rightOperand": [{"@id": purpose_iri(term)} for term in sorted(agreement.purposes)],
        },
        _when("gteq", agreement.valid_from.isoformat()),
        _when("lteq", agreement.valid_until.isoformat()),
    ]


def _when(operator: str, day: str) -> dict[str, Any]:
    return {
        "@type": "Constraint",
        "leftOperand": "dateTime",
        "operator": operator,
        "rightOperand": {"@value": day, "@type": "xsd:date"},
    }


def _anything_else(agreement: Agreement, action: str, target: str) -> dict[str, Any]:
    """A permission goes before it (`conflict`): what is left is everything else."""
    return {
        "@type": "Prohibition",
        "assigner": {"uid": _party_iri(agreement.provider)},
        "assignee": {"uid": _party_iri(agreement.recipient)},
        "action": action,
        "target": {"@type": "AssetCollection", "uid": target},
    }


def _obligations(agreement: Agreement) -> list[dict[str, Any]]:
    after = {
        "@type": "Constraint",
        "leftOperand": "delayPeriod",
        "operator": "eq",
        "rightOperand": {"@value": agreement.retention, "@type": "xsd:duration"},
    }
    parties = {
        "assigner": {"uid": _party_iri(agreement.provider)},
        "assignee": {"uid": _party_iri(agreement.recipient)},
    }
    taken = [{"@type": "AssetCollection", "uid": _feed(feed)} for feed in agreement.feeds]
    review = {"@type": "Duty", **parties, "action": "reviewPolicy", "constraint": [_when("lteq", agreement.review_on.isoformat())]}  # fmt: skip
    return [{"@type": "Duty", **parties, "action": "delete", "target": taken, "constraint": [after]}, review]


def _collection(uid: str, whole: str, columns: dict[str, str]) -> dict[str, Any]:
    """The agreed part of a feed or relation: the assets that its columns are, each with what is done to it, and itself part of the whole."""
    parts = [
        {"@type": "Asset", "uid": f"{whole}:{quote(name, safe='')}", "title": name}
        | ({"description": done} if done else {})
        for name, done in columns.items()
    ]
    return {"@type": "AssetCollection", "uid": uid, "partOf": whole, "columns": parts}


def _party(id_: str, parties: dict[str, Party]) -> dict[str, Any]:
    known = parties.get(id_)
    return {"@type": "Party", "uid": _party_iri(id_), "name": known.name if known else id_}


def _policy(agreement: Agreement) -> str:
    return f"urn:interagency:agreement:{agreement.id}:{agreement.version}"


def _party_iri(id_: str) -> str:
    return f"urn:interagency:party:{id_}"


def _feed(name: str) -> str:
    return f"urn:interagency:feed:{quote(name, safe='')}"


def _relation(name: str) -> str:
    return f"urn:interagency:relation:{name}"


def _hash_name(digest: str) -> str:
    """`sha256:` and hexadecimal digits as `ni:///sha-256;` and base64url."""
    raw = bytes.fromhex(digest.removeprefix("sha256:"))
    return f"ni:///sha-256;{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"

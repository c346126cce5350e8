"""Agreements as policies of ODRL: read as RDF by a library that knows the vocabulary, they say what the agreements say, and no more."""

import base64
import json
from pathlib import Path
from typing import Any

import rdflib
from rdflib import ODRL2, RDF, Graph, Literal, URIRef

from sharing.agreements.model import Agreement
from sharing.agreements.register import read_register
from sharing.papers.odrl import as_odrl
from sources.contract.model import Contract
from tests.agreements import put, text
from tests.sharing.papers.conftest import Everything, command
from warehouse.home import Home

DPV = "https://w3id.org/dpv#"
PRODUCT = {
    "id": "towns", "relation": "marts.things", "rows": "town = 'Tartu'", "recipients": ["tests-university"], "format": "csv", "delivery": "folder",
    "columns": {"town": {"treatment": "keep"}, "note": {"treatment": "drop"}, "id": {"treatment": "generalise", "to": "100"}},
}  # fmt: skip


def graph_of(policy: dict[str, Any]) -> Graph:
    return Graph().parse(data=json.dumps(policy), format="json-ld")


def one(graph: Graph, kind: URIRef) -> URIRef:
    (found,) = graph.subjects(RDF.type, kind)
    return URIRef(found)


def operands(graph: Graph, rule: Any, left: URIRef, operator: URIRef | None = None) -> set[Any]:
    """The right sides of a rule's constraints on `left`."""
    return {
        right
        for constraint in graph.objects(rule, ODRL2.constraint)
        if (constraint, ODRL2.leftOperand, left) in graph
        and operator in (None, graph.value(constraint, ODRL2.operator))
        for right in graph.objects(constraint, ODRL2.rightOperand)
    }


def columns_of(graph: Graph, collection: Any) -> set[str]:
    return {
        str(graph.value(part, URIRef("http://purl.org/dc/terms/title")))
        for part in graph.subjects(ODRL2.partOf, collection)
    }


def test_every_agreement_is_a_policy_with_what_the_standard_asks_for(everything: Everything) -> None:
    assert len(everything.agreements) >= 12
    known = {URIRef(f"{ODRL2._NS}{name}") for name in ODRL2.__annotations__}
    for agreement in everything.agreements:
        graph = graph_of(as_odrl(agreement, everything.platform.register.parties))
        policy = one(graph, ODRL2.Agreement)
        rules = [*graph.objects(policy, ODRL2.permission), *graph.objects(policy, ODRL2.prohibition)]
        assert len(rules) == 2 * len(agreement.feeds)
        for rule in rules:
            for name in (ODRL2.assigner, ODRL2.assignee, ODRL2.target, ODRL2.action):
                assert list(graph.objects(rule, name)), (agreement.id, name)
        used = {
            term for triple in graph for term in triple if isinstance(term, URIRef) and term.startswith(str(ODRL2._NS))
        }
        assert used <= known, f"no terms of the vocabulary: {sorted(used - known)}"
        names = [str(term) for term in graph.all_nodes() if isinstance(term, URIRef) and "://" not in term]
        assert all(name.startswith("urn:interagency:") for name in names), "a word that the context does not know"


def test_a_permission_names_the_agreed_columns_purposes_and_days(everything: Everything) -> None:
    for agreement in everything.agreements:
        graph = graph_of(as_odrl(agreement, everything.platform.register.parties))
        agreed = {pull.feed: set(pull.columns) for pull in agreement.pulls}
        for rule in graph.subjects(RDF.type, ODRL2.Permission):
            target = graph.value(rule, ODRL2.target)
            feed = str(graph.value(target, ODRL2.partOf)).rpartition(":")[2].replace("%2F", "/")
            assert columns_of(graph, target) == agreed.pop(feed)
            assert operands(graph, rule, ODRL2.purpose) == {URIRef(DPV + term[4:]) for term in agreement.purposes}
            assert operands(graph, rule, ODRL2.dateTime, ODRL2.gteq) == {Literal(agreement.valid_from)}
            assert operands(graph, rule, ODRL2.dateTime, ODRL2.lteq) == {Literal(agreement.valid_until)}
            assert ODRL2.distribute not in graph.objects(rule, ODRL2.action)
        assert agreed == {}


def test_all_else_is_prohibited_and_rows_are_deleted_after_their_time(everything: Everything) -> None:
    agreement = everything.signed("civil-registry").agreement
    graph = graph_of(as_odrl(agreement, everything.platform.register.parties))
    policy = one(graph, ODRL2.Agreement)
    assert graph.value(policy, ODRL2.conflict) == ODRL2.perm
    feeds = {URIRef(f"urn:interagency:feed:{feed.replace('/', '%2F')}") for feed in agreement.feeds}
    prohibitions = list(graph.objects(policy, ODRL2.prohibition))
    assert {graph.value(rule, ODRL2.target) for rule in prohibitions} == feeds
    assert {graph.value(rule, ODRL2.action) for rule in prohibitions} == {ODRL2.use}
    duties = {graph.value(duty, ODRL2.action): duty for duty in graph.objects(policy, ODRL2.obligation)}
    assert operands(graph, duties[ODRL2.delete], ODRL2.delayPeriod) == {Literal("P1Y", datatype=rdflib.XSD.duration)}
    assert set(graph.objects(duties[ODRL2.delete], ODRL2.target)) == feeds
    assert operands(graph, duties[ODRL2.reviewPolicy], ODRL2.dateTime) == {Literal(agreement.review_on)}


def test_the_policy_names_the_signed_text_by_its_hash(everything: Everything) -> None:
    agreement = everything.signed("civil-registry").agreement
    name = as_odrl(agreement, {})["isFormatOf"].removeprefix("ni:///sha-256;")
    assert f"sha256:{base64.urlsafe_b64decode(name + '=').hex()}" == agreement.digest


def with_product(things: Contract, **said: Any) -> Agreement:
    return Agreement.of(text("tests-things", [things.path], products=[PRODUCT], **said))


def test_a_product_may_be_distributed_to_its_recipients_alone(things: Contract) -> None:
    graph = graph_of(as_odrl(with_product(things), {}))
    ruled = {graph.value(rule, RDF.type): rule for rule in graph.subjects(ODRL2.action, ODRL2.distribute)}
    rule = ruled[ODRL2.Permission]
    assert operands(graph, rule, ODRL2.recipient) == {URIRef("urn:interagency:party:tests-university")}
    target = graph.value(rule, ODRL2.target)
    assert columns_of(graph, target) == {"town", "id"}
    described = {str(found) for found in graph.objects(None, URIRef("http://purl.org/dc/terms/description"))}
    assert {"keep", "generalise to 100", "Only rows where town = 'Tartu'"} <= described
    assert graph.value(ruled[ODRL2.Prohibition], ODRL2.target) == URIRef("urn:interagency:relation:marts.things")


def test_consent_is_a_duty_before_a_feed_is_used_where_it_is_required(things: Contract) -> None:
    for consent, count in (("required", 1), ("none", 0)):
        graph = graph_of(as_odrl(with_product(things, consent=consent), {}))
        duties = [
            duty for rule in graph.subjects(RDF.type, ODRL2.Permission) for duty in graph.objects(rule, ODRL2.duty)
        ]
        assert [graph.value(duty, ODRL2.action) for duty in duties] == [ODRL2.obtainConsent] * count


def test_the_command_writes_to_the_terminal_or_a_file(
    folder: Path, things: Contract, home: Home, tmp_path: Path
) -> None:
    agreed = put(folder, text("tests-things", [things.path]))
    shown = json.loads(command("export", "tests-things").stdout)
    command("export", "tests-things", "--out", str(tmp_path / "policy.jsonld"))
    assert json.loads((tmp_path / "policy.jsonld").read_text(encoding="utf-8")) == shown
    assert shown == as_odrl(read_register().by_id(agreed.stem).agreement, read_register().parties)
    assert "there is no agreement 'other'" in command("export", "other", code=1).output
    (tmp_path / "file").touch()
    assert (
        "cannot be written" in command("export", "tests-things", "--out", str(tmp_path / "file" / "x"), code=1).output
    )

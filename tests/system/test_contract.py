"""The document itself: closed, resolvable, and strict enough to catch a wrong member."""

import re

import jsonschema
import pytest

from validate import DOCUMENT, Contract, ContractViolation

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def contract():
    return Contract.load()


def walk(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for name, child in node.items():
            yield from walk(child, f"{path}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from walk(child, f"{path}/{index}")


def test_every_reference_leads_somewhere(contract):
    for _, node in walk(contract.document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            contract.resolver.resolve(node["$ref"])


def test_every_schema_is_one(contract):
    for schema in contract.document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_object_is_closed(contract):
    for path, node in walk(contract.document["components"]["schemas"]):
        if isinstance(node, dict) and "properties" in node and "type" in node:
            assert node.get("additionalProperties") is False, path


def test_every_operation_has_a_name_of_its_own(contract):
    names = [contract.document["paths"][template][method.lower()]["operationId"]
             for method, template in contract.operations() if method != "HEAD"]
    assert len(names) == len(set(names))


EVENT = {"specversion": "1.0", "id": "1", "source": "/v1/topics/t", "type": "T", "stream": "s",
         "version": 0, "partition": 0, "index": 0, "offset": "1", "data": {"a": 1}}


@pytest.mark.parametrize("change", [
    {"surprise-": 1}, {"offset": 1}, {"version": "0"}, {"version": -1}, {"extension": 1.5},
    {"extension": None}, {"data_base64": "YQ=="}, {"time": "yesterday"}, {"specversion": "0.3"},
    {"Type": "T"}, {"offset": "01"}, {"stream": None}])
def test_a_wrong_member_of_an_event_is_found(contract, change):
    contract.check_schema("StreamEvent", EVENT)
    with pytest.raises(ContractViolation):
        contract.check_schema("StreamEvent", {**EVENT, **change})


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type", "stream", "version",
                                     "partition", "index", "offset"])
def test_a_missing_member_of_an_event_is_found(contract, missing):
    with pytest.raises(ContractViolation):
        contract.check_schema("StreamEvent", {k: v for k, v in EVENT.items() if k != missing})


def test_extension_attributes_are_welcome(contract):
    contract.check_schema("StreamEvent", {**EVENT, "routing": "a.b", "retry": 3, "dry": True})


@pytest.mark.parametrize("status, headers, body", [
    (200, JSON, '{"topics":[],"more":1}'),
    (200, JSON, '{"topics":[],"topics":[]}'),
    (200, {"Content-Type": "text/html"}, '{"topics":[]}'),
    (200, {**JSON, "Bitacora-Surprise": "1"}, '{"topics":[]}'),
    (201, JSON, '{"topics":[]}'),
    (503, {"Content-Type": "application/problem+json"}, "{}"),
])
def test_a_wrong_answer_is_found(contract, status, headers, body):
    contract.check("GET", "/v1/topics", 200, JSON, '{"topics":[]}')
    with pytest.raises(ContractViolation):
        contract.check("GET", "/v1/topics", status, headers, body)


@pytest.mark.parametrize("headers, code", [({}, 42900), ({"Retry-After": "soon"}, 42900),
                                           ({"Retry-After": "1"}, 50300)])
def test_a_problem_says_its_status_and_when_to_retry(contract, headers, code):
    def check(more, number):
        body = ('{"type":"urn:bitacora:problem:overloaded","title":"t","status":429,"detail":"d",'
                f'"code":{number}}}')
        contract.check("GET", "/v1/topics", 429,
                       {"Content-Type": "application/problem+json", **more}, body)

    check({"Retry-After": "1"}, 42900)
    with pytest.raises(ContractViolation):
        check(headers, code)


def test_paths_find_their_template(contract):
    assert contract.template("/v1/topics/a%2Fb/streams/%2F/events?limit=1") == \
        "/v1/topics/{topic}/streams/{stream}/events"
    assert contract.template("/v1/nothing") is None


def test_the_routes_are_those_of_the_document(contract):
    """Both ways: nothing is served that is not declared, and nothing is declared that is not."""
    sources = (DOCUMENT.parents[1] / "src").glob("*_routes.cc")
    route = re.compile(r'Handler\(context,\s*"([A-Z]+)",\s*"([^"]+)"')
    served = [match for source in sources for match in route.findall(source.read_text("utf-8"))]
    assert len(served) == len(set(served)) > 10
    declared = {operation for operation in contract.operations() if operation[0] != "HEAD"}
    assert set(served) == declared

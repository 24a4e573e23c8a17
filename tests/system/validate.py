"""Holds answers of the server to api/openapi/openapi.json.

    contract = Contract.load()
    contract.check("GET", "/v1/topics", 200, {"Content-Type": "application/json"}, b'{"topics":[]}')

`check` takes the path as it was requested, or a template. It raises ContractViolation, with the
place and the reason, for a status, a header, a media type or a member the document does not know.
"""

import json
import pathlib
import re
import urllib.parse

import jsonschema

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "api" / "openapi" / "openapi.json"

# Fields of HTTP itself, allowed in every answer. All others have to be declared.
HTTP_FIELDS = {
    "allow", "cache-control", "connection", "content-length", "content-type", "date", "keep-alive",
    "server", "traceparent", "tracestate", "transfer-encoding", "vary", "x-content-type-options",
    "x-request-id",
}


class ContractViolation(AssertionError):
    pass


def parse_json(text):
    """JSON as the contract means it: no member twice, no NaN."""

    def members(pairs):
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise ContractViolation(f"a member comes twice: {names}")
        return dict(pairs)

    def constant(name):
        raise ContractViolation(f"{name} is no JSON")

    return json.loads(text, object_pairs_hook=members, parse_constant=constant)


class Contract:
    def __init__(self, document):
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.templates = []
        for template in document["paths"]:
            pattern = re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(template))
            # Templates without variables first: /v1/topics is no /v1/{x}.
            self.templates.append((template.count("{"), re.compile(pattern + r"\Z"), template))
        self.templates.sort(key=lambda entry: entry[0])

    @classmethod
    def load(cls, path=DOCUMENT):
        return cls(parse_json(pathlib.Path(path).read_text(encoding="utf-8")))

    def template(self, path):
        """The template `path` belongs to, or None."""
        path = urllib.parse.urlsplit(path).path
        if path in self.document["paths"]:
            return path
        for _, pattern, template in self.templates:
            if pattern.match(path):
                return template
        return None

    def operations(self):
        """All (METHOD, template), HEAD where there is a GET."""
        for template, item in self.document["paths"].items():
            for method in ("get", "put", "post", "delete", "patch"):
                if method in item:
                    yield method.upper(), template
            if "get" in item:
                yield "HEAD", template

    def check(self, method, path, status, headers, body):
        where = f"{method} {path}: {status}"
        headers = {name.lower(): value for name, value in dict(headers).items()}
        template = self.template(path)
        item = self.document["paths"].get(template, {})
        operation = item.get("get" if method == "HEAD" else method.lower())
        if operation is None:
            self._check_refusal(where, status, headers, body, method, known_path=bool(item))
            return
        response = operation["responses"].get(str(status))
        if response is None:
            raise ContractViolation(f"{where} is not declared; body: {body[:500]!r}")
        response = self._resolve(response)
        self._check_headers(where, response, headers)
        self._check_body(where, response, method, status, headers, body)

    def check_schema(self, name, value):
        """Holds `value` to one of the schemas in components."""
        self._validate(name, {"$ref": f"#/components/schemas/{name}"}, value)

    def _check_refusal(self, where, status, headers, body, method, known_path):
        """An answer to a request of no operation: a problem document, whatever it says."""
        if known_path and status == 405 and "allow" not in headers:
            raise ContractViolation(f"{where} lacks Allow")
        if method == "OPTIONS" and status == 204:
            return
        if status < 400:
            raise ContractViolation(f"{where}: no such operation is declared")
        response = {"content": {"application/problem+json": {
            "schema": {"$ref": "#/components/schemas/Problem"}}}}
        self._check_body(where, response, method, status, headers, body)

    def _resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def _check_headers(self, where, response, headers):
        declared = {name.lower(): self._resolve(header)
                    for name, header in response.get("headers", {}).items()}
        for name, header in declared.items():
            if name not in headers:
                if header.get("required"):
                    raise ContractViolation(f"{where} lacks {name}")
                continue
            value = headers[name]
            schema = self._resolve(header["schema"])
            if schema.get("type") == "integer":
                if not re.fullmatch(r"0|[1-9][0-9]*", value):
                    raise ContractViolation(f"{where}: {name}: {value!r} is no number")
                value = int(value)
            self._validate(f"{where}: {name}", header["schema"], value)
        unknown = set(headers) - set(declared) - HTTP_FIELDS
        if unknown:
            raise ContractViolation(f"{where} has fields that are not declared: {sorted(unknown)}")

    def _check_body(self, where, response, method, status, headers, body):
        content = response.get("content")
        if content is None or method == "HEAD":
            if body:
                raise ContractViolation(f"{where} has a body: {body[:200]!r}")
            if content is None:
                return
        media_type = headers.get("content-type", "").split(";")[0].strip().lower()
        if media_type not in content:
            raise ContractViolation(f"{where} is {media_type!r}, not one of {list(content)}")
        if method == "HEAD":
            return
        text = body.decode("utf-8") if isinstance(body, bytes) else body
        is_json = media_type == "application/json" or media_type.endswith("+json")
        value = parse_json(text) if is_json else text
        self._validate(where, content[media_type]["schema"], value)
        if media_type == "application/problem+json":
            self._check_problem(where, status, value)

    def _check_problem(self, where, status, problem):
        if problem["status"] != status:
            raise ContractViolation(f"{where}: the problem says {problem['status']}")
        if problem["code"] // 100 != status:
            raise ContractViolation(f"{where}: code {problem['code']} does not begin with the status")

    def _validate(self, where, schema, value):
        validator = jsonschema.Draft202012Validator(
            schema, resolver=self.resolver, format_checker=jsonschema.FormatChecker())
        errors = sorted(validator.iter_errors(value), key=lambda error: list(error.absolute_path))
        if not errors:
            return
        error = jsonschema.exceptions.best_match(errors)
        place = "/".join(str(step) for step in error.absolute_path) or "(root)"
        raise ContractViolation(f"{where}: at {place}: {error.message}\nin {value!r:.2000}")

"""The description of our paths in OpenAPI 3.1, made from the very schemas that check what comes.

It is public, so it names neither models nor llms. https://spec.openapis.org/oas/v3.1.1.html
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import CODES, LLMProxyError
from llmproxy.dialects.base import ClientDialect
from llmproxy.dialects.fields import BodyField
from llmproxy.dialects.lookups import Lookup
from llmproxy.dialects.paths import templates_of
from llmproxy.gateway import Endpoint, Gateway
from llmproxy.web.auth import BEARER
from llmproxy.web.passthrough import METHODS
from llmproxy.web.presence import TIMEOUT_HEADER

# Of these paths, and not of the software: which that is, is nobody's business who has no key.
VERSION = "1"

_JSON = "application/json"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ANYTHING_BUT_NULL = ["array", "boolean", "number", "object", "string"]
_SUMMARIES = {"chat": "Asks a model.", "embeddings": "Embeds texts.", "count": "Counts the tokens of a prompt."}
# Of the codes, those that no answer to a request has: at start-up, after a 200, for nobody.
_NO_ANSWER = {"invalid_config", "client_gone", *(code for code, row in CODES.items() if row.settlement == "partial")}

_HEADERS = {
    "x-request-id": {"description": "The request's id.", "schema": {"type": "string"}},
    "x-llmproxy-attempts": {"description": "How many attempts were started.", "schema": {"type": "integer"}},
    "x-llmproxy-llm": {"description": "Who has answered.", "schema": {"type": "string"}},
    "x-llmproxy-model": {"description": "Which of its models.", "schema": {"type": "string"}},
    "x-llmproxy-dropped": {"description": "Members that the model could not be told.", "schema": {"type": "string"}},
    "x-llmproxy-error": {"description": "The code of the error.", "schema": {"type": "string"}},
    "x-should-retry": {"description": "Whether it may help to ask again.", "schema": {"enum": ["true", "false"]}},
    "Retry-After": {"description": "Not before so many seconds.", "schema": {"type": "integer", "minimum": 1}},
}
_OF_ANSWERS = ("x-request-id", "x-llmproxy-attempts", "x-llmproxy-llm", "x-llmproxy-model", "x-llmproxy-dropped")
_OF_ERRORS = ("x-request-id", "x-llmproxy-attempts", "x-llmproxy-error", "x-should-retry", "Retry-After")


def describe(gateway: Gateway, *, needs_key: bool) -> dict[str, Any]:
    """Everything that a gateway answers, without `servers`.

    Args:
        gateway: Whose routes and dialects.
        needs_key: Whether callers must have one of our keys.
    """
    description = _Description(gateway.dialects, needs_key)
    for endpoint in gateway.endpoints.values():
        description.add_endpoint(endpoint)
    for prefix in gateway.prefixes:
        for path, choices in gateway.lookups.items():
            description.add_lookup(prefix + path, choices)
        description.add_passthrough(f"{prefix}/passthrough/{{llm}}/{{path}}")
    description.add_own_paths()
    return description.spec.to_dict()


class _Description:
    """What has been described so far.

    Args:
        dialects: Whose schemas the paths may refer to.
        needs_key: Whether callers must have one of our keys.
    """

    def __init__(self, dialects: Sequence[ClientDialect], needs_key: bool) -> None:
        # What has no name here is written where it stands: plug-ins may call theirs what they like.
        plugin = MarshmallowPlugin(schema_name_resolver=lambda schema: "")
        self.spec = APISpec("llmproxy", VERSION, "3.1.0", plugins=[plugin])
        plugin.converter.add_attribute_function(_said_by_field)  # type: ignore[union-attr]  # now it has one
        self._dialects = dialects
        self._needs_key = needs_key
        self._names: dict[type[Schema], str] = {}
        self._errors: dict[tuple[str, ...], dict[str, str]] = {}
        self._add_components()

    def add_endpoint(self, endpoint: Endpoint) -> None:
        dialect = endpoint.dialect
        for path, said in templates_of(endpoint.path):
            operation = {
                "summary": _SUMMARIES[dialect.request_class.purpose],
                "requestBody": {"required": True, "content": _json(self._ref(dialect.schema, dialect, "request"))},
                "responses": {"200": self._answer(dialect, {**endpoint.said, **said}), **self._errors_of([dialect])},
            }
            headers = ("x-request-id", TIMEOUT_HEADER, *dialect.forwarded_headers)
            parameters = [*map(_header, headers), *(_query(name, schema) for name, schema in dialect.query.items())]
            self._add_path(path, {"post": operation}, [dialect], parameters)

    def add_lookup(self, path: str, choices: Sequence[tuple[ClientDialect, Lookup]]) -> None:
        """A path that several dialects may share: each answers its own clients."""
        method = choices[0][1].method.lower()
        dialects = [dialect for dialect, _ in choices]
        operation: dict[str, Any] = {
            "summary": "Looks something up.",
            "responses": {"200": _response("What there is.", _OF_ANSWERS[:1], _json({"type": "object"}))},
        }
        operation["responses"].update(self._errors_of(dialects))
        if method == "post":
            operation["requestBody"] = {"required": True, "content": _json(choices[0][1].body)}
        markers = [dialect.marker for dialect in dialects if dialect.marker not in (None, dialect.key_header)]
        for template, _ in templates_of(path):
            self._add_path(template, {method: operation}, dialects, [_header(marker) for marker in markers if marker])

    def add_passthrough(self, path: str) -> None:
        operation = {
            "summary": "Passes a call of an llm's own API on.",
            "responses": {"default": {"description": "The llm's own answer, or an error of ours."}},
        }
        methods = {method.lower(): dict(operation) for method in METHODS}
        self._add_path(path, methods, self._dialects, [], tag="passthrough")

    def add_own_paths(self) -> None:
        well = _response("It does.", ["x-request-id"], _json({"type": "object", "required": ["status"]}))
        whole = _response("This.", ["x-request-id"], _json({"type": "object", "required": ["openapi", "paths"]}))
        for path, summary, answers in (
            ("/livez", "Whether the process serves.", {"200": well}),
            ("/readyz", "Whether it takes requests.", {"200": well, "503": {**well, "description": "It does not."}}),
            ("/openapi.json", "This description.", {"200": whole}),
        ):
            operation = {"summary": summary, "tags": ["proxy"], "security": [], "responses": answers}
            self.spec.path(path, operations={"get": operation})

    def _add_components(self) -> None:
        components = self.spec.components
        for name, header in _HEADERS.items():
            components.header(name, header)
        components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
        for name in _key_headers(self._dialects):
            components.security_scheme(name, {"type": "apiKey", "in": "header", "name": name})

    def _add_path(
        self,
        path: str,
        operations: dict[str, Any],
        dialects: Sequence[ClientDialect],
        parameters: list[dict[str, Any]],
        tag: str | None = None,
    ) -> None:
        common = {"tags": [tag or dialects[0].name], "security": self._security(dialects)}
        self.spec.path(
            path,
            operations={method: {**operation, **common} for method, operation in operations.items()},
            parameters=[*(_placeholder(name) for name in _PLACEHOLDER.findall(path)), *parameters],
        )

    def _security(self, dialects: Iterable[ClientDialect]) -> list[dict[str, list[str]]]:
        """Any one of the ways in which a key may come."""
        return [{name: []} for name in ("bearer", *_key_headers(dialects))] if self._needs_key else []

    def _answer(self, dialect: ClientDialect, said: Mapping[str, str]) -> dict[str, Any]:
        """What an answer may be: whole, a stream, or either, as the body or the path wants it."""
        context = RequestContext(path=said)
        forms = [dialect.request_class({"stream": stream}, context, dialect).stream for stream in (False, True)]
        content = {} if all(forms) else _json(self._ref(dialect.answer_schema, dialect, "answer"))
        if any(forms):
            content |= {_media_type(kind): {} for kind in dialect.stream_types or (dialect.stream_type,)}
        return _response("The answer.", _OF_ANSWERS, content)

    def _errors_of(self, dialects: Sequence[ClientDialect]) -> dict[str, str]:
        """The names of the components that are these dialects' errors, by status."""
        names = tuple(dialect.name for dialect in dialects)
        if names not in self._errors:
            self._errors[names] = self._add_errors("-".join(names), dialects)
        return self._errors[names]

    def _add_errors(self, name: str, dialects: Sequence[ClientDialect]) -> dict[str, str]:
        shapes = [self._ref(dialect.error_schema, dialect, "error") for dialect in dialects]
        content = _json(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})
        texts: dict[str, list[str]] = {}
        for dialect in dialects:
            for status, text in _refusals(dialect):
                texts.setdefault(status, []).append(text)
        for status, said in texts.items():
            response = _response(" ".join(dict.fromkeys(said)), _OF_ERRORS, content)
            self.spec.components.response(f"{name}.{status}", response)
        return {status: f"{name}.{status}" for status in texts}

    def _ref(self, schema: Schema, dialect: ClientDialect, part: str) -> dict[str, str]:
        """A reference to a schema, which bears the name of the first dialect that has it."""
        kind = type(schema)
        if kind not in self._names:
            self._names[kind] = f"{dialect.name}.{part}"
            besides = dict(getattr(schema, "json_schema", {}))
            self.spec.components.schema(self._names[kind], besides, schema=schema)
        return {"$ref": f"#/components/schemas/{self._names[kind]}"}


def _said_by_field(converter: Any, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """What a field of our own says of itself; and that null is not just anything."""
    if type(field) is fields.Raw and not field.allow_none:
        return {"type": _ANYTHING_BUT_NULL}
    if not isinstance(field, BodyField):
        return {}
    said = copy.deepcopy(dict(field.json_schema))
    kinds = said["type"] if isinstance(said["type"], list) else [said["type"]]
    return {**said, "type": [*kinds, "null"]} if field.allow_none else said


def _refusals(dialect: ClientDialect) -> Iterable[tuple[str, str]]:
    """The statuses and the texts of our own errors, and what stands for those that upstreams have."""
    for code, row in CODES.items():
        if code not in _NO_ANSWER:
            yield str(dialect.write_error(LLMProxyError(code=code), RequestContext())[0]), row.message
    yield "4XX", "The provider refused the request."


def _response(text: str, headers: Iterable[str], content: Mapping[str, Any]) -> dict[str, Any]:
    references = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    return {"description": text, "headers": references, "content": content}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {_JSON: {"schema": schema}}


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0]


def _placeholder(name: str) -> dict[str, Any]:
    said = {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return said if name == "llm" else {**said, "description": "It may have slashes."}


def _header(name: str) -> dict[str, Any]:
    kind = {"type": "integer", "minimum": 1} if name == TIMEOUT_HEADER else {"type": "string"}
    return {"name": name, "in": "header", "schema": kind}


def _query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(schema)}


def _key_headers(dialects: Iterable[ClientDialect]) -> list[str]:
    return list(dict.fromkeys(each.key_header for each in dialects if each.key_header != BEARER))

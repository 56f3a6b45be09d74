"""Errors, in both directions. https://platform.claude.com/docs/en/api/errors"""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields

from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.sse import Event
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.openai import read_error_object
from llmproxy.dialects.statuses import error_for

OVERLOADED = 529
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    OVERLOADED: "overloaded_error",
}
# Of our own 503s, those that pass by themselves (RELIABILITY, "one table of codes"); a circuit that is open is one
# of them, but its status stays.
_OVERLOADED = ("overloaded", "server_shutdown", "upstream_overloaded")
_CIRCUIT_OPEN = "upstream_circuit_open"


class _Said(BodySchema):
    type = fields.String(required=True)
    message = fields.String(required=True)


class ErrorSchema(BodySchema):
    """What `write_error` makes."""

    type = fields.Constant("error", required=True)
    error = fields.Nested(_Said, required=True)
    request_id = fields.String(required=True)


def write_error(error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
    """The status and body that say `error`."""
    said = {"type": _type(error), "message": error.message}
    return _status(error), {"type": "error", "error": said, "request_id": context.id}


def error_events(error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
    """The event that ends a stream; no `message_stop` follows."""
    yield Event.of_json(write_error(error, context)[1], "error")


def _status(error: LLMProxyError) -> int:
    return OVERLOADED if error.code in _OVERLOADED else error.status


def _type(error: LLMProxyError) -> str:
    """The type that goes with the status; the upstream's own only where the status is none of this dialect's."""
    if error.code == _CIRCUIT_OPEN:
        return _TYPES[OVERLOADED]
    upstream = (error.upstream or {}).get("type")
    fallback = upstream if upstream in _TYPES.values() else None
    default = "invalid_request_error" if error.status < 500 else "api_error"
    return _TYPES.get(_status(error)) or fallback or default


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error that an answer, or an event of a stream, stands for."""
    said = read_error_object(body)
    kind = said.get("type")
    return error_for(
        status,
        headers,
        message=said.get("message"),
        upstream={"type": kind},
        quota=kind == "billing_error",
        words=str(kind or "").lower(),
    )

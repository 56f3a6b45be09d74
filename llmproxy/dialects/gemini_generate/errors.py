"""Errors, as Google's APIs say them (https://cloud.google.com/apis/design/errors), in both directions."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields

from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.sse import Event
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.statuses import error_for

_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_ALL_NAMES = (*_NAMES.values(), "FAILED_PRECONDITION", "OUT_OF_RANGE", "ALREADY_EXISTS", "UNIMPLEMENTED")
_BAD_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
# The statuses in a stream's error that mean something to us; the message of any other may repeat the prompt.
_IN_STREAM = frozenset({401, 403, 429, 503, 504})


class _Status(BodySchema):
    code = fields.Integer(required=True)
    message = fields.String(required=True)
    status = fields.String(required=True)


class ErrorSchema(BodySchema):
    """What `write_error` makes."""

    error = fields.Nested(_Status, required=True)


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error that `{"error": {"code", "message", "status", "details"}}` stands for."""
    said = _read_object(body)
    if status == 200:
        status = next((each for each in _IN_STREAM if each == said.get("code")), 500)
    details = [each for each in _list(said.get("details")) if isinstance(each, dict)]
    if any(each.get("reason") in _BAD_KEY for each in details):  # which comes with a status of 400
        status = 401
    name = said.get("status") if said.get("status") in _ALL_NAMES else None
    message = said.get("message")
    return error_for(
        status,
        {**_retry_header(details), **headers},
        message=message if isinstance(message, str) else None,
        upstream={"code": name},
        words=name.lower() if name else "",
    )


def _read_object(body: bytes) -> dict[str, Any]:
    """The error that a body holds; none gives {}. A stream of the array kind has it in a list."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    value = value[0] if isinstance(value, list) and value else value
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _retry_header(details: list[dict[str, Any]]) -> dict[str, str]:
    """How long to wait, which Google says in the body alone: `34.4s`."""
    for each in details:
        match = _SECONDS.fullmatch(str(each.get("retryDelay")))
        if match:
            return {"retry-after": match[1]}
    return {}


def error_events(error: LLMProxyError) -> Iterator[Event]:
    """The frame that ends a stream."""
    yield Event.of_json(write_error(error)[1])


def write_error(error: LLMProxyError) -> tuple[int, dict[str, Any]]:
    """The status and body that say `error`."""
    own = (error.upstream or {}).get("code")
    name = own if own in _ALL_NAMES else _NAMES.get(error.status) or _NAMES[400 if error.status < 500 else 500]
    return error.status, {"error": {"code": error.status, "message": error.message, "status": name}}

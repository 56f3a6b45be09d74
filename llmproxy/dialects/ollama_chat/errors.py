"""Errors: one text, with a status or on a line of a stream. https://docs.ollama.com/api/errors"""

from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields

from llmproxy.core import ndjson
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.sse import Event, dumps
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.openai import read_error_object
from llmproxy.dialects.statuses import error_for


class ErrorSchema(BodySchema):
    """What `write_error` makes."""

    error = fields.String(required=True)


def write_error(error: LLMProxyError) -> tuple[int, dict[str, Any]]:
    """The status and body that say `error`."""
    return error.status, {"error": error.message}


def error_events(error: LLMProxyError) -> Iterator[Event]:
    """The line that says `error`."""
    yield ndjson.line_of(f"{dumps(write_error(error)[1])}\n".encode("ascii"))


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error that an answer stands for; Ollama has no codes."""
    return error_for(status, headers, message=read_error_object(body).get("message"), upstream={})

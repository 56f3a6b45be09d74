"""Errors, as Cohere says them in all its dialects. https://docs.cohere.com/reference/errors"""

from collections.abc import Mapping

from llmproxy.core.errors import ProviderError
from llmproxy.dialects.extra import given
from llmproxy.dialects.openai import read_error_object
from llmproxy.dialects.statuses import error_for

_TOO_LONG = ("too many tokens: total number", "too many tokens: size limit")


def read_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """The error that `{"id", "message"}` stands for."""
    said = read_error_object(body)
    message, kind = said.get("message"), said.get("error_type")
    return error_for(
        status,
        headers,
        message=message,
        upstream=given(type=kind, code=_code(status, message or "")),
        words=str(kind or "").lower(),
    )


def _code(status: int, message: str) -> str | None:
    """What a refusal is about, in the words that our clients know; Cohere itself has none."""
    if status == 400 and message.startswith(_TOO_LONG):
        return "context_length_exceeded"
    return "model_not_found" if status == 404 and message.startswith("model") else None

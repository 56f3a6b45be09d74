"""What OpenAI's four dialects have in common: errors, usage, ids.

https://platform.openai.com/docs/api-reference, https://platform.openai.com/docs/guides/error-codes
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from marshmallow import fields

from llmproxy.core.answer import Usage
from llmproxy.core.context import RequestContext
from llmproxy.core.errors import LLMProxyError, ProviderError
from llmproxy.core.signs import NOTHING, Signs
from llmproxy.core.sse import Event
from llmproxy.dialects.base import ClientDialect, ProviderDialect
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import keep
from llmproxy.dialects.fields import BodySchema
from llmproxy.dialects.statuses import error_for

# OpenAI's word comes first; the others are those of hosts that are compatible but for this.
_QUOTA_WORDS = ("insufficient_quota", "billing", "quota_exceeded", "insufficient_balance")


class _Said(BodySchema):
    message = fields.String(required=True)
    type = fields.String(required=True)
    param = fields.Raw(required=True, allow_none=True)
    code = fields.Raw(required=True, allow_none=True)  # some hosts have numbers


class ErrorSchema(BodySchema):
    """What `write_error` makes."""

    error = fields.Nested(_Said, required=True)


class OpenAIClientDialect(ClientDialect):
    """The client half that all four share."""

    forwarded_headers = ("openai-beta",)
    error_schema = ErrorSchema()

    def write_error(self, error: LLMProxyError, context: RequestContext) -> tuple[int, dict[str, Any]]:
        members = {"type": _error_type(error.status), "param": error.param, "code": error.code}
        members.update(error.upstream or {})
        members["type"] = members["type"] or _error_type(error.status)  # xAI, OpenRouter and Gemini name none
        return error.status, {"error": {"message": error.message, **members}}

    def error_events(self, error: LLMProxyError, context: RequestContext) -> Iterator[Event]:
        yield Event.of_json(self.write_error(error, context)[1])


class OpenAIProviderDialect(ProviderDialect):
    """The provider half that all four share."""

    usage_members: ClassVar[tuple[str, str]] = ("prompt_tokens", "completion_tokens")

    def with_stream(self, body: dict[str, Any], stream: bool) -> dict[str, Any]:
        body = super().with_stream(body, stream)
        if not stream:  # which OpenAI refuses for a whole answer
            body.pop("stream_options", None)
        return body

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        said = read_error_object(body)
        words = f"{said.get('type')} {said.get('code')}".lower()
        upstream = {name: said.get(name) for name in ("type", "param", "code")}
        if isinstance(said.get("innererror"), dict):  # Azure: what its content filter has found
            upstream["innererror"] = said["innererror"]
        return error_for(
            status,
            headers,
            message=said.get("message"),
            upstream=upstream,
            quota=any(word in words for word in _QUOTA_WORDS),
            words=words,
        )


class OpenAIChoicesDialect(OpenAIProviderDialect):
    """The provider half of those that answer in `choices`: chat and completions."""

    def ask_usage(self, body: dict[str, Any]) -> dict[str, Any]:
        """Has usage come in a chunk of its own."""
        options = body.get("stream_options") or {}
        if options.get("include_usage"):
            return body
        return {**body, "stream_options": {**options, "include_usage": True}}

    def terminal_events(self) -> Iterator[Event]:
        yield Event.of(DONE)

    def signs(self, event: Event, whole: bool) -> Signs:
        if event.data == DONE:
            return _TERMINAL
        value = event.json()
        if not isinstance(value, dict):
            raise ValueError("not an object")
        if value.get("error"):
            return _ERROR
        choices = value.get("choices")
        if whole and not isinstance(choices, list):
            raise ValueError("an answer without choices")
        said = value.get("usage")
        usage = read_usage(self.name, said, *self.usage_members) if said else None
        if whole:
            return Signs(usage, finished=True, terminal=True)
        if not choices:
            return Signs(usage, hideable=usage is not None)
        for choice in choices:
            if choice.get("finish_reason"):
                return Signs(usage, finished=True)
        return Signs(usage) if usage else NOTHING


DONE = b"[DONE]"
"""The data of the last event."""

_TERMINAL = Signs(terminal=True)
_ERROR = Signs(error=True)


def read_error_object(body: bytes) -> dict[str, Any]:
    """The error that a body holds, in OpenAI's members. Compatible hosts wrap it in several ways; none gives {}."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list) and value:  # Gemini's compatible endpoint
        value = value[0]
    if not isinstance(value, dict):
        return {}
    if isinstance(value.get("response"), dict):  # the event `response.failed`
        value = value["response"]
    error = value.get("error", value)
    if isinstance(error, str):  # xAI: the text here, the code beside it
        return {"message": error, "code": value.get("code")}
    if not isinstance(error, dict):
        return {}
    message = error.get("message", error.get("detail"))
    return {**error, "message": _error_text(message)}


def _error_text(said: Any) -> str | None:
    """What an error says; where it is a list of what is wrong (FastAPI's, and so Mistral's and vLLM's), all of it."""
    if isinstance(said, dict) and "detail" in said:
        said = said["detail"]
    if isinstance(said, list) and all(isinstance(each, dict) and "msg" in each for each in said):
        said = "; ".join(map(_problem_text, said))
    return said if isinstance(said, str) else json.dumps(said) if said else None


def _problem_text(problem: dict[str, Any]) -> str:
    said = problem.get("loc")
    where = ".".join(map(str, said)) if isinstance(said, list) else ""
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])


def read_usage(
    dialect: str, said: Any, prompt: str = "prompt_tokens", completion: str = "completion_tokens"
) -> Usage | None:
    """Usage as OpenAI counts it; None where it is absent or not believable.

    Args:
        dialect: Whose `extra` keeps the members that have no word.
        said: The object as it came.
        prompt, completion: What this dialect calls the two counts.
    """
    if not isinstance(said, dict):
        return None
    into, out = said.get(f"{prompt}_details"), said.get(f"{completion}_details")
    into, out = into if isinstance(into, dict) else {}, out if isinstance(out, dict) else {}
    usage = Usage(
        input=read_count(said.get(prompt)),
        output=read_count(said.get(completion)),
        cached=read_count(into.get("cached_tokens")),
        reasoning=read_count(out.get("reasoning_tokens")),
        cache_written=read_count(into.get("cache_write_tokens")),
        input_audio=read_count(into.get("audio_tokens")),
        output_audio=read_count(out.get("audio_tokens")),
    )
    if usage == _NO_USAGE:
        return None
    total = said.get("total_tokens")
    extra = keep(dialect, said, (prompt, completion, *(("total_tokens",) if total == usage.total else ())))
    if _leaves_reasoning_out(usage, total):  # xAI
        extra = {dialect: {**extra.get(dialect, {}), completion: usage.output}}
        return replace(usage, output=(usage.output or 0) + (usage.reasoning or 0), extra=extra)
    return replace(usage, extra=extra)


_NO_USAGE = Usage()


def _leaves_reasoning_out(usage: Usage, total: Any) -> bool:
    """Whether reasoning was counted beside the output rather than within it, as the total shows."""
    return bool(usage.reasoning) and total == usage.total + (usage.reasoning or 0)


def _error_type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"

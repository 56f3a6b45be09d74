"""A whole answer, read into the neutral model."""

from collections.abc import Mapping
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Choice, FinishReason, Usage
from llmproxy.core.chat import Extra
from llmproxy.dialects.bedrock_converse.parts import NAME, read_block
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import keep, kept

_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_OWN = {"end_turn", "max_tokens", "tool_use"}  # what ours leads back to

_COUNTS = ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens")


def read_answer(body: Any) -> Answer:
    """What an answer says."""
    message = body["output"]["message"]
    reason, extra = read_reason(body.get("stopReason"))
    parts = tuple(read_block(block) for block in message["content"])
    return Answer(
        (Choice(parts, reason, read_stop_sequence(body), extra),),
        read_usage(body.get("usage")) or Usage(),
        extra=keep(NAME, body, ("output", "stopReason", "usage")),
    )


def read_reason(said: Any) -> tuple[FinishReason, Extra]:
    """Why an answer ended, and Bedrock's own word where ours does not lead back to it."""
    return _REASONS.get(said, DEFAULT_REASON), kept(NAME, stopReason=None if said in _OWN else said)


def read_stop_sequence(said: Mapping[str, Any]) -> str | None:
    """The text that ended an answer of Claude's, which `write_request` asks for: whole answers and streams have it in
    different places."""
    fields = said.get("additionalModelResponseFields") or {}
    text = fields.get("stop_sequence") or (fields.get("delta") or {}).get("stop_sequence")
    return text if isinstance(text, str) else None


def read_usage(said: Any) -> Usage | None:
    """Usage; what was read from a cache, or written to it, is counted beside the input. None where it is absent."""
    if not isinstance(said, dict):
        return None
    fresh, output, _, cached, written = (read_count(said.get(name)) for name in _COUNTS)
    if fresh is None and output is None:
        return None
    total = None if fresh is None else fresh + (cached or 0) + (written or 0)
    return Usage(total, output, cached, cache_written=written, extra=keep(NAME, said, _COUNTS))

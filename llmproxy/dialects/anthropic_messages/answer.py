"""A whole message of the model's, and the neutral model of it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import Extra, Other, Signature, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.anthropic_messages.parts import NAME, read_block, write_block
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import given, keep, kept, lay_over
from llmproxy.dialects.tools import made_id

_REASONS: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_WORDS: Mapping[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "error": "end_turn",
}

ENDING = ("stop_reason", "stop_sequence")
"""Where a message says why it ended."""

OF_THE_END = ("stop_details", "container", "context_management")
"""What a message says besides when it ends; in a stream it comes with its last figures."""

_CACHE_READ, _CACHE_WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"
FIGURES = ("input_tokens", _CACHE_WRITTEN, _CACHE_READ, "output_tokens")


def read_answer(body: Any) -> Answer:
    """What a message says."""
    parts: tuple[Said, ...] = tuple(read_block(block) for block in body["content"])  # type: ignore[misc]  # no results
    reason, own = read_reason(body)
    choice = Choice(parts, reason, body.get("stop_sequence"), {**own, **keep_end(body, own)})
    return Answer(
        (choice,),
        read_usage(body.get("usage")) or Usage(),
        body.get("id"),
        body.get("model"),
        extra=keep(NAME, body, ("content", "usage", *ENDING, *OF_THE_END)),
    )


def keep_end(said: Mapping[str, Any], own: Extra) -> Extra:
    """What is said of the end of a message besides, with the provider's own word for the reason."""
    return kept(NAME, **own.get(NAME, {}), **{name: said.get(name) for name in OF_THE_END})


def read_reason(said: Mapping[str, Any]) -> tuple[FinishReason, Extra]:
    """Why a message ended, and the provider's own word where ours does not lead back to it."""
    word = said.get("stop_reason")
    reason = _REASONS.get(word or "", DEFAULT_REASON)
    return reason, kept(NAME, stop_reason=word if word != write_reason(reason, said.get("stop_sequence")) else None)


def read_usage(said: Any) -> Usage | None:
    """Usage as Anthropic counts it, which leaves what a cache saved out of the input; None where nothing is said."""
    if not isinstance(said, Mapping):
        return None
    fresh, written, cached, output = (read_count(said.get(name)) for name in FIGURES)
    details = said.get("output_tokens_details")
    usage = Usage(
        input=None if fresh is None else fresh + (written or 0) + (cached or 0),
        output=output,
        cached=cached,
        reasoning=read_count(details.get("thinking_tokens")) if isinstance(details, Mapping) else None,
        cache_written=written,
    )
    return None if usage == _NO_USAGE else replace(usage, extra=keep(NAME, said, FIGURES))


_NO_USAGE = Usage()


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A message that says the first choice of `answer`; there is never more than one to say."""
    choice = answer.choices[0] if answer.choices else Choice()
    written = {
        **head(request),
        "content": [block for number, part in enumerate(choice.parts) for block in write_said(part, request, number)],
        "stop_reason": write_reason(choice.reason, choice.stop_sequence),
        "stop_sequence": choice.stop_sequence,
        "usage": write_usage(answer.usage),
    }
    return lay_over(lay_over(written, answer.extra, NAME), choice.extra, NAME)


def head(request: LLMRequest) -> dict[str, Any]:
    """What a message begins with."""
    return {
        "id": made_id("msg", request),
        "type": "message",
        "role": "assistant",
        "model": request.context.model or request.model,
    }


def write_said(part: Said, request: LLMRequest, number: int) -> list[dict[str, Any]]:
    """The blocks that say a part: none where only another dialect has it, two where its signature needs one."""
    if isinstance(part, Other):
        return [_write_other(part)] if part.dialect == NAME else []
    if isinstance(part, ToolCall) and part.id is None:
        part = replace(part, id=made_id("toolu", request, number))
    signature = signature_before(part)
    before = [write_block(Thinking(signature=signature))] if signature else []
    return [*before, write_block(part)]  # type: ignore[arg-type]  # vectors come by another road


def signature_before(part: Said) -> Signature | None:
    """The signature of a part that has no place for one here: it stands in an empty thought before it."""
    return part.signature if isinstance(part, (Text, ToolCall)) else None


def _write_other(part: Other) -> dict[str, Any]:
    """A block of this dialect's own; its input has come in pieces if it came in a stream."""
    return {**part.value, "input": json.loads(part.text)} if part.text else dict(part.value)


def write_reason(reason: FinishReason, stop_sequence: str | None) -> str:
    """Why a message ended; there is no word for an error."""
    return "stop_sequence" if reason == "stop" and stop_sequence is not None else _WORDS[reason]


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage in this dialect's members."""
    saved = (usage.cached or 0) + (usage.cache_written or 0)
    figures = (max((usage.input or 0) - saved, 0), usage.cache_written, usage.cached, usage.output or 0)
    details = given(thinking_tokens=usage.reasoning)
    written = {
        **given(**dict(zip(FIGURES, figures, strict=True))),
        **given(output_tokens_details=details or None),
    }
    return lay_over(written, usage.extra, NAME)

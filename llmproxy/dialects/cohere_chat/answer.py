"""A whole answer, read into the neutral model."""

from collections.abc import Iterator, Mapping
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import Extra, Thinking
from llmproxy.dialects.cohere_chat.parts import NAME, read_call, read_content
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import keep, keep_within, kept

_REASONS: Mapping[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
}
_OWN = {"COMPLETE", "MAX_TOKENS", "TOOL_CALL", "ERROR"}  # what ours leads back to


_MESSAGE_MEMBERS = ("role", "content", "tool_plan", "tool_calls")


def read_answer(body: Any) -> Answer:
    """What an answer says."""
    message = body["message"]
    reason, own = read_reason(body.get("finish_reason"))
    extra = keep_within(NAME, {**own.get(NAME, {}), "message": message}, (), "message", _MESSAGE_MEMBERS)
    return Answer(
        (Choice(tuple(_read_said(message, body.get("logprobs"))), reason, extra=extra),),
        read_usage(body.get("usage")) or Usage(),
        body.get("id"),
        extra=keep(NAME, body, ("message", "finish_reason", "usage", "logprobs")),
    )


def _read_said(message: Mapping[str, Any], logprobs: Any) -> Iterator[Said]:
    """The parts. A plan is a thought: to the model, both stand between the same two marks
    (chat template of https://huggingface.co/CohereLabs/c4ai-command-r7b-12-2024)."""
    if message.get("tool_plan"):
        yield Thinking(message["tool_plan"])
    yield from read_content(message.get("content"), logprobs)
    yield from (read_call(call) for call in message.get("tool_calls") or ())


def read_reason(said: Any) -> tuple[FinishReason, Extra]:
    """Why an answer ended, and Cohere's own word where ours does not lead back to it."""
    return _REASONS.get(said, DEFAULT_REASON), kept(NAME, finish_reason=None if said in _OWN else said)


def read_usage(said: Any) -> Usage | None:
    """What the model saw and wrote. What is billed is less, and is not what others call usage."""
    if not isinstance(said, dict):
        return None
    tokens = said.get("tokens")
    tokens = tokens if isinstance(tokens, dict) else {}
    usage = Usage(
        input=read_count(tokens.get("input_tokens")),
        output=read_count(tokens.get("output_tokens")),
        cached=read_count(said.get("cached_tokens")),
        reasoning=read_count(tokens.get("reasoning_tokens")),
        extra=keep(NAME, said, ("tokens", "cached_tokens")),
    )
    return usage if usage.input is not None or usage.output is not None else None

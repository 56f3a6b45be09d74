"""A whole answer, and the neutral model of it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from llmproxy.core.answer import DEFAULT_REASON, Answer, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import Audio, Extra, Image, Refusal, Text, Thinking, TokenLogprob, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.counts import read_count
from llmproxy.dialects.extra import given, keep, keep_within, kept, lay_over
from llmproxy.dialects.logprobs import read_logprobs, write_logprobs
from llmproxy.dialects.ollama_chat.ids import write_id
from llmproxy.dialects.ollama_chat.parts import MESSAGE_MEMBERS, NAME, read_parts, write_calls
from llmproxy.dialects.tools import made_id

DURATIONS = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
COUNTS = ("prompt_eval_count", "eval_count")
KNOWN = frozenset({"message", "done", "done_reason", "logprobs", *DURATIONS, *COUNTS})


def read_answer(body: Any) -> Answer:
    """What an answer says."""
    message = body["message"]
    parts = _with_logprobs(list(read_parts(message)), read_logprobs(body.get("logprobs")))
    reason, own = read_reason(body.get("done_reason"), any(isinstance(part, ToolCall) for part in parts))
    extra = keep_within(NAME, {**own.get(NAME, {}), "message": message}, (), "message", MESSAGE_MEMBERS)
    choice = Choice(tuple(parts), reason, extra=extra)
    return Answer((choice,), read_usage(body) or Usage(), None, body.get("model"), extra=keep(NAME, body, KNOWN))


def _with_logprobs(parts: list[Said], logprobs: tuple[TokenLogprob, ...]) -> list[Said]:
    """The probabilities go to the text whose tokens they are of."""
    if logprobs:
        text = next((part for part in parts if isinstance(part, Text)), Text())
        parts = [Text(text.text, logprobs=logprobs) if part is text else part for part in parts]
    return parts


def read_reason(said: Any, has_calls: bool) -> tuple[FinishReason, Extra]:
    """Why the answer ended, and Ollama's own word where ours does not lead back to it: a model was `load`ed.

    An answer with calls has `stopped` like any other.
    """
    if said == "length":
        return "length", {}
    reason: FinishReason = "tool_calls" if has_calls else DEFAULT_REASON
    return reason, kept(NAME, done_reason=said if said != "stop" else None)


def read_usage(line: Mapping[str, Any]) -> Usage | None:
    """Usage from a last line; None where it counts nothing. The prompt's count is absent where all of it was cached."""
    durations = {name: line[name] for name in DURATIONS if name in line}
    prompt, output = (read_count(line.get(name)) for name in COUNTS)
    if prompt is None and output is None and not durations:
        return None
    return Usage(prompt, output, extra=keep(NAME, durations))


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """An answer that says the first choice of `answer`."""
    choice = answer.choices[0] if answer.choices else Choice()
    logprobs = [token for part in choice.parts if isinstance(part, Text) for token in part.logprobs]
    written = {
        **lay_over(head(request), answer.extra, NAME),
        "message": _write_message(choice.parts, request),
        "done": True,
        "done_reason": write_reason(choice.reason),
        **write_usage(answer.usage),
        **given(logprobs=write_logprobs(logprobs) or None),
    }
    return lay_over(written, choice.extra, NAME)


def head(request: LLMRequest) -> dict[str, Any]:
    """What every object of an answer begins with."""
    context = request.context
    date = datetime.fromtimestamp(context.received_at, UTC)
    return {"model": context.model or request.model, "created_at": date.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def _write_message(parts: Iterable[Said], request: LLMRequest) -> dict[str, Any]:
    parts = list(parts)
    images = [part.source.data for part in parts if isinstance(part, Image) and part.source.data]
    return {
        "role": "assistant",
        "content": "".join(map(write_text, parts)),
        **given(thinking="".join(part.text for part in parts if isinstance(part, Thinking)) or None),
        **given(images=images or None, tool_calls=_write_calls(parts, request) or None),
    }


def write_text(part: Said) -> str:
    """The text that says a part; empty for one that stands elsewhere."""
    if isinstance(part, (Text, Refusal)):
        return part.text
    if isinstance(part, Audio):
        return part.transcript or ""
    if isinstance(part, Image) and part.source.data is None:
        return part.source.url or ""
    return ""


def _write_calls(parts: Iterable[Said], request: LLMRequest) -> list[dict[str, Any]]:
    calls: list[tuple[ToolCall, str | None]] = []
    thoughts: list[Thinking] = []
    for part in parts:
        if isinstance(part, Thinking):
            thoughts.append(part)
        elif isinstance(part, ToolCall):
            calls.append((part, said_id(part, thoughts, len(calls), request)))
            thoughts = []
    return write_calls(calls)


def said_id(call: ToolCall, thoughts: Iterable[Thinking], number: int, request: LLMRequest) -> str:
    """The id of a call in an answer: one without gets one, and it carries what its provider wants back."""
    return write_id(call.id or made_id("call", request, number), call.signature, thoughts)


def write_reason(reason: FinishReason) -> str:
    """Why the answer ended, for which Ollama has two words."""
    return "length" if reason == "length" else "stop"


def write_usage(usage: Usage) -> dict[str, Any]:
    """The counts and durations of a last line."""
    return lay_over(given(prompt_eval_count=usage.input, eval_count=usage.output), usage.extra, NAME)

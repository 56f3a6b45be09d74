"""A whole response, and the neutral model of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llmproxy.core.answer import Answer, Aside, Choice, FinishReason, Said, Usage
from llmproxy.core.chat import Audio, Extra, Image, Other, Refusal, Text, Thinking, ToolCall
from llmproxy.core.request import LLMRequest
from llmproxy.dialects.extra import keep, kept, lay_over
from llmproxy.dialects.logprobs import write_logprobs
from llmproxy.dialects.openai import read_usage as read_openai_usage
from llmproxy.dialects.openai_responses.items import (
    ItemPart,
    in_items,
    item_members,
    read_item,
    write_call,
    write_image,
    write_reasoning,
    write_thought,
)
from llmproxy.dialects.openai_responses.parts import NAME, part_members, write_refusal
from llmproxy.dialects.tools import made_id

ANNOTATION = "response.output_text.annotation.added"

_REASONS: Mapping[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_INCOMPLETE = {reason: word for word, reason in _REASONS.items()}

LIVE = ("output", "usage", "status", "incomplete_details")
"""Members of a response that change while it is written, and that we say in our own words."""

_AT_THE_END = ("completed_at",)


def read_answer(body: Any) -> Answer:
    """What a response says."""
    parts = [part for item in body["output"] for part in read_item(item)]
    reason, extra = read_reason(body, any(isinstance(part, ToolCall) for part in parts))
    return Answer(
        (Choice(tuple(parts), reason, extra=extra),),
        read_usage(body.get("usage")) or Usage(),
        body.get("id"),
        body.get("model"),
        extra=keep(NAME, body, (*LIVE, *_AT_THE_END)),
    )


def read_reason(response: Mapping[str, Any], called: bool) -> tuple[FinishReason, Extra]:
    """Why a response ended, and its own words where ours do not lead back to them.

    Args:
        called: Whether it asks for a tool to be called, which this dialect does not count as a reason.
    """
    status, details = response.get("status"), response.get("incomplete_details")
    why = details.get("reason") if isinstance(details, Mapping) else None
    reason: FinishReason = "tool_calls" if called else "stop"
    if status == "incomplete":
        reason = _REASONS.get(why or "", "length")
    written = write_reason(reason)
    own = {name: response.get(name) for name in (*written, *_AT_THE_END)}
    return reason, kept(NAME, **{name: said for name, said in own.items() if said != written.get(name)})


def read_usage(said: Any) -> Usage | None:
    """Usage in the members of this dialect."""
    return read_openai_usage(NAME, said, "input_tokens", "output_tokens")


def write_answer(answer: Answer, request: LLMRequest) -> dict[str, Any]:
    """A response that says `answer`."""
    items = list(in_items(part for said in answer.parts for part in sayable(said)))
    reason = answer.reason
    output = [
        write_item(parts, place, request, ending(reason) if place == len(items) - 1 else "completed")
        for place, parts in enumerate(items)
    ]
    _annotate(output, answer.asides)
    extras = (answer.extra, *(choice.extra for choice in answer.choices[:1]))
    return write_response(request, output, reason, answer.usage, extras)


def ending(reason: FinishReason) -> str:
    """The status of a response that ended for this reason, and of the last of its items."""
    return "incomplete" if reason in _INCOMPLETE else "completed"


def sayable(part: Said) -> Iterator[ItemPart]:
    """A part of an answer as the items of this dialect can hold it; nothing if they cannot.

    Another provider's signature has no place on a text or on a call, so it stands in a reasoning item before it.
    """
    if isinstance(part, (Text, ToolCall)) and part.signature is not None:
        yield Thinking(signature=part.signature)
    if isinstance(part, Audio) and part.transcript:
        yield Text(part.transcript)
    elif isinstance(part, Other):
        if part.dialect == NAME:
            yield part
    elif isinstance(part, ItemPart):
        yield part


def write_item(parts: Sequence[ItemPart], place: int, request: LLMRequest, status: str = "completed") -> dict[str, Any]:
    """The item at this place of the output."""
    first = parts[0]
    if isinstance(first, Other):
        return dict(first.value)
    if isinstance(first, Thinking):
        written = {"id": made_id("rs", request, place), **write_reasoning(parts)}
    elif isinstance(first, ToolCall):
        call = write_call(first, first.id or made_id("call", request, place))
        written = {"id": made_id("fc", request, place), "status": status, **call}
    elif isinstance(first, Image):
        written = {"id": made_id("ig", request, place), **write_image(first)}
    else:
        content = [write_part(part) for part in parts if isinstance(part, (Text, Refusal))]
        message = {"type": "message", "role": "assistant", "status": status, "content": content}
        written = {"id": made_id("msg", request, place), **message}
    return lay_over(written, {NAME: item_members(first)}, NAME)


def write_part(part: Text | Refusal | Thinking) -> dict[str, Any]:
    """A part of a message, or of the summary of a reasoning item."""
    if isinstance(part, Thinking):
        return write_thought(part)
    if isinstance(part, Refusal):
        return lay_over(write_refusal(part), {NAME: part_members(part)}, NAME)
    written = {
        "type": "output_text",
        "annotations": [],
        "logprobs": write_logprobs(part.logprobs),
        "text": part.text,
    }
    return lay_over(written, {NAME: part_members(part)}, NAME)


def _annotate(output: list[dict[str, Any]], asides: Iterable[Aside]) -> None:
    """Puts the annotations of a stream, which came as events of their own, where they belong."""
    for aside in asides:
        said: Any = aside.value
        if aside.dialect == NAME and said.get("type") == ANNOTATION:
            item = next((item for item in output if item.get("id") == said.get("item_id")), {})
            content = item.get("content") if item.get("type") == "message" else ()
            for part in (content or ())[said["content_index"] :][:1]:
                part["annotations"] = [*(part.get("annotations") or ()), said["annotation"]]


def write_response(
    request: LLMRequest,
    output: list[dict[str, Any]],
    reason: FinishReason | None,
    usage: Usage,
    extras: Sequence[Extra] = (),
) -> dict[str, Any]:
    """A response object; without a reason it is still in progress."""
    written = {
        "id": f"resp_{request.context.id}",
        "object": "response",
        "created_at": int(request.context.received_at),
        **({"status": "in_progress", "incomplete_details": None} if reason is None else write_reason(reason)),
        "error": None,
        "model": request.context.model or request.model,
        **({} if any(NAME in extra for extra in extras) else _repeated(request)),
        "output": output,
        "usage": write_usage(usage) if usage != _UNKNOWN else None,
    }
    for extra in extras:
        written = lay_over(written, extra, NAME)
    return written


_UNKNOWN = Usage()


def _repeated(request: LLMRequest) -> dict[str, Any]:
    """What a response repeats of its request."""
    body = request.to_dict()
    defaults: dict[str, Any] = {
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "reasoning": {"effort": None, "summary": None},
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
    }
    said = {name: default if body.get(name) is None else body[name] for name, default in defaults.items()}
    return {**said, "previous_response_id": None, "store": False}


def write_reason(reason: FinishReason) -> dict[str, Any]:
    """The members that say why a response ended; this dialect has no word for an error that left an answer."""
    why = _INCOMPLETE.get(reason)
    return {"status": ending(reason), "incomplete_details": {"reason": why} if why else None}


def write_usage(usage: Usage) -> dict[str, Any]:
    """Usage in the members of this dialect."""
    written = {
        "input_tokens": usage.input or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cached or 0,
            "cache_write_tokens": usage.cache_written or 0,
        },
        "output_tokens": usage.output or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total,
    }
    return lay_over(written, usage.extra, NAME)

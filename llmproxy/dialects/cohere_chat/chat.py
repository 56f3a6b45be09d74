"""The body of a chat request, out of the neutral model."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from llmproxy.core.chat import (
    Chat,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.cohere_chat.parts import NAME, write_call, write_content
from llmproxy.dialects.extra import given, lay_over
from llmproxy.dialects.functions import callable_tools, write_tool
from llmproxy.dialects.losses import answered, note_cache, refuse_several_answers, sayable, unsaid
from llmproxy.dialects.tools import with_ids

_NO_WORD = ("top_logprobs", "logit_bias", "user", "metadata", "parallel_tool_calls", "name")

_TOOL_CHOICES = {"required": "REQUIRED", "none": "NONE"}  # left out, it is the model's own choice


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said.

    Raises:
        UnsupportedFeature: More than one answer is wanted, or the conversation holds what Cohere has no place for.
    """
    refuse_several_answers(chat)
    lost = unsaid(chat, _NO_WORD)
    chat = with_ids(chat)
    body = {
        "model": chat.model,
        "messages": list(_write_messages(chat, lost)),
        "stream": chat.stream,
        **given(
            **_write_tools(chat, lost),
            **_write_sampling(chat, lost),
            response_format=_write_format(chat.response_format),
            thinking=_write_reasoning(chat.reasoning, lost),
        ),
    }
    return lay_over(body, chat.extra, NAME), lost


def _write_sampling(chat: Chat, lost: list[str]) -> dict[str, Any]:
    def within(name: str, low: float, high: float) -> Any:
        """The nearest value that Cohere takes."""
        value = getattr(chat, name)
        if value is not None and not low <= value <= high:
            lost.append(name)
        return value if value is None else min(max(value, low), high)

    return given(
        max_tokens=chat.max_tokens,
        stop_sequences=list(chat.stop) or None,
        temperature=chat.temperature,
        p=None if chat.top_p is None else min(max(chat.top_p, 0.01), 0.99),  # all that is meant by 0 and by 1
        k=within("top_k", 0, 500),
        seed=chat.seed,
        frequency_penalty=within("frequency_penalty", 0, 1),
        presence_penalty=within("presence_penalty", 0, 1),
        logprobs=chat.logprobs,
    )


def _write_messages(chat: Chat, lost: list[str]) -> Iterator[dict[str, Any]]:
    """The conversation. Cohere takes one system message, and takes it first."""
    instructions = [message for message in chat.messages if message.is_system]
    if instructions:
        parts = chain.from_iterable(each.parts for each in instructions)
        content = write_content(sayable(parts, NAME), lost)
        yield {"role": "system", "content": content}
    for message in chat.messages:
        if message.role == "assistant":
            yield from _write_turn(message, lost)
        elif not message.is_system:
            yield from _write_user(message, lost)


def _write_user(message: Message, lost: list[str]) -> Iterator[dict[str, Any]]:
    """What the user says: each result of a tool is a message of its own, and comes first."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield _write_result(result, lost)
    shown = [part for result in results for part in result.parts if isinstance(part, Image)]
    rest = [*shown, *(part for part in sayable(message.parts, NAME) if not isinstance(part, ToolResult))]
    if rest or not results:
        yield lay_over({"role": "user", "content": write_content(rest, lost)}, message.extra, NAME)


def _write_result(result: ToolResult, lost: list[str]) -> dict[str, Any]:
    """What a tool answered. A message of this role holds no images, so they follow in the user's."""
    if result.is_error is not None:
        lost.append("is_error")
    note_cache(result, lost)
    parts = (part for part in answered(result, NAME) if not isinstance(part, Image))
    content = write_content(parts, lost, citable=True)
    return lay_over({"role": "tool", "tool_call_id": result.call_id, "content": content}, result.extra, NAME)


def _write_turn(message: Message, lost: list[str]) -> Iterator[dict[str, Any]]:
    """What the model said. A turn that says nothing is left out, since Cohere refuses it."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    rest = [part for part in sayable(message.parts, NAME) if not isinstance(part, ToolCall)]
    if any(isinstance(part, Image) for part in rest):
        raise UnsupportedFeature("This target takes images from the user alone.")
    if any(isinstance(part, Thinking) and not part.text for part in rest):
        lost.append("thinking")
    rest = [part for part in rest if not isinstance(part, (Text, Thinking)) or part.text]
    plan = [part.text for part in rest if isinstance(part, Thinking)] if calls else []
    content = [part for part in rest if not (calls and isinstance(part, Thinking))]
    written = given(
        tool_plan="\n\n".join(plan) or None,
        tool_calls=[write_call(call, lost) for call in calls] or None,
        content=write_content(content, lost) or None,
    )
    if written:
        yield lay_over({"role": "assistant", **written}, message.extra, NAME)


def _write_tools(chat: Chat, lost: list[str]) -> dict[str, Any]:
    """The tools, and whether they are called. No choice names a tool: those that may not be called are not offered."""
    tools = [tool for tool in callable_tools(chat, NAME) if isinstance(tool, Tool)]
    for tool in tools:
        note_cache(tool, lost)
    strict = {tool.strict for tool in tools}
    if len(strict) > 1:  # it is said of all tools at once
        lost.append("strict")
    return given(
        tools=[_write_tool(tool) for tool in tools] or None,
        strict_tools=strict.pop() if len(strict) == 1 else None,
        tool_choice=_TOOL_CHOICES.get(chat.tool_choice.mode) if chat.tool_choice else None,
    )


def _write_tool(tool: Tool) -> dict[str, Any]:
    parameters = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    return write_tool(replace(tool, parameters=parameters, strict=None), NAME)


def _write_format(format: ResponseFormat | None) -> dict[str, Any] | None:
    if format is None:
        return None
    kind = "text" if format.kind == "text" else "json_object"
    return lay_over({"type": kind, **given(json_schema=format.schema)}, format.extra, NAME)


def _write_reasoning(reasoning: Reasoning | None, lost: list[str]) -> dict[str, Any] | None:
    """How much to think: Cohere counts tokens."""
    if reasoning is None:
        return None
    if reasoning.off:
        return {"type": "disabled"}
    if reasoning.visible is False:  # thoughts are always shown
        lost.append("visible")
    budget = reasoning.as_budget()
    if budget is None and not reasoning.enabled:
        return None
    return {"type": "enabled", **given(token_budget=budget)}

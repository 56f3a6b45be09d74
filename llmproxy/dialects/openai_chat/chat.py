"""The body of a chat completions request, and the neutral model of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from llmproxy.core.chat import (
    Chat,
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ParseError
from llmproxy.dialects.extra import given, keep, keep_within, kept, lay_over
from llmproxy.dialects.functions import known_tools, read_function, read_tool, write_tool
from llmproxy.dialects.losses import answered, sayable
from llmproxy.dialects.openai_chat.parts import (
    NAME,
    THOUGHT_MEMBERS,
    note_foreign_cache,
    read_cache,
    read_call,
    read_content,
    read_thoughts,
    write_call,
    write_content,
    write_thoughts,
)
from llmproxy.dialects.tools import with_ids

# Members that both sides call the same and that need no translation.
SAME = (
    "temperature", "top_p", "seed", "n", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs",
    "logit_bias", "parallel_tool_calls", "user", "metadata",
)  # fmt: skip
_KNOWN = frozenset(SAME) | {
    "model", "messages", "stream", "max_tokens", "stop", "tools", "tool_choice", "functions",
    "function_call", "response_format", "reasoning_effort",
}  # fmt: skip
_ROLES = frozenset({"system", "developer", "user", "assistant"})

# What a client may have said although it did not. Choices and probabilities it could not read if its dialect has none.
_FILLED = (
    "max_tokens", "temperature", "top_p", "top_k", "stop", "seed", "presence_penalty", "frequency_penalty",
    "logit_bias", "parallel_tool_calls", "response_format", "reasoning", "user", "metadata",
)  # fmt: skip


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a chat completions request asks."""
    stop = body.get("stop")
    effort = body.get("reasoning_effort")
    same: dict[str, Any] = {name: body.get(name) for name in SAME}
    return Chat(
        model=body.get("model") or "",
        messages=tuple(_read_message(message, f"messages.{i}") for i, message in enumerate(body["messages"])),
        stream=body.get("stream") is True,
        tools=tuple(_read_tools(body)),
        tool_choice=_read_tool_choice(body),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        top_k=body.get("top_k"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        response_format=_read_format(body.get("response_format")),
        reasoning=Reasoning(effort=effort) if effort is not None else None,
        extra=keep(NAME, body, _KNOWN),
        **same,
    )


def filled(chat: Chat, params: Mapping[str, Any]) -> Chat:
    """The chat, asked in another dialect, with what `params` say in this one's words where it says nothing."""
    if not params:
        return chat
    asked = read_request({"messages": (), **params})
    missing = {name: getattr(asked, name) for name in _FILLED if getattr(chat, name) in (None, ())}
    parallel = {} if chat.tools else {"parallel_tool_calls": chat.parallel_tool_calls}  # refused without tools
    return replace(chat, **{**missing, **parallel, "extra": {**asked.extra, **chat.extra}})


def _read_message(message: Mapping[str, Any], where: str) -> Message:
    role = message["role"]
    if role in ("tool", "function"):
        return Message("user", (_read_result(message, where),))
    if role not in _ROLES:
        raise ParseError(f"{where}.role: Not one of a conversation's roles.", param=f"{where}.role")
    parts: list[Part] = [*read_thoughts(message), *read_content(message.get("content"), f"{where}.content")]
    if message.get("refusal"):
        parts.append(Refusal(message["refusal"]))
    parts += [read_call(call) for call in message.get("tool_calls") or ()]
    if isinstance(message.get("function_call"), Mapping):
        parts.append(read_call({"function": message["function_call"]}))
    known = ("role", "content", "name", "refusal", "tool_calls", "function_call", *THOUGHT_MEMBERS)
    return Message(role, tuple(parts), message.get("name"), keep(NAME, message, known))


def _read_result(message: Mapping[str, Any], where: str) -> ToolResult:
    parts = tuple(read_content(message.get("content"), f"{where}.content"))
    known = ("role", "content", "name", "tool_call_id")
    extra = keep(NAME, message, known)
    return ToolResult(message.get("tool_call_id"), parts, message.get("name"), extra=extra)  # type: ignore[arg-type]  # whatever stands there


def _read_tools(body: Mapping[str, Any]) -> Iterator[Tool | Other]:
    for said in body.get("tools") or ():
        tool = read_tool(said, NAME)
        cache = read_cache(said) or read_cache(said.get("function") or {})
        yield replace(tool, cache=cache) if isinstance(tool, Tool) else tool
    for function in body.get("functions") or ():
        yield read_function(function, {}, NAME)


def _read_tool_choice(body: Mapping[str, Any]) -> ToolChoice | None:
    choice = body.get("tool_choice", body.get("function_call"))
    if choice in ("auto", "none", "required"):
        return ToolChoice(choice)
    if choice == "any":  # Mistral's word
        return ToolChoice("required")
    if not isinstance(choice, Mapping):
        return None
    if choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        names = tuple(tool["function"]["name"] for tool in allowed["tools"] if "function" in tool)
        return ToolChoice(allowed.get("mode", "auto"), names)
    function = choice.get("function", choice)
    if "name" in function:
        return ToolChoice("required", (function["name"],))
    return ToolChoice(extra={NAME: choice})


def _read_format(said: Any) -> ResponseFormat | None:
    kind = said.get("type") if isinstance(said, Mapping) else None
    if kind == "json_schema":
        schema = said["json_schema"]
        extra = keep_within(NAME, said, ("type",), "json_schema", ("name", "description", "schema", "strict"))
        return ResponseFormat(
            "schema", schema.get("schema"), schema.get("name"), schema.get("description"), schema.get("strict"), extra
        )
    if kind == "json_object":
        return ResponseFormat("json")
    return ResponseFormat("text", extra=kept(NAME, type=kind if kind != "text" else None)) if kind else None


def write_request(chat: Chat, *, thinking: bool = True) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said.

    Args:
        thinking: Whether the host wants earlier thoughts back; OpenAI itself does not know them.
    """
    chat = with_ids(chat)
    lost: list[str] = []
    own = chat.extra.get(NAME, {})
    body = {
        "model": chat.model,
        "messages": [written for message in chat.messages for written in _write_message(message, lost, thinking)],
        **given(
            stream=chat.stream or None,
            max_tokens=None if "max_completion_tokens" in own else chat.max_tokens,
            stop=list(chat.stop) or None,
            tools=[_write_tool(tool, lost) for tool in known_tools(chat, NAME)] or None,
            tool_choice=_write_tool_choice(chat.tool_choice, lost),
            response_format=_write_format(chat.response_format),
            reasoning_effort=_write_effort(chat.reasoning, lost),
            **{name: getattr(chat, name) for name in SAME},
        ),
    }
    if chat.top_k is not None and "top_k" not in own:
        lost.append("top_k")
    return lay_over(body, chat.extra, NAME), lost


def _write_message(message: Message, lost: list[str], thinking: bool) -> Iterator[dict[str, Any]]:
    """The messages that say one turn: each result of a tool is one of its own, and comes first."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        yield _write_result(result, lost)
    shown = [part for result in results for part in result.parts if isinstance(part, Image)]
    rest = [*shown, *(part for part in message.parts if not isinstance(part, ToolResult))]
    if message.role == "assistant":
        if rest and not sayable(rest, NAME):  # nothing but what another provider had made for itself
            return
        yield _write_turn(message, rest, lost, thinking)
    elif rest or not results:
        content = write_content(sayable(rest, NAME), lost)
        written = {"role": message.role, "content": content or "", **given(name=message.name)}
        yield lay_over(written, message.extra, NAME)


def _write_result(result: ToolResult, lost: list[str]) -> dict[str, Any]:
    """What a tool answered. A message of this role holds text alone, so its images follow in the user's."""
    note_foreign_cache(result, lost)
    if result.is_error is not None:
        lost.append("is_error")
    content = write_content((part for part in answered(result, NAME) if not isinstance(part, Image)), lost)
    written = {"role": "tool", "tool_call_id": result.call_id, "content": content or ""}
    return lay_over(written, result.extra, NAME)


def _write_turn(message: Message, parts: Iterable[Part], lost: list[str], thinking: bool) -> dict[str, Any]:
    parts = list(parts)
    calls = [part for part in parts if isinstance(part, ToolCall) or _is_call(part)]
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    content = [part for part in parts if not isinstance(part, (ToolCall, Thinking, Refusal)) and part not in calls]
    if thoughts and not thinking:
        lost.append("thinking")
    written = {
        "role": "assistant",
        "content": write_content(sayable(content, NAME), lost),
        **given(name=message.name, refusal="".join(refusals) or None),
        **(write_thoughts(thoughts) if thinking else {}),
        **given(tool_calls=[_write_call(call, lost) for call in calls] or None),
    }
    return lay_over(written, message.extra, NAME)


def _is_call(part: Part) -> bool:
    """Whether it is a call of a kind that only this dialect has, as of a custom tool."""
    return isinstance(part, Other) and part.dialect == NAME and part.value.get("type") == "custom"


def _write_call(call: Part, lost: list[str]) -> dict[str, Any]:
    note_foreign_cache(call, lost)
    return write_call(call, call.id) if isinstance(call, ToolCall) else dict(call.extra[NAME])


def _write_tool(tool: Tool | Other, lost: list[str]) -> dict[str, Any]:
    if isinstance(tool, Tool):
        note_foreign_cache(tool, lost)
    return write_tool(tool, NAME)


def _write_tool_choice(choice: ToolChoice | None, lost: list[str]) -> Any:
    if choice is None:
        return None
    if NAME in choice.extra:
        return dict(choice.extra[NAME])
    named = [{"type": "function", "function": {"name": name}} for name in choice.names]
    if not named:
        return choice.mode
    if choice.forced:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _write_format(format: ResponseFormat | None) -> dict[str, Any] | None:
    if format is None:
        return None
    if format.kind == "schema":
        schema = {
            "name": format.name or "answer",
            **given(description=format.description, schema=format.schema, strict=format.strict),
        }
        return lay_over({"type": "json_schema", "json_schema": schema}, format.extra, NAME)
    return lay_over({"type": "json_object" if format.kind == "json" else "text"}, format.extra, NAME)


def _write_effort(reasoning: Reasoning | None, lost: list[str]) -> str | None:
    """The effort; a budget becomes the effort that has room for it."""
    if reasoning is None:
        return None
    if reasoning.visible is not None:  # what is shown of the thoughts is for the host to say
        lost.append("visible")
    effort = reasoning.as_effort()
    if effort is None and reasoning.enabled:  # how much is not said, and only some models take an effort
        lost.append("reasoning")
    return effort

"""The body of a chat request, and the neutral model of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import (
    Audio,
    Chat,
    Document,
    Extra,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.shape import NONSENSE
from llmproxy.dialects.documents import text_of
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.functions import callable_tools, read_tool, write_tool
from llmproxy.dialects.losses import answered, note_cache, refuse_several_answers, unsaid
from llmproxy.dialects.ollama_chat.ids import read_id
from llmproxy.dialects.ollama_chat.parts import MESSAGE_MEMBERS, NAME, read_content, read_parts, write_calls
from llmproxy.dialects.ollama_chat.request import SAME, level_of, read_limit
from llmproxy.dialects.sources import data_of
from llmproxy.dialects.tools import with_names

_OPTIONS = frozenset(SAME) | {"num_predict", "stop"}
_KNOWN = ("model", "messages", "stream", "tools", "options", "format", "think", "logprobs", "top_logprobs")
_RESULT_MEMBERS = ("role", "content", "images", "tool_name", "tool_call_id", "name")

_NO_WORD = ("logit_bias", "user", "metadata", "parallel_tool_calls", "name")


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a chat request asks.

    Raises:
        ParseError: It says something that no target could understand.
        UnsupportedFeature: It says nothing, which to Ollama means that it should load or unload the model.
    """
    if not body["messages"]:
        raise UnsupportedFeature("This target has no models that could be loaded.", param="messages")
    options = body.get("options") or {}
    stop = options.get("stop")
    same: dict[str, Any] = {name: options.get(name) for name in SAME}
    return Chat(
        model=body.get("model") or "",
        messages=tuple(_read_message(message, f"messages.{i}") for i, message in enumerate(body["messages"])),
        tools=tuple(_read_tools(body)),
        max_tokens=read_limit(options),
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        logprobs=body.get("logprobs"),
        top_logprobs=body.get("top_logprobs"),
        response_format=_read_format(body.get("format")),
        reasoning=_read_think(body.get("think")),
        extra=_read_extra(body, options),
        **same,
    )


def _read_extra(body: Mapping[str, Any], options: Mapping[str, Any]) -> Extra:
    own = {name: value for name, value in body.items() if name not in _KNOWN}
    rest = {name: value for name, value in options.items() if name not in _OPTIONS}
    return keep(NAME, {**own, "options": rest} if rest else own)


def _read_message(message: Mapping[str, Any], where: str) -> Message:
    role = message["role"]
    try:
        if role == "tool":
            return Message("user", (_read_result(message),))
        if role in ("system", "user", "assistant"):
            return Message(role, tuple(read_parts(message)), extra=keep(NAME, message, MESSAGE_MEMBERS))
    except NONSENSE as error:
        raise ParseError(f"{where}: Not a message of Ollama's.", param=where) from error
    raise ParseError(f"{where}.role: Not one of a conversation's roles.", param=f"{where}.role")


def _read_result(message: Mapping[str, Any]) -> ToolResult:
    id = read_id(message.get("tool_call_id")).id
    name = message.get("tool_name") or message.get("name")  # as it was before there was `tool_name`
    return ToolResult(id, tuple(read_content(message)), name, extra=keep(NAME, message, _RESULT_MEMBERS))


def _read_tools(body: Mapping[str, Any]) -> Iterator[Any]:
    for index, tool in enumerate(body.get("tools") or ()):
        try:
            yield read_tool(tool, NAME)
        except NONSENSE as error:
            raise ParseError(f"tools.{index}: Not a tool.", param=f"tools.{index}") from error


def _read_format(said: Any) -> ResponseFormat | None:
    if not said:
        return None
    return ResponseFormat("schema", said) if isinstance(said, Mapping) else ResponseFormat("json")


def _read_think(said: Any) -> Reasoning | None:
    if isinstance(said, bool):
        return Reasoning(enabled=said)
    return Reasoning(effort=said) if said else None


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said.

    Raises:
        UnsupportedFeature: More than one answer is wanted, or the conversation holds what Ollama has no place for.
    """
    refuse_several_answers(chat)
    lost = unsaid(chat, _NO_WORD)
    chat = with_names(chat)
    body = {
        "model": chat.model,
        "messages": [written for message in chat.messages for written in _write_message(message, lost)],
        "stream": chat.stream,
        **given(
            tools=_write_tools(chat, lost) or None,
            options=_write_options(chat) or None,
            format=_write_format(chat.response_format),
            think=_write_think(chat.reasoning, lost),
            logprobs=chat.logprobs,
            top_logprobs=chat.top_logprobs,
        ),
    }
    return lay_over(body, chat.extra, NAME), lost


def _write_options(chat: Chat) -> dict[str, Any]:
    same = {name: getattr(chat, name) for name in SAME}
    return given(num_predict=chat.max_tokens, stop=list(chat.stop) or None, **same)


def _write_message(message: Message, lost: list[str]) -> Iterator[dict[str, Any]]:
    """The messages that say one turn: each result of a tool is one of its own, and comes first."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    yield from (_write_result(result, lost) for result in results)
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    if rest or not results:
        role = "system" if message.is_system else message.role
        yield lay_over({"role": role, **_write_parts(rest, lost)}, message.extra, NAME)


def _write_result(result: ToolResult, lost: list[str]) -> dict[str, Any]:
    if result.is_error:
        lost.append("is_error")
    note_cache(result, lost)
    written = {"role": "tool", **_write_parts(answered(result, NAME), lost)}
    return lay_over({**written, **given(tool_name=result.name, tool_call_id=result.call_id)}, result.extra, NAME)


def _write_parts(parts: Iterable[Part], lost: list[str]) -> dict[str, Any]:
    """The members of a message for its parts; those that only another dialect has are left out."""
    parts = list(parts)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    images = [_write_image(part, lost) for part in parts if isinstance(part, Image)]
    for part in parts:
        note_cache(part, lost)
    return {
        "content": "".join(map(_write_text, parts)),
        **given(thinking=_write_thoughts(parts, lost) or None, images=images or None),
        **given(tool_calls=write_calls((call, call.id) for call in calls) or None),
    }


def _write_text(part: Part) -> str:
    if isinstance(part, (Text, Refusal)):
        return part.text
    text = text_of(part) if isinstance(part, Document) else None
    if text is not None:
        return text
    if isinstance(part, (Document, Audio)):
        raise UnsupportedFeature("Ollama's models take text and images alone.")
    return ""


def _write_thoughts(parts: Iterable[Part], lost: list[str]) -> str:
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    if not all(thought.text for thought in thoughts):  # there is nothing but a signature, which Ollama cannot read
        lost.append("thinking")
    return "".join(thought.text for thought in thoughts)


def _write_image(image: Image, lost: list[str]) -> str:
    if image.detail is not None:
        lost.append("detail")
    return data_of(image.source, "images")


def _write_tools(chat: Chat, lost: list[str]) -> list[dict[str, Any]]:
    """The tools. There is no choice of them in Ollama's words: tools that must not be called are left out."""
    choice = chat.tool_choice or ToolChoice()
    if choice.mode == "none":
        return []
    if choice.mode == "required":
        lost.append("tool_choice")
    tools = callable_tools(chat, NAME)
    for tool in tools:
        note_cache(tool, lost)
    return [write_tool(tool, NAME) for tool in tools]


def _write_format(format: ResponseFormat | None) -> Any:
    if format is None or format.kind == "text":
        return None
    return "json" if format.kind == "json" else dict(format.schema or {})


def _write_think(reasoning: Reasoning | None, lost: list[str]) -> bool | str | None:
    if reasoning is None:
        return None
    if reasoning.off:
        return False
    if reasoning.visible is False:  # thoughts are always shown
        lost.append("visible")
    effort = reasoning.as_effort()
    return level_of(effort) if effort else reasoning.enabled

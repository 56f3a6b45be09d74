"""The body of a responses request, and the neutral model of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from llmproxy.core.chat import (
    Chat,
    Extra,
    Image,
    Message,
    Other,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ParseError, UnsupportedFeature
from llmproxy.core.shape import NONSENSE
from llmproxy.dialects.contents import string
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.functions import known_tools
from llmproxy.dialects.losses import answered, note_cache, refuse_several_answers, sayable, unsaid
from llmproxy.dialects.openai_responses.items import (
    MAKER,
    ItemPart,
    in_items,
    item_members,
    read_item,
    write_call,
    write_image,
    write_reasoning,
)
from llmproxy.dialects.openai_responses.parts import NAME, read_content, write_content
from llmproxy.dialects.tools import fitting_id, with_ids

Read = TypeVar("Read")

# Members that both sides call the same and that need no translation.
SAME = ("temperature", "top_p", "top_logprobs", "parallel_tool_calls", "user", "metadata")
_NO_WORD = ("top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "name")
_KNOWN = frozenset(SAME) | {
    "model", "input", "stream", "max_output_tokens", "tools", "tool_choice", "text", "reasoning",
    "instructions",
}  # fmt: skip
_ROLES = frozenset({"system", "developer", "user", "assistant"})

_ID = r".{1,64}"

_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED = "reasoning.encrypted_content"

# What is kept at OpenAI's, or means something only there: the conversation would be another one without it.
_STORED = ("previous_response_id", "conversation", "prompt", "background")
_STORED_ITEMS = frozenset({
    "item_reference", "compaction", "custom_tool_call_output", "computer_call_output", "local_shell_call_output",
    "shell_call_output", "apply_patch_call_output", "mcp_approval_response",
})  # fmt: skip


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a responses request asks.

    Raises:
        UnsupportedFeature: A part of the conversation is kept at OpenAI's, or is of a kind that only it has.
    """
    for name in _STORED:
        if body.get(name):
            raise UnsupportedFeature(f"Only OpenAI can serve a request with {name!r}.", param=name)

    def read(name: str, function: Callable[[Any], Read]) -> Read:
        try:
            return function(body.get(name))
        except NONSENSE as error:
            raise ParseError(f"{name}: Not what this dialect has there.", param=name) from error

    same: dict[str, Any] = {name: body.get(name) for name in SAME}
    return Chat(
        model=body.get("model") or "",
        messages=(*_read_input(body.get("instructions"), "system"), *_read_input(body.get("input"), "user")),
        stream=body.get("stream") is True,
        tools=read("tools", _read_tools),
        tool_choice=read("tool_choice", _read_tool_choice),
        max_tokens=body.get("max_output_tokens"),
        logprobs=read("include", _read_include),
        response_format=read("text", _read_format),
        reasoning=read("reasoning", _read_reasoning),
        extra=_read_rest(body),
        **same,
    )


def _read_rest(body: Mapping[str, Any]) -> Extra:
    """What the model has no word for."""
    rest = {name: value for name, value in body.items() if name not in _KNOWN}
    text = {name: value for name, value in (body.get("text") or {}).items() if name != "format"}
    if text:
        rest["text"] = text
    if "instructions" in body and not body["instructions"]:
        rest["instructions"] = body["instructions"]
    return {NAME: rest} if rest else {}


def _read_input(said: Any, role: Any) -> Sequence[Message]:
    """The messages of a text, which is in this role, or of a list of items."""
    if isinstance(said, str):
        return (Message(role, (Text(said),)),) if said else ()
    messages: list[Message] = []
    for index, item in enumerate(said or ()):
        where = f"input.{index}"
        try:
            _read_into(messages, item, where)
        except NONSENSE as error:
            raise ParseError(f"{where}: Not an item of type {item.get('type')!r}.", param=where) from error
    return messages


def _read_into(messages: list[Message], item: Mapping[str, Any], where: str) -> None:
    """Adds what an item says. Items of the assistant's are one turn, until somebody else speaks."""
    kind, role = item.get("type"), item.get("role")
    if kind in _STORED_ITEMS or (kind is None and role is None):
        raise UnsupportedFeature("Only OpenAI can make sense of this item.", param=where)
    if kind == "function_call_output":
        messages.append(Message("user", (_read_result(item, where),)))
    elif kind in (None, "message") and role != "assistant":
        if role not in _ROLES:
            raise ParseError(f"{where}.role: Not one of a conversation's roles.", param=f"{where}.role")
        parts = tuple(read_content(item.get("content"), f"{where}.content"))
        messages.append(Message(role, parts, extra=keep(NAME, item, ("role", "content"))))
    else:
        parts = tuple(read_item(item))
        if messages and messages[-1].role == "assistant" and not _is_turn_of_its_own(parts, messages[-1].parts):
            parts = (*messages.pop().parts, *parts)
        messages.append(Message("assistant", parts))


def _is_turn_of_its_own(parts: Sequence[Part], before: Sequence[Part]) -> bool:
    """Whether a message follows upon a message, with no call that is yet to be answered."""
    spoken = isinstance(parts[0], (Text, Refusal)) and isinstance(before[-1], (Text, Refusal))
    return spoken and not any(isinstance(part, ToolCall) for part in before)


def _read_result(item: Mapping[str, Any], where: str) -> ToolResult:
    parts = tuple(read_content(item.get("output"), f"{where}.output"))
    return ToolResult(item["call_id"], parts, extra=keep(NAME, item, ("type", "call_id", "output")))  # type: ignore[arg-type]  # whatever stands there


def _read_include(said: Any) -> bool | None:
    """Whether probabilities are among what is wanted besides; the rest of it is about what only OpenAI has."""
    return True if _LOGPROBS in (said or ()) else None


def _read_tools(said: Any) -> tuple[Tool | Other, ...]:
    return tuple(_read_tool(tool) for tool in said or ())


def _read_tool(tool: Mapping[str, Any]) -> Tool | Other:
    if tool.get("type") != "function" or "name" not in tool:
        return Other(NAME, tool)
    return Tool(
        string(tool["name"]),
        tool.get("description"),
        tool.get("parameters"),
        tool.get("strict"),
        extra=keep(NAME, tool, ("type", "name", "description", "parameters", "strict")),
    )


def _read_tool_choice(choice: Any) -> ToolChoice | None:
    if choice in ("auto", "none", "required"):
        return ToolChoice(choice)
    if not isinstance(choice, Mapping):
        return None
    if choice.get("type") == "function":
        return ToolChoice("required", (choice["name"],))
    if choice.get("type") == "allowed_tools":
        allowed = choice["tools"]
        names = tuple(tool["name"] for tool in allowed if tool.get("type") == "function")
        own = {} if len(names) == len(allowed) else {NAME: choice}
        return ToolChoice(choice.get("mode", "auto"), names, own)
    return ToolChoice(extra={NAME: choice})


def _read_format(text: Any) -> ResponseFormat | None:
    said = (text or {}).get("format") or {}
    kind = said.get("type")
    if kind == "json_schema":
        extra = keep(NAME, said, ("type", "name", "description", "schema", "strict"))
        schema = said.get("schema")
        return ResponseFormat(
            "schema", schema, said.get("name"), said.get("description"), said.get("strict"), extra=extra
        )
    if kind == "json_object":
        return ResponseFormat("json")
    return ResponseFormat("text", extra=keep(NAME, said, ("type",) if kind == "text" else ())) if kind else None


def _read_reasoning(said: Any) -> Reasoning | None:
    if not said:
        return None
    asked = [said[name] for name in ("summary", "generate_summary") if name in said]  # the second is its older name
    known = ("effort", "summary") if said.get("summary") in ("auto", None) else ("effort",)
    return Reasoning(effort=said.get("effort"), visible=any(asked) if asked else None, extra=keep(NAME, said, known))


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said.

    Raises:
        UnsupportedFeature: More than one answer is wanted, or the conversation holds what has no place here.
    """
    refuse_several_answers(chat)
    lost = unsaid(chat, _NO_WORD)
    chat = with_ids(chat)
    instructions, messages = _without_instructions(chat)
    items = [item for message in messages for item in _write_message(message, lost)]
    body = {
        "model": chat.model,
        "input": items,
        **given(
            instructions=instructions,
            stream=chat.stream or None,
            max_output_tokens=chat.max_tokens,
            tools=[_write_tool(tool, lost) for tool in known_tools(chat, NAME)] or None,
            tool_choice=_write_tool_choice(chat.tool_choice),
            text=_write_format(chat.response_format),
            reasoning=_write_reasoning(chat.reasoning),
            include=_write_include(chat, items) or None,
            **{name: getattr(chat, name) for name in SAME},
        ),
    }
    return lay_over(body, chat.extra, NAME), lost


def _without_instructions(chat: Chat) -> tuple[str | None, Sequence[Message]]:
    """A system prompt that the conversation begins with, if it is one plain text, and the rest."""
    first = chat.messages[0] if chat.messages and "instructions" not in chat.extra.get(NAME, {}) else None
    if first is not None and first == Message("system", (Text(first.text),)):
        return first.text, chat.messages[1:]
    return None, chat.messages


def _write_message(message: Message, lost: list[str]) -> Iterator[dict[str, Any]]:
    """The items that say one turn."""
    if message.role == "assistant":
        for parts in in_items(_item_parts(sayable(message.parts, NAME))):
            yield from _write_said(parts, lost)
        return
    for result in message.parts:
        if isinstance(result, ToolResult):
            yield _write_result(result, lost)
    content = sayable((part for part in message.parts if not isinstance(part, ToolResult)), NAME)
    if content or not message.parts:
        yield lay_over({"role": message.role, "content": write_content(content, lost)}, message.extra, NAME)


def _write_result(result: ToolResult, lost: list[str]) -> dict[str, Any]:
    if result.is_error:
        lost.append("is_error")
    note_cache(result, lost)
    written = {
        "type": "function_call_output",
        "call_id": fitting_id(result.call_id or "", _ID),
        "output": write_content(answered(result, NAME), lost),
    }
    return lay_over(written, result.extra, NAME)


def _item_parts(parts: Iterable[Part]) -> Iterator[ItemPart]:
    """The parts of an assistant's turn."""
    for part in parts:
        if not isinstance(part, ItemPart):
            raise UnsupportedFeature("This target takes back only texts, thoughts, calls and images of its answers.")
        yield part


def _write_said(parts: Sequence[ItemPart], lost: list[str]) -> Iterator[dict[str, Any]]:
    """The item that says these parts of an assistant's turn; none for thoughts that OpenAI could not read."""
    first = parts[0]
    if isinstance(first, Other):
        yield dict(first.value)
        return
    if isinstance(first, (ToolCall, Image)):
        note_cache(first, lost)
    if isinstance(first, Thinking):
        if not _is_replayable(parts):
            lost.append("thinking")
            return
        written = write_reasoning(parts)
    elif isinstance(first, ToolCall):
        written = write_call(first, fitting_id(first.id or "", _ID))
    elif isinstance(first, Image):
        if first.source.data is None:
            raise UnsupportedFeature("This target takes back only images that come with the request itself.")
        written = write_image(first)
    else:
        written = _write_turn(parts, lost)
    yield lay_over(written, {NAME: item_members(first)}, NAME)


def _write_turn(parts: Sequence[ItemPart], lost: list[str]) -> dict[str, Any]:
    content = write_content(parts, lost, "output_text")
    if isinstance(content, str) and item_members(parts[0]):  # a message with an id has parts
        content = [{"type": "output_text", "text": content}]
    return {"role": "assistant", "content": content}


def _is_replayable(thoughts: Sequence[ItemPart]) -> bool:
    """Whether OpenAI can make sense of these thoughts: it made their signature, or has kept the item."""
    last = thoughts[-1]
    signature = last.redacted or last.signature if isinstance(last, Thinking) else None
    return signature.maker == MAKER if signature else bool(item_members(thoughts[0]))


def _write_tool(tool: Tool | Other, lost: list[str]) -> dict[str, Any]:
    if isinstance(tool, Other):
        return dict(tool.value)
    note_cache(tool, lost)
    written = {
        "type": "function",
        "name": tool.name,
        **given(description=tool.description),
        "parameters": tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}},
        "strict": tool.strict or False,  # left out, it would be true: other dialects mean the opposite
    }
    return lay_over(written, tool.extra, NAME)


def _write_tool_choice(choice: ToolChoice | None) -> Any:
    if choice is None:
        return None
    if NAME in choice.extra:
        return dict(choice.extra[NAME])
    named = [{"type": "function", "name": name} for name in choice.names]
    if not named:
        return choice.mode
    if choice.forced:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def _write_format(format: ResponseFormat | None) -> dict[str, Any] | None:
    if format is None:
        return None
    if format.kind == "schema":
        written: dict[str, Any] = {
            "type": "json_schema",
            "name": format.name or "answer",
            **given(description=format.description, schema=format.schema, strict=format.strict),
        }
    else:
        written = {"type": "json_object" if format.kind == "json" else "text"}
    return {"format": lay_over(written, format.extra, NAME)}


def _write_reasoning(reasoning: Reasoning | None) -> dict[str, Any] | None:
    """The effort, and whether a summary is wanted; a budget becomes the effort that has room for it."""
    if reasoning is None:
        return None
    written = given(effort=reasoning.as_effort())
    if reasoning.visible is not None and "generate_summary" not in reasoning.extra.get(NAME, {}):
        written["summary"] = "auto" if reasoning.visible else None
    return lay_over(written, reasoning.extra, NAME) or None


def _write_include(chat: Chat, items: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wanted besides: probabilities, and reasoning in the form in which it can be sent back.

    Models that do not reason refuse to be asked for the latter, so it takes a sign that this one does.
    """
    reasons = any("encrypted_content" in item for item in items)
    if chat.reasoning is not None:
        reasons = not chat.reasoning.off
    return [*([_LOGPROBS] if chat.logprobs else ()), *([_ENCRYPTED] if reasons else ())]

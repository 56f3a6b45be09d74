"""The body of a messages request, and the neutral model of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from llmproxy.core.chat import (
    Chat,
    Extra,
    Image,
    Message,
    Other,
    Part,
    ResponseFormat,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from llmproxy.core.errors import ParseError
from llmproxy.dialects.anthropic_messages.claude import model_of
from llmproxy.dialects.anthropic_messages.parts import (
    MAKER,
    NAME,
    is_sayable,
    keep_rest,
    read_cache,
    read_content,
    write_block,
    write_cache,
)
from llmproxy.dialects.anthropic_messages.thinking import fit, read_reasoning, write_reasoning
from llmproxy.dialects.contents import as_content
from llmproxy.dialects.extra import given, keep, lay_over
from llmproxy.dialects.functions import offered_tools
from llmproxy.dialects.losses import note_cache, refuse_several_answers, unsaid
from llmproxy.dialects.tools import fitting_id, with_ids
from llmproxy.dialects.turns import in_turns, instructions

_KNOWN = frozenset({
    "model", "messages", "system", "stream", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "tools",
    "tool_choice", "thinking", "output_config", "output_format", "metadata",
})  # fmt: skip
_HALF_KNOWN = {"metadata": ("user_id",), "output_config": ("effort", "format")}
_NO_WORD = (
    "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "metadata", "name",
)  # fmt: skip
_MODES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_CHOICES = {"auto": "auto", "required": "any", "none": "none"}
_ROLES = ("user", "assistant", "system")


def read_request(body: Mapping[str, Any]) -> Chat:
    """What a messages request asks."""
    choice = body.get("tool_choice") or {}
    one_at_a_time = choice.get("disable_parallel_tool_use")
    return Chat(
        model=body.get("model") or "",
        messages=tuple(_read_messages(body)),
        stream=body.get("stream") is True,
        tools=tuple(_read_tool(tool) for tool in body.get("tools") or ()),
        tool_choice=_read_tool_choice(choice) if choice else None,
        parallel_tool_calls=None if one_at_a_time is None else not one_at_a_time,
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop=tuple(body.get("stop_sequences") or ()),
        response_format=_read_format(body),
        reasoning=read_reasoning(body),
        user=(body.get("metadata") or {}).get("user_id"),
        extra=_keep_body(body),
    )


def _keep_body(body: Mapping[str, Any]) -> Extra:
    """What the body says that the model has no word for, within the members that it half knows too."""
    members = dict(keep(NAME, body, _KNOWN).get(NAME, {}))
    for name, known in _HALF_KNOWN.items():
        beside = keep(NAME, body.get(name) or {}, known)
        if beside:
            members[name] = beside[NAME]
    return keep(NAME, members)


def _read_messages(body: Mapping[str, Any]) -> Iterator[Message]:
    system = tuple(read_content(body.get("system"), "system"))
    if system:
        yield Message("system", system)
    for index, message in enumerate(body["messages"]):
        yield _read_message(message, f"messages.{index}")


def _read_message(message: Mapping[str, Any], where: str) -> Message:
    role = message["role"]
    if role not in _ROLES:
        raise ParseError(f"{where}.role: Not one of a conversation's roles.", param=f"{where}.role")
    # A system message that stands in the conversation is told from the one above it by its role.
    known = ("content",) if role == "system" else ("role", "content")
    return Message(
        role, tuple(read_content(message.get("content"), f"{where}.content")), extra=keep_rest(message, *known)
    )


def _read_tool(tool: Mapping[str, Any]) -> Tool | Other:
    if tool.get("type") not in (None, "custom"):
        return Other(NAME, tool)
    return Tool(
        tool["name"],
        tool.get("description"),
        tool.get("input_schema"),
        tool.get("strict"),
        read_cache(tool),
        keep_rest(tool, "name", "description", "input_schema", "strict"),
    )


def _read_tool_choice(choice: Mapping[str, Any]) -> ToolChoice | None:
    mode = _MODES.get(choice.get("type") or "")
    if mode is None:
        return ToolChoice(extra={NAME: choice})
    names = (choice["name"],) if choice["type"] == "tool" else ()
    return ToolChoice(mode, names, keep_rest(choice, "type", "name", "disable_parallel_tool_use"))  # type: ignore[arg-type]


def _read_format(body: Mapping[str, Any]) -> ResponseFormat | None:
    """The schema of the answer; `output_format` is where it stood before `output_config` came."""
    format = (body.get("output_config") or {}).get("format") or body.get("output_format")
    if not isinstance(format, Mapping):
        return None
    if format.get("type") != "json_schema":
        return ResponseFormat(extra={NAME: format})
    return ResponseFormat("schema", format.get("schema"), extra=keep_rest(format, "type", "schema"))


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said."""
    refuse_several_answers(chat)
    lost = unsaid(chat, _NO_WORD)
    chat, model = with_ids(chat), model_of(chat.model)
    told = instructions((message for message in chat.messages if _is_hoisted(message)), NAME)
    system = [block for part in told for block in _write_part(part, lost)]
    said = (message for message in chat.messages if not _is_hoisted(message))
    turns = in_turns(said, lambda part: _write_part(part, lost), NAME)
    messages = [{**turn, "content": as_content(turn["content"])} for turn in turns]
    body = {
        "model": chat.model,
        **given(
            system=as_content(system) or None,
            messages=messages,
            stream=chat.stream or None,
            temperature=_write_temperature(chat.temperature, lost),
            top_p=chat.top_p,
            top_k=chat.top_k,
            stop_sequences=list(chat.stop) or None,
            tools=[_write_tool(tool) for tool in offered_tools(chat, NAME)] or None,
            tool_choice=_write_tool_choice(chat, lost),
            metadata={"user_id": chat.user} if chat.user else None,
        ),
    }
    body.update(write_reasoning(chat, model, messages, lost))
    format = _write_format(chat.response_format, lost)
    if format:
        body["output_config"] = {**body.get("output_config", {}), "format": format}
    fit(body, model, lost)
    return lay_over(body, chat.extra, NAME), list(dict.fromkeys(lost))


def _is_hoisted(message: Message) -> bool:
    """Whether it goes above the conversation: all that instruct do, but for those that stood in it in this dialect."""
    return message.is_system and "role" not in message.extra.get(NAME, {})


def _write_part(part: Part, lost: list[str]) -> Iterator[dict[str, Any]]:
    """The block of a part; what another provider made for itself, or could not be shown again, is left out."""
    if isinstance(part, Thinking) and not _is_ours(part):
        lost.append("thinking")
    elif isinstance(part, Other) and part.dialect != NAME:
        return
    elif is_sayable(part):
        lost += _unsaid(part)
        yield _with_fitting_id(write_block(part), part)
    else:
        note_cache(part, lost)


def _is_ours(thought: Thinking) -> bool:
    """Whether it can be shown to the model again: only what it signed itself can."""
    signature = thought.redacted or thought.signature
    return signature is not None and signature.maker == MAKER


def _unsaid(part: Part) -> Iterator[str]:
    """What of a part, and of those within it, no block can say."""
    if isinstance(part, Image) and part.detail is not None:
        yield "detail"
    if isinstance(part, ToolResult):
        for each in part.parts:
            yield from _unsaid(each)


def _with_fitting_id(block: dict[str, Any], part: Part) -> dict[str, Any]:
    return {**block, "id": fitting_id(part.id or "")} if isinstance(part, ToolCall) else block


def _write_tool(tool: Tool | Other) -> dict[str, Any]:
    if isinstance(tool, Other):
        return dict(tool.value)
    written = {
        "name": tool.name,
        **given(description=tool.description, strict=tool.strict),
        "input_schema": {"type": "object", **(tool.parameters or {})},
        **write_cache(tool.cache),
    }
    return lay_over(written, tool.extra, NAME)


def _write_tool_choice(chat: Chat, lost: list[str]) -> dict[str, Any] | None:
    choice, parallel = chat.tool_choice, chat.parallel_tool_calls
    if not offered_tools(chat, NAME):  # without tools there is nothing to choose, and a choice is refused
        lost.extend(given(tool_choice=choice, parallel_tool_calls=parallel))
        return None
    if choice is None and parallel is None:
        return None
    return _choose(choice or ToolChoice(), parallel)


def _choose(choice: ToolChoice, parallel: bool | None) -> dict[str, Any]:
    written: dict[str, Any] = {"type": _CHOICES[choice.mode]}
    if choice.forced:
        written = {"type": "tool", "name": choice.forced}
    if parallel is not None and choice.mode != "none":
        written["disable_parallel_tool_use"] = not parallel
    return lay_over(written, choice.extra, NAME)


def _write_format(format: ResponseFormat | None, lost: list[str]) -> dict[str, Any]:
    """The schema of the answer; nothing where it is plain text. JSON without a schema cannot be asked for."""
    if format is None:
        return {}
    if format.kind == "json":
        lost.append("response_format")
    schema = {**given(description=format.description), **(format.schema or {})}
    written = {"type": "json_schema", "schema": schema} if format.kind == "schema" else {}
    return lay_over(written, format.extra, NAME)


def _write_temperature(temperature: float | None, lost: list[str]) -> float | None:
    """The temperature, which ends at 1 here."""
    if temperature is None or 0 <= temperature <= 1:
        return temperature
    lost.append("temperature")
    return min(max(temperature, 0), 1)

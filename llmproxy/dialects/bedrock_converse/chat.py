"""The body of a Converse request, out of the neutral model."""

from collections.abc import Iterator
from typing import Any

from llmproxy.core.chat import Chat, Other, ResponseFormat, Tool, ToolCall, ToolChoice
from llmproxy.core.sse import dumps
from llmproxy.dialects.bedrock_converse.notes import write_notes
from llmproxy.dialects.bedrock_converse.parameters import fitted, write_inference
from llmproxy.dialects.bedrock_converse.parts import NAME, BlockWriter
from llmproxy.dialects.bedrock_converse.traits import Traits, traits_of
from llmproxy.dialects.extra import given, lay_over
from llmproxy.dialects.functions import offered_tools
from llmproxy.dialects.losses import refuse_several_answers, unsaid
from llmproxy.dialects.tools import with_ids
from llmproxy.dialects.turns import in_turns, instructions

_NO_WORD = (
    "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "parallel_tool_calls",
    "name",
)  # fmt: skip

# Where Claude's own answer says which text ended it: in a whole one, and in the last step but one of a stream.
_STOP_SEQUENCE = ["/stop_sequence", "/delta/stop_sequence"]


def write_request(chat: Chat) -> tuple[dict[str, Any], list[str]]:
    """The body that asks `chat`, and what of it could not be said. The model and the stream stand in the path.

    Raises:
        UnsupportedFeature: More than one answer is wanted, or the conversation holds what Bedrock has no place for.
    """
    refuse_several_answers(chat)
    lost = unsaid(chat, _NO_WORD)
    chat, traits = with_ids(chat), traits_of(chat.model)
    writer = BlockWriter(traits, lost)
    told = instructions((message for message in chat.messages if message.is_system), NAME)
    system = [block for part in told for block in writer.write(part)]
    messages = in_turns((message for message in chat.messages if not message.is_system), writer.write, NAME)
    chat, fields = fitted(chat, traits, messages, lost)
    body = {
        "messages": messages,
        **given(
            system=system or None,
            inferenceConfig=write_inference(chat) or None,
            toolConfig=_write_tools(chat, traits, writer, lost),
            outputConfig=_write_format(chat.response_format, lost),
            requestMetadata=write_notes(chat, lost) or None,
            additionalModelRequestFields=fields or None,
            additionalModelResponseFieldPaths=_STOP_SEQUENCE if chat.stop and traits.claude else None,
        ),
    }
    return lay_over(body, chat.extra, NAME), list(dict.fromkeys(lost))


def _write_tools(chat: Chat, traits: Traits, writer: BlockWriter, lost: list[str]) -> dict[str, Any] | None:
    """The tools, and whether they are called.

    There is no word for calling none: they are left out then. Not so where the history has calls, which Bedrock refuses
    unless tools are declared; where the client declares none, those that were called are.
    """
    choice = chat.tool_choice or ToolChoice()
    called = {part.name for part in chat.parts() if isinstance(part, ToolCall)}
    if choice.mode == "none" and not called:
        return None
    tools = offered_tools(chat, NAME) or [Tool(name) for name in sorted(called)]
    if not tools or (called and choice.mode == "none"):
        lost.extend(given(tool_choice=chat.tool_choice))
    written = [block for tool in tools for block in _write_tool(tool, traits, writer)]
    return {"tools": written, **given(toolChoice=_write_choice(chat.tool_choice))} if written else None


def _write_tool(tool: Tool | Other, traits: Traits, writer: BlockWriter) -> Iterator[dict[str, Any]]:
    if isinstance(tool, Other):
        yield from writer.write(tool)
        return
    if tool.strict and not traits.strict_tools:
        writer.lost.append("strict")
    spec = {
        "name": tool.name,
        **given(description=tool.description or None),
        "inputSchema": {"json": {"type": "object", **(tool.parameters or {"properties": {}})}},
        **given(strict=tool.strict if traits.strict_tools else None),
    }
    yield {"toolSpec": spec}
    if tool.cache and not traits.tool_cache_points:
        writer.lost.append("cache")
    else:
        yield from writer.cache_point(tool.cache)


def _write_choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None or choice.mode == "none":
        return None
    if choice.forced is not None:
        return {"tool": {"name": choice.forced}}
    return {"any" if choice.mode == "required" else "auto": {}}


def _write_format(format: ResponseFormat | None, lost: list[str]) -> dict[str, Any] | None:
    """The schema of the answer, as JSON in a text; nothing where it is plain text. JSON without a schema cannot be
    asked for."""
    if format is None or format.kind == "text":
        return None
    if format.schema is None:
        lost.append("response_format")
        return None
    schema = {"schema": dumps(format.schema), **given(name=format.name, description=format.description)}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}

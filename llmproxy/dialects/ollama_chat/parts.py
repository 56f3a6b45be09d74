"""The parts of a message, in both directions: text, images, thoughts, calls of tools."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llmproxy.core.chat import Image, Source, Text, Thinking, ToolCall
from llmproxy.core.sse import dumps
from llmproxy.dialects.contents import string
from llmproxy.dialects.extra import given, keep_within, lay_over
from llmproxy.dialects.ollama_chat.ids import read_id, with_texts

NAME = "ollama.chat"

MESSAGE_MEMBERS = ("role", "content", "thinking", "images", "tool_calls")


def read_parts(message: Mapping[str, Any]) -> Iterator[Image | Text | Thinking | ToolCall]:
    """What a message says: its thoughts, its images, which models are shown before the text, and its calls.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: It is not one of Ollama's.
    """
    thinking = message.get("thinking") or ""
    thoughts: list[Thinking] = []
    calls: list[Thinking | ToolCall] = []
    for call in message.get("tool_calls") or ():
        before, thinking = with_texts(read_id(call.get("id")).thoughts, thinking)
        (calls if calls else thoughts).extend(before)
        calls.append(read_call(call))
    if thinking:
        thoughts.append(Thinking(thinking))
    yield from thoughts
    yield from read_content(message)
    yield from calls


def read_content(message: Mapping[str, Any]) -> Iterator[Image | Text]:
    """The images and the text of a message."""
    yield from read_images(message)
    content = string(message.get("content") or "")
    if content:
        yield Text(content)


def read_images(message: Mapping[str, Any]) -> Iterator[Image]:
    """The images of a message."""
    for data in message.get("images") or ():
        yield Image(Source(media_type_of(data), data=data))


# How the files of each kind begin; what stands between RIFF and WEBP is the length.
_BEGINNINGS = (
    ("image/png", b"\x89PNG\r\n\x1a\n", b""),
    ("image/jpeg", b"\xff\xd8\xff", b""),
    ("image/gif", b"GIF8", b""),
    ("image/webp", b"RIFF", b"WEBP"),
)


def media_type_of(data: str) -> str | None:
    """What kind of image this is, which Ollama's messages do not say; None if nobody can tell."""
    try:
        head = base64.b64decode(data[:16])
    except ValueError:  # not even base64
        return None
    for media_type, first, ninth in _BEGINNINGS:
        if head.startswith(first) and head.startswith(ninth, 8):
            return media_type
    return None


def read_call(call: Mapping[str, Any]) -> ToolCall:
    """A call of a tool; its arguments are an object."""
    function = call["function"]
    arguments = function.get("arguments")
    known = read_id(call.get("id"))
    return ToolCall(
        known.id,
        function["name"],
        arguments if isinstance(arguments, str) else dumps(arguments or {}),
        known.signature,
        extra=keep_within(NAME, call, ("id", "type"), "function", ("index", "name", "arguments")),
    )


def write_calls(calls: Iterable[tuple[ToolCall, str | None]], first: int = 0) -> list[dict[str, Any]]:
    """Calls of tools, each with its id, counted from `first`."""
    return [
        lay_over(
            {
                **given(id=id),
                "function": {"index": index, "name": call.name, "arguments": call.input()},
            },
            call.extra,
            NAME,
        )
        for index, (call, id) in enumerate(calls, first)
    ]

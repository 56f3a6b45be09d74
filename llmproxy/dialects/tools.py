"""Names and ids of calls, which some dialects need and others do not have."""

import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import replace

from llmproxy.core.chat import Chat, Message, Part, ToolCall, ToolResult
from llmproxy.core.request import LLMRequest


def made_id(prefix: str, request: LLMRequest, *numbers: int) -> str:
    """An id of our own for a thing in the answer to `request`, always the same for the same thing."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", request.context.id)
    return "_".join([f"{prefix}_{name}", *map(str, numbers)])


def fitting_id(id: str, pattern: str = r"[A-Za-z0-9_-]{1,64}", length: int = 32) -> str:
    """`id` where it is one that the dialect takes, else one made of it: the same one for a call and its result.

    Args:
        pattern: What an id must match; letters and digits always may.
        length: How long one that is made should be.
    """
    if re.fullmatch(pattern, id):
        return id
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def with_ids(chat: Chat) -> Chat:
    """The chat with an id for every call and every result, for dialects that cannot do without.

    A result without one belongs to the oldest call of its name that none has answered.
    """
    if all(_has_id(part) for part in chat.parts()):
        return chat
    open_calls: dict[str, deque[str]] = defaultdict(deque)
    count = 0

    def identified(part: Part) -> Part:
        nonlocal count
        if isinstance(part, ToolCall):
            count += 1
            id = part.id or f"call_{count}"
            open_calls[part.name].append(id)
            return replace(part, id=id)
        if isinstance(part, ToolResult) and part.call_id is None:
            waiting = open_calls[part.name or ""] or next(filter(None, open_calls.values()), deque())
            return replace(part, call_id=waiting.popleft() if waiting else f"call_{part.name or count}")
        if isinstance(part, ToolResult):
            for waiting in open_calls.values():
                if part.call_id and part.call_id in waiting:
                    waiting.remove(part.call_id)
        return part

    return _with_parts(chat, identified)


def with_names(chat: Chat) -> Chat:
    """The chat with the tool's name on every result, for dialects in which a result says the name."""
    names = chat.tool_names()

    def named(part: Part) -> Part:
        if isinstance(part, ToolResult) and part.name is None:
            return replace(part, name=names.get(part.call_id or "", part.call_id or ""))
        return part

    return _with_parts(chat, named)


def _has_id(part: Part) -> bool:
    if isinstance(part, ToolCall):
        return part.id is not None
    return not isinstance(part, ToolResult) or part.call_id is not None


def _with_parts(chat: Chat, function: Callable[[Part], Part]) -> Chat:
    def changed(message: Message) -> Message:
        return replace(message, parts=tuple(function(part) for part in message.parts))

    return replace(chat, messages=tuple(changed(message) for message in chat.messages))

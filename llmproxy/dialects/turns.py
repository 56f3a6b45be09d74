"""Conversations for dialects in which user and assistant take turns, and instructions stand apart."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from llmproxy.core.chat import Message, Other, Part, Text, ToolResult
from llmproxy.core.errors import UnsupportedFeature


def instructions(messages: Iterable[Message], dialect: str) -> list[Part]:
    """What messages of the system's say, in their order.

    Raises:
        UnsupportedFeature: Some of it is no text.
    """
    parts = [part for message in messages for part in message.parts]
    if not all(isinstance(part, Text) or (isinstance(part, Other) and part.dialect == dialect) for part in parts):
        raise UnsupportedFeature("This target is instructed by text alone.", param="messages")
    return parts


def in_turns(
    messages: Iterable[Message], write: Callable[[Part], Iterable[dict[str, Any]]], dialect: str
) -> list[dict[str, Any]]:
    """The turns: neighbours of one role are one, what tools answered comes first in it, and one that says nothing is
    left out. The beginning of an answer that the model is to go on with may not end in white space.

    Args:
        write: The blocks that say a part.
    """
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks = [(not isinstance(part, ToolResult), block) for part in message.parts for block in write(part)]
        own = message.extra.get(dialect, {})
        if turns and turns[-1]["role"] == message.role != "system":
            turns[-1].update(own)
            turns[-1]["content"] += blocks
        elif blocks or own:
            turns.append({"role": message.role, **own, "content": blocks})
    for turn in turns:
        turn["content"] = [block for _, block in sorted(turn["content"], key=itemgetter(0))]
    if turns and turns[-1]["role"] == "assistant":
        _end_without_space(turns[-1]["content"])
    return turns


def _end_without_space(blocks: list[dict[str, Any]]) -> None:
    if blocks and isinstance(blocks[-1].get("text"), str):
        blocks[-1] = {**blocks[-1], "text": blocks[-1]["text"].rstrip()}

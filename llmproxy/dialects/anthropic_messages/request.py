"""A messages request, and the edits that know where it keeps its texts and its limit."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from llmproxy.dialects.anthropic_messages.claude import model_of
from llmproxy.dialects.anthropic_messages.thinking import known_effort, unfit
from llmproxy.dialects.base import JSONRequest
from llmproxy.dialects.defaults import as_list

# Blocks that hold further ones, and the member they hold them in.
_NESTED = {"tool_result": "content", "search_result": "content", "document": "source"}


class MessagesRequest(JSONRequest):
    """A call of `/v1/messages`."""

    dialect = "anthropic.messages"
    places = MappingProxyType({
        **{name: name for name in ("max_tokens", "temperature", "top_p", "top_k")},
        "max_completion_tokens": "max_tokens",
        "stop": "stop_sequences",
        "reasoning_effort": "output_config.effort",
        "user": "metadata.user_id",
    })  # fmt: skip

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def max_tokens(self) -> int | None:
        return self.largest("max_tokens")

    def texts(self) -> Iterator[str]:
        yield from _texts_in(self.body.get("system"))
        for message in self.messages:
            yield from _texts_in(message.get("content"))

    def map_texts(self, function: Callable[[str], str]) -> Self:
        messages = [
            {**message, "content": _map_texts(message["content"], function)} if "content" in message else message
            for message in self.messages
        ]
        edited = self.with_members(messages=messages)
        system = self.body.get("system")
        return edited if system is None else edited.with_members(system=_map_texts(system, function))

    def with_max_tokens(self, limit: int) -> Self:
        return self.with_members(max_tokens=limit)

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        """The same call with what the client left out, but for what the model would refuse beside the rest of it."""
        edited, model = self, model_of(self.model)
        for name, value in params.items():
            further = super(MessagesRequest, edited).with_defaults({name: value})
            if unfit(further.body, model) <= unfit(edited.body, model):
                edited = further
        return edited

    def place_of(self, name: str, value: Any) -> str | None:
        guided = name != "reasoning_effort" or model_of(self.model).efforts
        return super().place_of(name, value) if guided else None

    def said(self, name: str, value: Any) -> Any:
        if name == "reasoning_effort":  # nobody has asked the model to think
            return known_effort(value, model_of(self.model).efforts) if value != "none" else None
        return as_list(value) if name == "stop" else value

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        if position == "replace":
            messages = [message for message in self.messages if message.get("role") != "system"]
            return self.with_members(system=text, messages=messages)
        present = self.body.get("system")
        if not present:
            return self.with_members(system=text)
        blocks = [_text_block(present)] if isinstance(present, str) else present
        added = _text_block(text)
        return self.with_members(system=[added, *blocks] if position == "before" else [*blocks, added])

    def last_user_text(self) -> str:
        index = self._last_said()
        return "\n".join(_said_in(self.messages[index].get("content"))) if index is not None else ""

    def with_last_user_text(self, text: str) -> Self:
        index, messages = self._last_said(), list(self.messages)
        if index is not None:
            content = messages[index]["content"]
            messages[index] = {**messages[index], "content": _with_said(content, text)}
        return self.with_members(messages=messages)

    def _last_said(self) -> int | None:
        """Where the user last said something; results of tools come in messages of the user's too."""
        for index in reversed(range(len(self.messages))):
            message = self.messages[index]
            if message.get("role") == "user" and any(True for _ in _said_in(message.get("content"))):
                return index
        return None


def _text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _is_text(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "text" and isinstance(block.get("text"), str)


def _said_in(content: Any) -> Iterator[str]:
    """What a message itself says, results of tools and documents left aside."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (block["text"] for block in content if _is_text(block))


def _with_said(content: Any, text: str) -> Any:
    """`content` with `text` in the place of its texts; images, results of tools and the like stay before it."""
    if not isinstance(content, list):
        return text
    return [*(block for block in content if not _is_text(block)), _text_block(text)]


def _texts_in(content: Any) -> Iterator[str]:
    """Every text of a content, at every depth. Thoughts are none: they are signed as they are."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for block in content:
            yield from _texts_in(block)
    elif _is_text(content):
        yield content["text"]
    elif _nested_in(content):
        yield from _texts_in(content.get(_nested_in(content)))
    elif _is_text_source(content):
        yield content["data"]


def _map_texts(content: Any, function: Callable[[str], str]) -> Any:
    """The same content, as a copy, with each of its texts replaced by what `function` makes of it."""
    if isinstance(content, str):
        return function(content)
    if isinstance(content, list):
        return [_map_texts(block, function) for block in content]
    if _is_text(content):
        return {**content, "text": function(content["text"])}
    member = _nested_in(content)
    if member:
        return {**content, member: _map_texts(content[member], function)} if member in content else content
    if _is_text_source(content):
        return {**content, "data": function(content["data"])}
    return content


def _nested_in(block: Any) -> str | None:
    """The member in which a block holds further ones."""
    kind = block.get("type") if isinstance(block, Mapping) else None
    return _NESTED.get(kind) if isinstance(kind, str) else None


def _is_text_source(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "text" and isinstance(value.get("data"), str)

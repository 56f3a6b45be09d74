"""A chat completions request, and the edits that know where it keeps its texts and limits."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self

from llmproxy.dialects.base import JSONRequest, map_text, texts_in
from llmproxy.dialects.defaults import CHAT_MEMBERS

SYSTEM_ROLES = ("system", "developer")
LIMITS = ("max_tokens", "max_completion_tokens")  # which of the two counts, differs from host to host


class ChatRequest(JSONRequest):
    """A call of `/v1/chat/completions`."""

    dialect = "openai.chat"
    places = MappingProxyType({name: name for name in CHAT_MEMBERS})

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def max_tokens(self) -> int | None:
        return self.largest(*LIMITS)

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def texts(self) -> Iterator[str]:
        for message in self.messages:
            yield from texts_in(message.get("content"))

    def map_texts(self, function: Callable[[str], str]) -> Self:
        return self.with_members(
            messages=[
                {**message, "content": map_text(message["content"], function)} if "content" in message else message
                for message in self.messages
            ]
        )

    def with_max_tokens(self, limit: int) -> Self:
        given = [name for name in LIMITS if self.body.get(name) is not None]
        return self.with_members(**dict.fromkeys(given or ["max_tokens"], limit))

    def with_defaults(self, params: Mapping[str, Any]) -> Self:
        """The same call with what the client left out; a limit has two names, and is refused under both."""
        limited = self.max_tokens is not None
        return super().with_defaults({name: params[name] for name in params if not (limited and name in LIMITS)})

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        prompt = {"role": "system", "content": text}
        leading = 0
        while leading < len(self.messages) and self.messages[leading]["role"] in SYSTEM_ROLES:
            leading += 1
        head, rest = self.messages[:leading], self.messages[leading:]
        if position == "replace":
            return self.with_members(messages=[prompt, *(m for m in rest if m["role"] not in SYSTEM_ROLES)])
        return self.with_members(messages=[prompt, *head, *rest] if position == "before" else [*head, prompt, *rest])

    def last_user_text(self) -> str:
        message: dict[str, Any] = next((m for m in reversed(self.messages) if m["role"] == "user"), {})
        return "\n".join(texts_in(message.get("content")))

    def with_last_user_text(self, text: str) -> Self:
        messages = list(self.messages)
        for index in reversed(range(len(messages))):
            if messages[index]["role"] == "user":
                messages[index] = {**messages[index], "content": replace_text(messages[index].get("content"), text)}
                break
        return self.with_members(messages=messages)


def replace_text(content: Any, text: str, kind: str = "text") -> Any:
    """`content` with `text` in the place of its texts; images and the like stay."""
    if not isinstance(content, list):
        return text
    others = [part for part in content if isinstance(part, dict) and part.get("type") != kind]
    return [{"type": kind, "text": text}, *others]

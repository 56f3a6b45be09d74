"""A responses request: its system prompt is `instructions`, its conversation a text or a list of items."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Self

from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.base import JSONRequest, map_text, texts_in
from llmproxy.dialects.openai_chat.request import replace_text
from llmproxy.dialects.openai_responses.chat import SAME

TEXTS = ("content", "output")  # of messages, and of what tools have answered


class ResponsesRequest(JSONRequest):
    """A call of `/v1/responses`."""

    dialect = "openai.responses"
    places = MappingProxyType({
        **{name: name for name in (*SAME, "store", "prompt_cache_key", "safety_identifier")},
        "max_tokens": "max_output_tokens",
        "max_completion_tokens": "max_output_tokens",
        "reasoning_effort": "reasoning.effort",
        "verbosity": "text.verbosity",
    })  # fmt: skip

    @property
    def messages(self) -> list[dict[str, Any]]:
        given = self.body.get("input")
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return [item for item in given or [] if "role" in item]

    @property
    def max_tokens(self) -> int | None:
        return self.largest("max_output_tokens")

    def texts(self) -> Iterator[str]:
        yield from texts_in(self.body.get("instructions"))
        given = self.body.get("input")
        for item in [{"content": given}] if isinstance(given, str) else given or []:
            for name in TEXTS:
                yield from texts_in(item.get(name))

    def map_texts(self, function: Callable[[str], str]) -> Self:
        changed: dict[str, Any] = {}
        if self.body.get("instructions") is not None:
            changed["instructions"] = map_text(self.body["instructions"], function)
        given = self.body.get("input")
        if isinstance(given, str):
            changed["input"] = function(given)
        elif given is not None:
            changed["input"] = [
                {**item, **{name: map_text(item[name], function) for name in TEXTS if name in item}} for item in given
            ]
        return self.with_members(**changed)

    def with_max_tokens(self, limit: int) -> Self:
        return self.with_members(max_output_tokens=limit)

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        given = self.body.get("instructions")
        if isinstance(given, list):
            raise UnsupportedFeature("Instructions in items cannot be given a system prompt.", param="instructions")
        if not given or position == "replace":
            return self.with_members(instructions=text)
        return self.with_members(
            instructions=f"{text}\n\n{given}" if position == "before" else f"{given}\n\n{text}"
        )

    def last_user_text(self) -> str:
        message: dict[str, Any] = next((m for m in reversed(self.messages) if m.get("role") == "user"), {})
        return "\n".join(texts_in(message.get("content")))

    def with_last_user_text(self, text: str) -> Self:
        given = self.body.get("input")
        if not isinstance(given, list):
            return self.with_members(input=text)
        items = list(given)
        for index in reversed(range(len(items))):
            if items[index].get("role") == "user":
                content = replace_text(items[index].get("content"), text, "input_text")
                items[index] = {**items[index], "content": content}
                break
        return self.with_members(input=items)

"""A completions request: its prompt is a string, a list of strings, or tokens."""

from types import MappingProxyType
from typing import Any, Self

from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.base import JSONRequest
from llmproxy.dialects.openai_completions.chat import SAME


class CompletionsRequest(JSONRequest):
    """A call of `/v1/completions`."""

    dialect = "openai.completions"
    text_members = ("prompt",)
    places = MappingProxyType({
        **{name: name for name in SAME},
        "top_k": "top_k",
        "max_tokens": "max_tokens",
        "max_completion_tokens": "max_tokens",
        "stop": "stop",
        "top_logprobs": "logprobs",
    })  # fmt: skip

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text} for text in self.texts()]

    @property
    def max_tokens(self) -> int | None:
        return self.largest("max_tokens")

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def with_max_tokens(self, limit: int) -> Self:
        return self.with_members(max_tokens=limit)

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        """A bare prompt has no system part: the text goes before it."""
        if not list(self.texts()):
            raise UnsupportedFeature("A prompt of tokens cannot be given a system prompt.", param="prompt")
        return self.map_texts(lambda prompt: f"{text}\n\n{prompt}")

    def last_user_text(self) -> str:
        return next(reversed(list(self.texts())), "")

    def with_last_user_text(self, text: str) -> Self:
        return self.with_members(prompt=replace_last(self.body.get("prompt"), text, "prompt"))


def replace_last(given: Any, text: str, member: str) -> Any:
    """A text, or a list of them, with `text` in the place of the last."""
    if not isinstance(given, list) or not given:
        return text
    if not isinstance(given[-1], str):
        raise UnsupportedFeature("Tokens hold no text that could be replaced.", param=member)
    return [*given[:-1], text]

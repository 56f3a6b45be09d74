"""A completions request: its prompt is a string, a list of strings, or tokens."""

from typing import Any, Self

from llmproxy.core.errors import UnsupportedFeature
from llmproxy.dialects.base import JSONRequest, texts_in


class CompletionsRequest(JSONRequest):
    """A call of `/v1/completions`."""

    dialect = "openai.completions"
    text_members = ("prompt",)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [{"role": "user", "content": text} for text in self.texts()]

    @property
    def max_tokens(self) -> int | None:
        return self.body.get("max_tokens")

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    def with_max_tokens(self, limit: int) -> Self:
        return self.with_members(max_tokens=limit)

    def with_system_prompt(self, text: str, position: str = "before") -> Self:
        """A bare prompt has no system part: the text goes before it."""
        if not any(texts_in(self.body.get("prompt"))):
            raise UnsupportedFeature("A prompt of tokens cannot be given a system prompt.", param="prompt")
        return self.map_texts(lambda prompt: f"{text}\n\n{prompt}")

    def last_user_text(self) -> str:
        return next(reversed(list(self.texts())), "")

    def with_last_user_text(self, text: str) -> Self:
        prompt = self.body.get("prompt")
        return self.with_members(prompt=[*prompt[:-1], text] if isinstance(prompt, list) and prompt else text)

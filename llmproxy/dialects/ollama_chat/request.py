"""A chat request of Ollama's, and the edits that know where it keeps its options."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

from llmproxy.dialects.defaults import as_list
from llmproxy.dialects.ollama_chat.parts import NAME
from llmproxy.dialects.openai_chat.request import ChatRequest

# Options that OpenAI's chat has too, under the same names.
SAME = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")

# Ollama takes three of the efforts (https://docs.ollama.com/capabilities/thinking).
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}


class OllamaRequest(ChatRequest):
    """A call of `/api/chat`; its messages are built like OpenAI's, and their contents are always texts."""

    dialect = NAME
    places = MappingProxyType({
        **{name: f"options.{name}" for name in (*SAME, "stop", "num_predict")},
        "max_tokens": "options.num_predict",
        "max_completion_tokens": "options.num_predict",
        "logprobs": "logprobs",
        "top_logprobs": "top_logprobs",
        "reasoning_effort": "think",
    })  # fmt: skip

    @property
    def stream(self) -> bool:
        """Nothing said is yes."""
        return self.body.get("stream") is not False

    @property
    def max_tokens(self) -> int | None:
        return read_limit(self._options)

    @property
    def wants_usage(self) -> bool:
        """Always: it stands on the last line."""
        return True

    def with_max_tokens(self, limit: int) -> Self:
        return self._with_options(num_predict=limit)

    def said(self, name: str, value: Any) -> Any:
        if name == "reasoning_effort":
            return value != "none" and level_of(value)
        return as_list(value) if name == "stop" else value

    @property
    def _options(self) -> Mapping[str, Any]:
        return self.body.get("options") or {}

    def _with_options(self, **members: Any) -> Self:
        return self.with_members(options={**self._options, **members})


def level_of(effort: str) -> str:
    """An effort as Ollama knows it."""
    return _LEVELS.get(effort, effort)


def read_limit(options: Mapping[str, Any]) -> int | None:
    """The most tokens of output; None where nothing is said, or that there is no end (-1) but the context's (-2)."""
    limit = options.get("num_predict")
    return limit if limit is not None and limit >= 0 else None
